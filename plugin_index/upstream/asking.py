"""Asks registries for the page of one project. The first that has it answers for the name, so that two are never mixed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from plughost.errors import FetchFailed, PlughostError, WheelTooLarge
from plughost.net import Answer, Client
from plughost.net.part import off_loop
from plugin_index.errors import UpstreamUnreachable
from plugin_index.nouns import Mirror, Offer
from plugin_index.upstream.chain import is_remote
from plugin_index.upstream.page import offers

CAP = 16 * 1024 * 1024
"""Bytes of a page at most."""
DEADLINE = 30.0
"""Seconds for one page."""
_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_OK, _NOT_MODIFIED, _NOT_THERE = 200, 304, (404, 410)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a registry answered; `offers` None: the same as before."""

    mirror: Mirror
    offers: tuple[Offer, ...] | None


async def ask(client: Client, urls: tuple[str, ...], project: str, known: Mirror | None, via: str) -> Found | None:
    """What the first registry that has the project offers; None where none has it.

    `known`: what was found before; `via`: the header by which a registry sees that it asks itself. Raises UpstreamUnreachable
    where one that comes first does not say.
    """
    for registry in urls:
        before = known if known is not None and known.registry == registry else None
        found = await _ask_one(client, registry, project, before, via)
        if found is not None:
            return found
    return None


async def _ask_one(client: Client, registry: str, project: str, known: Mirror | None, via: str) -> Found | None:
    url = f"{registry}{project}/"
    try:
        answer = await (_get(client, url, known, via) if is_remote(url) else off_loop(client.disk, _read, url))
    except PlughostError as error:
        raise UpstreamUnreachable(registry, project=project, reason=getattr(error, "reason", error.detail)) from None
    if answer.status in _NOT_THERE:
        return None
    if answer.status == _NOT_MODIFIED and known is not None:
        return Found(mirror=known, offers=None)
    if answer.status != _OK:
        raise UpstreamUnreachable(registry, project=project, reason=f"HTTP {answer.status}")
    try:
        return await off_loop(client.disk, _found, answer, registry, project, known)
    except ValueError as error:
        reason = f"its page is no page of a package index ({type(error).__name__})"
        raise UpstreamUnreachable(registry, project=project, reason=reason) from None


async def _get(client: Client, url: str, known: Mirror | None, via: str) -> Answer:
    headers = {"Accept": _ACCEPT, "Via": via}
    if known is not None and known.etag:
        headers["If-None-Match"] = known.etag
    return await client.get(url, headers=headers, cap=CAP, deadline=DEADLINE)


def _read(url: str) -> Answer:
    """The page in a folder of this machine, as if it were a registry's answer."""
    path = Path(unquote(urlsplit(url).path)) / "index.html"
    try:
        with path.open("rb") as file:
            body, headers = file.read(CAP + 1), {"content-type": "text/html"}
    except (FileNotFoundError, NotADirectoryError):
        return Answer(status=_NOT_THERE[0], headers={}, body=b"", url=url)
    except OSError as error:
        raise FetchFailed(url, error.strerror or str(error)) from None
    if len(body) > CAP:
        raise WheelTooLarge(str(path), cap=CAP)
    return Answer(status=_OK, headers=headers, body=body, url=url)


def _found(answer: Answer, registry: str, project: str, known: Mirror | None) -> Found:
    digest = hashlib.sha256(answer.body).hexdigest()
    mirror = Mirror(project=project, registry=registry, etag=answer.headers.get("etag", ""), digest=digest)
    if known is not None and known.digest == digest:
        return Found(mirror=mirror, offers=None)
    in_json = answer.headers.get("content-type", "").partition(";")[0].strip() in {_JSON, "application/json"}
    return Found(mirror=mirror, offers=offers(answer.body, project, answer.url, json=in_json))
