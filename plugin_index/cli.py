"""The `plugin-index` command. Client commands speak HTTP to a running index and import no server."""

from __future__ import annotations

import json as json_text
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from plughost.http.remote import Refused, Remote

app = typer.Typer(
    name="plugin-index",
    help="Serve an index of plugin wheels, and manage it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
token = typer.Typer(help="The tokens of an index.", no_args_is_help=True)
app.add_typer(token, name="token")

Url = Annotated[str, typer.Option("--url", envvar="PLUGIN_INDEX_URL", help="The running index.")]
Token = Annotated[str | None, typer.Option("--token", envvar="PLUGIN_INDEX_TOKEN", help="A token; else the home's token file.")]
Home = Annotated[Path, typer.Option("--home", envvar="PLUGIN_INDEX_HOME", help="Where the index keeps its files.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit trail.")]
Name = Annotated[str, typer.Argument(help="The plugin's name.")]
Identifier = Annotated[str, typer.Argument(help="The token's id.")]
URL, HOME = "http://127.0.0.1:8100", Path(".plugin-index")


class Action(StrEnum):
    """What a token may allow; typer wants an enumeration where an option may be given again."""

    UPLOAD = "upload"
    MANAGE = "manage"
    READ = "read"
    ADMIN = "admin"


def main() -> None:
    """Run the command line; exit status 0 done, 1 refused or failed, 2 usage."""
    sys.exit(app())


@contextmanager
def asking(url: str, given: str | None, home: Path, *, as_json: bool) -> Iterator[Remote]:
    """The running index; a refusal is told and ends the command with status 1."""
    try:
        yield Remote(url, token=given, home=home, program="plugin-index")
    except Refused as refused:
        if as_json:
            typer.echo(json_text.dumps(refused.problem, indent=2))
        else:
            typer.echo(f"error[{refused.code}]: {refused}", err=True)
        raise typer.Exit(1) from None


def tell(answer: dict[str, Any], said: Callable[[dict[str, Any]], str], *, as_json: bool) -> None:
    """The answer, for programs or for people."""
    typer.echo(json_text.dumps(answer, indent=2) if as_json else said(answer))


@app.command()
def serve(
    home: Home = HOME,
    host: Annotated[str, typer.Option(envvar="PLUGIN_INDEX_HOST", help="The address to bind.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PLUGIN_INDEX_PORT", min=0, max=65535, help="The port; 0 picks a free one.")] = 8100,
    root_path: Annotated[str, typer.Option(envvar="PLUGIN_INDEX_ROOT_PATH", help="The path that a proxy takes away.")] = "",
    max_size: Annotated[int, typer.Option(envvar="PLUGIN_INDEX_MAX_SIZE", min=1, help="Bytes of a wheel at most.")] = 512 * 1024 * 1024,
    drain: Annotated[float, typer.Option(envvar="PLUGIN_INDEX_DRAIN", min=0, help="Seconds for requests that have begun.")] = 10.0,
) -> None:
    """Run an index until SIGTERM or Ctrl-C."""
    from plughost.errors import PlughostError
    from plughost.http import ReasonProtocol
    from plughost.http import serve as serving
    from plugin_index.app import PluginIndex

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr)
    index = PluginIndex(home.absolute(), admin=os.environ.get("PLUGIN_INDEX_ADMIN_TOKEN"), max_size=max_size)
    try:
        status = serving(index, host, port, drain=drain, stopping=index.stop_accepting, root_path=root_path, http=ReasonProtocol)
    except PlughostError as error:
        typer.echo(f"error[{error.code}]: {error.detail}", err=True)
        status = 1
    raise typer.Exit(status)


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


def _yanking(verb: str, said: str) -> None:
    def command(
        project: Annotated[str, typer.Argument(help="The project.")],
        version: Annotated[str, typer.Argument(help="The release.")],
        filename: Annotated[str | None, typer.Option(help="One file of it only.")] = None,
        reason: Reason = "",
        url: Url = URL,
        token: Token = None,
        home: Home = HOME,
        *,
        json: AsJson = False,
    ) -> None:
        with asking(url, token, home, as_json=json) as remote:
            body = {"filename": filename, "reason": reason}
            answer = remote.ask("POST", f"/api/projects/{quote(project)}/{quote(version)}/{verb}", json=body)
            tell(answer, lambda _: f"{project} {version}: {verb}ed", as_json=json)

    app.command(verb, help=said)(command)


_yanking("yank", "Let a release never be newly chosen.")
_yanking("unyank", "Take a yank back.")


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


@token.command("create")
def create_token(
    name: Annotated[str, typer.Option("--name", help="Whose it is.")],
    action: Annotated[list[Action], typer.Option("--action", help="What it allows; may be given again.")],
    project: Annotated[list[str], typer.Option("--project", help="A glob over projects; may be given again.")] = ["*"],  # noqa: B006 - typer copies it
    expires: Annotated[str | None, typer.Option("--expires", help="When it ends to be valid, as RFC 3339.")] = None,
    url: Url = URL,
    token: Token = None,
    home: Home = HOME,
    *,
    json: AsJson = False,
) -> None:
    """Make a token; its secret is printed once."""
    with asking(url, token, home, as_json=json) as remote:
        body = {"name": name, "actions": action, "projects": project, "expires": expires}
        tell(remote.ask("POST", "/api/tokens", json=body), lambda made: str(made["token"]), as_json=json)


@token.command("rotate")
def rotate_token(identifier: Identifier, url: Url = URL, token: Token = None, home: Home = HOME, *, json: AsJson = False) -> None:
    """Give a token a new secret, which is printed once; the old one is valid no more."""
    with asking(url, token, home, as_json=json) as remote:
        answer = remote.ask("POST", f"/api/tokens/{quote(identifier)}/rotate")
        tell(answer, lambda made: str(made["token"]), as_json=json)


@token.command("list")
def list_tokens(url: Url = URL, token: Token = None, home: Home = HOME, *, json: AsJson = False) -> None:
    """All tokens, without their secrets."""
    with asking(url, token, home, as_json=json) as remote:
        tell(remote.get("/api/tokens"), lambda answer: "\n".join(map(_token_row, answer["tokens"])), as_json=json)


@token.command("delete")
def delete_token(identifier: Identifier, url: Url = URL, token: Token = None, home: Home = HOME, *, json: AsJson = False) -> None:
    """A token is valid no more."""
    with asking(url, token, home, as_json=json) as remote:
        remote.ask("DELETE", f"/api/tokens/{quote(identifier)}")
        tell({"deleted": identifier}, lambda _: f"token {identifier} is deleted", as_json=json)


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
    return f"{row['at']} {row['by']} {row['verb']} {row['subject']} {row['reason']}".rstrip()


def _token_row(row: dict[str, Any]) -> str:
    return f"{row['id']} {row['name']} {','.join(row['actions'])} {','.join(row['projects'])}"


def _shown(plugin: dict[str, Any]) -> str:
    files = [
        f"  {release['version']}  {file['filename']}  {file['size']} bytes  {file['uploaded']} by {file['uploader']}"
        + ("" if file["yanked"] is None else f"  yanked: {file['yanked']}")
        for release in plugin["releases"]
        for file in release["files"]
    ]
    return "\n".join([_row(plugin), *files])
