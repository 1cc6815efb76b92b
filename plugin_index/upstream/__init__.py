"""What the index does not have, passed through from the registry that this machine is configured for (`--upstream`).

It answers for names that no file here ever had, keeps what it has passed on, and serves that when the registry is gone.
Lazy (PEP 562): an index that passes nothing through starts without an HTTP client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugin_index.upstream.chain import Chain
    from plugin_index.upstream.files import Files
    from plugin_index.upstream.pages import Pages
    from plugin_index.upstream.passing import Upstream, opened

_HOMES = {"Chain": "chain", "Files": "files", "Pages": "pages", "Upstream": "passing", "opened": "passing"}
__all__ = ["Chain", "Files", "Pages", "Upstream", "opened"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"plugin_index.upstream.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
