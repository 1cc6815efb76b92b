from __future__ import annotations

from pathlib import Path

import pytest

from plughost.catalog import Catalog, FolderSource
from plughost.errors import PluginUnknown, ProjectUnknown, ReleaseUnknown, SourceUnreachable
from plughost.testing import wheel


def folder(path: Path, version: str, *names: str) -> FolderSource:
    wheel("acme-chat", version, {"acme_chat.py": ""}, plugins={"chat": "acme_chat:plugin"}).write(path)
    return FolderSource(path, names=names or ("*",))


async def test_the_first_source_that_knows_a_plugin_answers(tmp_path: Path) -> None:
    empty = FolderSource(tmp_path)
    first, second = folder(tmp_path / "first", "1.0"), folder(tmp_path / "second", "2.0")

    found = await Catalog([empty, first, second]).find("chat", project=None, specifier="")

    assert (found.version, found.source) == ("1.0", first.url)


async def test_a_source_that_may_not_speak_for_a_name_is_not_asked(tmp_path: Path) -> None:
    absent = FolderSource(tmp_path / "absent", names=("news", "acme-*"))
    second = folder(tmp_path / "second", "2.0", "ch?t")

    assert (await Catalog([absent, second]).find("chat", project=None, specifier="")).source == second.url


async def test_a_source_that_cannot_be_asked_ends_the_search(tmp_path: Path) -> None:
    absent, second = FolderSource(tmp_path / "absent"), folder(tmp_path / "second", "2.0")

    with pytest.raises(SourceUnreachable, match="absent"):
        await Catalog([absent, second]).find("chat", project=None, specifier="")


async def test_a_release_that_the_right_source_lacks_is_not_taken_from_another(tmp_path: Path) -> None:
    first, second = folder(tmp_path / "first", "1.0"), folder(tmp_path / "second", "2.0")

    with pytest.raises(ReleaseUnknown, match=r"there is: 1\.0"):
        await Catalog([first, second]).find("chat", project=None, specifier="2.0")


async def test_what_no_source_knows_is_unknown(tmp_path: Path) -> None:
    catalog = Catalog([FolderSource(tmp_path), folder(tmp_path / "second", "2.0")])

    with pytest.raises(PluginUnknown, match="news"):
        await catalog.find("news", project=None, specifier="")
    with pytest.raises(ProjectUnknown, match=f"'rival'.*{tmp_path.as_uri()}"):
        await catalog.find("chat", project="rival", specifier="")


async def test_without_a_source_everything_is_unknown() -> None:
    with pytest.raises(PluginUnknown):
        await Catalog([]).find("chat", project=None, specifier="")
