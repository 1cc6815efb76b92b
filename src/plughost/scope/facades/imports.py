"""`importlib` and `importlib.util` as a scope sees them: a module's name means the scope's module."""

from __future__ import annotations

import importlib
import importlib.util
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from plughost.scope.facades.view import view
from plughost.scope.interior import Interior
from plughost.scope.names import MANGLED


def see_importlib(interior: Interior) -> ModuleType:
    """The view of `importlib`."""

    def import_module(name: str, package: str | None = None) -> ModuleType:
        return interior.import_module(name, package)

    return view(
        importlib,
        interior,
        import_module=import_module,
        __import__=interior.builtins["__import__"],
        invalidate_caches=interior.search.invalidate_caches,
    )


def see_util(interior: Interior) -> ModuleType:
    """The view of `importlib.util`."""
    names = interior.names

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        plain = names.natural(importlib.util.resolve_name(name, names.natural(package or "")))
        try:
            return importlib.util.find_spec(names.full(plain))
        except ModuleNotFoundError as error:
            names.unmangle(error)
            if error.name == plain:
                return None
            raise

    def spec_from_file_location(name: str, *args: Any, **options: Any) -> ModuleSpec | None:
        full = name if name.startswith(MANGLED) else names.prefix + name
        spec = importlib.util.spec_from_file_location(full, *args, **options)
        return None if spec is None else interior.search.adopt(spec)

    return view(importlib.util, interior, find_spec=find_spec, spec_from_file_location=spec_from_file_location)
