"""A store on a small disk that fills up and is then made read-only. Runs in a mount namespace of its own.

python small_disk.py MOUNTPOINT WHEELS     prints one JSON object
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path

from plughost.errors import PlughostError
from plughost.model.plugin import Target, WheelFile, parse_name
from plughost.net import Client, Rules
from plughost.store import Store
from plughost.wheel.digest import hash_file


def target(wheels: Path, name: str) -> Target:
    (path,) = wheels.glob(f"acme_{name}-*.whl")
    wheel = WheelFile(url=path.as_uri(), filename=path.name, sha256=hash_file(path))
    return Target(name=parse_name(name), version="1.0", wheel=wheel, mount=name, index=wheels.as_uri(), mutable=True)


async def code_of(work: Awaitable[object]) -> str:
    try:
        await work
    except PlughostError as error:
        return error.code
    return "done"


async def install(store: Store, wanted: Target) -> None:
    async with store.lease(wanted, lambda *_: None):
        pass


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


async def main(home: Path, wheels: Path) -> None:
    client, said = Client(Rules()), dict[str, object]()
    store = Store(home, client=client, resolver="uv", share={}, boot="one")
    await store.open()
    for name in ("large", "swelling", "small"):
        said[name] = await code_of(install(store, target(wheels, name)))
        said[f"{name} leaves"] = sorted(path.name for path in (home / "store/staging").iterdir())
    said["wheels"] = len(list((home / "store/wheels").glob("*.json")))

    mount("--bind", str(home), str(home))
    mount("-o", "remount,ro,bind", str(home))
    said["read-only"] = await code_of(install(store, target(wheels, "other")))
    said["there already"] = await code_of(install(store, target(wheels, "small")))
    said["open"] = await code_of(Store(home, client=client, resolver="uv", share={}, boot="two").open())
    sys.stdout.write(json.dumps(said))


asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
