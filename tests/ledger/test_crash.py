"""Real processes on one file: killed at any moment, or working side by side."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from plughost.ledger import Ledger
from plughost.model.plugin import Target

DEADLINE = 60

PROLOGUE = """
import asyncio, sys, time
from dataclasses import replace
from pathlib import Path
from plughost.ledger import CLEAR, Audit, Ledger
from plughost.model.intent import Override
from plughost.model.lifecycle import Phase
from plughost.model.operation import Operation
from plughost.model.plugin import Target, WheelFile

def release(version):
    return Target(name="chat", version=version, wheel=WheelFile(url="https://example.com/w", filename="w", sha256=version), mount="chat")

def operation(number, state="running"):
    return Operation(id=f"{sys.argv[2]}-{number}", verb="upgrade", plugin="chat", by="ada", started=1.0, state=state)

def override(version):
    return Override(name="chat", state="enabled", held=release(version), by="ada", at=1.0)

def audit(number):
    return Audit(at=1.0, by="ada", verb="upgrade", plugin="chat", detail={"number": number})

def say(what):
    print(what, flush=True)

async def open_ledger():
    return await Ledger.open(Path(sys.argv[1]), boot=sys.argv[2])
"""

LOADS = """
async def main():
    ledger = await open_ledger()
    await ledger.begin(operation(1), "upgrade chat")
    await ledger.generation_phase(await ledger.new_generation(release("2.0"), operation(1).id), Phase.IMPORTING)
    say("loading")
    sys.stdin.read()
asyncio.run(main())
"""

WRITES_FOR_EVER = """
async def main():
    ledger = await open_ledger()
    number = 0
    while True:
        number += 1
        await ledger.begin(operation(number), "upgrade")
        await ledger.end(operation(number, "succeeded"), override=override(f"{number}"), served=release(f"{number}"), audit=audit(number))
        await ledger.append_events([("operation.ended", {"number": number})])
        say(number)
asyncio.run(main())
"""

STOPS_INSIDE = """
from plughost.ledger import intents
async def main():
    ledger = await open_ledger()
    await ledger.set_override(override("1"), audit(1))
    put = intents.put_override
    def put_and_stop(*row):
        put(*row)
        say("inside")
        sys.stdin.read()
    intents.put_override = put_and_stop
    await ledger.end(operation(1, "succeeded"), override=override("2"), served=release("2"), audit=audit(2))
asyncio.run(main())
"""

OBEYS = """
async def main():
    ledger = await open_ledger()
    say("ready")
    for line in sys.stdin:
        await ledger.set_override(override(line.strip()), audit(1))
        say("done")
asyncio.run(main())
"""

WRITES_MANY = """
async def main():
    ledger = await open_ledger()
    say("ready")
    sys.stdin.readline()
    for number in range(40):
        say(await ledger.new_generation(release("1"), "op"))
        await ledger.append_events([("plugin.phase", {"by": sys.argv[2]})])
asyncio.run(main())
"""


class Child:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            return (await self._process.stdout.readline()).decode().strip()

    def tell(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def child(path: Path, boot: str, script: str) -> AsyncIterator[Child]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROLOGUE + script, str(path), boot, stdin=pipe, stdout=pipe)
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def intact(path: Path) -> bool:
    connection = sqlite3.connect(path)
    verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    return bool(verdict == "ok")


async def test_a_process_killed_while_it_loads_a_release_is_known_for_it(path: Path) -> None:
    async with child(path, "dead", LOADS) as process:
        assert await process.line() == "loading"
        await process.kill()

    ledger = await Ledger.open(path, boot="next")
    reaped = await ledger.reap(lambda _boot: False)

    assert [operation.id for operation in reaped.operations] == ["dead-1"]
    assert [target.version for target in reaped.crashed] == ["2.0"]
    assert (await ledger.recorded()).refused["chat"].error["code"] == "import-crashed"
    await ledger.close()


async def test_a_process_that_still_lives_is_not_reaped(path: Path) -> None:
    async with child(path, "other", LOADS) as process:
        assert await process.line() == "loading"
        ledger = await Ledger.open(path, boot="next")

        reaped = await ledger.reap(lambda boot: boot == "other")

        assert (reaped.operations, reaped.crashed) == ((), ())
        await ledger.close()


@pytest.mark.parametrize("rounds", [1, 7, 30])
async def test_a_process_killed_while_it_writes_leaves_whole_truths(path: Path, rounds: int) -> None:
    async with child(path, "dead", WRITES_FOR_EVER) as process:
        said = [await process.line() for _ in range(rounds)][-1]
        await process.kill()

    ledger = await Ledger.open(path, boot="next")
    await ledger.reap(lambda _boot: False)
    recorded = await ledger.recorded()
    ended = await ledger.operations(limit=10_000, state="succeeded")
    held = recorded.overrides["chat"].held

    assert intact(path)
    assert held is not None
    assert int(held.version) >= int(said)
    assert recorded.served["chat"][0] == held
    assert len(ended) == int(held.version)
    assert [row.detail["number"] for row in await ledger.audit(limit=1)] == [int(held.version)]
    assert not await ledger.operations(state="running")
    await ledger.close()


async def test_a_process_killed_inside_a_transaction_has_done_nothing_of_it(path: Path) -> None:
    async with child(path, "dead", STOPS_INSIDE) as process:
        assert await process.line() == "inside"
        await process.kill()

    ledger = await Ledger.open(path, boot="next")
    recorded = await ledger.recorded()
    held = recorded.overrides["chat"].held

    assert held is not None
    assert held.version == "1"
    assert recorded.served == {}
    assert len(await ledger.audit()) == 1
    await ledger.close()


async def test_what_another_process_writes_is_noticed_once(path: Path) -> None:
    ledger = await Ledger.open(path, boot="here")
    async with child(path, "other", OBEYS) as process:
        assert await process.line() == "ready"
        assert not await ledger.changed() or not await ledger.changed()

        process.tell("3.0")
        assert await process.line() == "done"

        assert await ledger.changed()
        assert not await ledger.changed()
        held = (await ledger.recorded()).overrides["chat"].held
        assert held is not None
        assert held.version == "3.0"
    await ledger.close()


async def test_what_this_process_writes_is_no_news(path: Path, release: Callable[..., Target]) -> None:
    ledger = await Ledger.open(path, boot="here")
    await ledger.new_generation(release(), "op-1")

    assert not await ledger.changed()
    await ledger.close()


async def test_two_processes_never_get_the_same_number(path: Path) -> None:
    async with child(path, "one", WRITES_MANY) as one, child(path, "two", WRITES_MANY) as two:
        assert [await one.line(), await two.line()] == ["ready", "ready"]
        one.tell("go")
        two.tell("go")
        numbers = [int(await process.line()) for _ in range(40) for process in (one, two)]

    ledger = await Ledger.open(path, boot="next")
    assert sorted(numbers) == list(range(1, 81))
    assert [event.id for event in await ledger.events_after(0)] == sorted({event.id for event in await ledger.events_after(0)})
    await ledger.close()
