"""Commands about the tokens of an index."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from plugin_index.cli.options import HOME, URL, AsJson, Home, Token, Url, app, asking, plain, tell

token = typer.Typer(help="The tokens of an index.", no_args_is_help=True)
app.add_typer(token, name="token")
Identifier = Annotated[str, typer.Argument(help="The token's id.")]


class Action(StrEnum):
    """What a token may allow; typer wants an enumeration where an option may be given again."""

    UPLOAD = "upload"
    MANAGE = "manage"
    READ = "read"
    ADMIN = "admin"


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


def _token_row(row: dict[str, Any]) -> str:
    return plain(f"{row['id']} {row['name']} {','.join(row['actions'])} {','.join(row['projects'])}")
