"""Eight loads at a time, and a slow one does not hold up the others."""

from __future__ import annotations

import asyncio

from plughost.control.gate import Gate


async def test_no_more_than_its_places_are_inside_at_once() -> None:
    gate, inside, most = Gate(3, patience=60), 0, 0

    async def load() -> None:
        nonlocal inside, most
        async with gate:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(load() for _ in range(20)))
    assert most == 3


async def test_loads_that_hang_give_their_places_up() -> None:
    gate, hang = Gate(2, patience=0.01), asyncio.Event()

    async def hung() -> None:
        async with gate:
            await hang.wait()

    hanging = [asyncio.create_task(hung()) for _ in range(2)]
    async with asyncio.timeout(60):
        async with gate:
            pass
    hang.set()
    await asyncio.gather(*hanging)


async def test_a_place_that_was_given_up_is_not_given_back_twice() -> None:
    gate = Gate(1, patience=0.01)
    async with gate:
        async with asyncio.timeout(60):
            while not gate._places._value:
                await asyncio.sleep(0.005)
    assert gate._places._value == 1
