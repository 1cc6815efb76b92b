"""From a wheel's address to a site that can be imported, against `uv pip install --target` and `pip install --target`.

Tiny (one dependency), medium (sixteen), heavy (pandas and numpy), and fifty small plugins at once; cold (every cache and store
empty) and warm (caches full; our store as it is after the first install, with and without the plugin's lock). Dependencies come
from the registry that this machine's uv and pip are configured for. The contenders take turns, and a ratio is that of medians.

    python benchmarks/install.py [--quick] [--pip]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from plughost.model.plugin import PluginName, Target, WheelFile
from plughost.net import Client, Rules
from plughost.scope import host_share
from plughost.store import Store
from plughost.testing import BuiltWheel, wheel

UV = Path(sys.executable).parent / "uv"
SIZES = {
    "tiny": ["mistune"],
    "medium": [
        *("attrs", "python-dateutil", "six", "toolz", "cachetools", "tabulate", "humanize", "inflection"),
        *("mistune", "markdown", "pyparsing", "xmltodict", "docutils", "boltons", "parso", "decorator"),
    ],
    "heavy": ["pandas", "numpy"],
}
Times = dict[str, list[float]]


def plugin(name: str, requires: list[str]) -> BuiltWheel:
    return wheel(
        f"bench-{name}", "1.0", {f"bench_{name}.py": "plugin = {'routes': []}"}, plugins={name: f"bench_{name}:plugin"}, requires=requires
    )


def target(folder: Path, name: str, built: BuiltWheel) -> Target:
    file = WheelFile(url=(folder / built.filename).as_uri(), filename=built.filename, sha256=built.sha256)
    return Target(name=PluginName(name), version="1.0", wheel=file, mount=name, index=folder.as_uri(), mutable=True)


async def ours(home: Path, cache: Path, targets: list[Target]) -> None:
    """What a host does until it imports: fetch, guard, resolve, lock, unpack."""
    client = Client(Rules())
    environment = {**os.environ, "UV_CACHE_DIR": str(cache)}
    store = Store(home, client=client, resolver="uv", share=host_share(), boot=f"bench{random.random()}", environ=environment)
    await store.open()
    try:
        await asyncio.gather(*(one(store, each) for each in targets))
    finally:
        await store.close()
        await client.close()


async def one(store: Store, wanted: Target) -> None:
    async with store.lease(wanted, lambda *_: None):
        pass


def uv(cache: Path, wheels: list[Path], *, pip: bool = False) -> None:
    with tempfile.TemporaryDirectory() as site:
        if pip:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--cache-dir", cache, "--target", site, *wheels]
        else:
            command = [UV, "pip", "install", "--quiet", "--python", sys.executable, "--cache-dir", cache, "--target", site, *wheels]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)


def timed(into: Times, what: str, work: Callable[[], object]) -> None:
    start = time.perf_counter()
    work()
    into[what].append(time.perf_counter() - start)


def measured(folder: Path, wheels: dict[str, BuiltWheel], rounds: int, *, pip: bool) -> Times:
    times: Times = defaultdict(list)
    files = [built.write(folder) for built in wheels.values()]
    targets = [target(folder, name, built) for name, built in wheels.items()]
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            home, caches = Path(place) / "home", [Path(place) / f"cache{number}" for number in range(3)]
            for state in ("cold", "warm"):
                works: dict[str, Callable[[], object]] = {
                    "ours": lambda home=home, caches=caches: asyncio.run(ours(home, caches[0], targets)),
                    "uv": lambda caches=caches: uv(caches[1], files),
                }
                if pip:
                    works["pip"] = lambda caches=caches: uv(caches[2], files, pip=True)
                for what in random.sample(list(works), len(works)):
                    timed(times, f"{what} {state}", works[what])
            shutil.rmtree(home / "store" / "wheels")
            shutil.rmtree(home / "store" / "locks", ignore_errors=True)
            timed(times, "ours warm, empty store", lambda home=home, caches=caches: asyncio.run(ours(home, caches[0], targets)))
    return times


def told(size: str, times: Times) -> None:
    medians = {what: statistics.median(found) for what, found in times.items()}
    print(f"  {size:8} " + "  ".join(f"{what} {seconds:6.3f} s" for what, seconds in medians.items()))
    ratios = {state: medians[f"ours {state}"] / medians[f"uv {state}"] for state in ("cold", "warm")}
    print(f"  {'':8} ours / uv: cold {ratios['cold']:.2f}, warm {ratios['warm']:.2f}", flush=True)


def main(rounds: int, *, pip: bool) -> None:
    tools = ", ".join(f"{name} {version(name)}" for name in ("plughost", "uv", "pip"))
    print(f"{tools}, {platform.python_implementation()} {platform.python_version()}")
    for size, requires in SIZES.items():
        with tempfile.TemporaryDirectory() as place:
            told(size, measured(Path(place), {size: plugin(size, requires)}, rounds, pip=pip))
    with tempfile.TemporaryDirectory() as place:
        fifty = {f"p{number}": plugin(f"p{number}", []) for number in range(50)}
        told("fifty", measured(Path(place), fifty, rounds, pip=False))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--pip", action="store_true", help="time pip, too")
    arguments = parser.parse_args()
    main(1 if arguments.quick else 5, pip=arguments.pip)
