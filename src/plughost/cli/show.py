"""What people read: tables, live progress on a terminal and plain lines elsewhere. Readable without colour."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.status import Status
from rich.table import Table

Json = dict[str, Any]
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Watcher(Protocol):
    """Is told of an operation as it goes."""

    def __call__(self, operation: Json) -> None:
        """Show where it is."""
        ...


@contextmanager
def progress(*, quiet: bool) -> Iterator[Watcher]:
    """A watcher: one live line on a terminal, a line for each new phase elsewhere, nothing where `quiet`."""
    if quiet:
        yield lambda _operation: None
    elif err.is_terminal:
        with err.status("…") as status:
            yield _Live(status)
    else:
        yield _Lines()


class _Live:
    def __init__(self, status: Status) -> None:
        self._status = status

    def __call__(self, operation: Json) -> None:
        self._status.update(_line(operation))


class _Lines:
    def __init__(self) -> None:
        self._told = 0

    def __call__(self, operation: Json) -> None:
        phases = operation["phases"]
        for phase in phases[self._told :]:
            sys.stderr.write(f"{operation['verb']} {operation['plugin']}: {phase['name']}\n")
        self._told = len(phases)


def _line(operation: Json) -> str:
    phase = operation["phases"][-1] if operation["phases"] else {"name": operation["phase"]}
    size = f" {_size(phase['bytes'])} of {_size(phase['total'])}" if phase.get("total") else ""
    return f"{operation['verb']} {operation['plugin']} {operation['version'] or ''}: {phase['name']}{size}"


def _size(count: int | None) -> str:
    if count is None:
        return "?"
    return f"{count / 1048576:.1f} MiB" if count >= 1048576 else f"{count / 1024:.0f} KiB"  # noqa: PLR2004 - a mebibyte


def ended(operation: Json) -> None:
    """Say how an operation ended well."""
    took = ", ".join(f"{phase['name']} {phase['seconds']:.2f} s" for phase in operation["phases"] if phase["seconds"])
    out.print(f"{operation['verb']} {operation['plugin']} {operation['version'] or ''}: done ({took})", markup=False)
    for note in operation.get("notes", []):
        out.print(f"  note: {note}", markup=False)


def plain(value: object) -> None:
    """A value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under their columns."""
    shape = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        shape.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(shape)


def refusal(problem: Json, *, as_json: bool) -> None:
    """What went wrong: the code, the sentence, and the traceback of a plugin where there is one."""
    if as_json:
        plain(problem)
        return
    err.print(f"error[{problem.get('code', 'unknown')}]: {problem.get('detail', problem)}", markup=False)
    for more in ("explanation", "traceback"):
        if problem.get(more):
            err.print(str(problem[more]), markup=False)
