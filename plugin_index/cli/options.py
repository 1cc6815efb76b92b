"""What all commands of `plugin-index` have in common: the options, how they ask a running index, how they tell.

Client commands speak HTTP and import no server.
"""

from __future__ import annotations

import json as json_text
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from plughost.http.remote import Refused, Remote

app = typer.Typer(
    name="plugin-index",
    help="Serve an index of plugin wheels, and manage it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Url = Annotated[str, typer.Option("--url", envvar="PLUGIN_INDEX_URL", help="The running index.")]
Token = Annotated[str | None, typer.Option("--token", envvar="PLUGIN_INDEX_TOKEN", help="A token; else the home's token file.")]
Home = Annotated[Path, typer.Option("--home", envvar="PLUGIN_INDEX_HOME", help="Where the index keeps its files.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit trail.")]
Name = Annotated[str, typer.Argument(help="The plugin's name.")]
URL, HOME = "http://127.0.0.1:8100", Path(".plugin-index")


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


def plain(text: str) -> str:
    """What somebody wrote, as one line that steers no terminal."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
