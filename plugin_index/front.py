"""`/`: the plugins, their releases, and how to publish, as a plain page for people."""

from __future__ import annotations

import html
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from plugin_index.shelf import Plugin, Shelf

_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
PAGE = 100
_STYLE = "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}td,th{text-align:left;padding:.2rem 1rem .2rem 0}"


class Front:
    """The page."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def page(self, request: Request) -> Response:
        """The plugins as they are now, a hundred at a time."""
        plugins = await self._shelf.plugins(request.query_params.get("after", ""), PAGE)
        return HTMLResponse(_page(str(request.base_url).rstrip("/"), plugins), headers=_HEADERS)


def _page(url: str, plugins: Sequence[Plugin]) -> str:
    address = html.escape(url)
    more = f'<p><a href="?after={html.escape(plugins[-1].name)}">More plugins</a></p>' if len(plugins) == PAGE else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>plugin-index</title><style>{_STYLE}</style></head>
<body>
<h1>plugin-index</h1>
<h2>Plugins</h2>
{_table(plugins)}
{more}
<h2>Publish</h2>
<pre>twine upload --repository-url {address}/legacy/ -u __token__ -p TOKEN dist/*.whl
uv publish --publish-url {address}/legacy/ --token TOKEN dist/*.whl</pre>
<h2>Run</h2>
<pre>plughost serve --index {address}
pip install --index-url {address}/simple/ PROJECT</pre>
<p><a href="simple/">All projects</a> · <a href="api/plugins/enabled">The plugin list</a> · <a href="docs">The API</a></p>
</body>
</html>
"""


def _table(plugins: Sequence[Plugin]) -> str:
    if not plugins:
        return "<p>Nothing is published yet.</p>"
    rows = "\n".join(map(_row, plugins))
    return f"<table>\n<tr><th>Plugin</th><th>Project</th><th>Enabled</th><th>Releases</th><th></th></tr>\n{rows}\n</table>"


def _row(plugin: Plugin) -> str:
    carrying = [file for file in plugin.files if plugin.name in file.plugins]
    yanked = {file.version: True for file in carrying} | {file.version: False for file in carrying if file.yanked is None}
    releases = ", ".join(f"<s>{html.escape(version)}</s>" if gone else html.escape(version) for version, gone in yanked.items())
    enabled = html.escape(plugin.enabled.version) if plugin.enabled else "no"
    project, summary = html.escape(plugin.project), html.escape(carrying[0].summary)
    name = html.escape(plugin.name)
    return (
        f'<tr><td><a href="api/plugins/{name}">{name}</a></td><td><a href="simple/{project}/">{project}</a></td>'
        f"<td>{enabled}</td><td>{releases}</td><td>{summary}</td></tr>"
    )
