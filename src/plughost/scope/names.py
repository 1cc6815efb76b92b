"""What a module is called: natural names in source text, mangled ones in sys.modules.

A scope has a root name, `_scope_chat_7`. Its module `markdown_it.token` stands in the process's sys.modules as
`_scope_chat_7.markdown_it.token`, so whatever looks a class up by `cls.__module__` finds it: pickle, dataclasses, typing, pydantic.
People and source text see natural names only. `Names` knows the way in both directions for one scope, and which natural names are
not the scope's own: the standard library's and the shared ones belong to the host.

Three kinds of names need care:
* a *facade* (`sys`) is a host's module of which the scope has its own view: a mangled name whose module is the view;
* *dotted* names (`plughost.sdk`, `google.protobuf`) are the host's although their parent is not: mangled too, and the module found
  under the mangled name is the host's own object;
* a *shadowed* one is a host's name that code of the scope has put a module of its own under, in sys.modules.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

MANGLED = "_scope_"
STANDARD = frozenset(sys.stdlib_module_names) | frozenset(sys.builtin_module_names) | {"__main__"}
_ANY_ROOT = re.compile(rf"{MANGLED}[a-z][a-z0-9_]*?_[0-9]+(?:\.|__|(?![A-Za-z0-9_]))")

Place = tuple[str, str]
"""Where an absolute name is found: its full name in sys.modules, and that of its top-level package."""


def natural(text: str) -> str:
    """The text without any scope's root name, as its author would have written it."""
    return _ANY_ROOT.sub("", text) if MANGLED in text else text


class Names:
    """The names of one scope."""

    __slots__ = ("_dotted", "_facades", "_own", "_parts", "_tops", "places", "prefix", "root")

    def __init__(self, root: str, *, shared: Iterable[str], facades: Iterable[str], own: Iterable[str] = ()) -> None:
        """`shared`: names of the host's; `facades`: names that have one; `own`: names of the standard library that are the scope's."""
        self.root, self.prefix = root, f"{root}."
        self._facades, self._own = frozenset(facades), frozenset(own)
        self._dotted = frozenset(name for name in shared if "." in name)
        self._tops = frozenset(name for name in shared if "." not in name)
        self._parts = frozenset(map(top_of, self._dotted | self._facades))
        self.places: dict[str, Place | None] = {}
        """What `place` said, by name; the import statement looks here first."""

    def place(self, name: str) -> Place | None:
        """Where the scope finds an absolute name; None: under the name as it is.

        That is so for the host's names, for mangled ones (`__import__(cls.__module__)`), and for what is no name at all.
        """
        as_it_is = not isinstance(name, str) or not name or name.startswith(MANGLED)
        if as_it_is or (self.of_host(name) and top_of(name) not in self._parts):
            self.places[name] = None
        else:
            self.places[name] = self.prefix + name, self.prefix + top_of(name)
        return self.places[name]

    def full(self, name: str) -> str:
        """The name in sys.modules."""
        place = self.places[name] if name in self.places else self.place(name)
        return name if place is None else place[0]

    def natural(self, name: str) -> str:
        """The name as source text has it."""
        return name.removeprefix(self.prefix)

    def of_host(self, plain: str) -> bool:
        """Whether a natural name is the host's."""
        top = top_of(plain)
        if top in STANDARD:
            return top not in self._own
        return top in self._tops or (top in self._parts and any(parent in self._dotted for parent in _with_parents(plain)))

    def has_facade(self, plain: str) -> bool:
        """Whether the scope has a view of its own of a host's module."""
        return plain in self._facades

    def leads_to_host(self, plain: str) -> bool:
        """Whether something below a natural name is the host's although it is not itself."""
        return any(dotted.startswith(f"{plain}.") for dotted in self._dotted)

    def shadow(self, plain: str) -> None:
        """From now on a host's name is the scope's own; its package stays the host's."""
        top = top_of(plain)
        self.places[plain] = self.prefix + plain, top if "." in plain else self.prefix + top

    def unshadow(self, plain: str) -> None:
        """The name is the host's again."""
        self.place(plain)

    def unmangle(self, error: ImportError) -> None:
        """Let an error say natural names."""
        if error.name and error.name.startswith(self.prefix):
            error.name = self.natural(error.name)
            error.msg = error.msg.replace(self.prefix, "")
            error.args = (error.msg,)


def top_of(name: str) -> str:
    """The first part of a dotted name."""
    return name.partition(".")[0]


def _with_parents(name: str) -> Iterable[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]
