"""The operator's config against the plugin's settings, and what else a context knows."""

from __future__ import annotations

import json
import logging

import pytest

from plughost.errors import ConfigInvalid
from tests.runtime.conftest import Bench, rendered

MODEL = """
from pydantic import BaseModel, Field
class Settings(BaseModel):
    rooms: int = Field(gt=0)
    greeting: str = "hello"
"""
DATACLASS = """
from dataclasses import dataclass
@dataclass
class Settings:
    rooms: int
    greeting: str = "hello"
"""
TELLS = """
from plughost.sdk import Plugin
plugin = Plugin(settings=Settings)
seen = []
@plugin.lifespan
async def up(context):
    seen.append(context.config)
    yield
@plugin.slot("config")
def config(): return [type(seen[0]).__name__, seen[0].rooms, seen[0].greeting]
"""


@pytest.mark.parametrize("settings", [MODEL, DATACLASS], ids=["model", "dataclass"])
async def test_config_becomes_an_instance_of_the_settings(bench: Bench, settings: str) -> None:
    async with bench.start(settings + TELLS, config={"rooms": "3"}) as unit:
        assert await rendered(unit) == ["Settings", 3, "hello"]


@pytest.mark.parametrize("settings", [MODEL, DATACLASS], ids=["model", "dataclass"])
async def test_config_that_does_not_fit_is_refused_before_anything_starts(bench: Bench, settings: str) -> None:
    with pytest.raises(ConfigInvalid) as told:
        async with bench.start(settings + TELLS, config={"rooms": "many"}):
            raise AssertionError("it ran")
    assert told.value.code == "config-invalid"
    assert "rooms: Input should be a valid integer" in told.value.detail
    assert bench.reported == ["import"]


async def test_config_that_is_missing_is_named(bench: Bench) -> None:
    with pytest.raises(ConfigInvalid, match="rooms: Field required"):
        async with bench.start(MODEL + TELLS):
            raise AssertionError("it ran")


async def test_without_settings_the_config_is_the_mapping(bench: Bench) -> None:
    source = "def plugin(context): return {'slot': 'config', 'render': lambda: context.config}"
    async with bench.start(source, config={"rooms": "3", "deep": {"a": [1]}}) as unit:
        assert await rendered(unit) == {"rooms": "3", "deep": {"a": [1]}}


async def test_the_data_directory_is_there_and_stays(bench: Bench) -> None:
    source = """
def plugin(context):
    file = context.data / "count"
    file.write_text(str(int(file.read_text() if file.exists() else 0) + 1))
    return {"slot": "count", "render": file.read_text}
"""
    for expected in ("1", "2"):
        async with bench.start(source) as unit:
            assert await rendered(unit) == expected
    async with bench.start(source, name="other") as unit:
        assert await rendered(unit) == "1"


async def test_a_context_renders_slots_uses_what_is_provided_and_logs_under_the_plugins_name(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    source = """
from plughost.sdk import Html
def plugin(context):
    async def render(user):
        context.log.warning("rendering")
        found = await context.render("icons", user=user)
        return [type(found) is Html, found, context.use("rooms")]
    return {"slot": "page", "render": render}
"""
    bench.provided["rooms"] = 42
    async with bench.start(source) as unit:
        assert await rendered(unit, user="ada") == [True, f"<i>icons {json.dumps({'user': 'ada'})}</i>", 42]
    assert ("plughost.plugin.acme", logging.WARNING, "rendering") in caplog.record_tuples


async def test_using_what_nobody_provides_is_a_lookup_error(bench: Bench) -> None:
    source = "def plugin(context): return {'slot': 'x', 'render': lambda: context.use('nothing')}"
    async with bench.start(source) as unit:
        with pytest.raises(LookupError):
            await rendered(unit)


async def test_a_context_shows_no_secrets_of_the_host(bench: Bench) -> None:
    source = "def plugin(context): return {'slot': 'x', 'render': lambda: repr(context)}"
    async with bench.start(source) as unit:
        assert "_render" not in str(await rendered(unit))
