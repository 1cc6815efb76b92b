"""What a plugin's code raised, as one of errors/plugin.py: with its own words and traceback, in natural names."""

from __future__ import annotations

from plughost.errors import ImportExited, ImportFailed, PlughostError, PluginExited, ProbeFailed, StartFailed
from plughost.model.owner import Owner
from plughost.scope import Scope, natural


def of_import(entry: str, error: BaseException, scope: Scope) -> PlughostError:
    """The entry could not be imported or built."""
    if isinstance(error, PlughostError):
        return error
    if isinstance(error, SystemExit):
        return ImportExited(entry, status=error.code)
    return ImportFailed(entry, reason=said(error), traceback=scope.format_exception(error))


def of_start(owner: Owner, error: BaseException, scope: Scope) -> PlughostError:
    """A lifespan did not come up."""
    if isinstance(error, SystemExit | PluginExited):
        return PluginExited(owner.plugin, where="its start")
    return StartFailed(owner.plugin, reason=said(error), traceback=scope.format_exception(error))


def of_probe(owner: Owner, error: BaseException, scope: Scope) -> PlughostError:
    """The probe did not pass."""
    return ProbeFailed(owner.plugin, reason=said(error), traceback=scope.format_exception(error))


def said(error: BaseException) -> str:
    """The error in one line; its `__str__` is plugin code, too."""
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 - law 9
        words = ""
    return natural(f"{type(error).__name__}: {words}".removesuffix(": "))
