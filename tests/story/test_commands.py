"""The `plughost` command as people and scripts run it: a child process against a host that runs."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plughost.testing import RunningHost
from tests.story.house import HostFactory, Index, hello
from tests.story.process import PROGRAM, child, put

Json = dict[str, Any]
TOKEN = "the-admin-token-of-a-test"
BROKEN = "\ndef deeper():\n    raise RuntimeError('not today')\ndeeper()\n"


@dataclass(frozen=True, kw_only=True)
class Said:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def run(*arguments: str | Path, **environment: str) -> Said:
    """Run `plughost` with nothing of this shell's own settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PLUGHOST_")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        env=clean | {"COLUMNS": "200"} | environment,
    )
    async with asyncio.timeout(120):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Said(status=process.returncode, out=out.decode(), err=err.decode())


async def told(host: RunningHost, *arguments: str) -> Said:
    """As an administrator of this host."""
    return await run(*arguments, PLUGHOST_URL=host.url, PLUGHOST_TOKEN=TOKEN)


async def done(host: RunningHost, *arguments: str) -> Said:
    """As `told`, of what has to succeed."""
    said = await told(host, *arguments)
    assert (said.status, "Traceback" in said.err) == (0, False), said
    return said


async def operation(host: RunningHost, *arguments: str) -> Json:
    """The operation of a command that has to succeed."""
    shape: Json = (await done(host, *arguments, "--json")).json
    return shape


async def test_the_life_of_a_plugin(host: RunningHost, index: Index) -> None:
    await index.say()
    index.publish(hello("1.0"), hello("1.1"))
    url = f"{index.url}{index.path(hello('1.0'))}#sha256={hello('1.0').sha256}"

    said = await done(host, "install", "hello", "--url", url, "--reason", "a try")
    assert said.out.startswith("install hello 1.0: done (")
    assert said.err.splitlines()[0] == "install hello: waiting"
    assert "install hello: fetch" in said.err.splitlines()
    assert (await host.get("/hello/")).json() == "1.0"
    assert (await operation(host, "upgrade", "hello"))["version"] == "1.1"
    assert (await operation(host, "upgrade", "hello", "--to", "1.0"))["version"] == "1.0"
    assert (await operation(host, "rollback", "hello"))["version"] == "1.1"
    assert (await host.get("/hello/")).json() == "1.1"
    assert (await operation(host, "disable", "hello", "--reason", "an incident"))["reason"] == "an incident"
    assert (await host.get("/hello/")).status_code == 404
    assert (await operation(host, "enable", "hello"))["state"] == "succeeded"
    assert (await host.get("/hello/")).json() == "1.1"
    assert (await operation(host, "uninstall", "hello", "--purge", "--reason", "no more"))["verb"] == "uninstall"
    assert await host.plugin("hello") is None
    reasons = [row["reason"] for row in (await host.ask("GET", "/api/operations")).json()["operations"]]
    assert reasons == ["no more", "", "an incident", "", "", "", "a try"]


async def test_what_runs_is_listed_and_shown(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"), hello("1.0", name="bad", extra=BROKEN))
    await host.until_serving("hello")
    await host.until_status("bad", "failed")

    rows = [line.split() for line in (await done(host, "list")).out.splitlines()]
    assert rows[0] == ["PLUGIN", "STATUS", "VERSION", "INTENT", "MOUNT"]
    assert rows[1][:2] == ["bad", "failed"]
    assert rows[2] == ["hello", "serving", "1.0", "enabled", "1.0", f"({index.url})", "/hello"]
    listed = (await done(host, "list", "--json")).json
    assert [plugin["name"] for plugin in listed["plugins"]] == ["bad", "hello"]
    assert listed["sources"][0]["url"] == index.url

    shown = await told(host, "show", "bad")
    assert shown.status == 0
    assert f"- {index.url} lists 1.0" in shown.out
    assert "error[import-failed]: " in shown.err
    assert "in deeper" in shown.err
    assert "_scope_" not in shown.err
    because = (await done(host, "show", "hello", "--json")).json["because"]
    assert because[-1].startswith("1.0 serves as generation ")
    index.status = 500
    await host.ask("POST", "/api/sources/refresh")
    assert f"source {index.url}: " in (await done(host, "list")).err


async def test_a_failure_is_told_with_its_code_and_the_plugins_traceback(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0", extra=BROKEN))
    said = await told(host, "install", "hello", "--version", "1.0")
    assert (said.status, said.out) == (1, "")
    assert "error[project-unknown]: " in said.err or "error[plugin-unknown]: " in said.err

    url = f"{index.url}{index.path(hello('1.0', extra=BROKEN))}"
    said = await told(host, "install", "hello", "--url", url, "--integrity", hello("1.0", extra=BROKEN).integrity)
    assert said.status == 1
    assert "error[import-failed]: importing 'hello_plugin:plugin' raised RuntimeError: not today" in said.err
    assert "RuntimeError: not today" in said.err.splitlines()
    assert "in deeper" in said.err
    assert "_scope_" not in said.err

    said = await told(host, "upgrade", "nobody", "--json")
    assert (said.status, said.json["code"], said.err) == (1, "plugin-unknown", "")


async def test_a_wait_that_ends_too_early_is_a_failure_and_the_operation_goes_on(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    index.hold = asyncio.Event()
    url = f"{index.url}{index.path(hello('1.0'))}#sha256={hello('1.0').sha256}"
    said = await told(host, "install", "hello", "--url", url, "--wait", "0.1")
    assert said.status == 1
    assert "error[still-running]: install of hello still runs after 0.1 s" in said.err
    said = await told(host, "install", "hello", "--url", url, "--wait", "0", "--json")
    assert (said.status, said.json["code"]) == (1, "still-running")
    assert (await host.ask("GET", f"/api/operations/{said.json['operation']}", wait=0)).json()["state"] == "running"
    index.hold.set()
    await host.until_serving("hello")


async def test_without_waiting_the_id_is_printed(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    url = f"{index.url}{index.path(hello('1.0'))}#sha256={hello('1.0').sha256}"
    said = await done(host, "install", "hello", "--url", url, "--no-wait", "--mount", "elsewhere")
    answer = await host.ask("GET", f"/api/operations/{said.out.strip()}?wait=60")
    assert answer.json()["state"] == "succeeded"
    assert (await host.get("/elsewhere/")).json() == "1.0"


async def test_an_install_says_entry_and_isolation(host: RunningHost, index: Index) -> None:
    wheel = hello("1.0", plugins={"one": "hello_plugin:router", "other": "hello_plugin:router"})
    index.publish(wheel)
    url = f"{index.url}{index.path(wheel)}#sha256={wheel.sha256}"
    said = await told(host, "install", "hello", "--url", url, "--isolation", "process")
    assert (said.status, "error[isolation-unavailable]" in said.err) == (1, True)
    said = await told(host, "install", "hello", "--url", url)
    assert (said.status, "error[entry-missing]" in said.err) == (1, True)
    await done(host, "install", "hello", "--url", url, "--entry", "hello_plugin:plugin", "--isolation", "scope")
    assert (await host.get("/hello/")).json() == "1.0"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("instal",),
        ("install",),
        ("install", "hello", "--colour"),
        ("list", "more"),
        ("upgrade", "hello", "--wait", "soon"),
        ("upgrade", "hello", "--wait", "-1"),
        ("token", "create"),
        ("token", "create", "--role", "king"),
        ("token", "burn"),
        ("serve", "--port", "many"),
    ],
)
async def test_what_is_no_command_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    said = await run(*arguments)
    assert said.status == 2
    assert "Usage: plughost" in said.out + said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("arguments", [("--help",), ("install", "--help"), ("token", "--help"), ("serve", "--help")])
async def test_help_is_no_error(arguments: tuple[str, ...]) -> None:
    said = await run(*arguments)
    assert (said.status, said.err) == (0, "")
    assert "Usage: plughost" in said.out


async def test_a_host_that_does_not_answer(tmp_path: Path) -> None:
    said = await run("list", "--url", "http://127.0.0.1:9")
    assert said.status == 1
    assert "error[unreachable]: http://127.0.0.1:9 does not answer" in said.err
    assert "`plughost serve`" in said.err


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "nonsense", "ftp://127.0.0.1", "http://", "http://[", "http://127.0.0.1:99999"])
async def test_an_address_that_is_none(url: str) -> None:
    said = await run("list", "--url", url)
    assert said.status in {1, 2}
    assert said.err
    assert "Traceback" not in said.err


async def test_what_is_no_host(index: Index) -> None:
    said = await run("show", "hello", "--url", index.url)
    assert said.status == 1
    assert f"error[unreachable]: {index.url} answered 404 without a JSON object; is it a plughost?" in said.err


async def test_tokens_are_made_listed_and_deleted(host: RunningHost) -> None:
    made = (await done(host, "token", "create", "--role", "viewer", "--name", "ci", "--json")).json
    assert set(made) == {"id", "name", "role", "token"}
    assert (made["name"], made["role"]) == ("ci", "viewer")
    plain = (await done(host, "token", "create", "--role", "operator")).out.strip()
    assert (await host.ask("GET", "/api/plugins", token=plain)).status_code == 200

    rows = [line.split() for line in (await done(host, "token", "list")).out.splitlines()]
    assert rows[0] == ["ID", "NAME", "ROLE", "USED", "EXPIRES"]
    assert made["id"] in {row[0] for row in rows}
    assert {row["role"] for row in (await done(host, "token", "list", "--json")).json} == {"viewer", "operator"}
    await done(host, "token", "delete", made["id"])
    assert (await host.ask("GET", "/api/plugins", token=made["token"])).status_code == 401
    said = await told(host, "token", "delete", made["id"])
    assert (said.status, "error[token-unknown]" in said.err) == (1, True)


async def test_a_token_is_given_by_option_environment_or_the_homes_file(host: RunningHost, tmp_path: Path) -> None:
    home = tmp_path / "another-home"
    assert (await run("list", "--url", host.url, "--home", home)).status == 1
    home.mkdir()
    (home / "admin-token").write_text(f"{TOKEN}\n")
    assert (await run("list", "--url", host.url, "--home", home)).status == 0
    assert (await run("list", "--url", host.url, PLUGHOST_HOME=str(home))).status == 0
    assert (await run("list", "--url", host.url, "--token", TOKEN)).status == 0
    said = await run("list", "--url", host.url, "--token", "wrong", "--home", home)
    assert (said.status, "error[token-invalid]" in said.err) == (1, True)
    said = await run("list", "--url", host.url, PLUGHOST_TOKEN="wrong", PLUGHOST_HOME=str(home))
    assert (said.status, "wrong" in said.err + said.out) == (1, False)


async def test_a_token_is_made_without_a_server_and_is_good_for_one(start: HostFactory, tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = (await run("token", "create", "--role", "operator", "--name", "first", "--home", home, "--json")).json
    async with start() as host:
        assert (await run("list", "--url", host.url, "--token", made["token"])).status == 0
        beside = (await run("token", "create", "--role", "viewer", "--home", home)).out.strip()  # while it runs
        assert (await run("list", "--url", host.url, "--token", beside)).status == 0
        rows = (await host.ask("GET", "/api/audit")).json()["audit"]
        assert {(row["by"], row["verb"]) for row in rows} == {("cli", "token.create")}


async def test_a_token_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = await run("token", "create", "--role", "viewer", "--home", tmp_path / "file" / "home")
    assert said.status == 1
    assert "error[home-not-writable]" in said.err
    assert "Traceback" not in said.err


async def test_a_viewer_sees_and_may_not_act(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    viewer = (await done(host, "token", "create", "--role", "viewer")).out.strip()
    assert (await run("show", "hello", "--url", host.url, "--token", viewer)).status == 0
    said = await run("disable", "hello", "--url", host.url, "--token", viewer)
    assert (said.status, "error[role-too-low]" in said.err) == (1, True)


async def test_a_served_home_is_all_that_a_command_on_its_machine_needs(tmp_path: Path) -> None:
    home = tmp_path / "home"
    put(home, hello("1.0"))
    async with child(home, PLUGHOST_ADMIN_TOKEN="") as running:
        await running.says("/hello/", "1.0")
        said = await run("disable", "hello", "--home", home, "--url", running.url, "--json")
        assert (said.status, said.json["state"]) == (0, "succeeded")
        assert await running.stop() == 0


async def test_settings_that_are_wrong_keep_a_host_from_starting(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "plughost.toml").write_text('pol = 3\nport = "many"\n')
    said = await run("serve", "--home", home, "--poll", "0")
    assert said.status == 1
    assert "error[request-invalid]" in said.err
    for wrong in ("pol: ", "port: ", "poll: "):
        assert wrong in said.err
    assert "Traceback" not in said.err
    said = await run("serve", "--config", tmp_path / "none.toml")
    assert (said.status, "none.toml cannot be read" in said.err) == (1, True)
