from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from plughost.catalog import Answer, FolderSource
from plughost.errors import PluginUnknown, ReleaseUnknown, SourceInvalid, SourceUnreachable
from plughost.model.plugin import Listing, PluginName, WheelFile
from plughost.testing import BuiltWheel, wheel

DEADLINE = 60


def chat(version: str = "1.0", says: str = "", **rest: object) -> BuiltWheel:
    plugins = {"chat": "acme_chat.entry:plugin"}
    return wheel("acme-chat", version, {"acme_chat/entry.py": says}, **{"plugins": plugins, **rest})  # type: ignore[arg-type]  # as wheel takes it


def replace_file(folder: Path, built: BuiltWheel) -> None:
    """As a build tool should, so that no half file is seen; its time is another one even on a coarse clock."""
    path = folder / built.filename
    later = path.stat().st_mtime_ns + 1_000_000_000 if path.exists() else None
    staged = folder / "staged"
    staged.write_bytes(built.data)
    if later is not None:
        os.utime(staged, ns=(later, later))
    staged.replace(path)


async def listed(source: FolderSource) -> Answer:
    answer = await source.poll()
    assert answer is not None
    return answer


async def test_each_wheel_that_carries_a_plugin_is_listed(tmp_path: Path) -> None:
    built = chat()
    path = built.write(tmp_path)
    wheel("left-pad", "1.0", {"left_pad.py": ""}).write(tmp_path)
    source = FolderSource(tmp_path)

    answer = await listed(source)

    assert answer == Answer(
        listings=(
            Listing(
                name=PluginName("chat"),
                version="1.0",
                wheels=(WheelFile(url=path.as_uri(), filename=built.filename, sha256=built.sha256),),
                entry="acme_chat.entry:plugin",
                project="acme-chat",
                source=tmp_path.as_uri(),
                index=tmp_path.as_uri(),
                mutable=True,
            ),
        )
    )


async def test_the_newest_version_of_each_plugin_is_listed(tmp_path: Path) -> None:
    for version in ("1.2", "1.10", "1.9", "2.0.dev1"):
        chat(version).write(tmp_path)

    assert [listing.version for listing in (await listed(FolderSource(tmp_path))).listings] == ["2.0.dev1"]


async def test_a_project_may_carry_several_plugins(tmp_path: Path) -> None:
    wheel("acme", "1.0", {"acme.py": ""}, plugins={"chat": "acme:chat", "news": "acme:news"}).write(tmp_path)

    answer = await listed(FolderSource(tmp_path))

    assert {listing.name: listing.entry for listing in answer.listings} == {"chat": "acme:chat", "news": "acme:news"}


async def test_a_version_that_cannot_run_here_does_not_hide_one_that_can(tmp_path: Path) -> None:
    chat("1.0").write(tmp_path)
    chat("2.0", tag="cp38-cp38-win32").write(tmp_path)
    chat("3.0", requires_python=">=99").write(tmp_path)

    assert [listing.version for listing in (await listed(FolderSource(tmp_path))).listings] == ["1.0"]


async def test_a_plugin_that_cannot_run_here_at_all_is_listed_so_that_it_is_refused_by_name(tmp_path: Path) -> None:
    chat("2.0", tag="cp38-cp38-win32").write(tmp_path)

    assert [listing.version for listing in (await listed(FolderSource(tmp_path))).listings] == ["2.0"]


async def test_two_projects_that_carry_one_plugin_are_both_refused(tmp_path: Path) -> None:
    chat().write(tmp_path)
    wheel("rival", "9.0", {"rival.py": ""}, plugins={"chat": "rival:plugin", "news": "rival:plugin"}).write(tmp_path)

    answer = await listed(FolderSource(tmp_path))

    assert [listing.name for listing in answer.listings] == ["news"]
    assert [problem.name for problem in answer.problems] == ["chat"]
    assert "acme-chat" in answer.problems[0].problem
    assert "rival" in answer.problems[0].problem


async def test_a_file_that_is_no_wheel_does_not_hold_up_the_others(tmp_path: Path) -> None:
    chat().write(tmp_path)
    (tmp_path / "junk-1.0-py3-none-any.whl").write_bytes(b"PK nothing")
    (tmp_path / "odd.whl").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("not a wheel, and not said to be one")
    wheel("bad", "1.0", {"bad.py": ""}, plugins={"Bad Name": "bad:plugin"}).write(tmp_path)
    wheel("worse", "1.0", {"worse.py": ""}, plugins={"worse": "no entry"}).write(tmp_path)

    answer = await listed(FolderSource(tmp_path))

    assert [listing.name for listing in answer.listings] == ["chat"]
    assert {problem.name for problem in answer.problems} == {"junk-1.0-py3-none-any.whl", "odd.whl", "Bad Name", "worse"}


async def test_a_plugin_whose_wheel_is_being_written_over_is_a_problem_and_not_gone(tmp_path: Path) -> None:
    whole = chat("2.0")
    whole.write(tmp_path)
    chat("1.0").write(tmp_path)
    wheel("news", "1.0", {"news.py": ""}, plugins={"news": "news:plugin"}).write(tmp_path)
    source = FolderSource(tmp_path)
    await listed(source)

    replace_file(tmp_path, BuiltWheel(whole.filename, whole.data[:100]))
    answer = await listed(source)

    assert [listing.name for listing in answer.listings] == ["news"]
    assert [problem.name for problem in answer.problems] == ["chat"]


async def test_a_folder_whose_every_wheel_is_broken_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "junk-1.0-py3-none-any.whl").write_bytes(b"")
    source = FolderSource(tmp_path)

    for _ in range(2):  # it is told again, for it still is so
        with pytest.raises(SourceInvalid, match="junk"):
            await source.poll()


async def test_a_file_is_told_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    one, two = chat(says="one"), chat(says="two and more")
    one.write(tmp_path)
    source = FolderSource(tmp_path)
    await listed(source)

    assert await source.poll() is None
    replace_file(tmp_path, two)
    assert [listing.wheels[0].sha256 for listing in (await listed(source)).listings] == [two.sha256]
    (tmp_path / two.filename).unlink()
    assert (await listed(source)).listings == ()


async def test_a_source_hears_only_the_names_it_is_allowed(tmp_path: Path) -> None:
    wheel("acme", "1.0", {"acme.py": ""}, plugins={"chat": "acme:chat", "news": "acme:news"}).write(tmp_path)

    answer = await listed(FolderSource(tmp_path, names=["n*"]))

    assert [listing.name for listing in answer.listings] == ["news"]


async def test_a_folder_that_is_not_there_is_a_catalog_error_until_it_is(tmp_path: Path) -> None:
    source = FolderSource(tmp_path / "later")
    with pytest.raises(SourceUnreachable, match="later"):
        await source.poll()

    chat().write(tmp_path / "later")

    assert [listing.name for listing in (await listed(source)).listings] == ["chat"]


# plugins.json


def write_list(folder: Path, *entries: object) -> None:
    (folder / "plugins.json").write_text(json.dumps(entries))


async def test_plugins_json_says_exactly_what_is_listed(tmp_path: Path) -> None:
    old = chat("1.0").write(tmp_path / "dist")
    chat("2.0").write(tmp_path)
    wheel("news", "1.0", {"news.py": ""}, plugins={"news": "news:plugin"}).write(tmp_path)
    write_list(tmp_path, {"name": "chat", "remoteEntryUrl": f"dist/{old.name}", "exposedModule": "acme_chat.entry", "mount": "talk"})

    answer = await listed(FolderSource(tmp_path))

    (listing,) = answer.listings
    assert (listing.version, listing.mount, listing.entry) == ("1.0", "talk", "acme_chat.entry:plugin")
    assert listing.wheels == (WheelFile(url=old.as_uri(), filename=old.name, sha256=chat("1.0").sha256),)
    assert (listing.mutable, listing.index) == (True, tmp_path.as_uri())


async def test_plugins_json_may_name_what_is_elsewhere(tmp_path: Path) -> None:
    built = chat()
    url = f"https://plugins.example.com/{built.filename}"
    write_list(tmp_path, {"name": "chat", "remoteEntryUrl": url, "integrity": built.integrity}, {"name": "talk", "remoteEntryUrl": url})

    answer = await listed(FolderSource(tmp_path))

    assert [listing.wheels[0].sha256 for listing in answer.listings] == [built.sha256, None]


async def test_a_file_that_plugins_json_names_and_is_not_there_is_a_problem(tmp_path: Path) -> None:
    built = chat()
    built.write(tmp_path)
    missing = {"name": "news", "remoteEntryUrl": "news-1.0-py3-none-any.whl"}
    write_list(tmp_path, {"name": "chat", "remoteEntryUrl": built.filename}, missing)

    answer = await listed(FolderSource(tmp_path))

    assert [listing.name for listing in answer.listings] == ["chat"]
    assert [problem.name for problem in answer.problems] == ["news"]
    assert "is not there" in answer.problems[0].problem


async def test_a_broken_plugins_json_changes_nothing(tmp_path: Path) -> None:
    chat().write(tmp_path)
    source = FolderSource(tmp_path)
    await listed(source)
    (tmp_path / "plugins.json").write_text("[")

    with pytest.raises(SourceInvalid, match="not JSON"):
        await source.poll()

    (tmp_path / "plugins.json").unlink()
    assert await source.poll() is None


# Changes


async def test_new_files_are_noticed(tmp_path: Path) -> None:
    chat("1.0").write(tmp_path)
    source = FolderSource(tmp_path)
    await listed(source)
    changes = source.changes()
    waiting = asyncio.ensure_future(anext(changes))

    chat("2.0").write(tmp_path)
    async with asyncio.timeout(DEADLINE):
        await waiting

    assert [listing.version for listing in (await listed(source)).listings] == ["2.0"]
    await changes.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_what_changed_before_anyone_listened_is_noticed(tmp_path: Path) -> None:
    source = FolderSource(tmp_path)
    await listed(source)
    chat("1.0").write(tmp_path)
    changes = source.changes()

    async with asyncio.timeout(DEADLINE):
        await anext(changes)

    await changes.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_a_folder_that_vanishes_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    folder.mkdir()
    source = FolderSource(folder)
    await listed(source)
    folder.rmdir()

    async with asyncio.timeout(DEADLINE):
        with pytest.raises(SourceUnreachable):
            await anext(source.changes())


# Installs by name


async def test_the_newest_release_that_runs_here_is_found(tmp_path: Path) -> None:
    for version in ("1.0", "1.5", "2.0a1"):
        chat(version).write(tmp_path)
    chat("3.0", tag="cp38-cp38-win32").write(tmp_path)
    source = FolderSource(tmp_path)

    found = [(await source.find("chat", project=None, specifier=text)).version for text in ("", "1.0", ">=2.0a0")]

    assert found == ["1.5", "1.0", "2.0a1"]


async def test_a_release_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    for version in ("1.0", "1.5"):
        chat(version).write(tmp_path)

    with pytest.raises(ReleaseUnknown, match=r"no release 9; there is: 1\.5, 1\.0"):
        await FolderSource(tmp_path).find("chat", project=None, specifier="9")


async def test_a_plugin_that_no_wheel_carries_is_unknown(tmp_path: Path) -> None:
    chat().write(tmp_path)
    source = FolderSource(tmp_path)

    with pytest.raises(PluginUnknown):
        await source.find("news", project=None, specifier="")
    with pytest.raises(PluginUnknown):
        await source.find("chat", project="rival", specifier="")
    assert (await source.find("chat", project="Acme_Chat", specifier="")).project == "acme-chat"
