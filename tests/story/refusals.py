"""What every refusal has to be: its code and status, a sentence with the cause and the next step, and nothing else changed."""

from __future__ import annotations

from typing import Any

from plughost.testing import BuiltWheel, RunningHost
from tests.story.house import Index, hello

Json = dict[str, Any]


async def one_serves(host: RunningHost, index: Index) -> None:
    """The plugin `hello` 1.0 is listed and serves."""
    await index.list(hello("1.0"))
    await host.until_serving("hello", "1.0")


async def one_still_serves(host: RunningHost) -> None:
    """As before, and nothing half-done lies in the store."""
    plugin = await host.plugin("hello")
    assert plugin is not None
    assert (plugin["status"], plugin["serving"]["version"]) == ("serving", "1.0")
    assert (await host.get("/hello/")).json() == "1.0"
    assert (await host.get("/slots/greetings")).json()["items"][0]["content"] == "<b>1.0 you</b>"
    assert staged(host) == []


def staged(host: RunningHost) -> list[str]:
    """What is half-done in the store."""
    return sorted(path.name for path in (host.host.settings.home / "store" / "staging").iterdir())


async def refusal(host: RunningHost, method: str, path: str, json: object = None, *, is_: str, says: tuple[str, ...]) -> Json:
    """The problem that the call is answered with; `is_` is its status and code, `says` what its detail has to hold."""
    answer = await host.ask(method, path, json)
    assert answer.is_error, answer.text
    problem: Json = answer.json()
    assert f"{answer.status_code} {problem['code']}" == is_, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status_code
    for words in says:
        assert words in problem["detail"], problem["detail"]
    assert "_scope_" not in answer.text
    return problem


async def refused_operation(host: RunningHost, method: str, path: str, json: object = None, *, is_: str, says: tuple[str, ...]) -> Json:
    """As `refusal`, of something that needed an operation: it has failed with the same code, and is named in the problem."""
    problem = await refusal(host, method, path, json, is_=is_, says=says)
    operation: Json = (await host.ask("GET", f"/api/operations/{problem['operation']}")).json()
    assert (operation["state"], operation["error"]["code"]) == ("failed", problem["code"])
    assert operation["error"]["detail"] == problem["detail"]
    assert operation["ended"]
    assert problem["plugin"] == operation["plugin"]
    return problem


async def refused_upgrade(host: RunningHost, index: Index, built: BuiltWheel, *, is_: str, says: tuple[str, ...]) -> Json:
    """`hello` 1.0 serves, the upgrade to this 2.0 is refused, and 1.0 serves as before."""
    if await host.serving("hello") is None:
        await one_serves(host, index)
    index.publish(built)
    problem = await refused_operation(host, "POST", "/api/plugins/hello/upgrade", {"version": "2.0"}, is_=is_, says=says)
    await one_still_serves(host)
    plugin = await host.plugin("hello")
    assert plugin is not None
    assert plugin["intent"]["version"] == "1.0"
    return problem
