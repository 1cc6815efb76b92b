"""The ledger's rows of what should be, in memory: written after the ledger, read by everyone without waiting.

Also the questions across plugins, which are pure functions over all intents: who has a mount, which names are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from plughost.control.revoked import Revocations
from plughost.errors import MountConflict
from plughost.model.intent import Intent, Override, intend, speaker
from plughost.model.plugin import Listing, PluginName, WheelFile
from plughost.model.revocation import Reasons

Lists = Mapping[str, Mapping[str, Listing]]


class Intents:
    """What sources list and operators said, by plugin, and what nobody may run."""

    def __init__(
        self,
        order: Iterable[str],
        *,
        choose: Callable[[Listing], WheelFile],
        core_owns: Callable[[str], bool],
        revoked: Revocations | None = None,
    ) -> None:
        self.revoked = Revocations() if revoked is None else revoked
        self._order = tuple(order)
        self._choose, self._core_owns = choose, core_owns
        self._lists: dict[str, Mapping[str, Listing]] = {}
        self._overrides: dict[str, Override] = {}
        self._made: dict[str, Intent] = {}
        self._wanted: dict[str, set[str]] | None = None
        """Mount → plugins that are enabled with it; made when it is asked for."""

    def load(self, lists: Lists, overrides: Mapping[str, Override], revoked: Mapping[str, Reasons]) -> frozenset[str]:
        """Take the ledger's rows and answer the names that they touch: whose intent changed, or all where something else is revoked."""
        before = {name: self.intent(name) for name in self.names()}
        self._lists, self._overrides = dict(lists), dict(overrides)
        self._forget(before.keys() | self.names())
        now = {name: self.intent(name) for name in self.names()}
        all_of_them = self.revoked.load(revoked)
        return frozenset(name for name in before.keys() | now.keys() if all_of_them or before.get(name) != now.get(name))

    def put_list(self, source: str, listings: Mapping[str, Listing] | None) -> frozenset[str]:
        """Replace what a source lists (None: the source is gone) and answer the names it touches."""
        before = self._lists.pop(source, {})
        if listings is not None:
            self._lists[source] = listings
        after = listings or {}
        changed = frozenset(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        self._forget(changed)
        return changed

    def put_revoked(self, source: str, revoked: Reasons) -> frozenset[str]:
        """Replace what a source has revoked and answer the names it may touch: of what each consists, its actor knows."""
        return self.names() if self.revoked.put(source, revoked) else frozenset()

    def put_override(self, name: str, override: Override | None) -> None:
        """Set or take away what an operator said."""
        if override is None:
            self._overrides.pop(name, None)
        else:
            self._overrides[name] = override
        self._forget([name])

    def names(self) -> frozenset[str]:
        """Every plugin that has a listing or an override."""
        return frozenset(self._overrides).union(*self._lists.values()) if self._lists else frozenset(self._overrides)

    def sources(self) -> frozenset[str]:
        """Every source whose list is known, configured or not."""
        return frozenset(self._lists)

    def listed_by(self, source: str) -> Mapping[str, Listing]:
        """The last good list of a source."""
        return self._lists.get(source, {})

    def override(self, name: str) -> Override | None:
        """What an operator said of the plugin, if anything."""
        return self._overrides.get(name)

    def listing(self, name: str) -> Listing | None:
        """What the first source that may speak for the plugin lists."""
        rest = sorted(self._lists.keys() - set(self._order))  # a source that left the settings speaks last, until it is forgotten
        return speaker(name, self._lists, (*self._order, *rest))

    def intent(self, name: str) -> Intent:
        """What should be true of the plugin."""
        if (made := self._made.get(name)) is None:
            made = self._made[name] = intend(PluginName(name), self.listing(name), self.override(name), choose=self._choose)
        return made

    def echoes(self) -> Mapping[str, Mapping[str, str]]:
        """Source → name → the source that speaks for it instead."""
        found: dict[str, dict[str, str]] = {}
        for source, listings in self._lists.items():
            for name in listings:
                heard = self.listing(name)
                if heard is not None and heard.source != source:
                    found.setdefault(source, {})[name] = heard.source
        return found

    def claim(self, name: str, mount: str, *, taken: Mapping[str, str], had: Callable[[str], bool]) -> None:
        """Raise MountConflict unless the plugin may have the mount.

        `taken` maps mounts to the plugins that have them now; `had` tells whether a plugin served under this mount last.
        A mount that is free goes to who had it last, then to overrides, then by the order of sources, then by name.
        """
        if self._core_owns(mount):
            raise MountConflict(mount, owner="the embedding application")
        if (holder := taken.get(mount, name)) != name:
            raise MountConflict(mount, owner=holder)
        rivals = () if mount in taken else self._wanting(mount) - {name}
        first = min([name, *rivals], key=lambda plugin: (not had(plugin), *self._precedence(plugin)))
        if first != name:
            raise MountConflict(mount, owner=first)

    def _wanting(self, mount: str) -> set[str]:
        if self._wanted is None:
            self._wanted = {}
            for name in self.names():
                intent = self.intent(name)
                if intent.state == "enabled" and intent.target is not None:
                    self._wanted.setdefault(intent.target.mount, set()).add(name)
        return self._wanted.get(mount, set())

    def _forget(self, names: Iterable[str]) -> None:
        self._wanted = None
        for name in names:
            self._made.pop(name, None)

    def _precedence(self, name: str) -> tuple[bool, int, str]:
        listing = self.listing(name)
        position = self._order.index(listing.source) if listing and listing.source in self._order else len(self._order)
        return name not in self._overrides, position, name
