"""The plugin's context, as the sdk describes it."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from plughost.errors import ConfigInvalid
from plughost.model.owner import Owner
from plughost.sdk import Html

RenderSlot = Callable[[str, Mapping[str, object]], Awaitable[str]]
Use = Callable[[str], object]


@dataclass(slots=True, kw_only=True)
class Context:
    """Implements plughost.sdk.PluginContext for one generation."""

    name: str
    version: str
    config: Any
    data: Path
    log: logging.Logger
    _render: RenderSlot = field(repr=False)
    _use: Use = field(repr=False)

    async def render(self, slot: str, /, **props: object) -> Html:
        """The fragments of a slot, joined."""
        return Html(await self._render(slot, props))

    def use(self, name: str) -> Any:
        """What the embedding application or another plugin provides; raises LookupError."""
        return self._use(name)


def new_context(owner: Owner, config: str, *, data: Path, render: RenderSlot, use: Use) -> Context:
    """The context of a generation, with the config as the operator wrote it; makes the data directory."""
    mine = data / owner.plugin
    mine.mkdir(parents=True, exist_ok=True)
    return Context(
        name=owner.plugin,
        version=owner.version,
        config=json.loads(config),
        data=mine,
        log=logging.getLogger(f"plughost.plugin.{owner.plugin}"),
        _render=render,
        _use=use,
    )


def validated(config: Any, settings: type | None, plugin: str) -> Any:
    """The config as an instance of the plugin's settings; raises ConfigInvalid."""
    if settings is None:
        return config
    try:
        return TypeAdapter(settings).validate_python(config)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, each['loc'])) or 'config'}: {each['msg']}" for each in error.errors(include_url=False)]
        raise ConfigInvalid(plugin, problems=problems) from None
