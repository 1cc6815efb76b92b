"""Tracebacks as the plugin's author would read them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from itertools import dropwhile
from pathlib import Path
from traceback import FrameSummary, StackSummary, TracebackException

from plughost.scope.hidden import BOOTSTRAP
from plughost.scope.names import natural

_MACHINERY = (BOOTSTRAP.removesuffix(">"), importlib.__file__, str(Path(__file__).parent))


def format_exception(error: BaseException, directories: Iterable[Path]) -> str:
    """The traceback of an error with natural names, from the first frame in these directories on, without import machinery."""
    told = TracebackException.from_exception(error)
    _shorten(told, tuple(map(str, directories)))
    return natural("".join(told.format()))


def _shorten(told: TracebackException, directories: tuple[str, ...]) -> None:
    frames = [frame for frame in told.stack if not frame.filename.startswith(_MACHINERY)]
    told.stack = StackSummary.from_list(_from_the_plugin_on(frames, directories) or frames)
    for other in (told.__cause__, told.__context__, *(getattr(told, "exceptions", None) or ())):
        if other is not None:
            _shorten(other, directories)


def _from_the_plugin_on(frames: list[FrameSummary], directories: tuple[str, ...]) -> list[FrameSummary]:
    return list(dropwhile(lambda frame: not frame.filename.startswith(directories), frames))
