"""How the frames of our import machinery keep out of sight.

The interpreter drops frames of `<frozen importlib._bootstrap>` from tracebacks of imports, and `warnings.warn(stacklevel=2)` passes
over frames whose file name has `importlib` and `_bootstrap` in it. What stands between an import statement and the module carries
that file name, so that a warning points at the author's line and a traceback looks as it does without a scope.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, TypeVar, cast

BOOTSTRAP = "<frozen importlib._bootstrap>"
Function = TypeVar("Function", bound=Callable[..., Any])


def hidden(function: Function) -> Function:
    """The function itself, out of sight, with the functions it defines."""
    plain = cast("FunctionType", function)
    plain.__code__ = _renamed(plain.__code__)
    return function


def _renamed(code: CodeType) -> CodeType:
    constants = tuple(_renamed(constant) if isinstance(constant, CodeType) else constant for constant in code.co_consts)
    return code.replace(co_filename=BOOTSTRAP, co_consts=constants)
