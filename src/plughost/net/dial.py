"""How requests reach their host: looked up once, each address checked, and the checked address is the one that is dialled.

There is no second look-up in between, and TLS still proves the name. Behind a proxy (`HTTPS_PROXY`, `NO_PROXY`, …) the proxy
decides on addresses; a request for which none is configured never leaves unchecked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

from plughost.net.rules import Rules

logger = logging.getLogger(__name__)
RULES = "plughost.rules"
"""The request's extension that says under which rules it is sent."""
Lookup = Callable[[str, int], Sequence[str]]
_asking: ContextVar[Rules] = ContextVar("rules of the request that dials")


def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses of a host; blocks, and raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Transport(httpx.AsyncBaseTransport):
    """httpx's transport, straight to checked addresses, or through the proxy that this machine is configured for."""

    def __init__(self, lookup: Lookup) -> None:
        context = httpx.create_ssl_context()
        self._names = ThreadPoolExecutor(4, "plughost look-up")
        self._direct = httpx.AsyncHTTPTransport(verify=context)
        # httpx has no parameter for it; tests/net shows that this one dials.
        self._direct._pool._network_backend = _Checked(lookup, self._names)  # noqa: SLF001 - as said
        self._proxies = {scheme: httpx.AsyncHTTPTransport(verify=context, proxy=url) for scheme, url in _proxies()}
        if self._proxies:
            logger.warning("a proxy is configured: it decides which addresses are reached, the names are still checked here")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer; raises AddressNotAllowed."""
        if proxy := self._proxy(request.url):
            return await proxy.handle_async_request(request)
        rules: Rules = request.extensions[RULES]
        with _under(rules):
            response = await self._direct.handle_async_request(request)
        try:
            # A connection that is used again was admitted under the rules of whoever opened it.
            address, port = response.extensions["network_stream"].get_extra_info("server_addr")[:2]
            rules.admit(request.url.raw_host.decode("ascii"), port, address)
        except BaseException:
            await response.aclose()
            raise
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        for each in (self._direct, *self._proxies.values()):
            await each.aclose()
        self._names.shutdown(wait=False, cancel_futures=True)

    def _proxy(self, url: httpx.URL) -> httpx.AsyncHTTPTransport | None:
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all")
        names = (url.raw_host.decode("ascii"), url.netloc.decode("ascii"))
        return None if any(map(urllib.request.proxy_bypass, names)) else proxy


class _Checked(httpcore.AsyncNetworkBackend):
    """Dials the first address that answers, of a host of which every address is allowed."""

    def __init__(self, lookup: Lookup, names: ThreadPoolExecutor) -> None:
        self._lookup, self._names, self._dial = lookup, names, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._addresses(host, port)
        for address in addresses:
            _asking.get().admit(host, port, address)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await self._dial.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._names, self._lookup, host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be looked up: {error}") from None


@contextlib.contextmanager
def _under(rules: Rules) -> Iterator[None]:
    token = _asking.set(rules)
    try:
        yield
    finally:
        _asking.reset(token)


def _proxies() -> Iterator[tuple[str, str]]:
    configured = urllib.request.getproxies()
    for scheme in ("http", "https", "all"):
        if url := configured.get(scheme):
            yield scheme, url if "://" in url else f"http://{url}"
