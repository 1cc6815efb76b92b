"""A thousand plugins of ten untyped routes: first install, warm start, memory, beside one static flat app with the same routes.

Each start is a program of its own, measured from the outside: seconds of CPU until it answers for all of them, and memory then.
The host is `plughost serve`; the static app, a module for each ten routes, is served by uvicorn. The rounds alternate (host,
static, host, static) and the ratio is that of the medians.

    python benchmarks/start.py [--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import httpx

from plughost.testing import wheel

ROUTES = 10
ROUTE = """
@{where}.get("{prefix}/route{number}")
async def route{number}():
    return {{"number": {number}}}
"""
TICKS = os.sysconf("SC_CLK_TCK")
Figures = dict[str, float]


def routes(where: str, prefix: str = "") -> str:
    return "".join(ROUTE.format(where=where, prefix=prefix, number=number) for number in range(ROUTES))


def prepare(folder: Path, count: int) -> None:
    """The same routes as wheels, and as one static app."""
    for number in range(count):
        name, source = f"p{number}", "from fastapi import APIRouter\nplugin = APIRouter()\n" + routes("plugin")
        built = wheel(f"acme-{name}", "1.0", {f"plugin_{name}.py": source}, plugins={name: f"plugin_{name}:plugin"})
        built.write(folder / "wheels")
        (folder / f"static_{name}.py").write_text("from static_app import app\n" + routes("app", f"/{name}"))
    imports = "\n".join(f"import static_p{number}" for number in range(count))
    (folder / "static_app.py").write_text(f"from fastapi import FastAPI\napp = FastAPI()\n{imports}\n")
    (folder / "plughost.toml").write_text(f'[[sources]]\nurl = "{folder / "wheels"}"\nkind = "folder"\n')


def host(folder: Path, count: int) -> Figures:
    command: list[str | Path] = [
        Path(sys.executable).parent / "plughost",
        "serve",
        "--log-level",
        "warning",
        "--config",
        folder / "plughost.toml",
    ]
    command += ["--boot", "strict", "--home", folder / "home"]  # ready only when all serve
    return measured([*map(str, command)], folder, count, lambda client: client.get("/readyz").status_code == httpx.codes.OK)


def static(folder: Path, count: int) -> Figures:
    command = [sys.executable, "-m", "uvicorn", "--log-level", "warning", "--app-dir", str(folder), "static_app:app"]
    return measured(command, folder, count, lambda _: True)


def measured(command: list[str], folder: Path, count: int, serves: Callable[[httpx.Client], bool]) -> Figures:
    """Start it, wait until the last plugin's route answers and `serves` says so, and read what the kernel has counted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--port", str(port)], env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            while not _answers(client, f"/p{count - 1}/route0"):
                time.sleep(0.02)
            while not serves(client):
                time.sleep(0.05)
        took = time.perf_counter() - start
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        resident = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return {"cpu s": (int(fields[11]) + int(fields[12])) / TICKS, "wall s": took, "MiB": resident / 1048576}
    finally:
        process.terminate()
        process.wait(60)


def _answers(client: httpx.Client, path: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get(path).status_code == httpx.codes.OK
    return False


def told(name: str, figures: Figures) -> None:
    print(f"  {name:28} " + "  ".join(f"{key} {value:7.2f}" for key, value in figures.items()), flush=True)


def median(found: list[Figures]) -> Figures:
    return {key: statistics.median(each[key] for each in found) for key in found[0]}


def main(count: int, rounds: int) -> None:
    print(f"plughost {version('plughost')}, FastAPI {version('fastapi')}, {platform.python_implementation()} {platform.python_version()}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder, count)
        told(f"{count} plugins, first install", host(folder, count))
        static(folder, count)  # writes bytecode, as the first install does
        hosts, statics = [], []
        for _ in range(rounds):
            hosts.append(host(folder, count))
            statics.append(static(folder, count))
        warm, flat = median(hosts), median(statics)
        told(f"{count} plugins, warm start", warm)
        told("one static flat app", flat)
        told("ratio", {key: warm[key] / flat[key] for key in warm})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 plugins, one round")
    quick = parser.parse_args().quick
    main(100 if quick else 1000, 1 if quick else 3)
