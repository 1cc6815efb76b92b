"""One contribution being rendered once: a visit of its generation, and the border around the plugin's code (law 9).

Its outcome is an Item, or an error; None while it runs, and for ever if it is late. Only `in_thread` runs off the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
from collections.abc import Mapping
from typing import NamedTuple

from plughost.errors import PlughostError, PluginStopping, PropsInvalid, RenderFailed, RenderTimeout
from plughost.model.owner import Owner, current
from plughost.registry.contribution import Contribution


class Item(NamedTuple):
    """What one contribution gave: text, or plain JSON values; a tuple, because pages have hundreds and a dataclass costs twice as much."""

    plugin: str
    version: str
    content: object
    content_type: str


class Turn:
    """One render; `cause` is what the plugin raised."""

    __slots__ = ("_closed", "_ended", "_late", "_loop", "_started", "_stopped", "cause", "contribution", "outcome", "task")

    def __init__(self, contribution: Contribution, loop: asyncio.AbstractEventLoop) -> None:
        self.contribution = contribution
        self.outcome: Item | PlughostError | None = None
        self.cause: BaseException | None = None
        self.task: asyncio.Task[None] | None = None
        self._loop = loop
        self._started = self._ended = self._closed = self._late = self._stopped = False
        contribution.visits.enter(self)

    def __str__(self) -> str:
        return f"render of slot {self.contribution.slot}"

    async def on_loop(self, props: Mapping[str, object]) -> None:
        """Render as a task of its own: its context is the owner's from here on."""
        current.set(self.contribution.owner)
        try:
            content = self.contribution.render(dict(props))
            if inspect.isawaitable(content):
                content = await content
            self.outcome = _item(self.contribution.owner, content)
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            self._failed(error)
        except (Exception, BaseExceptionGroup, SystemExit) as error:  # noqa: BLE001 - law 9: a render is plugin code
            self._failed(error)

    def in_thread(self, props: Mapping[str, object]) -> None:
        """Render here and now, in a thread of the slot's and a context of its own; not if the slot was closed meanwhile."""
        self._started = True
        current.set(self.contribution.owner)
        try:
            if not self._closed:
                self.outcome = _item(self.contribution.owner, self.contribution.render(dict(props)))
        except BaseException as error:  # noqa: BLE001 - law 9: a render is plugin code, and nothing above it in this thread is
            self._failed(error)
        self._ended = True
        if self._late:
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
                self._loop.call_soon_threadsafe(self._came)

    def end(self) -> None:
        """Nothing: the slot's own deadline is near."""

    def cancel(self) -> None:
        """Cancel the render; one in a thread cannot be."""
        self._stopped = True
        if self.task is not None:
            self.task.cancel()

    def close(self) -> None:
        """Leave the generation; a late one is cancelled and leaves when it really ends.

        A thread sets *started* and looks whether it is closed, this sets *closed* and looks whether it has started: one sees the other.
        """
        self._closed = True
        if self.task is not None and not self.task.done():
            self.task.cancel()
            self.task.add_done_callback(self._leave)
        elif self._started and not self._ended:
            self.contribution.visits.stuck += 1
            self._late = True
            if self._ended:  # just now, and it may not have seen that it is late
                self._came()
        else:
            self._leave()

    def error(self, deadline: float) -> PlughostError:
        """Why there is no item."""
        if isinstance(self.outcome, PlughostError):
            return self.outcome
        owner = self.contribution.owner
        if self._stopped:
            return PluginStopping(f"{owner} is being stopped; try again in a moment")
        return RenderTimeout(owner.plugin, slot=self.contribution.slot, seconds=deadline)

    def _came(self) -> None:
        if self._late:
            self._late = False
            self.contribution.visits.stuck -= 1
            self._leave()

    def _leave(self, _task: object = None) -> None:
        self.contribution.visits.leave(self)

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, PropsInvalid):
            self.outcome = error
            return
        self.cause = error
        self.outcome = RenderFailed(self.contribution.owner.plugin, slot=self.contribution.slot, reason=_said(error))


def _item(owner: Owner, content: object) -> Item:
    """Exact strings and fresh JSON values, so that nothing of the plugin's own classes is kept; raises where UTF-8 cannot say it."""
    html = getattr(content, "__html__", None)
    if html is not None:
        return Item(plugin=owner.plugin, version=owner.version, content=_text(str(html())), content_type="text/html")
    if isinstance(content, str):
        return Item(plugin=owner.plugin, version=owner.version, content=_text(str(content)), content_type="text/plain")
    plain = json.loads(_text(json.dumps(content, allow_nan=False, ensure_ascii=False)))
    return Item(plugin=owner.plugin, version=owner.version, content=plain, content_type="application/json")


def _text(text: str) -> str:
    text.encode()
    return text


def _said(error: BaseException) -> str:
    with contextlib.suppress(Exception):  # its __str__ is plugin code too
        return f"{type(error).__name__}: {error}".encode(errors="backslashreplace").decode()
    return type(error).__name__


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
