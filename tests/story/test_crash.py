"""kill -9 at any time, and start again: it serves what it served."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.story.house import hello
from tests.story.process import child, put

CRASHING = """
import os
if os.path.exists({marker!r}):
    os.kill(os.getpid(), 9)
"""


async def test_after_kill_9_it_serves_what_it_served(tmp_path: Path) -> None:
    put(tmp_path, *(hello("1.0", name=f"p{number}") for number in range(10)))
    async with child(tmp_path) as host:
        for number in range(10):
            await host.says(f"/p{number}/", "1.0")
        await host.ask("POST", "/api/plugins/p1/disable")
        await host.kill()
    (tmp_path / "wheels").rename(tmp_path / "elsewhere")  # the source is down

    async with child(tmp_path, folder=False) as host:
        for number in (0, *range(2, 10)):
            await host.says(f"/p{number}/", "1.0")
        assert (await host.ask("GET", "/api/plugins/p1")).json()["status"] == "disabled"


async def test_an_operation_that_was_cut_off_is_ended_truthfully_and_what_was_asked_is_carried_out(tmp_path: Path) -> None:
    put(tmp_path, hello("1.0", extra="import time\ntime.sleep(3600)"))
    async with child(tmp_path) as host:

        async def importing() -> bool:
            operations = (await host.ask("GET", "/api/operations")).json()["operations"]
            return any(operation["phase"] == "import" for operation in operations)

        await host.until(importing, "it imports")
        await host.kill()

    async with child(tmp_path) as host:
        plugin = await host.status("hello", "failed")
        assert plugin["error"]["code"] == "import-crashed"  # type: ignore[index]
        operations = (await host.ask("GET", "/api/operations?state=failed")).json()["operations"]
        assert [operation["error"]["code"] for operation in operations] == ["interrupted"]


async def test_a_release_that_killed_the_process_is_not_started_again_by_itself_and_the_others_are(tmp_path: Path) -> None:
    marker = tmp_path / "crash-now"
    put(tmp_path, hello("1.0"), hello("1.0", name="other"))
    async with child(tmp_path) as host:
        await host.says("/hello/", "1.0")
        await host.says("/other/", "1.0")
        marker.touch()
        put(tmp_path, hello("2.0", extra=CRASHING.format(marker=str(marker))))
        await host.ended()

    async with child(tmp_path) as host:
        await host.says("/other/", "1.0")
        await host.says("/hello/", "1.0")  # the release before it serves in its stead
        problem = (await host.ask("GET", "/api/plugins/hello/explain")).json()
        assert problem["refused"][0]["error"]["code"] == "import-crashed"
        assert problem["refused"][0]["release"]["version"] == "2.0"

        marker.unlink()
        answer = await host.ask("POST", "/api/plugins/hello/resume")
        assert answer.json()["state"] == "succeeded"
        await host.says("/hello/", "2.0")


async def test_half_made_directories_are_gone_after_a_crash(tmp_path: Path) -> None:
    put(tmp_path, hello("1.0"))
    staging = tmp_path / "store" / "staging"
    async with child(tmp_path) as host:
        await host.says("/hello/", "1.0")
        mine = next(iter((tmp_path / "store" / "leases").iterdir())).name
        (staging / f"{mine}-half").mkdir()
        await host.kill()

    async with child(tmp_path) as host:
        await host.says("/hello/", "1.0")
        assert not list(staging.iterdir())


async def test_two_hosts_on_one_home_agree(tmp_path: Path) -> None:
    put(tmp_path, hello("1.0"))
    async with child(tmp_path) as one, child(tmp_path) as two:
        await one.says("/hello/", "1.0")
        await two.says("/hello/", "1.0")

        await one.ask("POST", "/api/plugins/hello/disable")
        await two.status("hello", "disabled")
        await two.ask("DELETE", "/api/plugins/hello/override")
        await one.says("/hello/", "1.0")

        put(tmp_path, hello("1.1"))
        await asyncio.gather(one.says("/hello/", "1.1"), two.says("/hello/", "1.1"))
        await one.kill()
        await two.says("/hello/", "1.1")
        answer = await two.ask("POST", "/api/plugins/hello/rollback")
        assert answer.json()["version"] == "1.0"
