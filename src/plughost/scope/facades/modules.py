"""`sys.modules` as a scope sees it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableMapping
from types import ModuleType

from plughost.scope.names import MANGLED, Names

_modules = sys.modules


class ModulesView(MutableMapping[str, ModuleType]):
    """The process's modules by natural name: the scope's own and the host's that it may see.

    What is set under a host's name stands in the scope alone and shadows it there; a host's module cannot be removed.
    """

    def __init__(self, names: Names) -> None:
        self._names = names

    def __getitem__(self, key: str) -> ModuleType:
        for name in self._where(key):
            if name in _modules:
                return _modules[name]
        raise KeyError(key)

    def __setitem__(self, key: str, module: ModuleType) -> None:
        if self._seen_at_host(key):
            if _modules.get(key) is module:
                return
            self._names.shadow(key)
        _modules[self._own(key)] = module

    def __delitem__(self, key: str) -> None:
        if self._seen_at_host(key):
            self._names.unshadow(key)
            _modules.pop(self._own(key), None)
        elif _modules.pop(self._own(key), None) is None:
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys())

    def __len__(self) -> int:
        return len(self._keys())

    def __repr__(self) -> str:
        return repr(dict(self))

    def clear(self) -> None:
        """Remove the scope's own modules."""
        for key in [key for key in self if isinstance(key, Seen)]:
            del _modules[key.mangled]

    def copy(self) -> dict[str, ModuleType]:
        """A plain dictionary of what is seen now."""
        return dict(self)

    def _keys(self) -> list[str]:
        prefix, of_host, loaded = self._names.prefix, self._names.of_host, list(_modules)
        own = [name for name in loaded if name.startswith(prefix)]
        shadowing = {name.removeprefix(prefix) for name in own}
        hosts = [name for name in loaded if not name.startswith(MANGLED) and of_host(name) and name not in shadowing]
        return [*(Seen.of(name, prefix) for name in own), *hosts]

    def _where(self, key: str) -> tuple[str, ...]:
        if not isinstance(key, str):
            return ()
        return (self._own(key), key) if self._seen_at_host(key) else (self._own(key),)

    def _own(self, key: str) -> str:
        return key if key.startswith(MANGLED) else self._names.prefix + key

    def _seen_at_host(self, key: str) -> bool:
        return not key.startswith(MANGLED) and self._names.of_host(key)


class Seen(str):
    """A scope's module in `for name in sys.modules`: a natural name that equals the mangled one too (`name == __name__`)."""

    __slots__ = ("mangled",)
    mangled: str

    @classmethod
    def of(cls, mangled: str, prefix: str) -> Seen:
        """The name as a scope with that prefix sees it."""
        seen = cls(mangled.removeprefix(prefix))
        seen.mangled = mangled
        return seen

    def __eq__(self, other: object) -> bool:
        return other == self.mangled or str.__eq__(self, other) is True

    __hash__ = str.__hash__
