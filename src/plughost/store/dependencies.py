"""The wheels of a resolved closure: all at once, without those that the host offers in a version that fits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from plughost.model.artifact import StoredWheel
from plughost.model.sharing import HostShare, offered_instead
from plughost.store.once import Report
from plughost.store.resolve import Pinned

_AT_ONCE = 8
Get = Callable[[Pinned, Report], Awaitable[StoredWheel]]


async def obtain(own: StoredWheel, rows: Sequence[Pinned], share: HostShare, *, get: Get, report: Report) -> tuple[StoredWheel, ...]:
    """The wheels of those rows that the plugin needs of its own, in their order.

    Whether an offered distribution replaces a row depends on what the other rows require, so those come first; a row that
    turns out not to be replaced joins, and is asked in its turn.
    """
    by_project = {row.project: row for row in rows}
    wheels: dict[str, StoredWheel] = {}
    wanted: Collection[str] = [project for project in by_project if project not in share]
    while True:
        wheels |= await _all_at_once([by_project[project] for project in wanted], get, report)
        needed = _needed(own, by_project, wheels, share)
        wanted = [project for project in needed if project not in wheels]
        if not wanted:
            return tuple(wheels[project] for project in by_project if project in needed)


def _needed(own: StoredWheel, rows: Mapping[str, Pinned], wheels: Mapping[str, StoredWheel], share: HostShare) -> list[str]:
    known = {project: wheels[project].requires if project in wheels else () for project in rows}
    replaced = offered_instead({**known, own.project: own.requires}, own.project, share)
    return [project for project in rows if project not in replaced]


async def _all_at_once(rows: Sequence[Pinned], get: Get, report: Report) -> dict[str, StoredWheel]:
    gate, done = asyncio.Semaphore(_AT_ONCE), dict[str, int]()

    async def one(row: Pinned) -> StoredWheel:
        def say(phase: str, size: int | None = None, _total: int | None = None, /) -> None:
            if phase == "fetch" and size is not None:
                done[row.project] = size
                report("install", sum(done.values()))

        async with gate:
            return await get(row, say)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = {row.project: group.create_task(one(row)) for row in rows}
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return {project: task.result() for project, task in tasks.items()}
