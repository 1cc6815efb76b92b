from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from plughost.ledger import Ledger
from plughost.model.operation import Operation
from plughost.model.plugin import PluginName, Target, WheelFile


@pytest.fixture(params=["file", "memory"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    path = tmp_path / "ledger.sqlite" if request.param == "file" else None
    opened = await Ledger.open(path, boot="here")
    yield opened
    await opened.close()


@pytest.fixture
def release() -> Callable[..., Target]:
    def make(name: str = "chat", version: str = "1.0", sha256: str | None = "") -> Target:
        digest = f"{name} {version}".encode().hex() if sha256 == "" else sha256
        filename = f"acme_{name}-{version}-py3-none-any.whl"
        wheel = WheelFile(url=f"https://plugins.example.com/{filename}", filename=filename, sha256=digest)
        return Target(name=PluginName(name), version=version, wheel=wheel, mount=name)

    return make


@pytest.fixture
def operation() -> Callable[..., Operation]:
    def make(number: int = 1, plugin: str = "chat", state: str = "running") -> Operation:
        ended = None if state == "running" else 2.0
        return Operation(id=f"op-{number}", verb="install", plugin=plugin, by="ada", started=1.0, state=state, ended=ended)  # type: ignore[arg-type]  # a state

    return make
