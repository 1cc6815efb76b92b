"""What the host's environment shares."""

from __future__ import annotations

import importlib.metadata

import pytest

from plughost.errors import RequestInvalid
from plughost.model.sharing import HostShare
from plughost.scope import host_share
from plughost.scope.shared import importable

STRICT = {"fastapi", "starlette", "pydantic", "pydantic-core", "anyio", "httpx", "typing-extensions", "annotated-types", "plughost"}


def test_the_strict_ones_are_those_whose_types_cross_the_border(share: HostShare) -> None:
    assert {project for project, one in share.items() if one.kind == "strict"} == STRICT
    assert share["fastapi"].version == importlib.metadata.version("fastapi")
    assert "standard" in share["fastapi"].extras
    assert share["typing-extensions"].tops == {"typing_extensions"}
    assert share["plughost"].tops == {"plughost.sdk"}


def test_offered_are_the_hosts_own_requirements_and_what_has_extension_modules(share: HostShare) -> None:
    assert {"click", "idna", "certifi", "jinja2", "packaging", "markupsafe", "httptools"} <= set(share)
    assert not {"pytest", "ruff", "hatchling"} & set(share)


def test_the_operator_may_share_more() -> None:
    share = host_share({"PyTest": "strict", "click": "strict", "iniconfig": "offered"})

    assert (share["pytest"].kind, share["click"].kind, share["iniconfig"].kind) == ("strict", "strict", "offered")
    assert "pytest" in share["pytest"].tops


def test_sharing_what_is_not_installed_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="acme-nothere"):
        host_share({"acme-nothere": "strict"})


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["one.py", "two/__init__.py", "two/deep/__init__.py", "two/deep/m.py", "two/data/x.py"], {"one", "two"}),
        (["space/fast/__init__.py", "space/fast/m.py", "space/mod.py"], {"space.fast", "space.mod"}),
        (["_ext.cpython-311-x86_64-linux-gnu.so", "pkg/__init__.py", "pkg/_x.abi3.so"], {"_ext", "pkg"}),
        (["../../bin/tool.py", "x-1.0.dist-info/METADATA", "README.md", "not-a-module.py"], set()),
        (["stubs-only/__init__.pyi", "numpy.libs/libx.so"], set()),
    ],
)
def test_the_names_a_distribution_is_imported_by_are_read_from_its_files(files: list[str], names: set[str]) -> None:
    assert set(importable(files)) == names
