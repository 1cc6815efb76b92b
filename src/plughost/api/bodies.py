"""What clients send, as pydantic models; what is not in them is refused."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

Reason = Annotated[str, StringConstraints(max_length=2000)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


DEEPEST = 100
"""Levels of a config at most: how many this Python could read is another number in each version."""


def _kept(config: dict[str, Any]) -> dict[str, Any]:
    """What can be written down and told again: Python's JSON reads more than JSON (NaN, half of a surrogate pair)."""
    _refuse_deep(config)
    json.dumps(config, allow_nan=False, ensure_ascii=False).encode()
    return config


def _refuse_deep(config: dict[str, Any]) -> None:
    level: list[Any] = [config]
    for _ in range(DEEPEST):
        inside = [value for each in level for value in (each.values() if isinstance(each, dict) else each)]
        level = [value for value in inside if isinstance(value, dict | list)]
        if not level:
            return
    raise ValueError(f"it is nested deeper than {DEEPEST} levels")


Config = Annotated[dict[str, Any], AfterValidator(_kept)]


class Body(BaseModel):
    """The base of all bodies: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Reason = ""
    dry_run: bool = False


class InstallBody(Body):
    """`POST /api/plugins`."""

    name: Text
    version: Annotated[str, StringConstraints(max_length=200)] = ""
    url: Text | None = None
    exposedModule: Text | None = None  # noqa: N815 - the contract's name
    integrity: Text | None = None
    project: Text | None = None
    isolation: Literal["auto", "scope", "process"] | None = None
    mount: Text | None = None
    config: Config | None = None
    browser: Literal["page", "frame"] | None = None
    enable: bool = True


class UpgradeBody(Body):
    """`POST /api/plugins/{name}/upgrade`."""

    version: Annotated[str, StringConstraints(max_length=200)] = ""


class ConfigBody(Body):
    """`PUT /api/plugins/{name}/config`."""

    config: Config


class TokenBody(BaseModel):
    """`POST /api/tokens`; `expires` as RFC 3339, or seconds since the epoch."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    role: Literal["viewer", "operator", "admin"]
    expires: float | str | None = None
