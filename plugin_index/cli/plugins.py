"""Commands about plugins: `list`, `show`, `enable`, `disable`; and the trail of what was done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote

import typer

from plughost.http.remote import Remote
from plugin_index.cli.options import HOME, URL, AsJson, Home, Name, Reason, Token, Url, app, asking, plain, tell

_STATES = ("yanked", "quarantined", "revoked", "removed")
"""What may have become of a file."""


@app.command("list")
def list_plugins(url: Url = URL, token: Token = None, home: Home = HOME, *, json: AsJson = False) -> None:
    """Every plugin, and which release of it is enabled."""
    with asking(url, token, home, as_json=json) as remote:
        answer = {"plugins": [*_pages(remote)]}
        tell(answer, lambda answer: "\n".join(map(_row, answer["plugins"])) or "no plugins yet", as_json=json)


@app.command("show")
def show_plugin(name: Name, url: Url = URL, token: Token = None, home: Home = HOME, *, json: AsJson = False) -> None:
    """One plugin: its releases and files."""
    with asking(url, token, home, as_json=json) as remote:
        tell(remote.get(f"/api/plugins/{quote(name)}"), _shown, as_json=json)


@app.command()
def enable(
    name: Name,
    version: Annotated[str, typer.Option("--version", help="A version or a specifier; else the newest that is not yanked.")] = "",
    reason: Reason = "",
    url: Url = URL,
    token: Token = None,
    home: Home = HOME,
    *,
    json: AsJson = False,
) -> None:
    """Let every host that follows run a plugin."""
    with asking(url, token, home, as_json=json) as remote:
        answer = remote.ask("POST", f"/api/plugins/{quote(name)}/enable", json={"version": version, "reason": reason})
        tell(answer, _row, as_json=json)


@app.command()
def disable(name: Name, reason: Reason = "", url: Url = URL, token: Token = None, home: Home = HOME, *, json: AsJson = False) -> None:
    """Let no host run a plugin any more."""
    with asking(url, token, home, as_json=json) as remote:
        tell(remote.ask("POST", f"/api/plugins/{quote(name)}/disable", json={"reason": reason}), _row, as_json=json)


@app.command()
def audit(
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    url: Url = URL,
    token: Token = None,
    home: Home = HOME,
    *,
    json: AsJson = False,
) -> None:
    """Who did what, from where, why."""
    with asking(url, token, home, as_json=json) as remote:
        tell(remote.get("/api/audit", limit=limit), lambda answer: "\n".join(map(_audit_row, answer["audit"])), as_json=json)


def _pages(remote: Remote) -> Iterator[dict[str, Any]]:
    page = None
    while True:
        answer = remote.get("/api/plugins", next=page)
        yield from answer["plugins"]
        if (page := answer.get("next")) is None:
            return


def _row(plugin: dict[str, Any]) -> str:
    enabled, newest = plugin["enabled"], plugin["releases"][0]["version"] if plugin["releases"] else "none"
    state = (
        f"enabled {enabled['version']}" + (f" (holds {enabled['specifier']})" if enabled["specifier"] else "") if enabled else "not enabled"
    )
    return f"{plugin['name']} ({plugin['project']}): {state}, newest {newest}"


def _audit_row(row: dict[str, Any]) -> str:
    return plain(f"{row['at']} {row['by']} {row['verb']} {row['subject']} {row['reason']}".rstrip())


def _shown(plugin: dict[str, Any]) -> str:
    files = [
        plain(
            f"  {release['version']}  {file['filename']}  {file['size']} bytes  {file['uploaded']} by {file['uploader']}"
            + "".join(f"  {state}: {file[state]}".rstrip(": ") for state in _STATES if file[state] is not None)
        )
        for release in plugin["releases"]
        for file in release["files"]
    ]
    return "\n".join([_row(plugin), *files])
