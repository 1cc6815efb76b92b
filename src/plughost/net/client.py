"""Asks over HTTP: checked origin, checked address, redirects by hand, a cap on bytes, a total deadline.

The address that was checked is the address that is dialled (no second look-up in between); TLS still proves the name. Behind
a proxy the proxy decides on addresses. Credentials go to the origin they belong to and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import netrc
import re
import socket
import urllib.request
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from plughost.errors import CatalogError, FetchFailed, WheelTooLarge
from plughost.net.rules import Origin, Rules

logger = logging.getLogger(__name__)
REDIRECTS = 3
CONNECT = 10.0
"""Seconds for one connection."""
_REDIRECTING = frozenset({301, 302, 303, 307, 308})
_asking: contextvars.ContextVar[Rules | None] = contextvars.ContextVar("rules of the request that dials", default=None)


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
    """An HTTP client under trust rules; one for the host."""

    def __init__(
        self, rules: Rules, *, tokens: Mapping[Origin, str] | None = None, basic: Mapping[Origin, tuple[str, str]] | None = None
    ) -> None:
        self.rules = rules
        self.disk = ThreadPoolExecutor(4, "plughost fetch")
        """Where downloads are hashed and written."""
        self._tokens, self._basic = dict(tokens or {}), dict(basic or {})
        self._netrc = _netrc()
        options: dict[str, Any] = {"follow_redirects": False, "headers": {"Accept-Encoding": "identity", "User-Agent": "plughost"}}
        self._direct = httpx.AsyncClient(transport=_Checked(self), **options)
        self._proxied = httpx.AsyncClient(trust_env=True, **options) if _proxies() else None
        if self._proxied:
            logger.warning("a proxy is configured: it decides which addresses are reached, the names are still checked here")

    async def close(self) -> None:
        """Close all connections."""
        await self._direct.aclose()
        if self._proxied:
            await self._proxied.aclose()
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
                body = await _body(response, cap)
        except TimeoutError:
            raise Unavailable(url, f"no whole answer came within {deadline:g} s") from None
        return Answer(status=response.status_code, headers=response.headers, body=body, url=str(response.url))

    @contextlib.asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        plugin: str | None = None,
        silence: float | None = 30.0,
        rules: Rules | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """An answer whose body is still to come; `silence`: seconds without a byte that end it. The caller sets the total deadline."""
        allowed = rules or self.rules
        token = _asking.set(allowed)
        try:
            async with contextlib.AsyncExitStack() as stack:
                yield await self._followed(stack, url, dict(headers or {}), plugin, silence, allowed)
        except httpx.HTTPError as error:
            raise _ours(url, error) from None
        finally:
            with contextlib.suppress(ValueError):  # closed in another context, by the collector
                _asking.reset(token)

    async def _followed(
        self, stack: contextlib.AsyncExitStack, url: str, headers: dict[str, str], plugin: str | None, silence: float | None, rules: Rules
    ) -> httpx.Response:
        asked = url
        timeout = httpx.Timeout(CONNECT, read=silence)
        for _ in range(REDIRECTS + 1):
            rules.check(asked, plugin)
            origin = Origin.of(asked)
            client = self._proxied if self._proxied and not urllib.request.proxy_bypass(origin.host) else self._direct
            request = client.build_request("GET", asked, headers={**headers, **self._credentials(origin)}, timeout=timeout)
            response = await stack.enter_async_context(_sent(client, request))
            if response.status_code not in _REDIRECTING or "location" not in response.headers:
                return response
            asked = str(response.url.join(response.headers["location"]))
            if Origin.of(asked) != origin:
                headers.pop("Authorization", None)
        raise FetchFailed(url, f"it redirects more than {REDIRECTS} times")

    def _credentials(self, origin: Origin) -> dict[str, str]:
        if token := self._tokens.get(origin):
            return {"Authorization": f"Bearer {token}"}
        pair = self._basic.get(origin) or self._from_netrc(origin)
        return {"Authorization": httpx.BasicAuth(*pair)._auth_header} if pair else {}  # noqa: SLF001 - the one place that encodes it

    def _from_netrc(self, origin: Origin) -> tuple[str, str] | None:
        found = self._netrc.authenticators(origin.host) if self._netrc and origin.scheme == "https" else None
        return (found[0], found[2] or "") if found else None


@contextlib.asynccontextmanager
async def _sent(client: httpx.AsyncClient, request: httpx.Request) -> AsyncIterator[httpx.Response]:
    response = await client.send(request, stream=True)
    try:
        yield response
    finally:
        await response.aclose()


async def _body(response: httpx.Response, cap: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > cap:
            raise WheelTooLarge(str(response.url), cap=cap)
    return bytes(body)


class _Checked(httpx.AsyncHTTPTransport):
    """httpx's transport over connections to addresses that were checked."""

    def __init__(self, client: Client) -> None:
        super().__init__(verify=httpx.create_ssl_context(), retries=0)
        # httpx has no parameter for it; tests/net shows that the backend is the one that dials.
        self._pool._network_backend = _Backend(client)  # noqa: SLF001 - as said


class _Backend(httpcore.AsyncNetworkBackend):
    """Looks the host up once, checks each address, dials the first that answers."""

    def __init__(self, client: Client) -> None:
        self._client, self._dial = client, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        rules = _asking.get() or self._client.rules
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in await _addresses(host, port):
            rules.admit(host, port, address)
            try:
                return await self._dial.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _addresses(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(f"{host} cannot be looked up: {error.strerror or error}") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _ours(url: str, error: httpx.HTTPError) -> CatalogError:
    said = re.sub(r"(?<=//)[^/@\s]*@", "", str(error)) or type(error).__name__
    if isinstance(error, httpx.TimeoutException | httpx.NetworkError | httpx.RemoteProtocolError | httpx.ProxyError):
        return Unavailable(url, said)
    return FetchFailed(url, said)


def _proxies() -> bool:
    return any(name in {"http", "https", "all"} for name in urllib.request.getproxies())


def _netrc() -> netrc.netrc | None:
    try:
        return netrc.netrc()
    except (OSError, netrc.NetrcParseError):
        return None
