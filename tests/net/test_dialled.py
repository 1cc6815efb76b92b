"""One parse: the origin that rules judge is the host and port that httpx dials."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plughost.errors import OriginNotAllowed
from plughost.net.rules import Origin

ODD_HOSTS = (
    *("example.com", "127.0.0.1", "[::1]", "xn--bcher-kva.example", "127.1", "0x7f000001", "0177.0.0.1", "2130706433", "127.0.0.1."),
    *("EXAMPLE.com", "b\u00fccher.example", "\uff11\uff12\uff17.0.0.1", "\u2460.0.0.1", "ex%61mple.com", "example.com%2f.evil.example"),
    *("exam\u00adple.com", "[::FFFF:7F00:1]", "[::ffff:127.0.0.1]", "[fe80::1%25eth0]", "[v1.x]", "[::1", "::1", ""),
)
ODD_PORTS = ("", ":", ":0", ":80", ":443", ":0443", ":8443", ":65536", ":-1", ":+443", ": 443", ":4_43", ":https", ":\u0664\u0664\u0663")
hostish = st.text(alphabet="aZ0179xf.-_:[]@%\\/#?\u00fc\uff11\u3002 ", max_size=14)
urls = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["http", "https", "HTTPS"]),
    st.sampled_from(["", "", "", "a@", "a:b@"]),
    st.sampled_from(ODD_HOSTS) | hostish,
    st.sampled_from(ODD_PORTS),
    st.sampled_from(["", "/", "/x", "?q", "#f", "\\x", "/@x", "@y", "\\@y"]),
)


class _Dials(httpcore.NetworkBackend):
    """Notes what it should dial, and dials nothing."""

    def __init__(self) -> None:
        self.asked: tuple[str, int] | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self.asked = (host, port)
        raise httpcore.ConnectError("nothing is dialled")


DIALS, TRANSPORT = _Dials(), httpx.HTTPTransport()
TRANSPORT._pool._network_backend = DIALS


def dialled(url: str) -> tuple[str, int] | None:
    DIALS.asked = None
    with contextlib.suppress(httpx.ConnectError):
        TRANSPORT.handle_request(httpx.Request("GET", url))
    return DIALS.asked


@given(urls)
@example("https://example.com:0/")
@example("https://[fe80::1%25eth0]/")
@settings(deadline=None, max_examples=500)
def test_whatever_has_an_origin_is_what_httpx_dials(url: str) -> None:
    try:
        origin = Origin.of(url)
    except OriginNotAllowed:
        return
    assert dialled(url) == (origin.host, origin.port)


@given(st.text(max_size=40))
@settings(deadline=None)
def test_any_text_has_an_origin_that_is_dialled_or_none(text: str) -> None:
    with contextlib.suppress(OriginNotAllowed):
        origin = Origin.of(text)
        assert dialled(text) == (origin.host, origin.port)
