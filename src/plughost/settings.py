"""Everything that can be set, as one frozen value; read in cli and host only, rooms take plain values.

`Settings(...)` takes what it is given and reads nothing; `Settings.load()` is file < environment < arguments.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from plughost.errors import RequestInvalid

ENVIRONMENT = "PLUGHOST_"


def _place(path: str) -> str:
    return f"/{path.strip('/')}".rstrip("/")


Place = Annotated[str, AfterValidator(_place)]
"""A path in front of others: empty, or with a slash before it and none behind."""


class SourceSettings(BaseModel):
    """One `[[sources]]` table: where plugin lists or wheels come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    kind: Literal["list", "simple", "folder"] = "list"
    names: tuple[str, ...] = ("*",)
    token_env: str | None = None


class OriginSettings(BaseModel):
    """One `[[origins]]` table: whose wheels may be fetched, and on which terms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    names: tuple[str, ...] = ("*",)
    require: tuple[Literal["sha256"], ...] = ("sha256",)
    isolation: Literal["auto", "scope", "process"] = "auto"
    private: bool = False


class Settings(BaseModel):
    """What a host is told; every plain one is also a flag of `plughost serve` and an environment variable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Path(".plughost")
    index: str | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    root_path: Place = ""
    prefix: Place = ""
    poll: Annotated[float, Field(gt=0)] = 10.0
    resolver: Literal["uv", "pip"] = "uv"
    import_deadline: Annotated[float, Field(gt=0)] = 30.0
    start_deadline: Annotated[float, Field(gt=0)] = 30.0
    probe_deadline: Annotated[float, Field(gt=0)] = 10.0
    render_deadline: Annotated[float, Field(gt=0)] = 1.0
    stop_deadline: Annotated[float, Field(gt=0)] = 10.0
    drain: Annotated[float, Field(ge=0)] = 10.0
    boot: Literal["lenient", "strict"] = "lenient"
    boot_deadline: Annotated[float, Field(ge=0)] = 5.0
    fetch_deadline: Annotated[float, Field(gt=0)] = 300.0
    resolve_deadline: Annotated[float, Field(gt=0)] = 120.0
    max_size: Annotated[int, Field(gt=0)] = 512 * 1024 * 1024
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    admin_token: SecretStr | None = None
    index_token: SecretStr | None = None
    sources: tuple[SourceSettings, ...] = ()
    origins: tuple[OriginSettings, ...] = ()
    share: Mapping[str, Literal["strict", "offered"]] = {}

    @classmethod
    def load(cls, file: Path | None = None, **over: object) -> Self:
        """File < environment < arguments (None counts as not given); raises RequestInvalid with each thing that is wrong.

        Without `file`: `plughost.toml` in the home, else in the working directory, else nothing.
        """
        given = {name: value for name, value in over.items() if value is not None}
        environment = {
            name: os.environ[key] for name in cls.model_fields if (key := ENVIRONMENT + name.upper()) in os.environ and _plain(name)
        }
        home = Path(str(given.get("home") or environment.get("home") or cls.model_fields["home"].default))
        try:
            return cls.model_validate({**_read(file, home), **environment, **given})
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_url=False)]
            raise RequestInvalid("the settings are not valid", problems=problems) from None

    def all_sources(self) -> tuple[SourceSettings, ...]:
        """`index` first, then the tables."""
        first = () if self.index is None else (SourceSettings(url=self.index, token_env=None),)
        return (*first, *self.sources)


def _plain(name: str) -> bool:
    return name not in {"sources", "origins", "share"}


def _read(file: Path | None, home: Path) -> dict[str, Any]:
    for path in [file] if file else [home / "plughost.toml", Path("plughost.toml")]:
        if path.is_file() or file:
            try:
                return tomllib.loads(path.read_text())
            except OSError as error:
                raise RequestInvalid(f"{path} cannot be read: {error.strerror}") from None
            except tomllib.TOMLDecodeError as error:
                raise RequestInvalid(f"{path} is not valid TOML: {error}") from None
    return {}
