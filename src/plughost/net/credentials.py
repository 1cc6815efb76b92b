"""Which credentials belong to which origin: the tokens of sources, what pip and uv are configured with, `.netrc`."""

from __future__ import annotations

import base64
import logging
import netrc
import os
from collections.abc import Mapping

from plughost.net.rules import Origin

logger = logging.getLogger(__name__)
Basic = Mapping[Origin, tuple[str, str]]
_OURS = frozenset({"authorization", "cookie", "proxy-authorization"})


class Credentials:
    """Answers what to send to an origin, and to no other."""

    def __init__(self, *, tokens: Mapping[Origin, str], basic: Basic) -> None:
        self._tokens, self._basic, self._machines = dict(tokens), dict(basic), _machines()

    def headers(self, origin: Origin) -> dict[str, str]:
        """The `Authorization` header for this origin, where there is one."""
        if token := self._tokens.get(origin):
            return {"Authorization": f"Bearer {token}"}
        if pair := self._basic.get(origin) or self._netrc(origin):
            return {"Authorization": "Basic " + base64.b64encode(":".join(pair).encode()).decode()}
        return {}

    def _netrc(self, origin: Origin) -> tuple[str, str] | None:
        # Its `default` entry would go to whichever host a page or a redirect names.
        login, _, password = self._machines.get(origin.host, ("", None, None))
        return (login, password or "") if login and origin.scheme == "https" else None


def without_credentials(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that another origin may see, too."""
    return {name: value for name, value in headers.items() if name.lower() not in _OURS}


def _machines() -> Mapping[str, tuple[str, str | None, str | None]]:
    try:
        return netrc.netrc(os.environ.get("NETRC")).hosts
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, netrc.NetrcParseError) as error:
        logger.warning("the netrc file cannot be used", extra={"reason": type(error).__name__})
        return {}
