from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.pylock import Pylock

from plughost.model.sharing import HostShare
from plughost.store.layout import Layout
from plughost.store.lock import Lock, Locks, environment, read, without_credentials, write
from plughost.store.resolve import Pinned
from tests.store.targets import shared


def pinned(project: str = "acme-lib", version: str = "1.0", *, at: str = "https://plugins.example.com/files", digit: str = "1") -> Pinned:
    filename = f"{project.replace('-', '_')}-{version}-py3-none-any.whl"
    return Pinned(project=project, version=version, url=f"{at}/{filename}", filename=filename, sha256=digit * 64)


def lock(*others: Pinned, **asks: tuple[str, ...]) -> Lock:
    return Lock(own=pinned("acme-chat"), others=others, resolver="uv", host=dict.fromkeys(asks, "1.0"), asks=asks)


NAMES = st.from_regex(r"[a-z]([a-z0-9]{0,5}-)?[a-z0-9]{1,6}", fullmatch=True)
VERSIONS = st.builds("{}.{}".format, st.integers(0, 99), st.integers(0, 99))


@settings(deadline=None)
@given(
    others=st.lists(st.tuples(NAMES, VERSIONS, st.sampled_from("0123456789abcdef")), unique_by=lambda one: one[0], max_size=5),
    asks=st.dictionaries(NAMES, st.lists(VERSIONS.map(">={}".format), max_size=3).map(tuple), max_size=3),
)
def test_what_is_read_is_what_was_written(others: list[tuple[str, str, str]], asks: dict[str, tuple[str, ...]]) -> None:
    written = lock(*(pinned(name, version, digit=digit) for name, version, digit in others), **asks)
    assert read(write(written)) == written


def test_every_tool_that_knows_pep_751_can_read_it() -> None:
    document = tomllib.loads(write(lock(pinned())).decode())
    assert [str(package.name) for package, _ in Pylock.from_dict(document).select()] == ["acme-chat", "acme-lib"]
    assert document["lock-version"] == "1.0"
    assert "implementation_name" in document["environments"][0]


def test_it_has_no_credentials() -> None:
    assert b"sesame" not in write(lock(pinned(at="https://user:sesame@plugins.example.com/files")))
    assert without_credentials("https://u:p@plugins.example.com:1/a?b#c") == "https://plugins.example.com:1/a?b#c"


@pytest.mark.parametrize(
    "change", [("requires-python", "==3.5.*"), ("environments", ["sys_platform == 'nowhere'"]), ("tool", {}), ("packages", [])]
)
def test_one_of_another_interpreter_or_maker_is_none_of_ours(change: tuple[str, object]) -> None:
    document = tomllib.loads(write(lock(pinned())).decode())
    document[change[0]] = change[1]
    with pytest.raises(ValueError, match=r"no lock of this interpreter|unpack"):
        read(tomli_w.dumps(document).encode())


def test_what_would_be_no_lock_is_not_written() -> None:
    with pytest.raises(ValueError, match=r"hashes|sha256|name"):
        write(lock(Pinned(project="Not Normal", version="1.0", url="https://plugins.example.com/x", filename="x", sha256="")))


@pytest.mark.parametrize(
    ("asks", "share", "holds"),
    [
        ({"click": (">=8", "<9")}, shared("offered", click="8.1"), True),
        ({"click": (">=8", "<9")}, shared("offered", click="9.0"), False),
        ({"click": ("",)}, shared("offered", click="9.0rc1"), True),
        ({"click": (">=8",)}, {}, False),
        ({}, shared("strict", acme_lib="1.0"), False),
        ({}, shared("offered", acme_lib="1.0"), True),
    ],
)
def test_it_holds_while_the_host_satisfies_what_it_asks(asks: dict[str, tuple[str, ...]], share: HostShare, *, holds: bool) -> None:
    assert lock(pinned(), **asks).holds(share) is holds


def test_locks_are_kept_by_wheel_and_environment(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path, boot="b")
    layout.make()
    locks, made = Locks(layout), lock(pinned())
    assert locks.read(made.own.sha256) is None

    locks.write(made)
    path = tmp_path / f"locks/{made.own.sha256}-{environment()}.toml"
    assert locks.read(made.own.sha256) == made

    path.write_text("lock-version = ")
    assert locks.read(made.own.sha256) is None, "made again"
    locks.remove(made.own.sha256)
    assert not path.exists()
    assert not list((tmp_path / "staging").iterdir())
