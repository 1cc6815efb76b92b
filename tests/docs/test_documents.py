"""What the documents promise is there: files, error codes, settings, and the public names."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import plughost
from plughost.errors import PlughostError
from plughost.settings import Settings

ROOT = Path(__file__).parents[2]


def leaves(kind: type[PlughostError]) -> list[type[PlughostError]]:
    below = kind.__subclasses__()
    return [leaf for each in below for leaf in leaves(each)] if below else [kind]


def test_architecture_names_only_files_that_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`((?:src|plugin_index|tests|scripts|benchmarks|examples)/[\w./-]+)`", text))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_readme_names_only_files_and_commands_that_exist() -> None:
    text = (ROOT / "README.md").read_text()
    for script in ("scripts/demo", "scripts/test"):
        assert script in text
        assert (ROOT / script).is_file()
    blocks = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    commands = set(re.findall(r"^plughost ([a-z]+)", blocks, re.MULTILINE))
    assert commands
    application = import_module("plughost.cli.app").app
    known = {command.name or command.callback.__name__ for command in application.registered_commands} | {"token"}
    assert commands <= known


@pytest.mark.parametrize("document", ["README.md", "docs/index.md"])
def test_documents_name_only_commands_of_the_index_that_exist(document: str) -> None:
    blocks = "".join(re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text(), re.DOTALL))
    named = set(re.findall(r"^plugin-index ([a-z]+)", blocks, re.MULTILINE))
    named |= set(re.findall(r"^\| `([a-z]+) [A-Z]", (ROOT / document).read_text(), re.MULTILINE))
    assert named
    assert named <= _index_commands()


def test_the_index_has_the_commands_of_the_contract() -> None:
    wanted = "serve token list show enable disable yank unyank quarantine unquarantine revoke remove audit verify backup restore"
    assert set(wanted.split()) <= _index_commands()


def _index_commands() -> set[str]:
    application = import_module("plugin_index.cli").app
    return {command.name or command.callback.__name__ for command in application.registered_commands} | {"token"}


def test_every_option_of_the_index_is_documented() -> None:
    text = (ROOT / "docs/settings.md").read_text().partition("## The index")[2]
    options = inspect.signature(import_module("plugin_index.cli.serve").serve).parameters
    assert sorted(name for name in options if f"`{name}`" not in text) == []


def test_every_error_has_a_code_of_its_own_kind() -> None:
    for leaf in leaves(PlughostError):
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", leaf.code), leaf
        assert 400 <= leaf.status <= 599, leaf
        assert leaf.__doc__, leaf


def test_errors_md_says_cause_and_remedy_of_each_code() -> None:
    text = (ROOT / "docs/errors.md").read_text()
    codes = {leaf.code for leaf in leaves(PlughostError) if leaf.__module__.startswith(("plughost", "plugin_index"))}
    assert sorted(code for code in codes if f"`{code}`" not in text) == []


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs/settings.md").read_text()


def test_the_public_face_is_sorted_and_importable() -> None:
    assert list(plughost.__all__) == sorted(plughost.__all__)
    for name in plughost.__all__:
        assert getattr(plughost, name) is not None
