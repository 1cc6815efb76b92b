"""Distributions with extension modules stand once in the process, under their natural names.

The extension module is markupsafe's, under other names: what an extension module is called is told by its file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from plughost.errors import NativeConflict
from plughost.scope import loaded_natives
from plughost.testing import wheel

Run = Callable[..., Any]


@pytest.fixture(scope="session")
def extension() -> tuple[str, bytes]:
    """A file name and the bytes of an extension module `_speedups`."""
    spec = find_spec("markupsafe._speedups")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).name, Path(spec.origin).read_bytes()


def _native(extension: tuple[str, bytes], name: str, version: str = "1.0", more: Mapping[str, str] | None = None) -> Any:
    file, data = extension
    files: dict[str, str | bytes] = {
        f"{name}/__init__.py": f"from {name}._speedups import _escape_inner\nV = '{version}'\n",
        f"{name}/{file}": data,
    }
    return wheel(name.replace("_", "-"), version, {**files, **(more or {})})


def test_a_native_and_what_it_requires_are_loaded_once_for_all_scopes(run: Run, workshop: Any, extension: tuple[str, bytes]) -> None:
    fast = workshop.unpack(_native(extension, "fastlib_a", more={"fastlib_a/uses.py": "import purelib_a as P\n"}), ["purelib-a"])
    pure = workshop.unpack(wheel("purelib-a", "1.0", {"purelib_a.py": "X = 1\n"}))
    text = """
import fastlib_a, purelib_a, fastlib_a.uses
from importlib.metadata import version
plugin = fastlib_a, purelib_a, version('fastlib-a'), version('purelib-a')
"""

    one, two = (run({"acme.py": text}, requires=["fastlib-a"], among=[fast, pure]) for _ in range(2))

    assert one[0] is two[0] is sys.modules["fastlib_a"]
    assert one[1] is two[1] is one[0].uses.P
    assert Path(one[0].__file__ or "").is_relative_to(fast.path)
    assert one[2:] == ("1.0", "1.0")
    assert loaded_natives()["fastlib-a"] == loaded_natives()["purelib-a"] == "1.0"


def test_a_native_stays_when_its_scope_closes_and_no_directory_is_on_the_path(workshop: Any, extension: tuple[str, bytes]) -> None:
    fast = workshop.unpack(_native(extension, "fastlib_b"))
    scope = workshop.open({"acme.py": "import fastlib_b as plugin\n"}, requires=["fastlib-b"], among=[fast])
    module = scope.load("acme:plugin")

    scope.close()

    assert sys.modules["fastlib_b"] is module
    assert str(fast.path) not in sys.path


def test_another_version_is_a_conflict(workshop: Any, extension: tuple[str, bytes]) -> None:
    one, two = (workshop.unpack(_native(extension, "fastlib_c", version)) for version in ("1.0", "2.0"))
    files = {"acme.py": "import fastlib_c as plugin\n"}
    undecided = workshop.sharing(files, requires=["fastlib-c==2.0"], among=[two])  # decided before the other one is there
    workshop.open(files, requires=["fastlib-c"], among=[one])

    with pytest.raises(NativeConflict, match="fastlib-c"):
        workshop.open(files, requires=["fastlib-c==2.0"], among=[two])
    with pytest.raises(NativeConflict, match=r"2\.0 is needed, 1\.0 is loaded"):
        _open(undecided)


def test_another_version_that_satisfies_all_requirements_is_used(run: Run, workshop: Any, extension: tuple[str, bytes]) -> None:
    one, two = (workshop.unpack(_native(extension, "fastlib_d", version)) for version in ("1.0", "2.0"))
    text = "import fastlib_d\nfrom importlib.metadata import version\nplugin = fastlib_d.V, version('fastlib-d')\n"
    workshop.open({"acme.py": text}, requires=["fastlib-d"], among=[one])

    assert run({"acme.py": text}, requires=["fastlib-d>=1"], among=[two]) == ("1.0", "1.0")


def test_a_native_in_a_namespace_leaves_room_for_private_neighbours(run: Run, workshop: Any, extension: tuple[str, bytes]) -> None:
    file, data = extension
    inner: dict[str, str | bytes] = {
        "spacious/fast/__init__.py": "from spacious.fast._speedups import _escape_inner\n",
        f"spacious/fast/{file}": data,
    }
    fast = workshop.unpack(wheel("spacious-fast", "1.0", inner))
    near = workshop.unpack(
        wheel("spacious-near", "1.0", {"spacious/near.py": "from spacious import fast\nimport spacious.fast as same\n"}), ["spacious-fast"]
    )
    text = """
import spacious.near, spacious.fast
from spacious import fast
plugin = spacious.near, fast is spacious.fast is spacious.near.same, fast
"""

    near_seen, same, fast_seen = run({"acme.py": text}, requires=["spacious-near"], among=[fast, near])

    assert same is True
    assert fast_seen is sys.modules["spacious.fast"]
    assert near_seen.__name__.startswith("_scope_")
    assert fast_seen.__name__ == "spacious.fast"
    assert getattr(fast_seen.__spec__, "name", None) == "spacious.fast"


def test_the_hosts_own_native_is_the_hosts_object(run: Run) -> None:
    import markupsafe

    assert run({"acme.py": "import markupsafe as plugin\n"}, requires=["markupsafe"]) is markupsafe


def test_a_plugin_that_is_native_itself_is_loaded(workshop: Any, extension: tuple[str, bytes]) -> None:
    file, data = extension
    files = {"native_acme/__init__.py": "from native_acme._speedups import _escape_inner\nplugin = __name__\n", f"native_acme/{file}": data}

    assert workshop.open(files).load("native_acme:plugin") == "native_acme"


def _open(sharing: Any) -> None:
    from plughost.scope import Scope

    Scope("_scope_undecided_1", sharing).open()
