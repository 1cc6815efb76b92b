"""Runs plugin code that may block, in a daemon thread of ours: the loop never waits for it, nor does the process's exit."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

from plughost.model.owner import Owner, current

T = TypeVar("T")


async def in_thread(job: Callable[[], T], *, owner: Owner, what: str, late: Callable[[], None] = lambda: None) -> T:
    """What the job answers or raises; it sees a context that holds its owner and nothing of who asked.

    A caller that is cancelled goes on at once and the thread is left to itself; `late` is then called when the job has ended.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()
    ended, left, lock = False, False, threading.Lock()

    def work() -> None:
        nonlocal ended
        current.set(owner)
        result, error = None, None
        try:
            result = job()
        except BaseException as raised:  # noqa: BLE001 - law 9: it belongs to who asked, whatever it is
            error = raised
        with lock:
            ended = True
            alone = left
        if alone or not _handed_over(loop, outcome, result, error):
            late()

    threading.Thread(target=contextvars.Context().run, args=(work,), name=f"plughost {what} {owner}", daemon=True).start()
    try:
        return await outcome
    except asyncio.CancelledError:
        with lock:
            left = True
            orphaned = ended
        if orphaned:  # it ended in the same moment, and handed over to nobody; `late` may block like the job
            threading.Thread(target=late, name=f"plughost {what} {owner}", daemon=True).start()
        raise


def _handed_over(loop: asyncio.AbstractEventLoop, outcome: asyncio.Future[T], result: T | None, error: BaseException | None) -> bool:
    def settle() -> None:
        if outcome.cancelled():
            return
        if error is None:
            outcome.set_result(result)  # type: ignore[arg-type]  # None only where T is
        else:
            outcome.set_exception(_settable(error))

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop is gone
        return False
    return True


def _settable(error: BaseException) -> BaseException:
    """The error, unless a future would take it for something else."""
    if not isinstance(error, StopIteration | asyncio.CancelledError):
        return error
    told = RuntimeError(f"it raised {type(error).__name__}")
    told.__cause__ = error
    return told
