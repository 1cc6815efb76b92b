"""The one place that holds the current table; each change is one assignment (law 5)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from plughost.errors import MountConflict
from plughost.model.event import Emit
from plughost.registry.lanes import Threads
from plughost.registry.slots import Rendered, render
from plughost.registry.table import Mounted, Table, Unavailable

logger = logging.getLogger("plughost.plugin")


def _unheard(table: Table) -> None:
    """Nobody listens."""


class Registry:
    """What serves now; `changed` is called with each new table (which is also told by its identity: compare with `is`)."""

    def __init__(self, changed: Callable[[Table], None] = _unheard) -> None:
        self.table = Table()
        self.edition = 0
        """Another number after each change; who keeps it keeps nothing of the table alive."""
        self._changed = changed
        self._threads = Threads()

    def mount(self, mounted: Mounted) -> None:
        """Serve this generation instead of what its plugin had; raises MountConflict where another plugin has the mount."""
        self._replace(self.table.with_(mounted))

    def unmount(self, mounted: Mounted) -> None:
        """Stop serving exactly this generation; nothing happens where another entry has taken its place."""
        if self.table.mounts.get(mounted.mount) is mounted:
            self._replace(self.table.without(mounted.mount))

    def announce(self, unavailable: Unavailable) -> None:
        """Answer 503 under this mount from now on; nothing happens where another plugin has it."""
        try:
            self._replace(self.table.with_(unavailable))
        except MountConflict:
            return

    def withdraw(self, mount: str, plugin: str) -> None:
        """Take away whatever this plugin has at the mount."""
        holder = self.table.mounts.get(mount)
        if holder is not None and holder.plugin == plugin:
            self._replace(self.table.without(mount))

    async def render(
        self, slot: str, props: Mapping[str, object], *, deadline: float, emit: Emit, natural: Callable[[str], str] = str
    ) -> Rendered:
        """Render a slot as it is now; see `slots.render`."""
        found = self.table.slots.get(slot, ())
        return await render(slot, found, props, deadline=deadline, emit=emit, natural=natural, threads=self._threads)

    async def drain(self, mounted: Mounted, deadline: float) -> tuple[str, ...]:
        """Wait for the end of all visits as `Visits.drain` does; the names of those that would not end."""
        if left := await mounted.visits.drain(deadline):
            owner = mounted.owner
            fields = {"plugin": owner.plugin, "version": owner.version, "generation": owner.generation, "visits": left}
            logger.warning("visits swallowed their cancellation and were left", extra=fields)
        return left

    def _replace(self, table: Table) -> None:
        self.table = table
        self.edition += 1
        self._changed(table)
