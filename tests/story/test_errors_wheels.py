"""Wheels that are not acceptable: refused with the rule they break, and nothing of them stays."""

from __future__ import annotations

import base64
import sys

import pytest
from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import Route

from plughost.settings import OriginSettings
from plughost.testing import RULES, BuiltWheel, RunningHost, broken_wheel, served
from tests.story.house import HostFactory, Index, hello
from tests.story.refusals import Json, one_serves, one_still_serves, refusal, refused_operation, refused_upgrade, staged


def by_url(index: Index, built: BuiltWheel, *, fragment: str = "", name: str = "hello", **more: object) -> Json:
    index.publish(built)
    return {"name": name, "url": f"{index.url}{index.path(built)}{fragment}", **more}


async def test_other_bytes_than_were_promised(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    two, other = hello("2.0"), hello("2.0", says="something else")
    body = by_url(index, two, integrity=other.integrity)
    says = (two.filename, f"promised {other.sha256}, got {two.sha256}", "nothing was installed", "ask whoever runs the index")
    problem = await refused_operation(host, "POST", "/api/plugins", body, is_="502 digest-mismatch", says=says)
    assert (problem["promised"], problem["got"]) == (other.sha256, two.sha256)
    await one_still_serves(host)
    assert not list(host.host.settings.home.glob(f"store/wheels/{two.sha256}*"))


async def test_other_bytes_than_the_list_promises(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    two, other = hello("2.0"), hello("2.0", says="something else")
    index.publish(two)
    await index.say(index.entry(two) | {"integrity": other.integrity})

    async def refused() -> bool:
        plugin = await host.plugin("hello") or {}
        return bool(plugin.get("error", {}).get("code") == "digest-mismatch")

    await host.until(refused, "2.0 is refused")
    await one_still_serves(host)


async def test_the_same_version_with_other_bytes(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    other = hello("1.0", says="something else")
    says = ("acme-hello 1.0 of", f"had sha256 {hello('1.0').sha256}", other.sha256, "what runs stays", "publish a new version")
    body = by_url(index, other, integrity=other.integrity)
    await refused_operation(host, "POST", "/api/plugins", body, is_="409 release-changed", says=says)
    await one_still_serves(host)

    await index.list(other)

    async def refused() -> bool:
        plugin = await host.plugin("hello") or {}
        return bool(plugin.get("error", {}).get("code") == "release-changed")

    await host.until(refused, "the changed release is refused")
    await one_still_serves(host)


async def test_no_hash_at_all(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    two = hello("2.0")
    says = (two.filename, "no sha256 is known", "give integrity, '#sha256=' in the URL, or an index that lists it")
    await refusal(host, "POST", "/api/plugins", by_url(index, two), is_="422 integrity-missing", says=says)
    await one_still_serves(host)


async def test_an_origin_may_be_trusted_without_hashes(start: HostFactory, index: Index) -> None:
    elsewhere, two = Index(), hello("2.0")
    async with (
        served(elsewhere.app) as elsewhere.url,
        start(origins=(OriginSettings(url=elsewhere.url, names=("hel*",), require=(), private=True),)) as host,
    ):
        await one_serves(host, index)
        await host.install("hello", **{key: value for key, value in by_url(elsewhere, two).items() if key != "name"})
        assert await host.serving("hello") == "2.0"
        assert ((await host.plugin("hello")) or {})["serving"]["sha256"] == two.sha256

        stranger = hello("1.0", name="stranger")
        body = by_url(elsewhere, stranger, name="stranger")
        says = ("no trust rule names the origin", "for stranger")
        await refusal(host, "POST", "/api/plugins", body, is_="403 origin-not-allowed", says=says)


@pytest.mark.parametrize("fragment", ["#sha256=", "#sha256=abc", f"#sha256={'g' * 64}", f"#sha256={'a' * 65}", "#egg=x&sha256=../../etc"])
async def test_a_hash_in_the_url_that_is_none(host: RunningHost, index: Index, fragment: str) -> None:
    await one_serves(host, index)
    two = hello("2.0")
    says = ("is no sha256", "'#sha256=<hex>'")
    await refusal(host, "POST", "/api/plugins", by_url(index, two, fragment=fragment), is_="422 request-invalid", says=says)
    await index.say(index.entry(hello("1.0")), {"name": "bad", "remoteEntryUrl": f"{index.url}{index.path(two)}{fragment}"})

    async def seen() -> bool:
        entries = (await host.ask("GET", "/api/sources")).json()["sources"][0].get("entries", [])
        return [(entry["name"], "is no sha256" in entry["problem"]) for entry in entries] == [("bad", True)]

    await host.until(seen, "the bad entry is told")
    await one_still_serves(host)


@pytest.mark.parametrize("integrity", ["", "sha256-", "sha256-????", f"sha512-{base64.b64encode(bytes(64)).decode()}", "md5-abc"])
async def test_an_integrity_that_is_none(host: RunningHost, index: Index, integrity: str) -> None:
    await one_serves(host, index)
    answer = await host.ask("POST", "/api/plugins", by_url(index, hello("2.0"), integrity=integrity))
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")
    await one_still_serves(host)


@pytest.mark.parametrize(
    ("url", "is_", "says"),
    [
        ("https://plugins.example.com/acme_hello-2.0-py3-none-any.whl", "403 origin-not-allowed", "no trust rule names the origin"),
        ("http://127.0.0.1:1/acme_hello-2.0-py3-none-any.whl", "403 origin-not-allowed", "http://127.0.0.1:1 for hello"),
        ("ftp://example.com/acme_hello-2.0-py3-none-any.whl", "403 origin-not-allowed", "only https and http are fetched"),
        ("file:///srv/acme_hello-2.0-py3-none-any.whl", "403 origin-not-allowed", "only https and http are fetched"),
        ("https://me:secret@example.com/acme_hello-2.0-py3-none-any.whl", "403 origin-not-allowed", "must not carry a user name"),
        ("acme_hello-2.0-py3-none-any.whl", "403 origin-not-allowed", "a relative URL"),
        ("https://[not a host/acme_hello-2.0-py3-none-any.whl", "403 origin-not-allowed", "not in its canonical form"),
    ],
)
async def test_an_origin_that_nobody_trusts(host: RunningHost, index: Index, url: str, is_: str, says: str) -> None:
    await one_serves(host, index)
    body = {"name": "hello", "url": url, "integrity": hello("2.0").integrity}
    problem = await refusal(host, "POST", "/api/plugins", body, is_=is_, says=(says, "[[origins]]"))
    assert "secret" not in str(problem)
    await one_still_serves(host)


async def test_a_list_that_names_an_origin_that_nobody_trusts(host: RunningHost, index: Index) -> None:
    one, two = hello("1.0"), hello("1.0", name="other")
    index.publish(one)
    await index.say(index.entry(one), index.entry(two) | {"remoteEntryUrl": f"https://example.com/{two.filename}"})
    other = await host.until_status("other", "failed")
    assert other["error"]["code"] == "origin-not-allowed"
    await host.until_serving("hello")
    await one_still_serves(host)


async def test_an_allowed_origin_that_sends_us_on_to_another_one(start: HostFactory, index: Index) -> None:
    elsewhere, two = Index(), hello("2.0")
    elsewhere.publish(two)
    gate = Starlette(routes=[Route("/{path:path}", lambda request: RedirectResponse(f"{elsewhere.url}/{request.path_params['path']}"))])
    async with (
        served(elsewhere.app) as elsewhere.url,
        served(gate) as url,
        start(origins=(OriginSettings(url=url, private=True),)) as host,
    ):
        await one_serves(host, index)
        body = {"name": "hello", "url": f"{url}{elsewhere.path(two)}", "integrity": two.integrity}
        says = (f"no trust rule names the origin {elsewhere.url}", "[[origins]]")
        await refused_operation(host, "POST", "/api/plugins", body, is_="403 origin-not-allowed", says=says)
        assert elsewhere.asked[two.filename] == 0
        await one_still_serves(host)


async def test_a_file_that_is_gone(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    two = hello("2.0")
    body = by_url(index, two, integrity=two.integrity)
    index.files.clear()
    says = ("could not be fetched: HTTP 404", "nothing was installed")
    await refused_operation(host, "POST", "/api/plugins", body, is_="502 fetch-failed", says=says)
    assert (await host.get("/hello/")).json() == "1.0"
    assert staged(host) == []


async def test_a_wheel_that_is_too_large(start: HostFactory, index: Index) -> None:
    async with start(max_size=100_000) as host:
        large = hello("2.0", extra=f"\nnoise = {base64.b85encode(bytes(range(256)) * 800)!r}\n")
        large = BuiltWheel(large.filename, large.data + bytes(100_000))
        says = (large.filename, "larger than 100000 bytes", "raise the limit")
        await refused_upgrade(host, index, large, is_="413 wheel-too-large", says=says)


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>", b"PK\x03\x04 half a zip"])
async def test_what_is_no_wheel(host: RunningHost, index: Index, data: bytes) -> None:
    not_one = BuiltWheel(hello("2.0").filename, data)
    says = (not_one.filename, "is not a wheel", "python -m build --wheel")
    await refused_upgrade(host, index, not_one, is_="422 not-a-wheel", says=says)


@pytest.mark.parametrize(
    ("filename", "code"),
    [
        ("acme_hello-2.0.tar.gz", "not-a-wheel"),
        ("acme_hello-2.0-py3-none-any.zip", "not-a-wheel"),
        ("", "not-a-wheel"),
        ("hello.whl", "wheel-misnamed"),
    ],
)
async def test_what_is_not_named_as_a_wheel(host: RunningHost, index: Index, filename: str, code: str) -> None:
    await one_serves(host, index)
    body = {"name": "hello", "url": f"{index.url}/files/{filename}", "integrity": hello().integrity}
    answer = await host.ask("POST", "/api/plugins", body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    await one_still_serves(host)


async def test_a_wheel_that_is_called_what_it_is_not(host: RunningHost, index: Index) -> None:
    renamed = BuiltWheel(hello("2.0").filename, hello("1.9").data)
    says = (renamed.filename, "its file name has to tell the truth")
    await refused_upgrade(host, index, renamed, is_="422 wheel-misnamed", says=says)


async def test_every_rule_of_the_guard(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    for rule in RULES:
        built = broken_wheel(rule)
        body = by_url(index, built, name="broken", integrity=built.integrity)
        says = (built.filename, f"(rule {rule})", "nothing was written, rebuild the wheel")
        problem = await refused_operation(host, "POST", "/api/plugins", body, is_="422 archive-refused", says=says)
        assert problem["rule"] == rule
        assert staged(host) == []
        assert await host.plugin("broken") is None
    await one_still_serves(host)
    wheels = {path.stem for path in host.host.settings.home.glob("store/wheels/*.json")}
    assert wheels == {hello("1.0").sha256}


@pytest.mark.parametrize("requires_python", ["<3", f">{sys.version_info.major}.{sys.version_info.minor + 1}"])
async def test_a_wheel_for_another_python(host: RunningHost, index: Index, requires_python: str) -> None:
    await one_serves(host, index)
    built = hello("2.0", requires_python=requires_python)
    says = (built.filename, "cannot run here", requires_python, "publish a wheel that fits, or run a host that does")
    body = by_url(index, built, integrity=built.integrity)
    await refused_operation(host, "POST", "/api/plugins", body, is_="422 wheel-misfit", says=says)
    await one_still_serves(host)


@pytest.mark.parametrize("tag", ["cp27-cp27m-manylinux1_x86_64", "py3-none-win32"])
async def test_a_wheel_for_another_interpreter_or_platform(host: RunningHost, index: Index, tag: str) -> None:
    await one_serves(host, index)
    built = hello("2.0", tag=tag)
    body = by_url(index, built, integrity=built.integrity)
    says = (built.filename, "cannot run here", tag)
    await refused_operation(host, "POST", "/api/plugins", body, is_="422 wheel-misfit", says=says)

    # By name it is not even chosen, and is told among those that are there.
    named = ("has no release 2.0", "2.0 (not for this Python or platform)")
    await refused_operation(host, "POST", "/api/plugins/hello/upgrade", {"version": "2.0"}, is_="404 release-unknown", says=named)

    await index.list(built)

    async def refused() -> bool:
        plugin = await host.plugin("hello") or {}
        return bool(plugin.get("error", {}).get("code") == "wheel-misfit")

    await host.until(refused, "2.0 is refused")
    await one_still_serves(host)
