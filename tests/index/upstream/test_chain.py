"""Which registries are asked, and who gets which credentials."""

from __future__ import annotations

import base64
from pathlib import Path

import httpx
import pytest

from plughost.net import Origin
from plugin_index.errors import UpstreamUnknown
from plugin_index.upstream import Chain
from tests.index.program import BIN, chat, run
from tests.index.upstream.registry import Registry, bare, passing
from tests.index.upstream.registry import registry as running_registry

ONE, TWO, THREE = (f"https://{name}.example.com/simple/" for name in ("one", "two", "three"))


def configured(home: Path, **environment: str) -> Chain:
    return Chain.of(environment=bare(home) | environment)


def test_registries_of_uv_come_before_those_of_pip_and_none_twice(tmp_path: Path) -> None:
    chain = configured(tmp_path, UV_INDEX=f"{TWO} {THREE}", PIP_INDEX_URL=ONE.rstrip("/"), PIP_EXTRA_INDEX_URL=TWO.rstrip("/"))
    assert chain.urls == (TWO, THREE, ONE)


def test_registries_that_are_named_take_the_place_of_those(tmp_path: Path) -> None:
    assert Chain.of([TWO, ONE], bare(tmp_path) | {"PIP_INDEX_URL": THREE}).urls == (TWO, ONE)


def test_configuration_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {ONE}\n")
    (tmp_path / "uv.toml").write_text(f'[[index]]\nurl = "{TWO}"\n')
    files = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "UV_CONFIG_FILE": str(tmp_path / "uv.toml")}
    assert {TWO, ONE} <= set(configured(tmp_path, **files).urls)


def test_no_registry_is_a_clear_refusal(tmp_path: Path) -> None:
    with pytest.raises(UpstreamUnknown, match="--upstream-url"):
        configured(tmp_path)


async def test_the_program_says_so_too(tmp_path: Path) -> None:
    ended, said = await run(BIN / "plugin-index", "serve", "--home", tmp_path / "home", "--upstream", **bare(tmp_path))
    assert (ended, "error[upstream-unknown]" in said, "Traceback" in said) == (1, True, False)


@pytest.mark.parametrize("named", [True, False])
def test_credentials_are_kept_apart(tmp_path: Path, *, named: bool) -> None:
    url = "https://ada:s3cr%40t@one.example.com:8443/simple?token=hidden"
    chain = Chain.of([url], bare(tmp_path)) if named else configured(tmp_path, PIP_INDEX_URL=url)
    assert chain.urls == ("https://one.example.com:8443/simple/",)
    assert chain.credentials == {Origin("https", "one.example.com", 8443): ("ada", "s3cr@t")}
    assert chain.origins == ("https://one.example.com:8443",)
    assert "s3cr" not in repr(chain)


@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX"])
async def test_a_registry_gets_its_credentials_and_they_are_written_nowhere(tmp_path: Path, registry: Registry, variable: str) -> None:
    built = chat("1.0", project="lib-one", plugin=None)
    registry.has(built)
    url = registry.url.replace("://", "://ada:s3cret@")
    async with passing(tmp_path / "home", **{variable: url}) as index, httpx.AsyncClient(base_url=index.url) as client:
        assert (await client.get("/simple/lib-one/")).status_code == 200
        assert (await client.get(f"/files/{built.sha256}/{built.filename}")).status_code == 200
        assert "s3cret" not in (await client.get("/simple/lib-two/")).text
    sent = "Basic " + base64.b64encode(b"ada:s3cret").decode()
    assert {request.headers["authorization"] for request in registry.asked} == {sent}
    files = {path.name: path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()}
    assert [name for name, data in files.items() if b"s3cret" in data or sent.encode() in data] == []
    assert f"passed through from {registry.base}".encode() in files["log.txt"]


async def test_files_that_lie_elsewhere_are_fetched_without_these_credentials(tmp_path: Path, registry: Registry) -> None:
    built = chat("1.0", project="lib-one", plugin=None)
    url = registry.url.replace("://", "://ada:s3cret@")
    async with running_registry() as other, passing(tmp_path / "home", url) as index, httpx.AsyncClient(base_url=index.url) as client:
        other.has(built)
        registry.has(built, url=f"{other.base}/kept/{built.filename}")
        await client.get("/simple/lib-one/")
        assert (await client.get(f"/files/{built.sha256}/{built.filename}")).content == built.data
        assert ["authorization" in request.headers for request in other.asked] == [False]
