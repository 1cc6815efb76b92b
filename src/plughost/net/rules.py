"""Whose URLs may be asked, and which addresses they may lead to. Pure: it asks nobody.

An origin (RFC 6454) is allowed when a rule names it; its scheme is part of it, so that `http://` in a rule allows http.
An address is allowed when it is public, when the rule says private, or when the rule names that very address.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, Self

import httpx

from plughost.errors import AddressNotAllowed, OriginNotAllowed

Address = IPv4Address | IPv6Address
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_PORT = re.compile(r"(:[1-9][0-9]{0,4})?")
_LAST_PORT = 65535
_UNICAST = ipaddress.ip_network("2000::/3")
"""Where global IPv6 addresses are given out (RFC 4291); `is_global` says yes to `::127.0.0.1` and `fec0::1` as well."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_6TO4 = ipaddress.ip_network("2002::/16")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port (RFC 6454)."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self:
        """The URL's origin; raises OriginNotAllowed where the URL has none that can be trusted to mean what it says."""
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError) as error:
            said = "" if "@" in url else f" ({error})"  # the error quotes what may be a password
            raise OriginNotAllowed(shown(url), f"this is not a URL{said}") from None
        if parsed.scheme not in _PORTS:
            raise OriginNotAllowed(shown(url), f"only https and http are fetched, not {parsed.scheme or 'a relative URL'}")
        if parsed.userinfo:
            raise OriginNotAllowed(shown(url), "a URL must not carry a user name or password")
        host, port = parsed.raw_host.decode("ascii"), parsed.port or _PORTS[parsed.scheme]
        written = _authority(url)
        if not _plain(host) or port > _LAST_PORT or not _PORT.fullmatch(written.removeprefix(_bracketed(host))):
            raise OriginNotAllowed(shown(url), f"the host {written!r} is not in its canonical form")
        return cls(parsed.scheme, host, port)

    def __str__(self) -> str:
        return f"{self.scheme}://{_bracketed(self.host)}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginRule:
    """One trust rule: an origin, for which plugins (globs), what it must bring, how its plugins run."""

    url: str
    names: tuple[str, ...] = ("*",)
    require: tuple[str, ...] = ("sha256",)
    isolation: Literal["auto", "scope", "process"] = "auto"
    private: bool = False

    @property
    def origin(self) -> Origin:
        """What it allows; raises OriginNotAllowed."""
        return Origin.of(self.url)


class Rules:
    """All trust rules; the first that fits counts."""

    def __init__(self, rules: Iterable[OriginRule] = (), *, any_public: bool = False) -> None:
        self._rules = tuple((rule.origin, rule) for rule in rules)
        self._any_public = any_public

    def plus(self, rules: Iterable[OriginRule], *, any_public: bool = False) -> Rules:
        """These rules and more; `any_public` also allows every https origin at a public address (bytes pinned by a lock)."""
        more = Rules((rule for _, rule in self._rules), any_public=self._any_public or any_public)
        more._rules = (*more._rules, *((rule.origin, rule) for rule in rules))
        return more

    def check(self, url: str, plugin: str | None = None) -> OriginRule:
        """The rule under which the URL may be asked (for this plugin); raises OriginNotAllowed."""
        origin = Origin.of(url)
        for allowed, rule in self._rules:
            if allowed == origin and (plugin is None or any(fnmatchcase(plugin, glob) for glob in rule.names)):
                return rule
        if self._any_public and origin.scheme == "https":
            return OriginRule(url=str(origin))
        whom = f" for {plugin}" if plugin else ""
        raise OriginNotAllowed(shown(url), f"no trust rule names the origin {origin}{whom}")

    def admit(self, host: str, port: int, address: str) -> None:
        """Raise AddressNotAllowed unless a connection to this host may lead to this address."""
        found = ipaddress.ip_address(address.partition("%")[0])
        for origin, rule in self._rules:
            if (origin.host, origin.port) == (host, port) and (rule.private or _same(origin.host, found)):
                return
        if not _public(found):
            raise AddressNotAllowed(host, address)


def own_origin(url: str) -> OriginRule:
    """A source's own origin is trusted as the operator typed it: http and private addresses included."""
    origin = Origin.of(url)
    return OriginRule(url=str(origin), private=True)


def _public(address: Address) -> bool:
    """Whether the address, and one that it embeds (IPv4-mapped, NAT64, 6to4), is reachable from everywhere."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _public(address.ipv4_mapped)
        if address in _NAT64:
            return _public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address in _6TO4:
            return _public(IPv4Address((int(address) >> 80) & 0xFFFFFFFF))
        if address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast


def _same(host: str, address: Address) -> bool:
    try:
        return ipaddress.ip_address(host) == address
    except ValueError:
        return False


def _plain(host: str) -> bool:
    """A name in small ASCII letters, or an address as `ipaddress` writes it; `127.1`, `0x7f000001` and `2130706433` are neither."""
    if ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            return "%" not in host and str(ipaddress.ip_address(host)) == host
        except ValueError:
            return False
    return _HOST.fullmatch(host) is not None


def _authority(url: str) -> str:
    """Host and port as they stand in the text, which libraries may have made canonical already."""
    return re.split(r"[/?#\\]", url.partition("://")[2], maxsplit=1)[0]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def shown(url: str) -> str:
    """The URL for messages: without what may be a secret (user and password, the query of a signed address), or a hash."""
    scheme, slashes, rest = url.partition("//")
    try:
        httpx.URL(url)
        authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    except (httpx.InvalidURL, TypeError, ValueError):  # nobody can say where its password ends
        authority = rest
    return re.split(r"[?#]", scheme + slashes + rest[authority.rfind("@") + 1 :], maxsplit=1)[0]
