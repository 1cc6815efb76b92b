"""Tracebacks as the plugin's author would read them."""

from __future__ import annotations

from traceback import FrameSummary, StackSummary, TracebackException

from plughost.scope.hidden import BOOTSTRAP
from plughost.scope.names import natural

_HERE = __file__.rpartition("report.py")[0]


def format_exception(error: BaseException) -> str:
    """The traceback of an error with natural names, without the frames of the import machinery and of this room."""
    told = TracebackException.from_exception(error)
    _shorten(told)
    return natural("".join(told.format()))


def _shorten(told: TracebackException) -> None:
    told.stack = StackSummary.from_list([frame for frame in told.stack if not _machinery(frame)])
    for other in (told.__cause__, told.__context__, *(getattr(told, "exceptions", None) or ())):
        if other is not None:
            _shorten(other)


def _machinery(frame: FrameSummary) -> bool:
    return frame.filename.startswith(BOOTSTRAP[:-1]) or frame.filename.startswith(_HERE)
