"""Bytecode of the site's modules is written beside them, also where the process is told not to."""

from __future__ import annotations

import sys
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest

FILES = {"acme/__init__.py": "from acme.deep import D as plugin\n", "acme/deep.py": "D = 1\n"}


def _cached(folder: Path, name: str) -> Path:
    return Path(cache_from_source(str(folder / name)))


@pytest.mark.parametrize("told_not_to", [True, False])
def test_bytecode_is_written_at_the_first_import_and_read_at_the_next(
    workshop: Any, monkeypatch: pytest.MonkeyPatch, *, told_not_to: bool
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", told_not_to)
    scope = workshop.open(FILES)
    (folder,) = scope.sharing.private

    assert scope.load("acme:plugin") == 1
    written = {name: _cached(folder, name).stat().st_mtime_ns for name in FILES}
    assert workshop.open(FILES).load("acme:plugin") == 1

    assert {name: _cached(folder, name).stat().st_mtime_ns for name in FILES} == written
    assert not [path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc", ""}]


def test_bytecode_of_the_site_is_not_checked_against_its_source(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    scope = workshop.open(FILES)
    scope.load("acme:plugin")
    (folder,) = scope.sharing.private

    flags = int.from_bytes(_cached(folder, "acme/deep.py").read_bytes()[4:8], "little")

    assert flags == 0b01


def test_a_directory_that_a_plugin_adds_to_its_path_is_left_as_it_is(
    workshop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "loose.py").write_text("L = 1\n")
    text = f"import sys\nsys.path.append({str(tmp_path / 'other')!r})\nfrom loose import L as plugin\n"

    assert workshop.open({"acme.py": text}).load("acme:plugin") == 1
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["loose.py"]


def test_where_bytecode_cannot_be_written_importing_goes_on(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    scope = workshop.open(FILES)
    (folder,) = scope.sharing.private
    (folder / "acme" / "__pycache__").write_text("in the way")

    assert scope.load("acme:plugin") == 1
    assert (folder / "acme" / "__pycache__").read_text() == "in the way"
