"""What the host says of plugins and sources: why each is as it is."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from plughost.testing import RunningHost
from tests.story.house import HostFactory, Index, hello

Json = dict[str, Any]
BROKEN = "raise RuntimeError('not today')"


async def explained(host: RunningHost, name: str = "hello") -> Json:
    answer = await host.ask("GET", f"/api/plugins/{name}/explain")
    assert answer.status_code == 200
    shape: Json = answer.json()
    return shape


async def test_what_is_listed(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    said = await explained(host)

    assert said["because"] == [f"{index.url} lists 1.0", "so it should be enabled at 1.0", "1.0 serves as generation 1"]
    assert said["listed"] == {"source": index.url, "version": "1.0", "wheels": [hello("1.0").filename]}
    assert said["intent"] == {"state": "enabled", "version": "1.0", "source": index.url}
    assert (said["override"], said["refused"], said["next_try"], said["error"]) == (None, [], None, None)
    assert [(release["version"], release["sha256"]) for release in said["history"]] == [("1.0", hello("1.0").sha256)]


async def test_what_an_operator_said(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    await host.operate("POST", "/api/plugins/hello/disable", {"reason": "an incident"})
    said = await explained(host)

    assert said["because"][0] == f"{index.url} lists 1.0"
    assert said["because"][1].startswith("admin said disabled at ")
    assert said["because"][1].endswith("(an incident); this wins over the list")
    assert said["because"][2] == "so it should be disabled"
    assert said["override"]["by"] == "admin"
    assert said["override"]["reason"] == "an incident"
    assert said["intent"]["by"] == "admin"

    index.publish(hello("1.1"))
    await host.operate("POST", "/api/plugins/hello/upgrade", {"version": "1.1"})
    said = await explained(host)
    assert said["because"][1].startswith("admin said enabled at 1.1 at ")
    assert said["override"]["release"]["version"] == "1.1"


async def test_what_was_refused_for_good(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0", extra=BROKEN))
    await host.until_status("hello", "failed")
    said = await explained(host)

    assert said["because"][-1].startswith("1.0 was refused: ")
    assert said["because"][-1].endswith("it is not tried again by itself: publish another release, or resume it")
    assert said["refused"][0]["error"]["code"] == said["error"]["code"] == "import-failed"
    assert (said["refused"][0]["attempts"], said["next_try"]) == (1, None)


async def test_what_is_tried_again(host: RunningHost, index: Index) -> None:
    await index.say(index.entry(hello("1.0")))  # listed, but its file is not there
    await host.until_status("hello", "failed")
    said = await explained(host)

    assert said["refused"][0]["error"]["code"] == "fetch-failed"
    assert "it is tried again at " in said["because"][-1]
    assert datetime.fromisoformat(said["next_try"]).timestamp() > time.time() - 60
    index.publish(hello("1.0"))
    await host.operate("POST", "/api/plugins/hello/resume")
    assert (await host.get("/hello/")).json() == "1.0"
    assert (await explained(host))["refused"] == []


async def test_what_serves_in_the_stead_of_a_refused_release(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    await index.list(hello("2.0", extra=BROKEN))

    async def refused() -> bool:
        return bool((await explained(host))["refused"])

    await host.until(refused, "2.0 is refused")
    said = await explained(host)
    assert said["because"][:3] == [f"{index.url} lists 2.0", "so it should be enabled at 2.0", "1.0 serves as generation 1"]
    assert said["because"][3].startswith("2.0 was refused: ")
    assert (said["serving"]["version"], said["status"]) == ("1.0", "serving")


async def test_what_is_shared_is_named_with_its_reason(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0", requires=["fastapi"]))
    await host.until_serving("hello")
    shared = {row["project"]: row for row in (await explained(host))["distributions"]}
    assert shared["fastapi"]["kind"] == "shared"
    assert shared["fastapi"]["why"]


async def test_text_that_utf_8_cannot_say_breaks_no_answer(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0", extra="raise RuntimeError('odd \\udcff')"), hello("1.0", name="other"))
    await host.until_serving("other")
    await host.until_status("hello", "failed")
    for path in ("/api/plugins", "/api/plugins/hello", "/api/plugins/hello/explain", "/api/operations", "/hello/", "/api/audit"):
        answer = await host.ask("GET", path)
        assert answer.status_code in {200, 503}, path
    assert "odd \\udcff" in (await host.plugin("hello") or {})["error"]["detail"]
    problem = await host.refused("POST", "/api/plugins/hello/resume")
    assert problem["code"] == "import-failed"


async def test_secrets_of_a_config_are_hidden(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    config = {"colour": "red", "db": {"password": "hush", "hosts": [{"api_key": "hush"}]}, "tokens": ["hush"]}
    await host.install("hello", project="acme-hello", config=config)
    for path in ("/api/plugins", "/api/plugins/hello", "/api/plugins/hello/explain", "/api/operations", "/api/audit"):
        answer = await host.ask("GET", path)
        assert "hush" not in answer.text, path
    assert (await host.plugin("hello") or {})["config"]["colour"] == "red"


async def test_sources_say_how_they_are(host: RunningHost, index: Index) -> None:
    async def source() -> Json:
        found: list[Json] = (await host.ask("POST", "/api/sources/refresh")).json()["sources"]
        assert len(found) == 1
        return found[0]

    well = await source()
    assert (well["url"], well["kind"], well["state"]) == (index.url, "list", "ok")
    assert well["checked"]
    assert "problem" not in well

    await index.list(hello("1.0"))
    index.entries.append({"name": "Bad", "remoteEntryUrl": "x"})
    entries = (await source())["entries"]
    assert [entry["name"] for entry in entries] == ["Bad"]
    assert entries[0]["problem"]

    index.status = 500
    ill = await source()
    assert ill["state"] == "problem"
    assert "500" in ill["problem"]
    assert (await host.ask("GET", "/api/sources")).json()["sources"][0]["state"] == "problem"
    assert (await host.ask("GET", "/api/plugins")).json()["sources"][0]["problem"] == ill["problem"]


async def test_a_refresh_looks_now(start: HostFactory, index: Index) -> None:
    async with start(poll=3600) as host:
        await host.ask("POST", "/api/sources/refresh")
        index.publish(hello("1.0"))
        index.entries = [index.entry(hello("1.0"))]  # and nobody is told
        await host.ask("POST", "/api/sources/refresh")
        await host.until_serving("hello")
