"""What dispatch costs: plughost's against one static FastAPI app (`include_router`) and against `app.mount`.

The same plugin of ten routes 1, 100 and 1,000 times; the routes of the last one are called, and the mean of the ten counts.
Rounds are interleaved (A B C C B A) and a ratio is the median over rounds: machines are noisy, so trust a ratio, never a figure.
In process: the ASGI app, called with a receive and a send that do nothing. At the socket: uvicorn in a child process, as many
requests as eight connections get through it, and the CPU time that it takes for each.

The static apps are FastAPI() as one writes it, with its documentation routes; with --no-docs they do without.

    python benchmarks/dispatch.py [--quick] [--no-socket] [--no-docs]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import gc
import itertools
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI

from plughost import Host
from plughost.model.owner import Owner
from plughost.registry import Dispatch, Mounted, Registry
from plughost.runtime.building import app_of
from plughost.settings import Settings

ROUTES = 10
CONNECTIONS = 8
STATIC: dict[str, Any] = {"openapi_url": None, "docs_url": None, "redoc_url": None} if "--no-docs" in sys.argv else {}
App = Callable[..., Awaitable[None]]
Figures = dict[str, list[float]]


# The contenders


def plugin() -> APIRouter:
    """What an author writes."""
    router = APIRouter()
    for number in range(ROUTES):
        router.add_api_route(f"/route{number}", _endpoint(number))
    return router


def _endpoint(number: int) -> Callable[[], Awaitable[object]]:
    async def endpoint():
        return {"number": number, "text": "hello"}

    return endpoint


@functools.cache
def unit(number: int) -> App:
    """The router as an app of its own, by the runtime."""
    return app_of(plugin(), Owner(f"p{number}", "1.0", number))


def plughost(count: int) -> App:
    registry = Registry()
    for number in range(count):
        owner = Owner(f"p{number}", "1.0", number)
        registry.mount(Mounted(mount=f"p{number}", owner=owner, app=unit(number), state={"context": owner}))
    host = Host(Settings())
    host._dispatch = Dispatch(registry, host._behind)  # noqa: SLF001 - as a host that runs has it
    return host


def include(count: int) -> App:
    app = FastAPI(**STATIC)
    for number in range(count):
        app.include_router(plugin(), prefix=f"/p{number}")
    return app


def mount(count: int) -> App:
    app = FastAPI(**STATIC)
    for number in range(count):
        app.mount(f"/p{number}", unit(number))
    return app


CONTENDERS: Mapping[str, Callable[[int], App]] = {"plughost": plughost, "include": include, "mount": mount}


def paths(count: int) -> list[str]:
    return [f"/p{count - 1}/route{number}" for number in range(ROUTES)]


async def starts(app: App) -> str:
    """Whether the app gets through its lifespan."""
    try:
        async with app.router.lifespan_context(app):  # type: ignore[attr-defined]  # a FastAPI app
            return "yes"
    except RecursionError:
        return "no, RecursionError"


# In process


async def call(app: App, path: str) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"accept", b"*/*")],
        "state": {},
    }
    await app(scope, receive, send)
    return sent


async def checked(app: App, count: int) -> None:
    for path in paths(count):
        start, *_ = await call(app, path)
        if start["status"] != 200:
            sys.exit(f"{path} answered {start['status']}: the benchmark is broken")


async def sample(app: App, count: int, seconds: float) -> float:
    """Mean µs of a request over as many rounds of the ten routes as fit."""
    called, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds or not called:
        for path in paths(count):
            await call(app, path)
        called += ROUTES
    return passed / called * 1e6


async def in_process(counts: Sequence[int], rounds: int, seconds: float) -> dict[int, Figures]:
    apps = {count: {name: build(count) for name, build in CONTENDERS.items()} for count in counts}
    for count, contenders in apps.items():
        for app in contenders.values():
            await checked(app, count)
    gc.collect()
    gc.freeze()
    figures: dict[int, Figures] = {count: {name: [] for name in CONTENDERS} for count in counts}
    for count, name in _interleaved(list(itertools.product(counts, CONTENDERS)), rounds):
        figures[count][name].append(await sample(apps[count][name], count, seconds))
    for count in counts:
        print(f"include_router of {count:,} gets through its lifespan: {await starts(apps[count]['include'])}")
    return figures


def _interleaved(contenders: Sequence[Any], rounds: int) -> Iterator[Any]:
    for _ in range(rounds):
        yield from contenders
        yield from reversed(contenders)


# At the socket


def serve(name: str, count: int) -> None:
    """The child: serves one contender, and says its port."""
    app = CONTENDERS[name](count)
    gc.collect()
    gc.freeze()
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    print(listening.getsockname()[1], flush=True)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", access_log=False, log_level="warning"))
    asyncio.run(server.serve(sockets=[listening]))


class Connection(asyncio.Protocol):
    """Asks for one path after the other until it is told to stop; answers are all of one length."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self.requests = itertools.cycle([f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode() for path in wanted])
        self.answered, self.stopped, self.length, self.buffer = 0, False, 0, b""
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(next(self.requests))

    def data_received(self, data):
        self.buffer += data
        if not self.length and b"\r\n\r\n" in self.buffer:
            head, _, _ = self.buffer.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                sys.exit(f"answered {head!r}: the benchmark is broken")
            self.length = len(head) + 4 + int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if self.length and len(self.buffer) >= self.length:
            self.answered += 1
            self.buffer = b""
            if self.stopped:
                self.transport.close()
            else:
                self.transport.write(next(self.requests))

    def connection_lost(self, _error):
        self.closed.set_result(None)


async def load(port: int, count: int, seconds: float) -> int:
    """How many requests were answered in this time (and a little more, so that each one ends)."""
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Connection(paths(count)), "127.0.0.1", port) for _ in range(CONNECTIONS)]
    await asyncio.sleep(seconds)
    for _, connection in made:
        connection.stopped = True
    await asyncio.gather(*(connection.closed for _, connection in made))
    return sum(connection.answered for _, connection in made)


class Child:
    """One contender behind uvicorn in a process of its own."""

    def __init__(self, name: str, count: int) -> None:
        command = [sys.executable, __file__, "--serve", name, "--plugins", str(count), *(["--no-docs"] if STATIC else [])]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.count = count

    def ready(self) -> None:
        self.port = int(self.process.stdout.readline())

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    async def sample(self, seconds: float) -> tuple[float, float]:
        """Requests a second, and µs of CPU for each."""
        began, used = time.perf_counter(), self._cpu()
        answered = await load(self.port, self.count, seconds)
        return answered / (time.perf_counter() - began), (self._cpu() - used) / answered * 1e6

    def _cpu(self) -> float:
        with contextlib.suppress(OSError):  # only Linux tells
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return float("nan")


async def at_the_socket(count: int, rounds: int, seconds: float) -> tuple[Figures, Figures]:
    children = {name: Child(name, count) for name in CONTENDERS}
    rates: Figures = {name: [] for name in CONTENDERS}
    cpus: Figures = {name: [] for name in CONTENDERS}
    try:
        for child in children.values():
            child.ready()
            await load(child.port, count, 0.2)
        for name in _interleaved(list(CONTENDERS), rounds):
            rate, cpu = await children[name].sample(seconds)
            rates[name].append(rate)
            cpus[name].append(cpu)
    finally:
        for child in children.values():
            child.close()
    return rates, cpus


# What is printed


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of the ratios of neighbours."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def machine() -> str:
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, IndexError):
        model = Path("/proc/cpuinfo").read_text().partition("model name")[2].splitlines()[0].strip("\t :")
    packages = " ".join(f"{name} {version(name)}" for name in ("fastapi", "starlette", "uvicorn", "uvloop", "httptools"))
    return f"{platform.python_implementation()} {platform.python_version()}, {packages}\n{platform.system()}, {os.cpu_count()} x {model}"


def table(title: str, figures: Mapping[int, Figures], unit_of: str) -> None:
    print(f"\n{title}, {unit_of}")
    for count, contenders in figures.items():
        cells = "  ".join(f"{name} {median(values):>10,.1f}" for name, values in contenders.items())
        print(f"  {count:>5,} plugins: {cells}")


def against(figures: Figures, *, higher_is_better: bool) -> Mapping[str, float]:
    ours = figures["plughost"]
    others = {name: values for name, values in figures.items() if name != "plughost"}
    return {name: ratio(ours, values) if higher_is_better else ratio(values, ours) for name, values in others.items()}


def report_in_process(figures: Mapping[int, Figures]) -> None:
    table("in process", figures, "µs a request")
    for count, found in figures.items():
        faster = against(found, higher_is_better=False)
        wanted = {1: "wanted ≥ 1.2 against include", 1000: "wanted ≥ 100 and ≥ 4"}.get(count, "")
        print(f"  {count:>5,} plugins: {faster['include']:.2f} x include_router, {faster['mount']:.2f} x app.mount  {wanted}")
    last = max(figures)
    print(f"  cost at {last:,} / at 1: {ratio(figures[last]['plughost'], figures[1]['plughost']):.3f}  wanted ≤ 1.05")
    report_swap(last)


def report_swap(count: int) -> None:
    """What it costs to mount one more generation beside so many plugins."""
    registry: Registry = plughost(count)._dispatch._registry  # noqa: SLF001 - a benchmark may look inside
    entry = registry.table.mounts["p0"]
    times = 1000
    began = time.perf_counter()
    for _ in range(times):
        registry.mount(entry)
    print(f"  a new table at {count:,}: {(time.perf_counter() - began) / times * 1e6:.1f} µs")


def report_socket(rates: Mapping[int, Figures], cpus: Mapping[int, Figures]) -> None:
    table("at the socket", rates, "requests a second")
    table("at the socket", cpus, "µs of the server's CPU a request")
    for count, found in rates.items():
        faster, cheaper = against(found, higher_is_better=True), against(cpus[count], higher_is_better=False)
        each = ", ".join(f"{faster[name]:.2f} x {name} (CPU {cheaper[name]:.2f} x)" for name in faster)
        print(f"  {count:>5,} plugins: {each}  {'wanted ≥ 1 against include' if count == 1 else ''}")


async def main(options: argparse.Namespace) -> None:
    print(machine())
    counts = (1, 100) if options.quick else (1, 100, 1000)
    report_in_process(await in_process(counts, 4 if options.quick else 8, 0.03))
    if not options.no_socket:
        found = {count: await at_the_socket(count, 1 if options.quick else 3, 0.5) for count in counts}
        report_socket({count: rates for count, (rates, _) in found.items()}, {count: cpus for count, (_, cpus) in found.items()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer plugins, fewer rounds")
    parser.add_argument("--no-socket", action="store_true", help="in process only")
    parser.add_argument("--no-docs", action="store_true", help="static apps without documentation routes")
    parser.add_argument("--serve", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--plugins", type=int, default=1, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve, chosen.plugins)
    else:
        asyncio.run(main(chosen))
