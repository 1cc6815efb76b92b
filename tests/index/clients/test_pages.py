"""What clients take from the pages: versions, METADATA without the wheel, yanks at once, digests, no provenance."""

from __future__ import annotations

import json
import re
import sys

import pytest

from tests.index.clients.child import Desk, Ended
from tests.index.clients.readers import ALONE, PIP, READERS, flags
from tests.index.clients.shop import publish, release, yank
from tests.index.program import BIN, Program

PYPI_SIMPLE = """
import hashlib, json, sys
from pypi_simple import ACCEPT_HTML_ONLY, ACCEPT_JSON_ONLY, NoProvenanceError, PyPISimple

endpoint, project, got = sys.argv[1:]
told = []
for accept in (ACCEPT_HTML_ONLY, ACCEPT_JSON_ONLY):
    with PyPISimple(endpoint, accept=accept) as client:
        page = client.get_project_page(project)
        [package] = page.packages
        client.download_package(package, got, verify=True)
        try:
            client.get_provenance(package, verify=False)
        except NoProvenanceError:
            provenance = None
        told.append({
            "projects": project in client.get_index_page().projects,
            "api": page.repository_version,
            "version": package.version,
            "digests": dict(package.digests),
            "requires_python": package.requires_python,
            "yanked": package.yanked_reason,
            "downloaded": hashlib.sha256(open(got, "rb").read()).hexdigest(),
            "metadata": client.get_package_metadata(package, verify=True),
            "provenance": provenance,
        })
print(json.dumps(told))
"""


async def versions(project: str, desk: Desk, *indexes: Program) -> Ended:
    return await desk.run(*PIP, "index", "versions", *flags([f"{each.url}/simple/" for each in indexes]), project, environ=ALONE)


async def test_pip_tells_the_versions_of_one_index_and_of_two(index: Program, second: Program, desk: Desk) -> None:
    await publish(index, *(release("versioned", version) for version in ("0.9", "1.0", "1.10", "1.9")))
    await publish(second, release("versioned", "1.11"))
    await yank(index, "versioned", "1.10")

    alone, both = await versions("versioned", desk, index), await versions("versioned", desk, index, second)

    assert "Available versions: 1.9, 1.0, 0.9\n" in alone.said
    assert "Available versions: 1.11, 1.9, 1.0, 0.9\n" in both.said


async def test_pip_tells_that_there_are_none(index: Program, desk: Desk) -> None:
    ended = await versions("never-published", desk, index)
    assert ended.status == 1
    assert "never-published" in ended.said


async def test_pip_resolves_by_metadata_and_fetches_no_wheel(index: Program, desk: Desk) -> None:
    await publish(index, release("described"))
    got = await READERS["pip install --report"]([f"{index.url}/simple/"], "described", desk)
    fetched = re.findall(r"Downloading (\S*described\S+)", got.ended.said)
    assert [name.rpartition("/")[2] for name in fetched] == ["described-1.0-py3-none-any.whl.metadata"]


async def test_uv_resolves_by_metadata_and_fetches_no_wheel(index: Program, desk: Desk) -> None:
    await publish(index, release("depicted"))
    (desk.folder / "requirements.in").write_text("depicted\n")
    ended = await desk.run(BIN / "uv", "pip", "compile", "-v", *flags([f"{index.url}/simple/"]), "requirements.in")
    assert ended.status == 0, ended.said
    assert re.findall(r"GET request for: \S+/(depicted[^/\s]+)$", ended.said, re.MULTILINE) == ["depicted-1.0-py3-none-any.whl.metadata"]


@pytest.mark.parametrize("name", ["pip download", "uv pip compile", "uv lock", "poetry add"])
async def test_a_yank_is_seen_at_once_though_the_client_keeps_a_cache(index: Program, desk: Desk, name: str) -> None:
    project = f"cached-{name.replace(' ', '-')}"
    await publish(index, release(project, "1.0"), release(project, "1.1"))
    assert (await READERS[name]([f"{index.url}/simple/"], project, desk)).chosen == {project: "1.1"}
    await yank(index, project, "1.1")
    for kept in (*desk.folder.glob("*.lock"), *desk.folder.glob("got/*"), *desk.folder.glob("requirements.txt")):
        kept.unlink()

    assert (await READERS[name]([f"{index.url}/simple/"], project, desk)).chosen == {project: "1.0"}


async def test_pypi_simple_reads_pages_digests_metadata_and_files(index: Program, desk: Desk) -> None:
    built = release("studied", requires_python=">=3.8")
    await publish(index, built)
    await yank(index, "studied", "1.0")

    ended = await desk.run(sys.executable, "-c", PYPI_SIMPLE, f"{index.url}/simple/", "studied", desk.folder / "got.whl")

    assert ended.status == 0, ended.said
    for told in json.loads(ended.said):
        assert "Requires-Python: >=3.8" in told.pop("metadata")
        assert told == {
            "projects": True,
            "api": "1.4",
            "version": "1.0",
            "digests": {"sha256": built.sha256},
            "requires_python": ">=3.8",
            "yanked": "it breaks",
            "downloaded": built.sha256,
            "provenance": None,
        }
