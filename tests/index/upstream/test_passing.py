"""What the index does not have is passed through: pages as the registry says them, files by their hash."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import httpx
import pytest

from plughost.testing import BuiltWheel
from tests.index.program import Program, chat, running, upload
from tests.index.upstream.registry import JSON, Registry, bare, passing

ACCEPT = {"Accept": JSON}


def release(version: str = "1.0", project: str = "lib-one") -> BuiltWheel:
    return chat(version, project=project, plugin=None)


async def page(client: httpx.AsyncClient, project: str = "lib-one") -> dict[str, dict[str, object]]:
    answer = await client.get(f"/simple/{project}/", headers=ACCEPT)
    assert answer.status_code == 200, answer.text
    return {file["filename"]: file for file in answer.json()["files"]}


def address(built: BuiltWheel) -> str:
    return f"/files/{built.sha256}/{built.filename}"


@pytest.mark.parametrize("form", [JSON, "text/html"])
async def test_a_page_says_what_the_registry_says_with_addresses_of_our_own(
    client: httpx.AsyncClient, registry: Registry, form: str
) -> None:
    registry.form, built, older = form, release("2.0"), release("1.0")
    registry.has(older, yanked="it breaks")
    registry.has(built, metadata=b"Name: lib-one", **{"requires-python": ">=3.9,<4"})

    files = await page(client)

    assert list(files) == [built.filename, older.filename]
    shown = files[built.filename]
    assert shown["url"] == f"../../files/{built.sha256}/{built.filename}"
    assert shown["hashes"] == {"sha256": built.sha256}
    assert shown["requires-python"] == ">=3.9,<4"
    assert shown["core-metadata"] == {"sha256": hashlib.sha256(b"Name: lib-one").hexdigest()}
    assert (shown["yanked"], files[older.filename]["yanked"]) == (False, "it breaks")
    if form == JSON:
        assert (shown["size"], shown["upload-time"]) == (len(built.data), "2026-01-02T03:04:05.678901Z")


async def test_a_file_is_fetched_once_however_many_ask(client: httpx.AsyncClient, registry: Registry) -> None:
    built = release()
    registry.has(built)
    await page(client)
    answers = await asyncio.gather(*(client.get(address(built)) for _ in range(8)))
    assert [answer.content for answer in answers] == [built.data] * 8
    assert registry.count(f"/kept/{built.filename}") == 1


async def test_a_file_is_answered_as_one_of_our_own(client: httpx.AsyncClient, registry: Registry) -> None:
    built = release()
    registry.has(built)
    await page(client)
    head = await client.head(address(built))
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(built.data)))
    part = await client.get(address(built), headers={"Range": "bytes=3-9"})
    assert (part.status_code, part.content) == (206, built.data[3:10])
    assert (await client.get(address(built), headers={"If-None-Match": head.headers["etag"]})).status_code == 304


async def test_metadata_is_checked_and_kept(client: httpx.AsyncClient, registry: Registry) -> None:
    built, other = release("1.0"), release("2.0")
    registry.has(built, other, metadata=b"Name: lib-one")
    registry.files[f"/kept/{other.filename}.metadata"] = b"Name: evil"
    await page(client)
    for _ in range(2):
        answer = await client.get(f"{address(built)}.metadata")
        assert (answer.status_code, answer.content) == (200, b"Name: lib-one")
    assert registry.count(f"/kept/{built.filename}.metadata") == 1
    assert registry.count(f"/kept/{built.filename}") == 0


async def test_metadata_that_no_registry_has_is_not_there(client: httpx.AsyncClient, registry: Registry) -> None:
    built = release()
    registry.has(built)
    await page(client)
    assert (await client.get(f"{address(built)}.metadata")).status_code == 404


async def test_other_bytes_than_the_page_promised_are_neither_served_nor_kept(
    client: httpx.AsyncClient, registry: Registry, index: Program
) -> None:
    built = release()
    registry.has(built)
    registry.files[f"/kept/{built.filename}"] = built.data[:-1] + b"!"
    await page(client)
    answer = await client.get(address(built))
    assert (answer.status_code, answer.json()["code"]) == (502, "digest-mismatch")
    assert [path for path in (index.home / "blobs").rglob("*") if path.is_file()] == []
    assert list((index.home / "staging").iterdir()) == []
    registry.files[f"/kept/{built.filename}"] = built.data
    assert (await client.get(address(built))).content == built.data


async def test_source_archives_are_passed_through(client: httpx.AsyncClient, registry: Registry) -> None:
    archive = BuiltWheel("lib_one-1.0.tar.gz", b"an archive")
    registry.has(archive)
    assert list(await page(client)) == ["lib_one-1.0.tar.gz"]
    assert (await client.get(address(archive))).content == b"an archive"


async def test_what_cannot_be_checked_or_is_not_of_the_project_is_left_out(client: httpx.AsyncClient, registry: Registry) -> None:
    good, unhashed, foreign = release("1.0"), release("2.0"), release("3.0", project="lib-two")
    registry.has(good)
    registry.has(unhashed, hashes={"md5": "0" * 32})
    registry.has(foreign)
    registry.pages["lib-one"] += registry.pages["lib-two"]
    registry.has(BuiltWheel("lib_one-1.0.exe", b"a program"), BuiltWheel("lib_one-4.0.zip", b"here"))
    registry.has(BuiltWheel("lib_one-5.0.zip", b"local"), url="file:///etc/hostname")
    assert set(await page(client)) == {good.filename, "lib_one-4.0.zip"}
    assert (await client.get(address(foreign))).status_code == 404


async def test_a_file_larger_than_the_limit_is_refused(tmp_path: Path, registry: Registry) -> None:
    built = release()
    registry.has(built)
    arguments = ("--max-size", str(len(built.data) - 1))
    async with passing(tmp_path / "home", registry.url, arguments=arguments) as index, httpx.AsyncClient(base_url=index.url) as client:
        await page(client)
        assert (await client.get(address(built))).json()["code"] == "wheel-too-large"


async def test_a_blob_that_lost_bytes_is_fetched_again(client: httpx.AsyncClient, registry: Registry, index: Program) -> None:
    built = release()
    registry.has(built)
    await page(client)
    await client.get(address(built))
    (index.home / "blobs" / built.sha256[:2] / built.sha256).write_bytes(built.data[:-1])
    assert (await client.get(address(built))).content == built.data


async def test_what_is_revoked_is_neither_listed_nor_served(client: httpx.AsyncClient, registry: Registry) -> None:
    built, other = release("1.0"), release("2.0")
    registry.has(built, other)
    assert len(await page(client)) == 2
    (await client.post("/api/revoked", json={"sha256": built.sha256, "reason": "it steals"})).raise_for_status()
    assert list(await page(client)) == [other.filename]
    assert (await client.get(address(built))).json()["code"] == "revoked"


async def test_the_list_of_all_projects_is_of_our_own(client: httpx.AsyncClient, registry: Registry) -> None:
    registry.has(release())
    await page(client)
    await upload(client, chat())
    assert [each["name"] for each in (await client.get("/simple/", headers=ACCEPT)).json()["projects"]] == ["acme-chat"]


async def test_without_the_flag_nobody_is_asked(tmp_path: Path, registry: Registry) -> None:
    registry.has(release())
    environment = bare(tmp_path) | {"PIP_INDEX_URL": registry.url}
    async with running(tmp_path / "home", within=tuple, **environment) as index, httpx.AsyncClient(base_url=index.url) as client:
        assert (await client.get("/simple/lib-one/")).status_code == 404
    assert registry.asked == []


async def test_files_of_a_folder_of_this_machine_are_passed_through(tmp_path: Path) -> None:
    built, folder = release(), tmp_path / "folder of wheels" / "lib-one"
    folder.mkdir(parents=True)
    (folder / built.filename).write_bytes(built.data)
    (folder / "index.html").write_text(f'<a href="{built.filename}#sha256={built.sha256}">{built.filename}</a>')
    async with passing(tmp_path / "home", PIP_INDEX_URL=folder.parent.as_uri()) as index, httpx.AsyncClient(base_url=index.url) as client:
        assert list(await page(client)) == [built.filename]
        assert (await client.get(address(built))).content == built.data
        assert (await client.get("/simple/lib-two/")).status_code == 404
