"""Rendering a slot: order, kinds of content, one deadline, and each failure by itself."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from plughost.errors import PropsInvalid
from plughost.model.event import Event, SlotFailed
from plughost.model.owner import Owner, current
from plughost.registry import Contribution, Mounted, Registry, Rendered, render, to_html
from plughost.registry.slots import MAX_STUCK

LONG = 1000.0


class Html(str):
    """As plughost.sdk's."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def contribution(plugin: str, function: Callable[[Mapping[str, object]], object], *, order: int = 0, sync: bool = False) -> Contribution:
    return Contribution(slot="icons", order=order, render=function, owner=Owner(plugin, "1.0", 7), sync=sync)


def gives(content: object, plugin: str = "chat") -> Contribution:
    return contribution(plugin, lambda props: content)


def later(function: Callable[[], Any]) -> Callable[[Mapping[str, object]], object]:
    """An async function as a render."""

    async def render(props: Mapping[str, object]) -> object:
        return await function()

    return render


async def rendered(*contributions: Contribution, props: Mapping[str, object] | None = None, deadline: float = LONG) -> Rendered:
    return await render("icons", contributions, props or {}, deadline=deadline, emit=lambda event: None)


def failing(error: BaseException) -> Callable[[Mapping[str, object]], object]:
    def fail(props: Mapping[str, object]) -> object:
        raise error

    return fail


@pytest.mark.parametrize(
    ("content", "text", "kind"),
    [
        (Html("<b>1</b>"), "<b>1</b>", "text/html"),
        ("1 < 2", "1 < 2", "text/plain"),
        ({"a": [1, None]}, {"a": [1, None]}, "application/json"),
        ((1, 2), [1, 2], "application/json"),
        (True, True, "application/json"),
    ],
)
@pytest.mark.parametrize("sync", [True, False])
async def test_what_is_returned_says_what_it_is(content: object, text: object, kind: str, *, sync: bool) -> None:
    [item] = (await rendered(contribution("chat", lambda props: content, sync=sync))).items

    assert (item.plugin, item.version, item.content, item.content_type) == ("chat", "1.0", text, kind)
    assert type(item.content) in {str, dict, list, bool}


async def test_in_html_all_but_html_is_escaped_and_failures_are_comments() -> None:
    answer = await rendered(
        gives(Html("<b>html</b>")),
        gives("<i>text</i>"),
        gives({"json": "<u>"}),
        gives(None),
        contribution("talk", failing(ValueError("--> <script>"))),
    )

    assert to_html(answer) == (
        "<b>html</b>&lt;i&gt;text&lt;/i&gt;{&quot;json&quot;: &quot;&lt;u&gt;&quot;}<!-- plughost: talk plugin-error -->"
    )


async def test_the_order_is_the_tables_whoever_is_ready_first() -> None:
    registry, first = Registry(), asyncio.Event()

    async def slow() -> str:
        await first.wait()
        return "slow"

    async def fast() -> str:
        first.set()
        return "fast"

    for plugin, order, function in (("ada", 5, fast), ("cyd", -1, slow), ("bob", 5, fast)):
        owner = Owner(plugin, "1.0", 1)
        icon = Contribution(slot="icons", order=order, render=later(function), owner=owner)
        registry.mount(Mounted(mount=plugin, owner=owner, app=None, contributions=(icon,)))

    answer = await rendered(*registry.table.slots["icons"])

    assert [(item.plugin, item.content) for item in answer.items] == [("cyd", "slow"), ("ada", "fast"), ("bob", "fast")]


async def test_the_registry_renders_what_is_mounted_now() -> None:
    registry, owner = Registry(), Owner("chat", "1.0", 1)
    icon = Contribution(slot="icons", render=lambda props: f"hello {props['user']}", owner=owner, sync=True)
    mounted = Mounted(mount="chat", owner=owner, app=None, contributions=(icon,))
    registry.mount(mounted)
    before = await registry.render("icons", {"user": "ada"}, deadline=LONG, emit=lambda event: None)
    registry.unmount(mounted)
    after = await registry.render("icons", {"user": "ada"}, deadline=LONG, emit=lambda event: None)

    assert [item.content for item in before.items] == ["hello ada"]
    assert after == Rendered(slot="icons")


async def test_an_empty_slot_is_empty() -> None:
    assert await rendered() == Rendered(slot="icons")
    assert to_html(await rendered()) == ""


async def test_a_contribution_cannot_change_the_props_of_the_others() -> None:
    def vandal(props: Any) -> object:
        props["user"] = "eve"
        return ""

    answer = await rendered(contribution("chat", vandal), contribution("talk", lambda props: props["user"]), props={"user": "ada"})

    assert [item.content for item in answer.items] == ["", "ada"]


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("not even this")


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (ValueError("no such user"), "plugin-error", "ValueError: no such user"),
        (SystemExit(3), "plugin-error", "SystemExit: 3"),
        (asyncio.CancelledError(), "plugin-error", "CancelledError"),
        (Unspeakable(), "plugin-error", "Unspeakable"),
        (PropsInvalid("chat", slot="icons", problems=["user is missing"]), "request-invalid", "user is missing"),
    ],
)
@pytest.mark.parametrize("sync", [True, False])
async def test_one_that_fails_is_an_error_and_the_others_are_delivered(error: BaseException, code: str, detail: str, *, sync: bool) -> None:
    answer = await rendered(gives("before", "ada"), contribution("chat", failing(error), sync=sync), gives("after", "talk"))

    assert [item.content for item in answer.items] == ["before", "after"]
    [failure] = answer.errors
    assert (failure.plugin, failure.version, failure.code) == ("chat", "1.0", code)
    assert detail in failure.detail


@pytest.mark.parametrize("content", [object(), {1, 2}, float("nan"), {"deep": object()}])
async def test_content_that_is_no_json_is_an_error_of_its_own(content: object) -> None:
    answer = await rendered(gives(content), gives("after"))

    assert [item.content for item in answer.items] == ["after"]
    assert [failure.code for failure in answer.errors] == ["plugin-error"]
    json.dumps([item.content for item in answer.items])


async def test_a_failure_is_logged_with_its_traceback_and_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Event] = []
    error = ValueError("_scope_chat_7.acme went wrong")
    icon = contribution("chat", failing(error))

    answer = await render("icons", [icon], {}, deadline=LONG, emit=told.append, natural=lambda text: text.replace("_scope_chat_7.", ""))

    [failure] = answer.errors
    assert "ValueError: acme went wrong" in failure.detail
    assert told == [SlotFailed(plugin="chat", version="1.0", generation=7, slot="icons", code="plugin-error", detail=failure.detail)]
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.exc_info is not None
    assert (record.exc_info[1], record.__dict__["plugin"], record.__dict__["slot"]) == (error, "chat", "icons")


async def test_at_the_deadline_the_late_one_alone_is_cancelled() -> None:
    ended: list[str] = []

    async def slow() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("slow")
        return "never"

    late = contribution("chat", later(slow))
    answer = await rendered(gives("before"), late, gives("after"), deadline=0)

    assert [item.content for item in answer.items] == ["before", "after"]
    assert [(failure.plugin, failure.code) for failure in answer.errors] == [("chat", "render-timeout")]
    await late.visits.drain(LONG)
    assert ended == ["slow"]


async def test_one_that_swallows_its_cancellation_holds_its_generation_and_not_the_slot() -> None:
    go = asyncio.Event()

    async def deaf() -> str:
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue
        return "at last"

    icon = contribution("chat", later(deaf))
    answer = await rendered(icon, deadline=0)

    assert [failure.code for failure in answer.errors] == ["render-timeout"]
    assert await icon.visits.drain(0) == ("render of slot icons",)
    go.set()
    assert await icon.visits.drain(LONG) == ()


async def test_a_render_is_a_visit_of_its_generation() -> None:
    go, inside = asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        inside.set()
        await go.wait()
        return "whole"

    icon = contribution("chat", later(slow))
    answer = asyncio.create_task(rendered(icon))
    await inside.wait()
    drain = asyncio.create_task(icon.visits.drain(LONG))
    await asyncio.sleep(0)
    assert not drain.done()
    go.set()

    assert [item.content for item in (await answer).items] == ["whole"]
    assert await drain == ()


async def test_a_drain_that_ends_cancels_it() -> None:
    icon = contribution("chat", later(asyncio.Event().wait))
    answer = asyncio.create_task(rendered(icon))
    while not len(icon.visits):
        await asyncio.sleep(0)

    assert await icon.visits.drain(0) == ()
    assert [failure.code for failure in (await answer).errors] == ["plugin-stopping"]


async def test_a_caller_that_goes_away_takes_its_renders_with_it() -> None:
    icons = [contribution("chat", later(asyncio.Event().wait)), contribution("talk", later(asyncio.Event().wait))]
    answer = asyncio.create_task(rendered(*icons))
    while not len(icons[1].visits):
        await asyncio.sleep(0)
    answer.cancel()

    with pytest.raises(asyncio.CancelledError):
        await answer
    for icon in icons:
        assert await icon.visits.drain(LONG) == ()


async def test_a_render_that_was_cancelled_before_it_began_leaves_too() -> None:
    icon = contribution("chat", lambda props: "never asked")
    answer = asyncio.create_task(rendered(icon))
    answer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answer

    assert await icon.visits.drain(LONG) == ()


request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id")


@pytest.mark.parametrize("sync", [True, False])
async def test_a_render_runs_as_its_owner_in_a_copy_of_the_callers_context(*, sync: bool) -> None:
    seen: list[tuple[Owner | None, str]] = []

    def look(props: Mapping[str, object]) -> object:
        seen.append((current.get(), request_id.get()))
        request_id.set("changed")
        return ""

    request_id.set("r1")
    icons = [contribution("chat", look, sync=sync), contribution("talk", look, sync=sync)]
    await rendered(*icons)

    assert seen == [(icon.owner, "r1") for icon in icons]
    assert (current.get(), request_id.get()) == (None, "r1")


async def test_a_timeout_inside_a_render_is_its_own() -> None:
    async def impatient() -> str:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            return "gave up"
        return "never"

    answer = await rendered(contribution("chat", later(impatient)), gives("after"))

    assert [item.content for item in answer.items] == ["gave up", "after"]


async def test_sync_renders_share_one_thread_in_order() -> None:
    threads: list[tuple[str, threading.Thread]] = []

    def note(name: str) -> Callable[[Mapping[str, object]], object]:
        def render(props: Mapping[str, object]) -> object:
            threads.append((name, threading.current_thread()))
            return name

        return render

    answer = await rendered(*(contribution(name, note(name), sync=True) for name in "abc"))

    assert [item.content for item in answer.items] == ["a", "b", "c"]
    assert [name for name, _ in threads] == ["a", "b", "c"]
    assert len({thread for _, thread in threads}) == 1
    assert threads[0][1] is not threading.main_thread()


async def test_one_that_overruns_moves_the_rest_to_a_second_thread_and_may_still_be_in_time(caplog: pytest.LogCaptureFixture) -> None:
    go = threading.Event()
    threads: list[threading.Thread] = []

    def slow(props: Mapping[str, object]) -> object:
        threads.append(threading.current_thread())
        return "slow" if go.wait(60) else "never"

    def last(props: Mapping[str, object]) -> object:
        threads.append(threading.current_thread())
        go.set()
        return "last"

    answer = await rendered(contribution("ada", slow, sync=True), contribution("bob", last, sync=True))

    assert [item.content for item in answer.items] == ["slow", "last"]
    assert len(set(threads)) == 2
    assert [record.__dict__["plugin"] for record in caplog.records if record.levelno == logging.WARNING] == ["ada"]


async def test_one_that_hangs_in_its_thread_is_late_and_leaves_when_it_ends() -> None:
    go = threading.Event()

    def hangs(props: Mapping[str, object]) -> object:
        return "too late" if go.wait(60) else "never"

    icon = contribution("chat", hangs, sync=True)
    while not icon.visits.stuck:
        answer = await rendered(icon, gives("meanwhile"), deadline=0.1)

    assert [item.content for item in answer.items] == ["meanwhile"]
    assert [failure.code for failure in answer.errors] == ["render-timeout"]
    assert len(icon.visits) == 1
    drain = asyncio.create_task(icon.visits.drain(LONG))
    go.set()
    assert await drain == ()
    assert icon.visits.stuck == 0


async def test_a_generation_whose_renders_hang_costs_a_bounded_number_of_threads() -> None:
    calls: list[str] = []
    icon = contribution("chat", lambda props: calls.append("called"), sync=True)
    icon.visits.stuck = MAX_STUCK

    answer = await rendered(icon, gives("after"))

    assert [item.content for item in answer.items] == ["after"]
    assert [failure.code for failure in answer.errors] == ["render-timeout"]
    assert calls == []
