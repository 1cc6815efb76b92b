"""The pages' routes: `/`, `/projects/`, `/projects/{project}/`, and the files that they need."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from packaging.utils import canonicalize_name
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from plugin_index.pages.answer import HEADERS, answer
from plugin_index.pages.facts import facts
from plugin_index.pages.kept import Kept
from plugin_index.pages.readme import Readmes
from plugin_index.pages.templates import HERE, render
from plugin_index.pages.views import described, listed, references, releases
from plugin_index.shelf import Shelf

PAGE = 100
"""Plugins, projects or releases of one page at most."""
ROOM = 16 * 1024 * 1024
"""Bytes of pages in memory at most."""
_HTML, _TEXT = "text/html", "text/plain"
_FILES = {"style.css": "text/css", "icon.svg": "image/svg+xml"}
Key = tuple[str, str, int]


def routes(shelf: Shelf) -> list[Route]:
    """What a browser may ask for."""
    site = Site(shelf)
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

    def __init__(self, shelf: Shelf) -> None:
        self._shelf, self._readmes = shelf, Readmes()
        self._kept: Kept[Key, bytes] = Kept(ROOM, len)

    async def home(self, request: Request) -> Response:
        """The plugins, a hundred at a time, and how to publish."""
        key, after = self._key(request), request.query_params.get("after", "")
        if (body := self._kept.get(key)) is None:
            plugins = await self._shelf.plugins(after, PAGE)
            rows = tuple(map(listed, plugins))
            url = _url(request)
            values = {"plugins": rows, "more": rows[-1].name if len(rows) == PAGE else "", "first": not after, "url": url}
            body = await self._made(key, "home.html", {**values, "script": await self._script(url)})
        return answer(request, body, _HTML)

    async def projects(self, request: Request) -> Response:
        """All projects by name, those without a plugin too, a hundred at a time."""
        key, after = self._key(request), request.query_params.get("after", "")
        if (body := self._kept.get(key)) is None:
            names = [name for name in await self._shelf.projects() if name > after][: PAGE + 1]
            values = {"projects": names[:PAGE], "more": names[PAGE - 1] if len(names) > PAGE else "", "first": not after}
            body = await self._made(key, "projects.html", values)
        return answer(request, body, _HTML)

    async def project(self, request: Request) -> Response:
        """One project; 301 to its normalised name."""
        asked = request.path_params["project"]
        name = canonicalize_name(asked)
        if asked != name or not request.url.path.endswith("/"):
            return RedirectResponse(_elsewhere(request, name), status_code=301, headers=HEADERS)
        key = self._key(request)
        if (body := self._kept.get(key)) is None:
            if (values := await self._project(name, request)) is None:
                return answer(request, await self._rendered("missing.html", {"project": name}), _HTML, status=404)
            body = await self._made(key, "project.html", values)
        return answer(request, body, _HTML)

    async def script(self, request: Request) -> Response:
        """What a CI job runs: build, publish, enable, wait until a host serves it."""
        return answer(request, (await self._script(_url(request))).encode(), _TEXT)

    async def file(self, request: Request) -> Response:
        """The style sheet or the icon."""
        name = request.url.path.rpartition("/")[2]
        return answer(request, await self._shelf.run((HERE / name).read_bytes), _FILES[name])

    async def _project(self, name: str, request: Request) -> Mapping[str, object] | None:
        files = await self._shelf.files(name)
        if not files:
            return None
        speaker = described(files)
        said = facts(await self._shelf.metadata(speaker.filename))
        plugins = references(files, speaker)
        all_releases = releases(files)
        after = request.query_params.get("after", "")
        start = next((place + 1 for place, release in enumerate(all_releases) if release.version == after), 0)
        shown = all_releases[start : start + PAGE]
        return {
            "project": name,
            "speaker": speaker,
            "facts": said,
            "plugins": [(await self._shelf.plugin(plugin), reference) for plugin, reference in plugins.items()],
            "releases": shown,
            "more": shown[-1].version if start + PAGE < len(all_releases) else "",
            "first": start == 0,
            "readme": await self._readmes.of(speaker.metadata_sha256, said),
            "present": frozenset(await self._shelf.projects()),
            "url": _url(request),
        }

    async def _script(self, url: str) -> str:
        return (await self._rendered("publish.sh", {"url": url})).decode()

    async def _made(self, key: Key, template: str, values: Mapping[str, object]) -> bytes:
        body = await self._rendered(template, values)
        self._kept.put(key, body)
        return body

    async def _rendered(self, template: str, values: Mapping[str, object]) -> bytes:
        return await self._shelf.run(lambda: render(template, values))

    def _key(self, request: Request) -> Key:
        return str(request.base_url), f"{request.url.path}?{request.query_params.get('after', '')}", self._shelf.edition


def _url(request: Request) -> str:
    """The index's own address, as it was asked at."""
    return str(request.base_url).rstrip("/")


def _elsewhere(request: Request, name: str) -> str:
    """Relative, so that it holds behind any prefix."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{'../' if request.url.path.endswith('/') else './'}{quote(name)}/{query}"
