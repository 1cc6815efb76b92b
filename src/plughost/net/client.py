"""Asks over HTTP: checked origin, checked address, redirects by hand, a cap on bytes, a total deadline.

Credentials go to the origin they belong to and nowhere else, and no error says one.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from plughost.errors import FetchFailed, WheelTooLarge
from plughost.net.credentials import Basic, Credentials, without_credentials
from plughost.net.dial import RULES, Lookup, Transport, look_up
from plughost.net.registries import configured
from plughost.net.rules import Origin, Rules, shown

REDIRECTS = 3
CONNECT = 10.0
"""Seconds for one connection."""
SILENCE = 30.0
"""Seconds without a byte after which an answer counts as dead."""
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "plughost"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer; header names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    """Where it came from in the end."""


class Unavailable(FetchFailed):
    """It may work in a moment: a connection that failed, a 5xx, a time that ran out."""


class Client:
    """An HTTP client under trust rules; one for the host.

    `tokens` and `basic` belong to one origin each; without `basic`, what this machine's pip and uv are configured with.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        tokens: Mapping[Origin, str] | None = None,
        basic: Basic | None = None,
        lookup: Lookup = look_up,
    ) -> None:
        self.rules = rules
        self.disk = ThreadPoolExecutor(4, "plughost fetch")
        """Where downloads are hashed and written."""
        self._credentials = Credentials(tokens=tokens or {}, basic=configured().credentials if basic is None else basic)
        # Cookies know neither scheme nor port: one origin's would reach another.
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._http = httpx.AsyncClient(transport=Transport(lookup), headers=_HEADERS, cookies=no_cookies)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()
        self.disk.shutdown(wait=False)

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        cap: int,
        deadline: float,
        plugin: str | None = None,
        rules: Rules | None = None,
    ) -> Answer:
        """The whole answer, whatever its status; raises OriginNotAllowed, AddressNotAllowed, WheelTooLarge or FetchFailed."""
        try:
            async with asyncio.timeout(deadline), self.stream(url, headers=headers, plugin=plugin, rules=rules) as response:
                body = await _body(response, url, cap)
        except TimeoutError:
            raise Unavailable(shown(url), f"no whole answer came within {deadline:g} s") from None
        return Answer(status=response.status_code, headers=response.headers, body=body, url=str(response.url))

    @contextlib.asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        plugin: str | None = None,
        silence: float | None = SILENCE,
        rules: Rules | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """An answer whose body is still to come; `silence`: seconds without a byte that end it. The caller sets the total deadline."""
        try:
            response = await self._answer(url, headers or {}, plugin, silence, rules or self.rules)
            try:
                yield response
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise _ours(url, error) from None

    async def _answer(
        self, url: str, headers: Mapping[str, str], plugin: str | None, silence: float | None, rules: Rules
    ) -> httpx.Response:
        """The first answer that is no redirect; each step is checked as the first one is."""
        asked, extensions = url, {"timeout": httpx.Timeout(CONNECT, read=silence).as_dict(), RULES: rules}
        for _ in range(REDIRECTS + 1):
            rules.check(asked, plugin)
            origin = Origin.of(asked)
            sent = httpx.Headers({**headers, **self._credentials.headers(origin)}, encoding="utf-8")
            request = self._http.build_request("GET", asked, headers=sent, extensions=extensions)
            response = await self._http.send(request, stream=True)
            if response.next_request is None:
                return response
            await response.aclose()
            asked = str(response.next_request.url)
            if Origin.of(asked) != origin:
                headers = without_credentials(headers)
        raise FetchFailed(shown(url), f"it redirects more than {REDIRECTS} times")


async def _body(response: httpx.Response, url: str, cap: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > cap:
            raise WheelTooLarge(shown(url), cap=cap)
    return bytes(body)


def _ours(url: str, error: httpx.HTTPError) -> FetchFailed:
    if isinstance(error, httpx.LocalProtocolError):  # its text quotes the token
        return FetchFailed(shown(url), "a header that it should get, such as its token, has characters that no header may have")
    said = re.sub(r"(?<=//)[^/@\s]*@", "", str(error)) or type(error).__name__
    transient = httpx.TimeoutException | httpx.NetworkError | httpx.RemoteProtocolError | httpx.ProxyError
    return Unavailable(shown(url), said) if isinstance(error, transient) else FetchFailed(shown(url), said)
