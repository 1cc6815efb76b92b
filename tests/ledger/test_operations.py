from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from plughost.errors import ImportCrashed, Interrupted, OperationUnknown, describe
from plughost.ledger import CLEAR, Ledger, operations
from plughost.model.lifecycle import ENDED, LOADING, Phase
from plughost.model.operation import Operation, Step
from plughost.model.plugin import Target

Releases = Callable[..., Target]
Operations = Callable[..., Operation]


def nobody(_boot: str) -> bool:
    return False


async def test_an_operation_reads_back_as_it_ended(ledger: Ledger, operation: Operations) -> None:
    steps = (Step(name="fetch", started=1.0, seconds=0.5, bytes=10, total=10), Step(name="import", started=1.5))
    ended = replace(
        operation(state="failed"), steps=steps, error={"code": "import-failed", "rows": [1]}, notes=("left out x.pth",), origin="::1"
    )
    await ledger.begin(operation(), "install chat")
    await ledger.end(ended)

    found = await ledger.operation("op-1")

    assert found == ended
    assert found.origin == "::1"
    assert found.phase == "import"


async def test_an_unknown_operation_is_said_to_be_unknown(ledger: Ledger) -> None:
    with pytest.raises(OperationUnknown, match="op-9"):
        await ledger.operation("op-9")


async def test_operations_are_listed_newest_first_in_pages(ledger: Ledger, operation: Operations) -> None:
    for number in range(5):
        await ledger.begin(operation(number), "")

    first = await ledger.operations(limit=2)
    second = await ledger.operations(limit=2, before=first[-1].id)
    rest = await ledger.operations(limit=2, before=second[-1].id)

    assert [found.id for found in (*first, *second, *rest)] == ["op-4", "op-3", "op-2", "op-1", "op-0"]


async def test_operations_are_chosen_by_plugin_and_state(ledger: Ledger, operation: Operations) -> None:
    await ledger.begin(operation(1), "")
    await ledger.begin(operation(2, "news"), "")
    await ledger.begin(operation(3), "")
    await ledger.end(operation(3, state="succeeded"))

    assert [found.id for found in await ledger.operations(plugin="chat")] == ["op-3", "op-1"]
    assert [found.id for found in await ledger.operations(state="running")] == ["op-2", "op-1"]
    assert [found.id for found in await ledger.operations(plugin="chat", state="succeeded")] == ["op-3"]


async def test_the_oldest_ended_operations_go_and_running_ones_stay(
    ledger: Ledger, operation: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "KEPT", 3)
    await ledger.begin(operation(0), "")
    for number in range(1, 6):
        await ledger.begin(operation(number), "")
        await ledger.end(operation(number, state="succeeded"))

    assert [found.id for found in await ledger.operations()] == ["op-5", "op-4", "op-3", "op-0"]


async def test_a_generation_number_is_never_given_twice(tmp_path: Path, release: Releases) -> None:
    numbers = []
    for boot in ("one", "two"):
        ledger = await Ledger.open(tmp_path / "ledger.sqlite", boot=boot)
        for _ in range(3):
            number = await ledger.new_generation(release(), "op-1")
            await ledger.generation_phase(number, Phase.RETIRED)
            numbers.append(number)
        await ledger.close()

    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("phase", sorted(LOADING))
async def test_a_release_whose_process_died_while_it_loaded_is_refused(ledger: Ledger, release: Releases, phase: Phase) -> None:
    await ledger.generation_phase(await ledger.new_generation(release(), "op-1"), phase)
    reaper = Ledger(ledger._database, boot="next", version=0)

    reaped = await reaper.reap(nobody)

    refused = (await ledger.recorded()).refused["chat"]
    assert reaped.crashed == (release(),)
    assert (refused.target, refused.attempts, refused.next_try) == (release(), 1, None)
    assert refused.error == describe(ImportCrashed("chat 1.0"))


@pytest.mark.parametrize("phase", sorted(set(Phase) - LOADING))
async def test_a_release_that_did_not_load_when_its_process_died_is_not_blamed(ledger: Ledger, release: Releases, phase: Phase) -> None:
    await ledger.generation_phase(await ledger.new_generation(release(), "op-1"), phase)
    reaper = Ledger(ledger._database, boot="next", version=0)

    reaped = await reaper.reap(nobody)

    assert reaped.crashed == ()
    assert (await ledger.recorded()).refused == {}


async def test_a_release_that_crashes_again_counts_on(ledger: Ledger, release: Releases) -> None:
    for boot in ("two", "three"):
        await ledger.generation_phase(await ledger.new_generation(release(), "op-1"), Phase.IMPORTING)
        await Ledger(ledger._database, boot=boot, version=0).reap(nobody)

    assert (await ledger.recorded()).refused["chat"].attempts == 2


async def test_a_release_that_served_before_gets_one_more_try(ledger: Ledger, release: Releases, operation: Operations) -> None:
    await ledger.end(operation(state="succeeded"), served=release())
    refusals = []
    for boot in ("two", "three"):
        for target in (release(), release("news")):
            await ledger.generation_phase(await ledger.new_generation(target, "op-1"), Phase.IMPORTING)
        await Ledger(ledger._database, boot=boot, version=0).reap(nobody)
        refusals.append((await ledger.recorded()).refused)

    first, second = refusals
    assert (first["chat"].attempts, first["chat"].next_try) == (1, first["chat"].at)
    assert (second["chat"].attempts, second["chat"].next_try) == (2, None)
    assert (first["news"].next_try, second["news"].next_try) == (None, None)


async def test_a_success_in_between_forgives_the_first_crash(ledger: Ledger, release: Releases, operation: Operations) -> None:
    for boot in ("two", "three"):
        await ledger.end(operation(state="succeeded"), served=release(), refused=CLEAR)
        await ledger.generation_phase(await ledger.new_generation(release(), "op-1"), Phase.IMPORTING)
        await Ledger(ledger._database, boot=boot, version=0).reap(nobody)

    assert (await ledger.recorded()).refused["chat"].next_try is not None


async def test_operations_of_a_dead_process_end_as_interrupted(ledger: Ledger, operation: Operations) -> None:
    await ledger.begin(operation(1), "")
    await ledger.begin(operation(2), "")
    await ledger.end(operation(2, state="succeeded"))
    reaper = Ledger(ledger._database, boot="next", version=0)

    reaped = await reaper.reap(nobody)

    found = await ledger.operation("op-1")
    assert reaped.operations == (found,)
    assert (found.state, found.error) == ("failed", describe(Interrupted()))
    assert found.ended is not None
    assert (await ledger.operation("op-2")).state == "succeeded"


async def test_what_live_processes_do_is_left_alone(ledger: Ledger, release: Releases, operation: Operations) -> None:
    await ledger.begin(operation(), "")
    await ledger.generation_phase(await ledger.new_generation(release(), "op-1"), Phase.IMPORTING)
    reaper = Ledger(ledger._database, boot="next", version=0)

    others_live = await reaper.reap(lambda boot: boot == "here")
    we_live = await ledger.reap(nobody)

    assert (others_live.operations, others_live.crashed, we_live.operations, we_live.crashed) == ((), (), (), ())


async def test_reaping_twice_finds_nothing_the_second_time(ledger: Ledger, release: Releases, operation: Operations) -> None:
    await ledger.begin(operation(), "")
    await ledger.generation_phase(await ledger.new_generation(release(), "op-1"), Phase.PROBING)
    reaper = Ledger(ledger._database, boot="next", version=0)
    await reaper.reap(nobody)

    again = await reaper.reap(nobody)

    assert (again.operations, again.crashed) == ((), ())


def test_every_phase_is_loading_ended_or_neither() -> None:
    assert not LOADING & ENDED
