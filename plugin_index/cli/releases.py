"""Commands about releases: yank, quarantine, revoke, remove. Each takes one file of the release, or all of it."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from plughost.http.remote import Remote
from plugin_index.cli.options import HOME, URL, AsJson, Home, Reason, Token, Url, app, asking, tell

Project = Annotated[str, typer.Argument(help="The project.")]
Version = Annotated[str, typer.Argument(help="The release.")]
Filename = Annotated[str | None, typer.Option(help="One file of it only.")]


def _marking(verb: str, done: str, said: str) -> None:
    def command(
        project: Project,
        version: Version,
        filename: Filename = None,
        reason: Reason = "",
        url: Url = URL,
        token: Token = None,
        home: Home = HOME,
        *,
        json: AsJson = False,
    ) -> None:
        with asking(url, token, home, as_json=json) as remote:
            answer = _asked(remote, verb, _path(project, version), filename, reason)
            tell(answer, lambda _: f"{filename or f'{project} {version}'}: {done}", as_json=json)

    app.command(verb, help=said)(command)


_marking("yank", "yanked", "Let a release never be newly chosen.")
_marking("unyank", "no longer yanked", "Take a yank back.")
_marking("quarantine", "quarantined, nobody gets it", "Let nobody have a release until it has been looked at.")
_marking("unquarantine", "no longer quarantined", "Let everybody have a quarantined release again.")
_marking("remove", "removed", "Take a release away for good; its file names stay taken for ever.")


@app.command()
def revoke(
    project: Annotated[str, typer.Argument(help="The project; or the sha256 of a wheel, here or elsewhere.")],
    version: Annotated[str, typer.Argument(help="The release; left out after a sha256.")] = "",
    filename: Filename = None,
    reason: Reason = "",
    url: Url = URL,
    token: Token = None,
    home: Home = HOME,
    *,
    json: AsJson = False,
) -> None:
    """Let no host run a release any more, or what contains it. This cannot be taken back."""
    with asking(url, token, home, as_json=json) as remote:
        answer = _revoked(remote, project, version, filename, reason)
        tell(answer, lambda _: f"{filename or f'{project} {version}'.strip()}: revoked, hosts stop what contains it", as_json=json)


def _revoked(remote: Remote, project: str, version: str, filename: str | None, reason: str) -> dict[str, Any]:
    if version:
        return _asked(remote, "revoke", _path(project, version), filename, reason)
    return remote.ask("POST", "/api/revoked", json={"sha256": project, "reason": reason})


def _asked(remote: Remote, verb: str, path: str, filename: str | None, reason: str) -> dict[str, Any]:
    said = {"reason": reason, **({"filename": filename} if filename else {})}
    return remote.ask("DELETE", path, params=said) if verb == "remove" else remote.ask("POST", f"{path}/{verb}", json=said)


def _path(project: str, version: str) -> str:
    return f"/api/projects/{quote(project, safe='')}/{quote(version, safe='')}"
