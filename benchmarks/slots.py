"""What a slot costs: a hundred Jinja fragments of more than 20 µs, against the bare calls one after another.

Contributions as the runtime makes them, props validated: rendered on the loop (async ones, a task each), and in the slot's
thread (sync ones). Rounds are interleaved (A B C C B A) and a ratio is the median over rounds: machines are noisy, so trust
a ratio, never a figure.

    python benchmarks/slots.py [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from jinja2 import Template

from plughost.model.owner import Owner
from plughost.registry import Contribution, render
from plughost.registry.lanes import Threads
from plughost.runtime.renders import contribution_of
from plughost.sdk import Html, SlotContribution

FRAGMENTS = 100
AT_LEAST = 22.0
"""µs for one fragment."""
PROPS = {"user": "ada"}


def template() -> Template:
    """One that takes at least so long on this machine."""
    for rows in itertools.count(12, 2):
        found = Template(f"<ul>{{% for row in range({rows}) %}}<li class='{{{{ user | e }}}}'>{{{{ row }}}}</li>{{% endfor %}}</ul>")
        if min(_timed(lambda: found.render(PROPS)) for _ in range(1000)) >= AT_LEAST:  # noqa: B023 - called at once
            return found
    raise AssertionError


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e6


def contenders(fragment: Template) -> Mapping[str, Callable[[], Awaitable[int]]]:
    """Each renders all fragments, and says how many there are."""

    def icon(user: str) -> Html:
        return Html(fragment.render(user=user))

    async def later(user: str) -> Html:
        return Html(fragment.render(user=user))

    def slot(function: Callable[..., object]) -> list[Contribution]:
        declared = SlotContribution("icons", 0, function)
        return [contribution_of(declared, Owner(f"p{number}", "1.0", number), 0) for number in range(FRAGMENTS)]

    threads = Threads()
    on_loop, in_thread = slot(later), slot(icon)

    async def bare() -> int:
        return len([str(icon(**PROPS)) for _ in range(FRAGMENTS)])

    async def asynchronous() -> int:
        return len((await render("icons", on_loop, PROPS, deadline=10, emit=print)).items)

    async def threaded() -> int:
        return len((await render("icons", in_thread, PROPS, deadline=10, emit=print, threads=threads)).items)

    return {"bare calls": bare, "async": asynchronous, "sync": threaded}


async def measured(call: Callable[[], Awaitable[int]], times: int) -> float:
    """Mean µs of a fragment."""
    began = time.perf_counter()
    for _ in range(times):
        if await call() != FRAGMENTS:
            sys.exit("a fragment is missing: the benchmark is broken")
    return (time.perf_counter() - began) / times / FRAGMENTS * 1e6


async def main(rounds: int) -> None:
    calls = contenders(template())
    figures: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name in (*calls, *reversed(calls)):
            figures[name].append(await measured(calls[name], 5))
    bare = figures["bare calls"]
    wanted = 1.15 if sys.version_info >= (3, 12) else 1.3
    print(f"{FRAGMENTS} fragments; bare calls {statistics.median(bare):.1f} µs each")
    for name in ("async", "sync"):
        ratio = statistics.median(ours / plain for ours, plain in zip(figures[name], bare, strict=True))
        print(f"  {name:>5}: {statistics.median(figures[name]):.1f} µs each, {ratio:.3f} x the bare calls  (wanted ≤ {wanted})")


def machine() -> str:
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, IndexError):
        model = Path("/proc/cpuinfo").read_text().partition("model name")[2].splitlines()[0].strip("\t :")
    said = f"{platform.python_implementation()} {platform.python_version()}, jinja2 {version('jinja2')}"
    return f"{said}\n{platform.system()}, {os.cpu_count()} x {model}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    print(machine())
    asyncio.run(main(20 if parser.parse_args().quick else 150))
