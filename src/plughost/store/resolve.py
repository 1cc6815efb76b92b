"""From requirements to a pinned closure: the one question that every resolver is asked, and the answer it gives.

A resolver sees METADATA alone. What the host shares reaches it as wheels that hold nothing else (stubs), so that no index
is asked for these names, and a requirement that the host's version does not satisfy is a conflict in the resolver's own words.
The plugin goes in as such a wheel too: nothing of it is downloaded, unpacked or run to answer the question.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from packaging.requirements import Requirement

from plughost.errors import DirectUrl, IntegrityMissing
from plughost.model.sharing import SharedDistribution
from plughost.store.stubs import put_stub
from plughost.store.threads import Threads

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a plugin's release requires, beside what, and where it is asked for."""

    release: str
    """For people: `chat 1.0`."""
    project: str
    version: str
    requires: tuple[str, ...]
    shared: tuple[SharedDistribution, ...] = ()
    """Those that are always the host's."""
    index: str | None = None
    """Asked first for every name: a PEP 691 base URL, with credentials where it wants some, or a folder as `file:` URL."""

    @property
    def folder(self) -> str | None:
        """The index where it is a folder of wheels."""
        return self.index if self.index is not None and self.index.startswith("file:") else None

    @property
    def repository(self) -> str | None:
        """The index where it is a repository."""
        return None if self.folder else self.index


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Pinned:
    """One distribution of a closure: which wheel, where it is, and which bytes it has."""

    project: str
    version: str
    url: str
    filename: str
    sha256: str


def promised(sha256: str | None, wheel: str) -> str:
    """The text as a sha256, since paths are made of it; raises IntegrityMissing where it is none."""
    if sha256 is None or not _SHA256.fullmatch(sha256):
        raise IntegrityMissing(wheel)
    return sha256


class Resolver(Protocol):
    """Answers questions."""

    kind: str

    async def resolve(self, question: Question) -> tuple[Pinned, ...]:
        """The closure without the plugin itself and without what is shared.

        Raises ResolutionFailed, SharedConflict, DirectUrl, IntegrityMissing, SourceUnreachable, SourceInvalid or ResolverMissing.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What lies before a resolver: an empty folder to work in, the plugin as a requirement, and what is given."""

    folder: Path
    wanted: str
    constraints: Path


@contextlib.asynccontextmanager
async def desk(question: Question, stubs: Path, threads: Threads) -> AsyncIterator[Desk]:
    """The question as files, in a folder that nothing configures; raises DirectUrl before any resolver is asked."""
    refuse_addresses(question.requires)
    # Not below the home, which may stand in somebody's project: resolvers obey a pyproject.toml of any folder above.
    folder = await threads.run(tempfile.TemporaryDirectory, prefix="plughost-", ignore_cleanup_errors=True)
    try:
        yield await threads.run(_laid_out, question, stubs, Path(folder.name))
    finally:
        await threads.run(folder.cleanup)


def refuse_addresses(requires: tuple[str, ...]) -> None:
    """Raise DirectUrl where a requirement names an address: resolvers follow those of the one that is asked for."""
    for text in requires:
        if Requirement(text).url is not None:
            raise DirectUrl(text)


def _laid_out(question: Question, stubs: Path, folder: Path) -> Desk:
    lines = []
    for shared in question.shared:
        # What a shared one requires is the host's affair; what its extras require is asked for by the plugin.
        extra = tuple(text for text in shared.requires if _of_an_extra(text))
        stub = put_stub(stubs, shared.project, shared.version, requires=extra, extras=shared.extras)
        lines += [f"{shared.project} @ {stub.as_uri()}", f"{shared.project}=={shared.version}"]  # the second explains conflicts better
    constraints = folder / "given.txt"
    constraints.write_text("\n".join(lines), "utf-8")
    plugin = put_stub(folder, question.project, question.version, requires=question.requires)
    return Desk(folder=folder, wanted=f"{question.project} @ {plugin.as_uri()}", constraints=constraints)


def _of_an_extra(requirement: str) -> bool:
    marker = Requirement(requirement).marker
    return marker is not None and "extra" in str(marker)
