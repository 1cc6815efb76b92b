"""A full disk and a read-only home: told as such, and what runs keeps running."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from plughost.testing import BuiltWheel, wheel
from tests.small_disk import SmallDisk, on_small_disk
from tests.story.house import HELLO, Index, hello
from tests.story.process import PROGRAM, Child
from tests.story.small import MIB, SIZE, small_home, staged

Json = dict[str, Any]


def weighty(version: str, files: dict[str, bytes]) -> BuiltWheel:
    return wheel("acme-hello", version, {"hello_plugin.py": HELLO.format(says=version), **files}, plugins={"hello": "hello_plugin:plugin"})


async def refused(host: Child, method: str, path: str, json: object = None) -> Json:
    answer = await host.ask(method, path, json)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: Json = answer.json()
    assert answer.status_code == problem["status"]
    return problem


async def one_still_serves(host: Child, disk: SmallDisk) -> None:
    plugin = (await host.ask("GET", "/api/plugins/hello")).json()
    assert plugin["serving"]["version"] == "1.0"
    assert (await host.get("/hello/")).json() == "1.0"
    assert staged(disk) == []


async def test_a_wheel_for_which_there_is_no_room(tmp_path: Path, index: Index) -> None:
    await index.list(hello("1.0"))
    async with small_home(tmp_path / "home", "--index", index.url, "--poll", "0.2") as (host, disk):
        await host.says("/hello/", "1.0")
        large = weighty("2.0", {"noise.bin": os.urandom(30 * MIB)})
        swelling = weighty("3.0", {"noise.bin": os.urandom(8 * MIB), "zeros.bin": bytes(20 * MIB)})
        index.publish(large, swelling)
        for version in ("2.0", "3.0"):
            problem = await refused(host, "POST", "/api/plugins/hello/upgrade", {"version": version})
            assert (problem["status"], problem["code"]) == (507, "disk-full")
            assert "no room is left at" in problem["detail"]
            assert "free some space and try again" in problem["detail"]
            operation = (await host.ask("GET", f"/api/operations/{problem['operation']}")).json()
            assert (operation["state"], operation["error"]["code"]) == ("failed", "disk-full")
            await one_still_serves(host, disk)

        index.publish(hello("4.0"))
        answer = await host.ask("POST", "/api/plugins/hello/upgrade", {"version": "4.0"})
        assert answer.json()["state"] == "succeeded"
        assert await host.stop() == 0


async def test_no_room_at_all(tmp_path: Path, index: Index) -> None:
    await index.list(hello("1.0"))
    async with small_home(tmp_path / "home", "--index", index.url, "--poll", "0.2") as (host, disk):
        await host.says("/hello/", "1.0")
        disk.fill()
        for verb in ("disable", "reload", "upgrade"):
            problem = await refused(host, "POST", f"/api/plugins/hello/{verb}")
            assert (problem["status"], problem["code"]) == (507, "disk-full")
        answer = await host.ask("POST", "/api/tokens", {"name": "one more", "role": "viewer"})
        assert (answer.status_code, answer.json()["code"]) == (507, "disk-full")
        await one_still_serves(host, disk)

        disk.free()
        answer = await host.ask("POST", "/api/plugins/hello/reload")
        assert answer.json()["state"] == "succeeded"
        await one_still_serves(host, disk)
        assert await host.stop() == 0


async def test_a_list_that_could_not_be_written_down_is_taken_when_there_is_room_again(tmp_path: Path, index: Index) -> None:
    await index.list(hello("1.0"))
    async with small_home(tmp_path / "home", "--index", index.url, "--poll", "0.2") as (host, disk):
        await host.says("/hello/", "1.0")
        disk.fill()
        await index.list(hello("1.1"))

        async def told() -> bool:
            (source,) = (await host.ask("GET", "/api/sources")).json()["sources"]
            return source["state"] == "problem" and "no room is left at" in source["problem"]

        await host.until(told, "the source has a problem")
        answered = index.asked["list"]

        async def looked_again() -> bool:
            return index.asked["list"] > answered + 1

        await host.until(looked_again, "the source is looked at again")
        assert await told()  # the list is what it was, and nobody has taken it
        await one_still_serves(host, disk)

        disk.free()
        await host.says("/hello/", "1.1")
        assert await host.stop() == 0


async def test_a_home_that_became_read_only(tmp_path: Path, index: Index) -> None:
    await index.list(hello("1.0"))
    async with small_home(tmp_path / "home", "--index", index.url, "--poll", "0.2") as (host, disk):
        await host.says("/hello/", "1.0")
        disk.forbid_writing()
        index.publish(hello("2.0"))
        problem = await refused(host, "POST", "/api/plugins/hello/upgrade", {"version": "2.0"})
        assert (problem["status"], problem["code"]) == (500, "home-not-writable")
        assert "Read-only file system" in problem["detail"]
        assert "make it writable, or choose another with --home" in problem["detail"]
        await one_still_serves(host, disk)
        assert await host.stop() == 0


async def test_a_home_that_is_read_only_from_the_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    command = on_small_disk(home, PROGRAM, "serve", "--home", home, "--port", "0", mib=SIZE, read_only=True)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    said, complaint = await process.communicate()
    assert process.returncode == 1
    assert b"serving on" not in said
    assert f"{home} cannot be written: Read-only file system; make it writable" in complaint.decode()
    assert b"Traceback" not in complaint
