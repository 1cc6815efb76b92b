"""Commands that work on a home's files, while a program serves it or not: `verify`, `backup`, `restore`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plugin_index.cli.options import HOME, AsJson, Home, app, tell

if TYPE_CHECKING:
    from plugin_index.keeping.copying import Copied
    from plugin_index.keeping.verifying import Progress

_TOLD_EVERY = 0.2
_MIB = 1 << 20


@app.command()
def verify(home: Home = HOME, *, json: AsJson = False) -> None:
    """Read every file that the index keeps, and say what is missing, changed or without an owner."""
    from plugin_index.keeping.verifying import verify as verifying

    with _telling(as_json=json):
        report = verifying(home, _progress("verified"))
        lines = [f"{finding.kind}: {finding.subject}: {finding.detail}" for finding in report.findings]
        end = f"{report.files} files, {report.bytes} bytes: " + ("all are as they were uploaded" if report.sound else "not all is well")
        tell(report.as_json(), lambda _: "\n".join([*lines, end]), as_json=json)
        raise typer.Exit(0 if report.sound else 1)


@app.command()
def backup(
    directory: Annotated[Path, typer.Argument(help="Where the backup goes: a directory that is new or empty.")],
    home: Home = HOME,
    *,
    json: AsJson = False,
) -> None:
    """Copy the index as it is now, while it runs. On the same disk files are linked: copy the backup to another machine."""
    from plugin_index.keeping.copying import backup as copied

    with _telling(as_json=json):
        _tell_copied(copied(home, directory, _progress("copied")), as_json=json)


@app.command()
def restore(
    directory: Annotated[Path, typer.Argument(help="The backup.")],
    home: Home = HOME,
    *,
    json: AsJson = False,
) -> None:
    """Make a new home out of a backup. Its tokens go on being valid; its admin token is another one."""
    from plugin_index.keeping.copying import restore as copied

    with _telling(as_json=json):
        _tell_copied(copied(directory, home, _progress("restored")), as_json=json)


def _tell_copied(copied: Copied, *, as_json: bool) -> None:
    lost = [f"lost: {name}: its bytes are not there, or not the right ones" for name in copied.lost]
    end = f"{copied.place}: {copied.files} files, {copied.bytes} bytes" + (f", {len(lost)} of them lost" if lost else "")
    tell(copied.as_json(), lambda _: "\n".join([*lost, end]), as_json=as_json)
    raise typer.Exit(1 if lost else 0)


@contextmanager
def _telling(*, as_json: bool) -> Iterator[None]:
    """A refusal is told and ends the command with status 1."""
    from plughost.errors import PlughostError, describe

    try:
        yield
    except PlughostError as error:
        if as_json:
            tell(dict(describe(error)), lambda _: "", as_json=True)
        else:
            typer.echo(f"error[{error.code}]: {error.detail}", err=True)
        raise typer.Exit(1) from None


def _progress(done_is: str) -> Progress:
    """Tells of the progress on a terminal, and nowhere else."""
    last = 0.0

    def told(done: int, every: int) -> None:
        nonlocal last
        if sys.stderr.isatty() and (time.monotonic() - last > _TOLD_EVERY or done == every):
            last = time.monotonic()
            sys.stderr.write(f"\r{done_is} {done // _MIB} of {every // _MIB} MiB" + ("\n" if done == every else ""))
            sys.stderr.flush()

    return told
