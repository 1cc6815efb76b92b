"""pip as a resolver: the report of a dry run, and what pip lacks made up for.

It builds whatever an address leads to, `--only-binary` or not, so it runs under an audit hook that no code can take off
again and that forbids every child process. It has no order of indexes either, and falls through one that answers 403:
so each name of its outcome is asked of the plugin's index, and what *strayed* from there is pinned and resolved again.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from plughost.errors import DigestMismatch, DirectUrl, ResolutionFailed, ResolverMissing
from plughost.net import configured
from plughost.store.child import environment, run
from plughost.store.resolve import Desk, Pinned, Question, desk, promised
from plughost.store.said import public, refusal, too_slow
from plughost.store.strays import Listed, Page, strays
from plughost.store.stubs import is_stub
from plughost.store.threads import Threads

_REPORT = "report.json"
_MISSED = re.compile(r"No matching distribution found for ([\w.-]*\w)")
_JAIL = """\
import runpy, sys
FORBIDDEN = {"subprocess.Popen", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "os.forkpty"}
def deny(event, args):
    if event in FORBIDDEN:
        raise PermissionError(f"{event}: nothing is built or run while a plugin is resolved")
sys.addaudithook(deny)
sys.argv[0] = "pip"
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
# Said outright, since a pip.conf may say otherwise and no option takes it back; PIP_CONSTRAINT is ours (see below).
_NEUTRAL = {
    "PIP_NO_DEPS": "false",
    "PIP_PRE": "false",
    "PIP_USER": "false",
    "PIP_REQUIRE_HASHES": "false",
    "PIP_REQUIRE_VIRTUALENV": "false",
    "PIP_DISABLE_PIP_VERSION_CHECK": "true",
}


class Pip:
    """Asks all indexes that this machine's pip is configured for, and the plugin's first of all."""

    kind = "pip"

    def __init__(self, *, stubs: Path, threads: Threads, deadline: float, page: Page, environ: Mapping[str, str] = os.environ) -> None:
        self._stubs, self._threads, self._deadline, self._page, self._environ = stubs, threads, deadline, page, environ
        # The variable that names the plugin's index takes the place of what a pip.conf says.
        default = configured({**environ, "PIP_EXTRA_INDEX_URL": " "}).pip
        self._more = [url for url in configured(environ).pip if url not in default]
        self._open = [url for url in configured(environ).pip if url.startswith("http") and "@" not in urlsplit(url).netloc]

    async def resolve(self, question: Question) -> tuple[Pinned, ...]:
        """The closure; see Resolver."""
        if await self._threads.run(find_spec, "pip") is None:
            raise ResolverMissing("pip")
        async with desk(question, self._stubs, self._threads) as given:
            try:
                async with asyncio.timeout(self._deadline):
                    return await self._settled(question, given)
            except TimeoutError:
                raise too_slow(question, self._deadline) from None

    async def _settled(self, question: Question, given: Desk) -> tuple[Pinned, ...]:
        pins: dict[str, Listed] = {}
        while True:
            found, asked = await self._once(question, given, frozenset(pins))
            strayed = await strays(question, found, asked, self._page)
            if not strayed:
                return found
            if again := sorted(strayed.keys() & pins.keys()):  # or an index that lies would keep us here
                got = next(pinned.sha256 for pinned in found if pinned.project == again[0])
                raise DigestMismatch(pins[again[0]].filename, promised=strayed[again[0]].sha256 or "nothing", got=got)
            pins |= strayed
            await self._threads.run(_constrain, given, strayed)

    async def _once(self, question: Question, given: Desk, pins: frozenset[str]) -> tuple[tuple[Pinned, ...], list[str]]:
        """One run: what it chose, and every requirement of that."""
        ended = await run(
            [sys.executable, "-I", "-c", _JAIL, *_arguments(question, given)],
            folder=given.folder,
            env=self._variables(question, given),
            deadline=self._deadline,
        )
        if ended.status:
            error = refusal(question, ended.output)
            if isinstance(error, ResolutionFailed):
                await self._see_that_it_answers(question, ended.output)
            raise error
        return await self._threads.run(_reported, given.folder, (self._stubs, given.folder), pins)

    async def _see_that_it_answers(self, question: Question, output: str) -> None:
        """Raise SourceUnreachable where an index fails at the name that was not found: pip passes over that in silence."""
        indexes = filter(None, (question.repository, *self._open))
        if missed := _MISSED.search(output):
            for index in indexes:
                await self._page(f"{index.removesuffix('/')}/{canonicalize_name(missed[1])}/")

    def _variables(self, question: Question, given: Desk) -> dict[str, str]:
        # An index by a variable, since a command line can be read by everyone on the machine; and one file of constraints, ours.
        indexes = " ".join(filter(None, (question.repository, *self._more)))
        return environment(self._environ, **_NEUTRAL, PIP_CONSTRAINT=given.constraints.name, PIP_EXTRA_INDEX_URL=indexes)


def _arguments(question: Question, given: Desk) -> list[str]:
    return [
        *("install", "--dry-run", "--ignore-installed", "--only-binary", ":all:", "--report", _REPORT),
        *(("--find-links", question.folder) if question.folder else ()),
        *("--retries", "1", "--no-input", "--no-color", "--progress-bar", "off", given.wanted),
    ]


def _constrain(given: Desk, strayed: Mapping[str, Listed]) -> None:
    with given.constraints.open("a", encoding="utf-8") as file:
        file.writelines(f"\n{project} @ {listed.url}" for project, listed in strayed.items())


def _reported(folder: Path, stubs: tuple[Path, ...], pins: frozenset[str]) -> tuple[tuple[Pinned, ...], list[str]]:
    rows: list[dict[str, Any]] = json.loads((folder / _REPORT).read_text("utf-8"))["install"]
    private = [row for row in rows if not any(is_stub(row["download_info"]["url"], stub) for stub in stubs)]
    asked = [requirement for row in rows for requirement in row["metadata"].get("requires_dist", ())]
    return tuple(sorted(_pinned(row, pins) for row in private)), asked


def _pinned(row: Mapping[str, Any], pins: frozenset[str]) -> Pinned:
    project, info = canonicalize_name(row["metadata"]["name"], validate=True), row["download_info"]
    if row["is_direct"] and project not in pins:
        raise DirectUrl(f"{project} @ {public(info['url'])}")
    filename = unquote(urlsplit(info["url"]).path.rpartition("/")[2])
    sha256 = promised(info.get("archive_info", {}).get("hashes", {}).get("sha256"), filename)
    return Pinned(project=project, version=row["metadata"]["version"], url=info["url"], filename=filename, sha256=sha256)
