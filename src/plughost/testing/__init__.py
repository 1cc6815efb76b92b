"""What plugin authors and plughost's own tests need: real wheels made in memory, honest ones and broken ones, a host that runs.

>>> chat = wheel("acme-chat", "1.0", {"acme_chat.py": "def plugin(): ..."}, plugins={"chat": "acme_chat:plugin"})
>>> chat.filename
'acme_chat-1.0-py3-none-any.whl'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plughost.testing.archives import Part, deflated, pack, parts_of
from plughost.testing.broken import RULES, broken_wheel
from plughost.testing.wheels import BuiltWheel, wheel, with_record

if TYPE_CHECKING:
    from plughost.testing.hosts import RunningHost, running_host, served

__all__ = [
    "RULES",
    "BuiltWheel",
    "Part",
    "RunningHost",
    "broken_wheel",
    "deflated",
    "pack",
    "parts_of",
    "running_host",
    "served",
    "wheel",
    "with_record",
]


def __getattr__(name: str) -> object:
    if name in {"RunningHost", "running_host", "served"}:
        from plughost.testing import hosts  # noqa: PLC0415 - who makes wheels only needs no server

        return getattr(hosts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
