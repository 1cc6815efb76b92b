"""An async microservice host that loads plugins as remote Python wheels.

The public face is lazy (PEP 562): `import plughost.sdk` must not load a web framework.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plughost.errors import PlughostError
    from plughost.host import Host
    from plughost.settings import Settings

__all__ = ["Host", "PlughostError", "Settings"]


def __getattr__(name: str) -> Any:
    match name:
        case "Host":
            from plughost.host import Host

            return Host
        case "Settings":
            from plughost.settings import Settings

            return Settings
        case "PlughostError":
            from plughost.errors import PlughostError

            return PlughostError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
