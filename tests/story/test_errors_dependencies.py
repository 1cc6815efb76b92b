"""What a plugin requires and cannot have: told in the resolver's own words, with either resolver."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from plughost.testing import BuiltWheel, wheel
from tests.story.house import HostFactory, Index, hello
from tests.story.refusals import Json, one_serves, one_still_serves, refused_operation, refused_upgrade

KINDS = ("uv", "pip")


@pytest.fixture(params=KINDS)
def resolver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _only_the_index(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine is configured for, pip and uv know the test's index alone."""
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{index.url}/simple/")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple/")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip-cache"))


def lib(project: str, version: str, *requires: str, **more: Any) -> BuiltWheel:
    return wheel(project, version, {f"{project.replace('-', '_')}.py": f"version = {version!r}\n"}, requires=requires, **more)


USING = """
import acme_lib

@router.get("/lib")
async def lib():
    return acme_lib.version
"""


async def test_dependencies_that_can_be_had_are(start: HostFactory, index: Index, resolver: str) -> None:
    async with start(resolver=resolver) as host:
        await one_serves(host, index)
        index.publish(lib("acme-lib", "1.0"), lib("acme-lib", "2.0"))
        await index.list(hello("2.0", requires=["acme-lib<2"], extra=USING))
        await host.until_serving("hello", "2.0")
        assert (await host.get("/hello/lib")).json() == "1.0"


async def test_a_dependency_that_nobody_has(start: HostFactory, index: Index, resolver: str) -> None:
    async with start(resolver=resolver) as host:
        bad = hello("2.0", requires=["acme-nowhere>=1"])
        says = ("the dependencies of hello 2.0 cannot be resolved", "the resolver says:", "acme-nowhere")
        problem = await refused_upgrade(host, index, bad, is_="422 resolution-failed", says=says)
        assert "acme-nowhere" in problem["explanation"]
        assert "file://" not in problem["explanation"]


async def test_dependencies_that_contradict_each_other(start: HostFactory, index: Index, resolver: str) -> None:
    async with start(resolver=resolver) as host:
        index.publish(lib("acme-lib", "1.0"), lib("acme-lib", "2.0"))
        index.publish(lib("acme-old", "1.0", "acme-lib<2"), lib("acme-new", "1.0", "acme-lib>=2"))
        bad = hello("2.0", requires=["acme-old", "acme-new"])
        problem = await refused_upgrade(host, index, bad, is_="422 resolution-failed", says=("hello 2.0",))
        for project in ("acme-old", "acme-new", "acme-lib"):
            assert project in problem["explanation"]


async def test_a_shared_version_that_cannot_be_satisfied(start: HostFactory, index: Index, resolver: str) -> None:
    async with start(resolver=resolver) as host:
        bad = hello("2.0", requires=["fastapi>=999"])
        says = ("is shared by the host", "fastapi>=999", "publish a plugin that accepts", "or change the host's version")
        problem = await refused_upgrade(host, index, bad, is_="409 shared-conflict", says=says)
        assert problem["distribution"] == "fastapi"


async def test_a_dependency_that_wants_another_shared_version(start: HostFactory, index: Index, resolver: str) -> None:
    async with start(resolver=resolver) as host:
        index.publish(lib("acme-lib", "1.0", "fastapi>=999"))
        bad = hello("2.0", requires=["acme-lib"])
        says = ("fastapi", "is shared by the host", "acme-lib", "fastapi>=999")
        problem = await refused_upgrade(host, index, bad, is_="409 shared-conflict", says=says)
        assert problem["distribution"] == "fastapi"


async def test_an_extra_that_the_host_lacks(start: HostFactory, index: Index, resolver: str) -> None:
    async with start(resolver=resolver) as host:
        index.publish(lib("socksio", "1.0.0"))
        bad = hello("2.0", requires=["httpx[socks]"])
        says = ("httpx[socks] is shared by the host, which lacks socksio", "install it beside the host")
        problem = await refused_upgrade(host, index, bad, is_="409 shared-extra-missing", says=says)
        assert problem["missing"] == ["socksio==1.*"]


async def test_a_requirement_that_is_an_address(start: HostFactory, index: Index, resolver: str) -> None:
    async with start(resolver=resolver) as host:
        address = "acme-lib @ https://example.com/acme_lib-1.0-py3-none-any.whl"
        bad = hello("2.0", requires=[address])
        says = ("acme-lib", "requires an address", "publish that one to the index")
        await refused_upgrade(host, index, bad, is_="422 direct-url", says=says)


async def test_a_dependency_that_the_guard_refuses(start: HostFactory, index: Index, resolver: str) -> None:
    async with start(resolver=resolver) as host:
        bad = lib("acme-lib", "1.0")
        index.publish(BuiltWheel(bad.filename, bad.data + b"nobody's"))
        says = (bad.filename, "(rule trailing-bytes)", "nothing was written")
        await refused_upgrade(host, index, hello("2.0", requires=["acme-lib"]), is_="422 archive-refused", says=says)


async def test_a_registry_that_does_not_answer_is_asked_again(start: HostFactory, index: Index, resolver: str) -> None:
    async with start(resolver=resolver) as host:
        await one_serves(host, index)
        index.publish(lib("acme-lib", "1.0"))
        index.page_status = 503
        index.publish(bad := hello("2.0", requires=["acme-lib"]))
        body: Json = {"name": "hello", "url": f"{index.url}{index.path(bad)}", "integrity": bad.integrity}
        problem = await refused_operation(host, "POST", "/api/plugins", body, is_="502 source-unreachable", says=("did not answer",))
        assert (await host.get("/hello/")).json() == "1.0"
        explained = (await host.ask("GET", "/api/plugins/hello/explain")).json()
        assert explained["refused"][0]["error"]["code"] == problem["code"]
        assert explained["next_try"]

        index.page_status = 200
        await host.until_serving("hello", "2.0")


async def test_a_plugin_that_uses_what_it_does_not_require(start: HostFactory, index: Index) -> None:
    async with start() as host:
        bad = hello("2.0", extra="import pytest\n")  # it is beside the host, and none of the plugin's business
        await refused_upgrade(host, index, bad, is_="424 import-failed", says=("No module named 'pytest'",))
        await one_still_serves(host)
