"""The three indexes of `benchmarks/index.py` as child processes: how each is started, asked and filled."""

from __future__ import annotations

import base64
import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import index_data
from index_data import Corpus

TOKEN = "the-admin-token-of-a-benchmark"
RIVALS = Path(__file__).with_name("index-rivals.txt")
PATIENCE = 120.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True, kw_only=True)
class Index:
    """One of them; `port` and `process` while it runs."""

    name: str
    command: tuple[str, ...]
    """With {home} and {port}."""
    home: Path
    simple: str
    upload: str
    login: str
    json: bool = True
    gzip: bool = False
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def authorization(self) -> str:
        return "Basic " + base64.b64encode(self.login.encode()).decode()

    def page(self, project: str) -> str:
        return f"{self.simple}{project}/"

    def start(self) -> float:
        """Seconds from the start of the process to the first page of a project."""
        self.port = _free_port()
        command = [part.format(home=self.home, port=self.port) for part in self.command]
        environment = os.environ | {"PLUGIN_INDEX_ADMIN_TOKEN": TOKEN, "PYTHONWARNINGS": "ignore"}
        begun, log = time.perf_counter(), self.home.with_suffix(".log")
        with log.open("ab") as sink:
            self.process = subprocess.Popen(command, stdout=sink, stderr=sink, env=environment)
        while not self._answers():
            if self.process.poll() is not None or time.perf_counter() - begun > PATIENCE:
                raise SystemExit(f"{self.name} does not serve: {log.read_text()[-2000:]}")
            time.sleep(0.005)
        return time.perf_counter() - begun

    def _answers(self) -> bool:
        page = self.url + self.page(index_data.LARGE)
        with contextlib.suppress(OSError), urllib.request.urlopen(page, timeout=PATIENCE) as found:
            return bool(found.status == 200)
        return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def cpu(self) -> float:
        """Seconds of processor time that it and its children have used."""
        return sum(sum(map(int, _stat(process)[11:15])) for process in self._processes()) / _TICKS

    def rss(self) -> float:
        """MiB, its children included."""
        return sum(int(_stat(process)[21]) for process in self._processes()) * os.sysconf("SC_PAGE_SIZE") / 1048576

    def _processes(self) -> Iterator[int]:
        assert self.process is not None
        waiting = [self.process.pid]
        while waiting:
            yield (process := waiting.pop())
            waiting += map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())


def ours(home: Path) -> Index:
    program = f"{Path(sys.executable).parent}/plugin-index"
    command, login = (program, "serve", "--home", "{home}", "--port", "{port}"), f"__token__:{TOKEN}"
    return Index(name="plugin_index", command=command, home=home, simple="/simple/", upload="/legacy/", login=login, gzip=True)


def pypiserver(home: Path, binaries: Path) -> Index:
    """With waitress and its cache it is faster than with gunicorn and two workers, which have two caches."""
    options = ("--disable-fallback", "--backend", "cached-dir", "--server", "auto", "-a", ".", "-P", ".")
    command = (f"{binaries}/pypi-server", "run", "-i", "127.0.0.1", "-p", "{port}", *options, "{home}/wheels")
    return Index(name="pypiserver", command=command, home=home, simple="/simple/", upload="/", login="any:any", json=False)


def devpi(home: Path, binaries: Path) -> Index:
    command = (f"{binaries}/devpi-server", "--serverdir", "{home}", "--host", "127.0.0.1", "--port", "{port}")
    return Index(name="devpi", command=command, home=home, simple="/bench/wheels/+simple/", upload="/bench/wheels/", login="bench:")


def filled(build: Path, homes: Path, corpus: Corpus) -> list[Index]:
    """All three, each with a home of its own, not started."""
    binaries = rivals(build)
    indexes = [ours(homes / "ours"), pypiserver(homes / "pypiserver", binaries), devpi(homes / "devpi", binaries)]
    index_data.fill_ours(indexes[0].home, corpus)
    index_data.fill_pypiserver(indexes[1].home, corpus)
    shutil.copytree(_filled_devpi(build, corpus, binaries), indexes[2].home)
    return indexes


def _filled_devpi(build: Path, corpus: Corpus, binaries: Path) -> Path:
    kept = build / f"devpi-{corpus.folder.name}"
    if not kept.is_dir():
        print("filling devpi, this once; it takes minutes", flush=True)
        half = kept.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        index_data.fill_devpi(half, corpus, binaries)
        half.rename(kept)
    return kept


def rivals(build: Path) -> Path:
    """The folder of the rivals' commands, in an environment of their own; made anew when the requirements are others."""
    place, pinned = build / "rivals", RIVALS.read_text()
    stamp = place / "made-from.txt"
    if not stamp.is_file() or stamp.read_text() != pinned:
        print("installing pypiserver and devpi-server", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        pip = [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", RIVALS]
        subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
        stamp.write_text(pinned)
    return place / "bin"


def _free_port() -> int:
    """Below those that the system gives to clients, which may be many meanwhile."""
    while True:
        port = random.randrange(16_384, 32_768)
        with contextlib.suppress(OSError), socket.socket() as listening:
            listening.bind(("127.0.0.1", port))
            return port


def _stat(process: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
