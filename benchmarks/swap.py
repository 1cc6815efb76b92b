"""A thousand swaps of a plugin under load: requests that failed, the loop's lag beside its lag without swaps, and memory.

One process serves a host over HTTP; another keeps four connections busy. The plugin goes back and forth between two releases
(rollback, which asks no index). Lag is how much later than asked a sleep of 5 ms ends, in the host's loop, under the same
load with and without swaps.

    python benchmarks/swap.py [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

import httpx

from plughost import Settings
from plughost.testing import BuiltWheel, RunningHost, running_host, wheel

SOURCE = """
from fastapi import APIRouter
from pydantic import BaseModel
from plughost.sdk import Html, Plugin

router = APIRouter()
plugin = Plugin(routes=router)

class Answer(BaseModel):
    version: str

@router.get("/")
async def answer() -> Answer:
    return Answer(version="{version}")

@plugin.slot("icons")
async def icon(user: str = "you"):
    return Html("<b>{{}}</b>").format(user)
"""
SLEEP = 0.005


def release(number: str) -> BuiltWheel:
    return wheel("acme-swapped", number, {"swapped.py": SOURCE.format(version=number)}, plugins={"swapped": "swapped:plugin"})


async def load(url: str) -> None:
    """The other process: four busy connections until its input ends; prints how many requests it made and how many failed."""
    done, failed, over = 0, 0, asyncio.Event()

    async def busy() -> None:
        nonlocal done, failed
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            while not over.is_set():
                try:
                    failed += (await client.get("/swapped/")).status_code != httpx.codes.OK
                except httpx.HTTPError:
                    failed += 1
                done += 1

    tasks = [asyncio.create_task(busy()) for _ in range(4)]
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    over.set()
    await asyncio.gather(*tasks)
    print(done, failed)


@contextlib.asynccontextmanager
async def loaded(url: str) -> AsyncIterator[list[int]]:
    """Under load; afterwards the list holds requests and failures."""
    counts: list[int] = []
    child = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--load", url, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    yield counts
    said, _ = await child.communicate(b"")  # closes its input
    counts += map(int, said.split())


async def lags(into: list[float]) -> None:
    while True:
        start = time.perf_counter()
        await asyncio.sleep(SLEEP)
        into.append((time.perf_counter() - start - SLEEP) * 1000)


@contextlib.asynccontextmanager
async def measured() -> AsyncIterator[list[float]]:
    found: list[float] = []
    task = asyncio.create_task(lags(found))
    yield found
    task.cancel()


def rss() -> float:
    """MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1048576


def told(name: str, found: list[float]) -> dict[str, float]:
    cut = statistics.quantiles(found, n=1000)
    figures = {"p50": cut[499], "p99": cut[989], "p99.9": cut[998], "max": max(found)}
    print(f"  lag {name:14} " + "  ".join(f"{key} {value:6.2f} ms" for key, value in figures.items()))
    return figures


async def swaps(host: RunningHost, count: int) -> None:
    for number in range(1, count + 1):
        await host.operate("POST", "/api/plugins/swapped/rollback")
        if number in {count // 10, count // 2, count}:
            print(f"  after {number:5} swaps: RSS {rss():6.1f} MiB, {sum('_scope_' in name for name in sys.modules)} scoped modules")


async def main(count: int) -> None:
    print(f"plughost {version('plughost')}, {platform.python_implementation()} {platform.python_version()}, {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "wheels"
        release("1.0").write(place)
        settings = Settings(home=Path(folder) / "home", sources=({"url": str(place), "kind": "folder"},), drain=5)  # type: ignore[arg-type]
        async with running_host(settings) as host:
            await host.until_serving("swapped", "1.0")
            release("1.1").write(place)
            await host.until_serving("swapped", "1.1")
            await swaps(host, 20)
            async with loaded(host.url) as idle_counts, measured() as idle:
                await asyncio.sleep(count / 50)
            async with loaded(host.url) as counts, measured() as busy:
                start = time.perf_counter()
                await swaps(host, count)
                took = time.perf_counter() - start
    print(f"  {count} swaps in {took:.1f} s; {counts[0]} requests meanwhile, {counts[1]} failed")
    print(f"  before, without swaps: {idle_counts[0]} requests, {idle_counts[1]} failed")
    without, during = told("without swaps", idle), told("during swaps", busy)
    print("  ratio             " + "  ".join(f"{key} {during[key] / max(without[key], 0.01):6.2f}   " for key in without))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 swaps")
    parser.add_argument("--load", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    asyncio.run(load(arguments.load) if arguments.load else main(100 if arguments.quick else 1000))
