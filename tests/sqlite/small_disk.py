"""A database on a small disk that fills up and is then made read-only. Runs in a mount namespace of its own.

python small_disk.py MOUNTPOINT     prints one JSON object
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path

from plughost.errors import PlughostError
from plughost.sqlite import Database


async def code_of(work: Awaitable[object]) -> str:
    try:
        await work
    except PlughostError as error:
        return error.code
    return "done"


def many(connection: sqlite3.Connection) -> None:
    for _ in range(16):
        connection.execute("INSERT INTO blobs VALUES (randomblob(1048576))")


def fill(path: Path) -> None:
    with path.open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(4096))


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM blobs").fetchone()[0])


async def main(home: Path) -> None:
    said: dict[str, object] = {}
    database = await Database.open(home / "a.sqlite", name="a test")
    await database.write(lambda c: c.execute("CREATE TABLE blobs (b BLOB)"))
    await database.write(lambda c: c.execute("INSERT INTO blobs VALUES (randomblob(65536))"))
    fill(home / "ballast")
    said["full"] = await code_of(database.write(many))
    said["rows"] = await database.read(count)
    said["new on a full disk"] = await code_of(write_to(home / "b.sqlite"))
    (home / "ballast").unlink()
    said["with room again"] = await code_of(database.write(lambda c: c.execute("INSERT INTO blobs VALUES (randomblob(65536))")))
    said["more rows"] = await database.read(count)
    await database.close()
    subprocess.run(["mount", "--bind", str(home), str(home)], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", str(home)], check=True)
    said["new on a read-only disk"] = await code_of(write_to(home / "c.sqlite"))
    said["old on a read-only disk"] = await code_of(write_to(home / "a.sqlite"))
    sys.stdout.write(json.dumps(said))


async def write_to(path: Path) -> None:
    database = await Database.open(path, name="a test")
    try:
        await database.write(lambda c: c.execute("CREATE TABLE IF NOT EXISTS more (n INTEGER)"))
        await database.write(lambda c: c.execute("INSERT INTO more VALUES (1)"))
    finally:
        await database.close()


asyncio.run(main(Path(sys.argv[1])))
