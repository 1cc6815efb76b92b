"""`importlib.resources` as a scope sees it: a package's name means the scope's package."""

from __future__ import annotations

import functools
import importlib.resources
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from plughost.scope.facades.view import view
from plughost.scope.interior import Interior

_BY_PACKAGE = ("contents", "is_resource", "open_binary", "open_text", "path", "read_binary", "read_text")
_ANCHORS = ("anchor", "package")


def see_resources(interior: Interior) -> ModuleType:
    """The view of `importlib.resources`."""
    real = importlib.resources
    named = {name: _by_package(interior, getattr(real, name)) for name in _BY_PACKAGE if hasattr(real, name)}

    def files(anchor: Any = None, **named: Any) -> Any:
        anchor = named.pop("package", anchor)
        caller: str = sys._getframe(1).f_globals["__name__"]  # noqa: SLF001 - as importlib.resources finds its caller
        return real.files(_module(interior, caller if anchor is None else anchor))

    return view(real, interior, files=files, **named)


def _by_package(interior: Interior, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def named(*args: Any, **options: Any) -> Any:
        given = {name: _module(interior, value) if name in _ANCHORS else value for name, value in options.items()}
        return function(*(_module(interior, anchor) for anchor in args[:1]), *args[1:], **given)

    return named


def _module(interior: Interior, package: Any) -> Any:
    return interior.import_module(package) if isinstance(package, str) else package
