"""`jinja2` as a scope sees the host's copy: `PackageLoader("acme_chat")` means the scope's package."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from plughost.scope.facades.view import view
from plughost.scope.interior import Interior


def see_jinja2(interior: Interior) -> ModuleType:
    """The view of `jinja2`."""
    return _with_loader("jinja2", interior)


def see_loaders(interior: Interior) -> ModuleType:
    """The view of `jinja2.loaders`."""
    return _with_loader("jinja2.loaders", interior)


def _with_loader(name: str, interior: Interior) -> ModuleType:
    real = importlib.import_module(name)
    plain: type = real.PackageLoader

    def __init__(self: Any, package_name: str, *args: Any, **options: Any) -> None:  # noqa: N807 - a method of the type below
        plain.__init__(self, interior.names.full(package_name), *args, **options)  # type: ignore[misc] # of the loader's own type

    members = {"__init__": __init__, "__module__": plain.__module__, "__doc__": plain.__doc__}
    return view(real, interior, PackageLoader=type("PackageLoader", (plain,), members))
