"""One scope, from open to close.

    with Scope("_scope_chat_7", sharing) as scope:      # sharing: what model/sharing decided
        plugin = scope.load("acme_chat.entry:plugin")

Opening makes natives importable, stands the root package in sys.modules and tells the finder. Loading imports the entry's module and
takes the object. The scope stays open as long as its generation lives, for imports happen late (pydantic, lazy loaders). Closing
undoes what code in the scope did outside by facades, removes its modules, and makes the standard library forget it; what still holds
a module then is a leak (`leaks`).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Self

from plughost.errors import EntryMissing
from plughost.model.sharing import Sharing
from plughost.scope import finder, natives, report
from plughost.scope.facades import TABLE
from plughost.scope.forget import forget
from plughost.scope.interior import Interior, furnish
from plughost.scope.names import Names, natural
from plughost.scope.stack import roomy

_modules = sys.modules
logger = logging.getLogger(__name__)


class Scope:
    """A private import namespace over one site."""

    def __init__(self, root: str, sharing: Sharing) -> None:
        """`root`: `_scope_{plugin, with - as _}_{generation}`."""
        self.root, self.sharing = root, sharing
        self._interior: Interior | None = None

    def __repr__(self) -> str:
        return f"<Scope {self.root} {'open' if self._interior else 'closed'}>"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Make the scope's modules importable; raises NativeConflict."""
        shared = self.sharing.shared_tops | natives.admit(self.sharing)
        own = {"distutils"} if any((directory / "_distutils_hack").is_dir() for directory in self.sharing.private) else ()
        interior = furnish(Names(self.root, shared=shared, facades=TABLE, own=own), self.sharing)
        if in_front := finder.enter(interior):
            logger.warning("importers stood before plughost's and were moved behind it", extra={"importers": in_front})
        _modules[self.root] = _root_package(interior)
        self._interior = interior

    def close(self) -> None:
        """Remove everything of the scope; what it holds open outside is put back. Closing twice is allowed."""
        interior, self._interior = self._interior, None
        if interior is None:
            return
        while interior.undo:
            self._undo(interior.undo.pop())
        finder.leave(interior)
        for name in [name for name in list(_modules) if name == self.root or name.startswith(interior.names.prefix)]:
            _modules.pop(name, None)
        forget(self.root, map(str, self.sharing.private))

    @roomy
    def load(self, entry: str) -> object:
        """The object that an entry point names; without `:object` it is `plugin`.

        Raises EntryMissing where the module or the object is not there; what the module raises passes.
        """
        name, _, attributes = entry.partition(":")
        loaded: object = self._entry_module(entry, name.strip())
        for attribute in (attributes.strip() or "plugin").split("."):
            try:
                loaded = getattr(loaded, attribute)
            except AttributeError:
                raise EntryMissing(entry, f"module {name!r} has no {attributes or 'plugin'!r}") from None
        return loaded

    def modules(self) -> Mapping[str, ModuleType]:
        """The scope's own modules that are loaded now, by natural name."""
        prefix = f"{self.root}."
        found = {name.removeprefix(prefix): module for name, module in list(_modules.items()) if name.startswith(prefix)}
        return {name: module for name, module in found.items() if getattr(module, "__name__", "").startswith(prefix)}

    def natural(self, text: str) -> str:
        """The text without mangled names."""
        return natural(text.replace(f"{self.root}.", "").replace(f"{self.root}__", ""))

    def format_exception(self, error: BaseException) -> str:
        """The error's traceback with natural names, from the plugin's first frame on, without the frames of import machinery."""
        return self.natural(report.format_exception(error, self.sharing.private))

    def _undo(self, step: Callable[[], None]) -> None:
        try:
            step()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - law 9: a plugin's exit function must not keep its scope open
            logger.warning("a plugin's exit function raised", extra={"scope": self.root, "traceback": self.format_exception(error)})

    def _entry_module(self, entry: str, name: str) -> ModuleType:
        if self._interior is None:
            raise RuntimeError(f"{self!r} loads nothing; open it first")
        if not all(part.isidentifier() for part in name.split(".")):
            raise EntryMissing(entry, f"{name!r} is not the name of a module")
        try:
            return self._interior.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise EntryMissing(entry, f"there is no module {error.name!r}") from None


def _root_package(interior: Interior) -> ModuleType:
    """The package that all of the scope's modules are in; code may climb up to it and look for its file (twisted does)."""
    root = ModuleType(interior.names.root)
    root.__path__ = interior.path
    root.__spec__ = ModuleSpec(root.__name__, None, is_package=True)
    root.__spec__.submodule_search_locations = interior.path
    root.__file__ = str(Path(*interior.path[:1], "__init__.py"))
    vars(root)["__builtins__"] = interior.builtins
    return root
