"""pip, uv and poetry resolve and install from the index, alone and as one of two."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.index.clients.child import Desk
from tests.index.clients.readers import READERS, Got
from tests.index.clients.shop import named, publish, release, yank
from tests.index.program import Program

Get = Callable[..., Awaitable[Got]]
reading = pytest.mark.parametrize("name", READERS)


@pytest.fixture
def get(index: Program, desk: Desk) -> Get:
    """Get a requirement with a client, from the index and these others; each call has a home of its own."""
    calls = iter(range(100))

    async def got(name: str, requirement: str, *others: Program) -> Got:
        return await READERS[name]([f"{each.url}/simple/" for each in (index, *others)], requirement, desk.beside(str(next(calls))))

    return got


@reading
async def test_the_newest_release_is_got_with_what_it_requires(index: Program, get: Get, name: str) -> None:
    app, lib = named(name, "app"), named(name, "lib")
    await publish(index, release(app, "0.9"), release(app, requires=[f"{lib}>=2"]), release(lib, "2.1"))

    got = await get(name, app)

    assert got.ended.status == 0, got.ended.said
    assert got.chosen == {app: "1.0", lib: "2.1"}


@reading
async def test_two_indexes_are_used_together(index: Program, second: Program, get: Get, name: str) -> None:
    app, lib = named(name, "here"), named(name, "there")
    await publish(index, release(app, requires=[lib]))
    await publish(second, release(lib, "2.1"))

    got = await get(name, app, second)

    assert got.ended.status == 0, got.ended.said
    assert got.chosen == {app: "1.0", lib: "2.1"}


@reading
async def test_a_yanked_release_is_got_only_by_who_pins_it(index: Program, get: Get, name: str) -> None:
    project = named(name, "yanked")
    await publish(index, release(project, "1.0"), release(project, "1.1"))
    await yank(index, project, "1.1")

    assert (await get(name, project)).chosen == {project: "1.0"}
    pinned = await get(name, f"{project}==1.1")
    assert pinned.chosen == {project: "1.1"}, pinned.ended.said


@reading
async def test_a_release_for_another_python_is_passed_over(index: Program, get: Get, name: str) -> None:
    project = named(name, "future")
    await publish(index, release(project, "1.0"), release(project, "2.0", requires_python=">=3.99"))

    assert (await get(name, f"{project}>=1")).chosen == {project: "1.0"}
    assert (await get(name, f"{project}==2.0")).ended.status != 0


@reading
async def test_a_project_that_is_not_there_is_told_as_such(get: Get, name: str) -> None:
    got = await get(name, named(name, "absent"))
    assert got.ended.status != 0
    assert named(name, "absent") in got.ended.said
