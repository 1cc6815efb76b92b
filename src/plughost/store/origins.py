"""Where wheels may come from: the plugin's own from an origin that a trust rule names, its dependencies from that or a registry.

The registries that this machine's pip and uv are configured for are implied for dependencies, as configured: http, private
addresses and folders included. A page may say that files lie elsewhere: at any public https origin they are fetched, without
credentials, since the lock says which bytes they have; anywhere else only where it was a registry's page, not the plugin's index.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from plughost.errors import CatalogError, IntegrityMissing, OriginNotAllowed, SourceInvalid, SourceUnreachable
from plughost.model.plugin import Target, WheelFile
from plughost.net import Client, Origin, OriginRule, Rules, configured, own_origin
from plughost.store.lock import without_credentials
from plughost.store.resolve import Pinned, promised
from plughost.store.strays import Listed
from plughost.store.supply import Order
from plughost.wheel.digest import fragment_sha256

_ACCEPT = "application/vnd.pypi.simple.v1+json"
_PAGE_CAP, _PAGE_SECONDS = 64 << 20, 30.0
_OK, _NOT_FOUND = 200, 404


class Origins:
    """Turns addresses into orders, or refuses them."""

    def __init__(self, client: Client, *, tokens: Mapping[Origin, str], environ: Mapping[str, str]) -> None:
        registries = configured(environ)
        urls = {*registries.uv, *registries.pip}
        self._client, self._tokens = client, dict(tokens)
        self._dependencies = client.rules.plus(_implied(urls), any_public=True)
        self._folders = any(url.startswith("file:") for url in urls) or bool(environ.get("PIP_FIND_LINKS") or environ.get("UV_FIND_LINKS"))

    def own(self, target: Target) -> Order:
        """The order of a plugin's own wheel, also where its bytes are here already; raises OriginNotAllowed or IntegrityMissing."""
        wheel, local, sha256 = target.wheel, is_file(target.wheel.url), _told(target.wheel)
        if local and not (target.mutable or _is_below(wheel.url, target.index)):
            raise OriginNotAllowed(wheel.url, "files are installed from a source that is a folder only")
        required = () if local else self._client.rules.check(wheel.url, target.name).require
        if sha256 is None and "sha256" in required:
            raise IntegrityMissing(wheel.filename)
        return Order(url=wheel.url, filename=wheel.filename, sha256=sha256, plugin=target.name, allow_file=local)

    def dependency(self, pinned: Pinned, index: str | None) -> Order:
        """The order of a wheel that a resolver or a lock names; raises OriginNotAllowed."""
        local = is_file(pinned.url)
        # An index may link to files of this machine, and resolvers follow; that is for folders that the operator named.
        if local and not (self._folders or _is_below(pinned.url, index)):
            raise OriginNotAllowed(pinned.url, "no folder of wheels is configured, neither as a source nor for pip or uv")
        # Beside a folder nobody but a registry can have named an address.
        rules = self._dependencies if local or _is_repository(index) else self._named_by_a_registry(pinned)
        return Order(url=pinned.url, filename=pinned.filename, sha256=pinned.sha256, rules=rules, allow_file=local)

    async def other(self, pinned: Pinned, index: str | None) -> Order | None:
        """The order of a dependency whose origin or address is not allowed, where a registry named it; None where the index may have."""
        if index is None or is_file(pinned.url) or await self.page(urljoin(index, f"{pinned.project}/")) is not None:
            return None
        return Order(url=pinned.url, filename=pinned.filename, sha256=pinned.sha256, rules=self._named_by_a_registry(pinned))

    def asked(self, index: str | None) -> str | None:
        """The index as a resolver is told it: with the token that is its own."""
        if index is None or not _is_repository(index) or (token := self._tokens.get(Origin.of(index))) is None:
            return index
        parts = urlsplit(index)
        return urlunsplit(parts._replace(netloc=f"__token__:{quote(token, safe='')}@{parts.netloc}"))

    async def page(self, url: str) -> Sequence[Listed] | None:
        """A project's files on an index (PEP 691); None where it has no such project, SourceUnreachable or SourceInvalid else."""
        url = without_credentials(url)
        try:
            answer = await self._client.get(
                url, headers={"Accept": _ACCEPT}, cap=_PAGE_CAP, deadline=_PAGE_SECONDS, rules=self._dependencies
            )
        except CatalogError as error:
            raise SourceUnreachable(url, str(error)) from None
        if answer.status == _NOT_FOUND:
            return None
        if answer.status != _OK:
            raise SourceUnreachable(url, f"HTTP {answer.status}")
        try:
            return [_listed(file, answer.url) for file in json.loads(answer.body)["files"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceInvalid(url, f"no PEP 691 page ({type(error).__name__})") from None

    def _named_by_a_registry(self, pinned: Pinned) -> Rules:
        return self._dependencies.plus([own_origin(without_credentials(pinned.url))])


def is_file(url: str) -> bool:
    """Whether the address is of this machine's disk."""
    return url.startswith("file:")


def _is_repository(index: str | None) -> bool:
    return index is not None and not is_file(index)


def _told(wheel: WheelFile) -> str | None:
    """The sha256 that a listing or the address promises."""
    try:
        told = wheel.sha256 or fragment_sha256(wheel.url)
    except ValueError:
        raise IntegrityMissing(wheel.filename) from None
    return None if told is None else promised(told, wheel.filename)


def _implied(urls: Iterable[str]) -> Iterator[OriginRule]:
    for url in urls:
        try:
            yield own_origin(without_credentials(url))
        except OriginNotAllowed:  # a folder, or what only its own tool understands
            continue


def _is_below(url: str, folder: str | None) -> bool:
    return folder is not None and is_file(folder) and ".." not in url and url.startswith(folder.rstrip("/") + "/")


def _listed(file: Mapping[str, Any], base: str) -> Listed:
    return Listed(
        filename=file["filename"],
        url=urljoin(base, file["url"]),
        sha256=file["hashes"].get("sha256"),
        requires_python=file.get("requires-python"),
        yanked=bool(file.get("yanked")),
    )
