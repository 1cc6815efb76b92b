"""The pages' routes: `/`, `/projects/`, `/projects/{project}/`, and the files that they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from packaging.utils import canonicalize_name
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from plugin_index.gate import Gate
from plugin_index.nouns import Token
from plugin_index.pages.answer import HEADERS, answer
from plugin_index.pages.kept import Kept
from plugin_index.pages.reading import Project, plain, project
from plugin_index.pages.readme import Readmes
from plugin_index.pages.templates import HERE, render
from plugin_index.pages.views import listed
from plugin_index.shelf import Shelf

PAGE = 100
"""Plugins, projects or releases of one page at most."""
FEW = 50
"""Projects without a plugin that the first page names."""
LONGEST = 255
"""Characters of a name in a query."""
ROOM = 16 * 1024 * 1024
"""Bytes of pages in memory at most."""
_HTML, _TEXT = "text/html", "text/plain"
_FILES = {"style.css": "text/css", "icon.svg": "image/svg+xml"}


class Key(NamedTuple):
    """Which page, by all that it depends on."""

    url: str
    """The index's address, as it was asked at."""
    path: str
    after: str
    """The last name of the page before."""
    limited: tuple[str, ...]
    """The projects (globs) that the reader may know of; empty: all."""
    edition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A page, and who reads it; no token: everybody may."""

    key: Key
    token: Token | None

    def sees(self, project: str) -> bool:
        """Whether the reader may know of the project."""
        return self.token is None or self.token.may("read", project)


def routes(shelf: Shelf, gate: Gate) -> list[Route]:
    """What a browser may ask for."""
    site = Site(shelf, gate)
    paths = {
        "/": site.home,
        "/publish.sh": site.script,
        "/projects/": site.projects,
        "/projects/{project}": site.project,
        "/projects/{project}/": site.project,
        **{f"/{name}": site.file for name in _FILES},
    }
    return [Route(path, endpoint, methods=["GET", "HEAD"]) for path, endpoint in paths.items()]


class Site:
    """The pages of one shelf; each is made once for each change of the shelf and each address that it is asked at."""

    def __init__(self, shelf: Shelf, gate: Gate) -> None:
        self._shelf, self._gate, self._readmes = shelf, gate, Readmes()
        self._kept: Kept[Key, bytes] = Kept(ROOM, len)

    async def home(self, request: Request) -> Response:
        """The plugins, a hundred at a time, and how to publish."""
        asked = await self._asked(request)
        if (body := self._kept.get(asked.key)) is None:
            body = await self._made(asked.key, "home.html", await self._listed(asked))
        return answer(request, body, _HTML)

    async def projects(self, request: Request) -> Response:
        """All projects by name, those without a plugin too, a hundred at a time."""
        asked = await self._asked(request)
        after = asked.key.after
        if (body := self._kept.get(asked.key)) is None:
            names = [name for name in await self._shelf.projects() if name > after and asked.sees(name)][: PAGE + 1]
            values = {"projects": names[:PAGE], "more": names[PAGE - 1] if len(names) > PAGE else "", "first": not after}
            body = await self._made(asked.key, "projects.html", values)
        return answer(request, body, _HTML)

    async def project(self, request: Request) -> Response:
        """One project; 301 to its normalised name."""
        written = request.path_params["project"]
        name = canonicalize_name(written)
        asked = await self._asked(request, name)
        if written != name or not request.url.path.endswith("/"):
            return RedirectResponse(_elsewhere(request, name), status_code=301, headers=HEADERS)
        if (body := self._kept.get(asked.key)) is None:
            if (found := await self._shelf.read(lambda rows: project(rows, name, asked.sees))) is None:
                return answer(request, await self._rendered("missing.html", {"project": name}), _HTML, status=404)
            body = await self._made(asked.key, "project.html", await self._shown(found, asked.key))
        return answer(request, body, _HTML)

    async def script(self, request: Request) -> Response:
        """What a CI job runs: build, publish, enable, wait until a host serves it."""
        asked = await self._asked(request)
        return answer(request, (await self._script(asked.key.url)).encode(), _TEXT)

    async def file(self, request: Request) -> Response:
        """The style sheet or the icon."""
        name = request.url.path.rpartition("/")[2]
        return answer(request, await self._shelf.run((HERE / name).read_bytes), _FILES[name])

    async def _listed(self, asked: Asked) -> Mapping[str, object]:
        """What the template of the first page takes."""
        key = asked.key
        found = await self._shelf.plugins(key.after, PAGE + 1)
        return {
            "plugins": await self._shelf.run(lambda: [listed(plugin) for plugin in found[:PAGE] if asked.sees(plugin.project)]),
            "more": found[PAGE - 1].name if len(found) > PAGE else "",
            "first": not key.after,
            "others": () if key.after else await self._shelf.read(lambda rows: plain(rows, FEW, asked.sees)),
            "url": key.url,
            "script": await self._script(key.url),
        }

    async def _shown(self, found: Project, key: Key) -> Mapping[str, object]:
        """What the template of a project takes."""
        start = next((place for place, release in enumerate(found.releases, 1) if release.version == key.after), 0)
        shown = found.releases[start : start + PAGE]
        more = shown[-1].version if start + PAGE < len(found.releases) else ""
        readme = await self._readmes.of(found.speaker.metadata_sha256, found.facts) if found.speaker and found.facts else None
        return {"project": found, "releases": shown, "more": more, "first": start == 0, "readme": readme, "url": key.url}

    async def _script(self, url: str) -> str:
        return (await self._rendered("publish.sh", {"url": url})).decode()

    async def _made(self, key: Key, template: str, values: Mapping[str, object]) -> bytes:
        body = await self._rendered(template, values)
        self._kept.put(key, body)
        return body

    async def _rendered(self, template: str, values: Mapping[str, object]) -> bytes:
        return await self._shelf.run(lambda: render(template, values))

    async def _asked(self, request: Request, project: str = "") -> Asked:
        """Which page and by whom; raises what the gate raises."""
        token = await self._gate.reader(request.scope, project)
        url, after = str(request.base_url).rstrip("/"), request.query_params.get("after", "")[:LONGEST]
        limited = () if token is None or "admin" in token.actions else token.projects
        return Asked(key=Key(url, request.url.path, after, limited, self._shelf.edition), token=token)


def _elsewhere(request: Request, name: str) -> str:
    """Relative, so that it holds behind any prefix."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{'../' if request.url.path.endswith('/') else './'}{quote(name)}/{query}"
