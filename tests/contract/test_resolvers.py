"""One suite for every kind of resolver: the same question gets the same closure, or the same error."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx
import pytest

from plughost.errors import (
    DigestMismatch,
    DirectUrl,
    IntegrityMissing,
    ResolutionFailed,
    ResolverMissing,
    SharedConflict,
    SourceInvalid,
    SourceUnreachable,
)
from plughost.model.sharing import SharedDistribution
from plughost.store.pip import Pip
from plughost.store.resolve import Pinned, Question, Resolver
from plughost.store.strays import Listed
from plughost.store.threads import Threads
from plughost.store.uv import Uv
from plughost.testing import BuiltWheel, wheel
from tests.store.indexes import Net, outside_world, sdist

KINDS = ("uv", "pip")
HOST = {"anyio": "4.9.0", "fastapi": "0.165.0", "httpx": "0.28.1"}


def lib(project: str, version: str, *requires: str, **more: Any) -> BuiltWheel:
    return wheel(project, version, {f"{project.replace('-', '_')}.py": ""}, requires=requires, **more)


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Net]:
    async with outside_world(tmp_path) as world:
        yield world


@pytest.fixture
async def threads() -> AsyncIterator[Threads]:
    made = Threads(4)
    yield made
    await made.close()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Make = Callable[..., Resolver]


@pytest.fixture
def make(kind: str, net: Net, threads: Threads, tmp_path: Path) -> Make:
    def made(deadline: float = 60, **environ: str) -> Resolver:
        stubs = tmp_path / "stubs"
        stubs.mkdir(exist_ok=True)
        variables = {**net.environ, **environ}
        if kind == "uv":
            return Uv(stubs=stubs, threads=threads, deadline=deadline, environ=variables)
        return Pip(stubs=stubs, threads=threads, deadline=deadline, page=page, environ=variables)

    return made


@pytest.fixture
def resolver(make: Make) -> Resolver:
    return make()


async def page(url: str) -> list[Listed] | None:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            answer = await client.get(url, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        except httpx.TransportError as error:
            raise SourceUnreachable(url, str(error)) from None
    if answer.status_code == 404:
        return None
    if answer.status_code != 200:
        raise SourceUnreachable(url, f"HTTP {answer.status_code}")
    return [
        Listed(
            filename=file["filename"],
            url=str(answer.url.join(file["url"])),
            sha256=file["hashes"].get("sha256"),
            requires_python=file.get("requires-python"),
            yanked=bool(file.get("yanked")),
        )
        for file in answer.json()["files"]
    ]


def question(net: Net, *requires: str, index: str | None = "plugins") -> Question:
    shared = [SharedDistribution(project=p, version=v, kind="strict", tops=frozenset({p})) for p, v in HOST.items()]
    return Question(
        release="chat 1.0",
        project="acme-chat",
        version="1.0",
        requires=requires,
        shared=tuple(shared),
        index=net.plugins.url if index == "plugins" else index,
    )


def told(closure: tuple[Pinned, ...]) -> dict[str, str]:
    return {pinned.project: f"{pinned.version} of {pinned.url.split('/')[3]}" for pinned in closure}


async def test_a_closure_is_pinned_with_addresses_and_hashes(net: Net, resolver: Resolver) -> None:
    old, two = lib("acme-lib", "1.0", "acme-two"), lib("acme-two", "1.0")
    net.plugins.publish(old, lib("acme-lib", "2.0"))
    net.registry.publish(two)

    closure = await resolver.resolve(question(net, "acme-lib<2"))

    assert closure == (
        Pinned(project="acme-lib", version="1.0", url=net.plugins.url_of(old.filename), filename=old.filename, sha256=old.sha256),
        Pinned(project="acme-two", version="1.0", url=net.registry.url_of(two.filename), filename=two.filename, sha256=two.sha256),
    )


async def test_what_the_host_shares_is_asked_of_no_index_and_not_in_the_closure(net: Net, resolver: Resolver) -> None:
    net.plugins.publish(lib("fastapi", "99.0"), lib("acme-lib", "1.0", "anyio>=4"))
    net.registry.publish(lib("anyio", "99.0"))

    closure = await resolver.resolve(question(net, "fastapi>=0.1", "acme-lib"))

    assert told(closure) == {"acme-lib": "1.0 of plugins"}
    assert not HOST.keys() & (net.plugins.asked.keys() | net.registry.asked.keys())


async def test_a_version_that_the_host_does_not_have_is_a_conflict_that_names_it(net: Net, resolver: Resolver) -> None:
    with pytest.raises(SharedConflict, match=r"fastapi 0\.165\.0 is shared by the host") as raised:
        await resolver.resolve(question(net, "fastapi>=99"))
    assert (raised.value.distribution, raised.value.present) == ("fastapi", "0.165.0")


async def test_so_is_one_that_a_dependency_asks_for(net: Net, resolver: Resolver) -> None:
    net.plugins.publish(lib("acme-old", "1.0", "anyio<4"))
    with pytest.raises(SharedConflict, match=r"acme-old.*anyio<4"):
        await resolver.resolve(question(net, "acme-old"))


async def test_what_an_extra_of_a_shared_one_requires_is_resolved(net: Net, make: Make) -> None:
    net.registry.publish(lib("socksio", "1.0"))
    shared = SharedDistribution(
        project="httpx",
        version="0.28.1",
        kind="strict",
        tops=frozenset({"httpx"}),
        requires=("certifi", "socksio==1.*; extra == 'socks'"),
        extras=frozenset({"socks"}),
    )
    asked = Question(release="chat 1.0", project="acme-chat", version="1.0", requires=("httpx[socks]",), shared=(shared,))

    assert told(await make().resolve(asked)) == {"socksio": "1.0 of registry"}


async def test_a_name_that_the_plugins_index_has_comes_from_there(net: Net, resolver: Resolver) -> None:
    net.plugins.publish(lib("idna", "2.8"), lib("idna", "3.0"))
    net.registry.publish(lib("idna", "3.7"))

    assert told(await resolver.resolve(question(net, "idna"))) == {"idna": "3.0 of plugins"}
    assert told(await resolver.resolve(question(net, "idna!=3.0"))) == {"idna": "2.8 of plugins"}


async def test_also_where_only_another_index_has_the_version(net: Net, resolver: Resolver) -> None:
    net.plugins.publish(lib("idna", "3.0"))
    net.registry.publish(lib("idna", "3.7"))
    with pytest.raises(ResolutionFailed, match=r"idna.*3\.5") as raised:
        await resolver.resolve(question(net, "idna>=3.5"))
    assert "--" not in raised.value.explanation, "advice to do what we forbid"


@pytest.mark.parametrize("status", [401, 403, 500, 503])
async def test_an_index_that_cannot_answer_is_not_an_index_without_the_name(net: Net, resolver: Resolver, status: int) -> None:
    net.plugins.status = status
    net.registry.publish(lib("idna", "3.7"))
    with pytest.raises(SourceUnreachable, match="/plugins/simple/"):
        await resolver.resolve(question(net, "idna"))


async def test_an_index_that_is_down_is_unreachable(net: Net, resolver: Resolver) -> None:
    net.registry.publish(lib("idna", "3.7"))
    with pytest.raises(SourceUnreachable):
        await resolver.resolve(question(net, "idna", index="http://127.0.0.1:1/simple/"))


async def test_a_registry_that_is_down_is_unreachable_and_its_password_is_not_told(net: Net, make: Make) -> None:
    down = "http://user:sesame@127.0.0.1:1/simple/"
    with pytest.raises(SourceUnreachable) as raised:
        await make(UV_DEFAULT_INDEX=down, PIP_INDEX_URL=down).resolve(question(net, "idna"))
    assert "sesame" not in str(raised.value)


async def test_an_unknown_name_is_explained(net: Net, resolver: Resolver) -> None:
    with pytest.raises(ResolutionFailed, match="acme-no-such-name"):
        await resolver.resolve(question(net, "acme-no-such-name"))


async def test_a_conflict_is_explained_with_both_sides_and_none_of_our_paths(net: Net, resolver: Resolver) -> None:
    net.plugins.publish(lib("acme-ab", "1.0", "acme-lib<2"), lib("acme-lib", "1.0"), lib("acme-lib", "2.0"))
    with pytest.raises(ResolutionFailed) as raised:
        await resolver.resolve(question(net, "acme-ab", "acme-lib>=2"))
    for part in ("acme-ab", "acme-lib<2", "acme-lib>=2"):
        assert part in raised.value.explanation
    assert "file:" not in raised.value.explanation


async def test_a_python_that_does_not_fit_is_explained(net: Net, resolver: Resolver) -> None:
    net.plugins.publish(lib("acme-py", "1.0", requires_python=">=3.99"))
    with pytest.raises(ResolutionFailed, match=r"acme-py.*3\.99"):
        await resolver.resolve(question(net, "acme-py"))


async def test_an_address_in_the_plugin_is_refused_before_anyone_is_asked(net: Net, resolver: Resolver) -> None:
    with pytest.raises(DirectUrl, match="evil"):
        await resolver.resolve(question(net, "acme-lib", f"evil @ {net.plugins.url_of('evil-1.0.zip')}"))
    assert not net.plugins.asked


async def test_an_address_in_a_dependency_is_refused_and_nothing_of_it_is_built(net: Net, resolver: Resolver, tmp_path: Path) -> None:
    evil = sdist("evil", "1.0", tmp_path / "was-run")
    net.plugins.publish(lib("acme-url", "1.0", f"evil @ {net.plugins.url_of(evil.filename)}"), evil)
    with pytest.raises(DirectUrl, match="evil"):
        await resolver.resolve(question(net, "acme-url"))
    assert not (tmp_path / "was-run").exists()


async def test_also_the_address_of_a_wheel(net: Net, resolver: Resolver) -> None:
    other = lib("acme-other", "1.0")
    net.registry.publish(other)
    net.plugins.publish(lib("acme-url", "1.0", f"acme-other @ {net.registry.url_of(other.filename)}"))
    with pytest.raises(DirectUrl, match="acme-other"):
        await resolver.resolve(question(net, "acme-url"))


@pytest.mark.parametrize("scheme", ["git+https", "file"])
async def test_also_any_other_address(net: Net, resolver: Resolver, tmp_path: Path, scheme: str) -> None:
    evil = lib("evil", "1.0").write(tmp_path / "wheels")
    address = evil.as_uri() if scheme == "file" else f"{scheme}://127.0.0.1:1/evil"
    net.plugins.publish(lib("acme-url", "1.0", f"evil @ {address}"))
    with pytest.raises(DirectUrl, match="requires an address"):
        await resolver.resolve(question(net, "acme-url"))


async def test_a_source_archive_is_never_taken(net: Net, resolver: Resolver, tmp_path: Path) -> None:
    net.plugins.publish(sdist("evil", "1.0", tmp_path / "was-run"))
    with pytest.raises(ResolutionFailed, match="evil") as raised:
        await resolver.resolve(question(net, "evil"))
    assert "--" not in raised.value.explanation
    assert not (tmp_path / "was-run").exists()


async def test_yanked_and_pre_releases_are_passed_over_unless_they_are_asked_for(net: Net, resolver: Resolver) -> None:
    net.plugins.publish(lib("acme-y", "1.0"), lib("acme-y", "1.1"), lib("acme-p", "1.0"), lib("acme-p", "2.0rc1"))
    net.plugins.yanked.add("acme_y-1.1-py3-none-any.whl")

    assert told(await resolver.resolve(question(net, "acme-y", "acme-p"))) == {"acme-y": "1.0 of plugins", "acme-p": "1.0 of plugins"}
    assert told(await resolver.resolve(question(net, "acme-y==1.1", "acme-p>=2.0rc1"))) == {
        "acme-y": "1.1 of plugins",
        "acme-p": "2.0rc1 of plugins",
    }


async def test_the_wheel_that_fits_best_is_taken(net: Net, resolver: Resolver) -> None:
    python = "cp{}{}".format(*sys.version_info)
    for tag in ("py3-none-any", f"{python}-none-any", "cp27-none-any"):
        net.plugins.publish(lib("acme-lib", "1.0", tag=tag))
    (pinned,) = await resolver.resolve(question(net, "acme-lib"))
    assert pinned.filename == f"acme_lib-1.0-{python}-none-any.whl"


async def test_requirements_whose_marker_is_false_are_not_asked_for(net: Net, resolver: Resolver) -> None:
    assert await resolver.resolve(question(net, "acme-lib; sys_platform == 'nowhere'", "acme-two; extra == 'x'")) == ()
    assert not net.plugins.asked.keys() & {"acme-lib", "acme-two"}


async def test_wheels_of_a_folder_are_candidates(net: Net, resolver: Resolver, tmp_path: Path) -> None:
    folder = tmp_path / "a folder, of wheels"
    built = lib("acme-lib", "1.0", "acme-two")
    path = built.write(folder)
    net.registry.publish(lib("acme-two", "1.0"))

    closure = await resolver.resolve(question(net, "acme-lib", index=folder.as_uri()))

    assert [(pinned.project, pinned.sha256 == built.sha256) for pinned in closure] == [("acme-lib", True), ("acme-two", False)]
    assert url2pathname(urlsplit(closure[0].url).path) == str(path)


async def test_without_an_index_the_registry_is_asked_alone(net: Net, resolver: Resolver) -> None:
    net.registry.publish(lib("acme-lib", "1.0"))
    assert told(await resolver.resolve(question(net, "acme-lib", index=None))) == {"acme-lib": "1.0 of registry"}


async def test_a_private_index_gets_its_password_and_the_answer_has_none(net: Net, resolver: Resolver) -> None:
    net.plugins.publish(lib("acme-lib", "1.0"))
    net.registry.publish(lib("acme-lib", "9.0"))
    net.plugins.password = "sesame"

    closure = await resolver.resolve(question(net, "acme-lib", index=net.plugins.url.replace("//", "//__token__:sesame@")))

    assert told(closure) == {"acme-lib": "1.0 of plugins"}
    assert "sesame" not in str(closure)


async def test_a_wrong_password_is_not_told(net: Net, resolver: Resolver) -> None:
    net.plugins.password = "sesame"
    with pytest.raises(SourceUnreachable) as raised:
        await resolver.resolve(question(net, "acme-lib", index=net.plugins.url.replace("//", "//__token__:swordfish@")))
    assert "swordfish" not in str(raised.value)


async def test_an_index_that_tells_no_hash_is_refused_or_its_wheel_is_measured(net: Net, resolver: Resolver) -> None:
    built = lib("acme-lib", "1.0")
    net.plugins.publish(built)
    net.plugins.tells_hashes = False
    if resolver.kind == "pip":
        with pytest.raises(IntegrityMissing, match="acme_lib"):
            await resolver.resolve(question(net, "acme-lib"))
    else:  # uv downloads such a wheel to lock it
        (pinned,) = await resolver.resolve(question(net, "acme-lib"))
        assert pinned.sha256 == built.sha256


async def test_a_hash_that_is_none_never_gets_out(net: Net, resolver: Resolver) -> None:
    built = lib("acme-lib", "1.0")
    net.plugins.publish(built)
    net.plugins.listed_sha256[built.filename] = "../../../escape"
    with pytest.raises((SourceInvalid, IntegrityMissing), match=r"acme[-_]lib"):
        await resolver.resolve(question(net, "acme-lib"))


async def test_variables_that_change_what_is_chosen_are_not_passed_on(net: Net, make: Make, tmp_path: Path) -> None:
    net.plugins.publish(lib("acme-lib", "1.0", "acme-two"), lib("acme-lib", "2.0", "acme-two"), lib("acme-two", "1.0"))
    net.plugins.publish(lib("acme-lib", "3.0rc1", "acme-two"))
    limits = tmp_path / "limits.txt"
    limits.write_text("acme-lib<2")
    changed = make(
        UV_NO_DEPS="1",
        UV_CONSTRAINT=str(limits),
        UV_OVERRIDE=str(limits),
        UV_RESOLUTION="lowest",
        UV_PRERELEASE="allow",
        UV_INDEX_STRATEGY="unsafe-best-match",
        PIP_NO_DEPS="1",
        PIP_CONSTRAINT=str(limits),
        PIP_PRE="1",
        PIP_USER="1",
        PYTHONPATH=str(tmp_path),
    )
    assert told(await changed.resolve(question(net, "acme-lib"))) == {"acme-lib": "2.0 of plugins", "acme-two": "1.0 of plugins"}


async def test_nor_are_such_settings_of_a_configuration_file(net: Net, make: Make, tmp_path: Path) -> None:
    net.plugins.publish(lib("acme-lib", "1.0"), lib("acme-lib", "2.0"), lib("acme-lib", "3.0rc1"))
    limits, uv, pip = tmp_path / "limits.txt", tmp_path / "uv.toml", tmp_path / "pip.conf"
    limits.write_text("acme-lib<2")
    uv.write_text('prerelease = "allow"\nresolution = "lowest"\nindex-strategy = "unsafe-best-match"\n')
    pip.write_text(f"[global]\nconstraint = {limits}\npre = true\nuser = true\n")
    configured = make(UV_NO_CONFIG="false", UV_CONFIG_FILE=str(uv), PIP_CONFIG_FILE=str(pip))
    assert told(await configured.resolve(question(net, "acme-lib"))) == {"acme-lib": "2.0 of plugins"}


async def test_pips_configured_indexes_are_asked_by_both(net: Net, make: Make, tmp_path: Path) -> None:
    net.plugins.publish(lib("acme-lib", "1.0", "acme-two"))
    net.registry.publish(lib("acme-two", "1.0"))
    conf = tmp_path / "pip.conf"
    nothing = net.registry.url.replace("registry", "nothing")
    conf.write_text(f"[global]\nindex-url = {nothing}\nextra-index-url = {net.registry.url}\n")
    configured = make(UV_DEFAULT_INDEX="", PIP_INDEX_URL="", PIP_CONFIG_FILE=str(conf))
    assert told(await configured.resolve(question(net, "acme-lib"))) == {"acme-lib": "1.0 of plugins", "acme-two": "1.0 of registry"}


async def test_a_resolver_that_has_no_answer_in_time_is_ended(net: Net, make: Make) -> None:
    net.plugins.silent = True
    with pytest.raises(SourceUnreachable, match="no answer after"):
        await make(deadline=3).resolve(question(net, "acme-lib"))


async def test_the_folder_it_worked_in_is_gone(net: Net, resolver: Resolver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with pytest.raises(ResolutionFailed):
        await resolver.resolve(question(net, "acme-no-such-name"))
    assert not list(folder.iterdir())


async def test_pip_refuses_an_index_that_serves_other_bytes_than_it_lists(net: Net, threads: Threads, tmp_path: Path) -> None:
    built = lib("acme-lib", "1.0")
    net.plugins.publish(built)
    net.registry.publish(lib("acme-lib", "9.0"))
    pip = Pip(stubs=_made(tmp_path / "stubs"), threads=threads, deadline=60, page=lying(built.sha256), environ=net.environ)
    with pytest.raises(DigestMismatch):
        await pip.resolve(question(net, "acme-lib"))


async def test_a_uv_that_is_not_installed_is_said(net: Net, threads: Threads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(ResolverMissing, match="'uv' is not installed"):
        await Uv(stubs=tmp_path, threads=threads, deadline=60, environ={"PATH": str(tmp_path)}).resolve(question(net, "acme-lib"))


def lying(sha256: str) -> Callable[[str], Any]:
    async def lies(url: str) -> list[Listed] | None:
        files = await page(url)
        return files and [Listed(filename=f.filename, url=f.url, sha256=sha256[::-1], requires_python=None, yanked=False) for f in files]

    return lies


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
