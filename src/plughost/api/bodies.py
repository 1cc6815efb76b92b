"""What clients send, as pydantic models; what is not in them is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Reason = Annotated[str, StringConstraints(max_length=2000)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


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
    config: dict[str, Any] | None = None
    browser: Literal["page", "frame"] | None = None
    enable: bool = True


class UpgradeBody(Body):
    """`POST /api/plugins/{name}/upgrade`."""

    version: Annotated[str, StringConstraints(max_length=200)] = ""


class ConfigBody(Body):
    """`PUT /api/plugins/{name}/config`."""

    config: dict[str, Any]


class TokenBody(BaseModel):
    """`POST /api/tokens`; `expires` as RFC 3339, or seconds since the epoch."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    role: Literal["viewer", "operator", "admin"]
    expires: float | str | None = None
