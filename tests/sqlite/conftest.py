from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from plughost.sqlite import Database

OpenDatabase = Callable[[Path | None], Awaitable[Database]]


@pytest.fixture
async def open_database() -> AsyncIterator[OpenDatabase]:
    """Opens databases, and closes them after the test."""
    async with AsyncExitStack() as stack:

        async def opened(path: Path | None) -> Database:
            database = await Database.open(path, name="a test")
            stack.push_async_callback(database.close)
            return database

        yield opened


@pytest.fixture
async def database(open_database: OpenDatabase, tmp_path: Path) -> Database:
    """A file with one empty table of numbers."""
    made = await open_database(tmp_path / "numbers.sqlite")
    await made.write(lambda c: c.execute("CREATE TABLE numbers (n INTEGER UNIQUE)"))
    return made
