"""A thousand plugins of ten untyped routes: first install, warm start, memory, beside one static flat app with the same routes.

Each start is a process of its own, measured from the outside: seconds of CPU until it is ready, and memory then. The rounds
alternate (host, static, host, static), and the ratio is that of the medians.

    python benchmarks/start.py [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ROUTES = 10
ROUTE = """
@{where}.get("{prefix}/route{number}")
async def route{number}():
    return {{"number": {number}}}
"""


def routes(where: str, prefix: str = "") -> str:
    return "".join(ROUTE.format(where=where, prefix=prefix, number=number) for number in range(ROUTES))


SOURCE = "from fastapi import APIRouter\nplugin = APIRouter()\n" + routes("plugin")


def static(folder: Path) -> None:
    """The child that is one flat FastAPI app, a module for each ten routes."""
    sys.path.insert(0, str(folder))
    importlib.import_module("static_app")
    ready()


def host(count: int, folder: Path) -> None:
    """The child that is a host with as many plugins."""
    from plughost import Host, Settings

    async def run() -> None:
        made = Host(Settings(home=folder / "home", sources=({"url": str(folder / "wheels"), "kind": "folder"},)))  # type: ignore[arg-type]
        async with made.running():
            house = made._house  # noqa: SLF001 - what is measured
            assert house is not None
            while sum(actor.status.serving is not None for actor in house.console.actors.all()) < count:  # noqa: ASYNC110 - it is polled
                await asyncio.sleep(0.02)
            ready()

    asyncio.run(run())


def ready() -> None:
    """Tell CPU seconds and memory in MiB, with the parent's clock for the wall."""
    times = os.times()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1048576
    print(json.dumps({"cpu": times.user + times.system, "mib": resident, "at": time.time()}), flush=True)
    os._exit(0)


def run(*arguments: str) -> dict[str, float]:
    start = time.time()
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True, timeout=600)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {"cpu s": found["cpu"], "wall s": found["at"] - start, "MiB": found["mib"]}


def main(count: int, rounds: int) -> None:
    from plughost.testing import wheel

    print(f"plughost {version('plughost')}, FastAPI {version('fastapi')}, {platform.python_implementation()} {platform.python_version()}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for number in range(count):
            name = f"p{number}"
            wheel(f"acme-{name}", "1.0", {f"plugin_{name}.py": SOURCE}, plugins={name: f"plugin_{name}:plugin"}).write(folder / "wheels")
            (folder / f"static_{name}.py").write_text("from static_app import app\n" + routes("app", f"/{name}"))
        names = "\n".join(f"import static_p{number}" for number in range(count))
        (folder / "static_app.py").write_text(f"from fastapi import FastAPI\napp = FastAPI()\n{names}\n")
        run("--child", "static", "--folder", place)  # writes bytecode, as the first install does
        first = run("--child", "host", "--count", str(count), "--folder", place)
        print(f"  {count} plugins, first install  " + "  ".join(f"{key} {value:7.2f}" for key, value in first.items()))
        hosts, statics = [], []
        for _ in range(rounds):
            hosts.append(run("--child", "host", "--count", str(count), "--folder", place))
            statics.append(run("--child", "static", "--folder", place))
        warm, flat = ({key: statistics.median(each[key] for each in found) for key in found[0]} for found in (hosts, statics))
        print(f"  {count} plugins, warm start     " + "  ".join(f"{key} {value:7.2f}" for key, value in warm.items()))
        print("  one static flat app         " + "  ".join(f"{key} {value:7.2f}" for key, value in flat.items()))
        print("  ratio                       " + "  ".join(f"{key} {warm[key] / flat[key]:7.2f}" for key in warm))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 plugins, one round")
    parser.add_argument("--child", choices=["host", "static"], help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child == "host":
        host(arguments.count, arguments.folder)
    elif arguments.child == "static":
        static(arguments.folder)
    else:
        main(100 if arguments.quick else 1000, 1 if arguments.quick else 3)
