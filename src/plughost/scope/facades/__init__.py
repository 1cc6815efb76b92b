"""Modules of the host as one scope sees them.

Where the standard library takes a *string* for a module (`import_module("pkg.sub")`, `version("pkg")`, `sys.modules["pkg"]`) code of
a scope means its own module of that name. So a scope gets a view of such a module, made when it first imports it, from `TABLE`:
the module's name → what makes the view. To deepen the scope, add a row (and one for each package above
it). A row of a library counts where the scope has the host's copy of it.

Nothing is written through. A view holds every attribute in its own namespace; what a scope sets there stays there. What only exists
once for the process (`sys.stdout`, hooks, exit functions) is set outside and put back when the scope closes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType

from plughost.scope.facades.imports import see_importlib, see_util
from plughost.scope.facades.metadata import see_metadata
from plughost.scope.facades.registers import see_atexit, see_codecs
from plughost.scope.facades.resources import see_resources
from plughost.scope.facades.system import see_sys
from plughost.scope.facades.templates import see_jinja2, see_loaders
from plughost.scope.interior import Interior

TABLE: Mapping[str, Callable[[Interior], ModuleType]] = {
    "atexit": see_atexit,
    "codecs": see_codecs,
    "importlib": see_importlib,
    "importlib.metadata": see_metadata,
    "importlib.resources": see_resources,
    "importlib.util": see_util,
    "jinja2": see_jinja2,
    "jinja2.loaders": see_loaders,
    "sys": see_sys,
}
