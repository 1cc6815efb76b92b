"""Rendering a slot: all contributions at once, in order, under one deadline, each failure by itself.

A task for each contribution that is rendered on the loop, started eagerly where Python can (3.12), so that one that never
waits costs next to nothing; one thread for those that are synchronous. At the deadline the late ones alone are cancelled.
"""

from __future__ import annotations

import asyncio
import html
import json
import logging
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass

from plughost.model.event import Emit, SlotFailed
from plughost.registry.contribution import Contribution
from plughost.registry.lanes import Threads, in_lanes
from plughost.registry.turn import Item, Turn

logger = logging.getLogger("plughost.plugin")

MAX_STUCK = 8
"""So many sync renders of one generation may hang; further ones fail at once, for each would cost a thread."""
_SHARE, _PATIENCE = 4, 2.0
"""A sync render has a quarter of the slot's time, or two seconds, before the others stop waiting behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why one contribution gave nothing."""

    plugin: str
    version: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A slot as far as it could be rendered, in order."""

    slot: str
    items: tuple[Item, ...] = ()
    errors: tuple[Failure, ...] = ()


async def render(
    slot: str,
    contributions: Sequence[Contribution],
    props: Mapping[str, object],
    *,
    deadline: float,
    emit: Emit,
    natural: Callable[[str], str] = str,
    threads: Threads | None = None,
) -> Rendered:
    """The contributions' contents, in order; those that failed or were not there after `deadline` seconds are in `errors`.

    Each render keeps its generation alive. `natural` takes private module names out of what plugins say; `threads` may be
    those of earlier slots.
    """
    loop = asyncio.get_running_loop()
    turns = [Turn(contribution, loop) for contribution in contributions]
    try:
        await _played(turns, props, deadline, threads or Threads(patience=0))
    finally:
        for turn in turns:
            turn.close()
    return Rendered(
        slot=slot,
        items=tuple(turn.outcome for turn in turns if isinstance(turn.outcome, Item)),
        errors=tuple(_failure(turn, deadline, emit, natural) for turn in turns if not isinstance(turn.outcome, Item)),
    )


def to_html(rendered: Rendered) -> str:
    """The fragments, joined: HTML as it is, everything else escaped (None is nothing), then a comment with its code for each failure."""
    comments = (f"<!-- plughost: {failure.plugin} {failure.code} -->" for failure in rendered.errors)
    return "".join((*map(_fragment, rendered.items), *comments))


async def _played(turns: Sequence[Turn], props: Mapping[str, object], deadline: float, threads: Threads) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + deadline
    running = {turn.task for turn in turns if not turn.contribution.sync and _started(turn, props, loop)}
    threaded = [turn for turn in turns if turn.contribution.sync and turn.contribution.visits.stuck < MAX_STUCK]
    lanes = loop.create_task(in_lanes(threads, threaded, props, min(deadline / _SHARE, _PATIENCE))) if threaded else None
    waited = {task for task in (*running, lanes) if task is not None}
    try:
        if waited:
            await asyncio.wait(waited, timeout=max(0, until - loop.time()))
    finally:
        if lanes is not None:
            lanes.cancel()


def _started(turn: Turn, props: Mapping[str, object], loop: asyncio.AbstractEventLoop) -> bool:
    """Start its task; False if that has ended already."""
    turn.task = _task(turn.on_loop(props), loop)
    return not turn.task.done()


def _task(coroutine: Coroutine[object, object, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
    # Not by the loop's task factory: only the class starts eagerly on every version, and a turn knows whose it is.
    if sys.version_info >= (3, 12):
        return asyncio.Task(coroutine, loop=loop, eager_start=True)
    return asyncio.Task(coroutine, loop=loop)


def _failure(turn: Turn, deadline: float, emit: Emit, natural: Callable[[str], str]) -> Failure:
    error, owner = turn.error(deadline), turn.contribution.owner
    detail = natural(error.detail)
    names = {"plugin": owner.plugin, "version": owner.version, "generation": owner.generation}
    logger.warning("a contribution failed", exc_info=turn.cause, extra={**names, "slot": turn.contribution.slot, "code": error.code})
    emit(
        SlotFailed(
            plugin=owner.plugin,
            version=owner.version,
            generation=owner.generation,
            slot=turn.contribution.slot,
            code=error.code,
            detail=detail,
        )
    )
    return Failure(plugin=owner.plugin, version=owner.version, code=error.code, detail=detail)


def _fragment(item: Item) -> str:
    if item.content_type == "text/html":
        return str(item.content)
    if item.content is None:
        return ""
    return html.escape(item.content if isinstance(item.content, str) else json.dumps(item.content, ensure_ascii=False))
