"""This index beside pypiserver and devpi-server on one machine, with the same wheels: a thousand projects of fifty each.

Pages, downloads, uploads of 1 MB, `uv pip install` of ten wheels, cold start and memory. The indexes take turns, and a figure is
the median of its rounds. Pages are asked for in random order over all projects, small wheels over ten of them (the same order for
each), over four kept-alive connections of a client in this process; beside the rate stands what a request costs the server,
children included, in processor time. A rival that has no JSON or does not compress is compared by what it has instead. Rivals are
installed, and wheels made, once below build/.

    python benchmarks/index.py [--quick] [--only page,download,upload,install,start,memory,scale]
"""

from __future__ import annotations

import argparse
import hashlib
import html
import os
import platform
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import index_data
import index_servers
from index_data import LARGE, Corpus
from index_load import ask
from index_servers import Index
from index_table import Cost, Table

BUILD = Path(__file__).parents[1] / "build" / "benchmarks"
PARTS = ("start", "page", "download", "upload", "install", "scale", "memory")
JSON = "Accept: application/vnd.pypi.simple.v1+json\r\n"
GZIP = "Accept-Encoding: gzip\r\n"
KINDS = {"HTML": "", "HTML, gzip": GZIP, "JSON": JSON, "JSON, gzip": JSON + GZIP}
UV = Path(sys.executable).parent / "uv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is measured, and how long."""

    indexes: Sequence[Index]
    corpus: Corpus
    table: Table
    rounds: int
    seconds: float

    def turns(self) -> Iterator[Index]:
        """Each index once in each round, every round beginning with another."""
        for number in range(self.rounds):
            first = number % len(self.indexes)
            yield from (*self.indexes[first:], *self.indexes[:first])

    def mixed(self) -> list[str]:
        """All projects in one random order."""
        return random.Random(1).sample(self.corpus.names, self.corpus.projects)


def loaded(index: Index, paths: Sequence[str], headers: str, seconds: float, count: int | None = None) -> Cost:
    before = index.cpu()
    tally = ask(index.port, paths, headers, seconds=seconds, count=count)
    return Cost(rate=tally.rate, cpu=(index.cpu() - before) / tally.statuses[200])


def under_load(bench: Bench, what: str, paths: Mapping[str, Sequence[str]], wanted: float) -> None:
    """One line: rates of all, and how many times the better rival's is ours."""
    found: dict[str, list[Cost]] = defaultdict(list)
    for index in bench.turns():
        found[index.name].append(loaded(index, paths[index.name], "", bench.seconds))
    bench.table.rates(what, {name: Cost.median(costs) for name, costs in found.items()}, wanted=wanted)


def start(bench: Bench) -> None:
    found, used = defaultdict(list), defaultdict(list)
    for index in bench.turns():
        index.stop()
        found[index.name].append(index.start())
        used[index.name].append(index.cpu())
    cpu = {name: statistics.median(each) for name, each in used.items()}
    bench.table.seconds("cold start to the first page", found, cpu=cpu, at_most=1.0)


def page(bench: Bench) -> None:
    order, found = bench.mixed(), defaultdict(list)
    first = {index.name: loaded(index, pages(index, order), "", 10, len(order)) for index in bench.indexes}
    bench.table.rates("page asked for the first time, HTML", first)
    loaded(bench.indexes[0], pages(bench.indexes[0], order), JSON, 10, len(order))
    for index in bench.turns():
        for kind in dict.fromkeys(offered(index, kind) for kind in KINDS):
            found[index.name, kind].append(loaded(index, pages(index, order), KINDS[kind], bench.seconds))
    for kind in KINDS:
        costs = {index.name: Cost.median(found[index.name, offered(index, kind)]) for index in bench.indexes}
        bench.table.rates(f"page, {kind}", costs, wanted=20)
    print("(pypiserver has HTML alone, and neither rival compresses: compared by what they have)", flush=True)


def offered(index: Index, kind: str) -> str:
    """That kind of page, or what the index has instead."""
    form, _, zipped = kind.partition(", ")
    form = form if index.json else "HTML"
    return f"{form}, {zipped}" if zipped and index.gzip else form


def pages(index: Index, projects: Sequence[str]) -> list[str]:
    return [index.page(project) for project in projects]


def download(bench: Bench) -> None:
    projects = bench.mixed()[:10]
    large = {index.name: [path for path, _ in links(index, bench.corpus, LARGE)] for index in bench.indexes}
    small = {index.name: [path for project in projects for path, _ in links(index, bench.corpus, project)] for index in bench.indexes}
    for paths in small.values():
        random.Random(2).shuffle(paths)
    under_load(bench, "download, 1 MB", large, wanted=3)
    under_load(bench, "download, small", small, wanted=3)


def links(index: Index, corpus: Corpus, project: str) -> list[tuple[str, str]]:
    """Path and file name of all that a page names; ends the benchmark where it is not what was put in, or the bytes are not."""
    where = index.url + index.page(project)
    with urllib.request.urlopen(where, timeout=index_servers.PATIENCE) as answer:
        found = [html.unescape(each) for each in re.findall(r'<a\s[^>]*?href="([^"#]+)', answer.read().decode())]
    paths = sorted((urlsplit(urljoin(where, each)).path, each.rpartition("/")[2]) for each in found if each.endswith(".whl"))
    expected = {path.name: path for path in (corpus.folder / project).iterdir()}
    if sorted(name for _, name in paths) != sorted(expected):
        raise SystemExit(f"{index.name}: {where} does not name the files of {project}")
    path, name = paths[len(paths) // 2]
    with urllib.request.urlopen(index.url + path, timeout=index_servers.PATIENCE) as answer:
        if hashlib.sha256(answer.read()).digest() != hashlib.sha256(expected[name].read_bytes()).digest():
            raise SystemExit(f"{index.name}: {path} has other bytes than {expected[name]}")
    return paths


def upload(bench: Bench) -> None:
    found: dict[str, list[float]] = defaultdict(list)
    cpu = {index.name: index.cpu() for index in bench.indexes}
    for number, index in enumerate(turn for _ in range(4) for turn in bench.turns()):
        body, headers = form(index_data.large("bench-upload", f"{number // len(bench.indexes)}.0"), index)
        begun = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", index.port, timeout=index_servers.PATIENCE)
        connection.request("POST", index.upload, body, headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"{index.name}: {answer.status} {answer.reason} to an upload: {answer.read()[:500]!r}")
        answer.read()
        connection.close()
        found[index.name].append(time.perf_counter() - begun)
    costs = {index.name: (index.cpu() - cpu[index.name]) / len(found[index.name]) for index in bench.indexes}
    bench.table.seconds("upload of 1 MB", found, times=10, of="devpi", cpu=costs)


def form(built, index: Index) -> tuple[bytes, dict[str, str]]:
    """As twine sends it."""
    project, number, *_ = built.filename.split("-")
    fields = {":action": "file_upload", "protocol_version": "1", "metadata_version": "2.1", "filetype": "bdist_wheel", "pyversion": "py3"}
    fields |= {"name": project.replace("_", "-"), "version": number, "requires_python": ">=3.9", "sha256_digest": built.sha256}
    part = '--border\r\nContent-Disposition: form-data; name="{}"'
    lines = "".join(f"{part.format(name)}\r\n\r\n{value}\r\n" for name, value in fields.items())
    content = f'{part.format("content")}; filename="{built.filename}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    body = lines.encode() + content.encode() + built.data + b"\r\n--border--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=border", "Authorization": index.authorization}


def install(bench: Bench) -> None:
    found: dict[str, list[float]] = defaultdict(list)
    orders = random.Random(3)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
    for number, index in enumerate(bench.turns()):
        if number % len(bench.indexes) == 0:
            wanted = orders.sample(bench.corpus.names, 10)
        with tempfile.TemporaryDirectory() as place:
            options = ["--no-config", "--python", sys.executable, "--cache-dir", f"{place}/cache", "--target", f"{place}/site"]
            begun = time.perf_counter()
            command = [UV, "pip", "install", "--quiet", *options, "--index-url", index.url + index.simple, *wanted]
            subprocess.run(command, check=True, env=environment)
            found[index.name].append(time.perf_counter() - begun)
    bench.table.seconds("uv pip install of ten wheels", found)


def scale(bench: Bench) -> None:
    """The cost of a page beside that in an index of ten projects."""
    many, folder = bench.indexes[0], bench.indexes[0].home.with_name("ten")
    few, corpus = index_servers.ours(folder), Corpus(folder=bench.corpus.folder, projects=10, files=bench.corpus.files)
    index_data.fill_ours(folder, corpus)
    few.start()
    try:
        both, costs = (("many", many, bench.mixed()), ("few", few, corpus.names)), defaultdict(list)
        for number in range(4 * bench.rounds + 1):
            for name, index, projects in both if number % 2 else both[::-1]:
                cost = loaded(index, pages(index, projects), JSON + GZIP, bench.seconds)
                costs[name] += [cost] if number else []  # the first round renders
        many_cost, few_cost = Cost.median(costs["many"]), Cost.median(costs["few"])
    finally:
        few.stop()
    bench.table.row(
        f"page's cost at {bench.corpus.projects} projects / at 10",
        {many.name: f"{many_cost} / {few_cost}"},
        ratio=many_cost.cpu / few_cost.cpu,
        at_most=1.1,
    )


def memory(bench: Bench, when: str) -> None:
    found = {index.name: index.rss() for index in bench.indexes}
    shown = {name: f"{size:.0f} MiB" for name, size in found.items()}
    bench.table.row(f"memory {when}", shown, value=found["plugin_index"], at_most=120)


def measure(bench: Bench, parts: Sequence[str]) -> None:
    for index in bench.indexes:
        index.start()
    measures = {"start": start, "page": page, "download": download, "upload": upload, "install": install, "scale": scale}
    for part in PARTS:
        if part in parts and part in measures:
            measures[part](bench)
        if part in {"start", "memory"} and "memory" in parts:
            memory(bench, "after start" if part == "start" else "after all this")


def main(parts: Sequence[str], *, quick: bool) -> None:
    corpus = index_data.made(BUILD, 50, 10) if quick else index_data.made(BUILD, 1000, 50)
    programs = f"plugin_index {version('plughost')}, uv {version('uv')}, {platform.python_implementation()} {platform.python_version()}"
    print(f"{programs}; {corpus.projects} projects x {corpus.files} wheels; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(dir=BUILD) as homes:
        indexes = index_servers.filled(BUILD, Path(homes), corpus)
        rounds, seconds = (2, 1.0) if quick else (3, 3.0)
        try:
            bench = Bench(indexes=indexes, corpus=corpus, table=Table(), rounds=rounds, seconds=seconds)
            measure(bench, parts)
        finally:
            for index in indexes:
                index.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fifty projects of ten wheels, for trying")
    parser.add_argument("--only", default=",".join(PARTS), help="some of these, with commas between: %(default)s")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers end, too
    main(arguments.only.split(","), quick=arguments.quick)
