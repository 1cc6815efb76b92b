"""What was pinned with hashes is installed by pip and uv, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.index.clients.child import Desk, Ended
from tests.index.clients.readers import ALONE, PIP, flags, uv_pip_compile
from tests.index.clients.shop import publish, release
from tests.index.program import BIN, Program

INSTALLERS = {"pip": PIP, "uv": (BIN / "uv", "pip")}
installing = pytest.mark.parametrize("name", INSTALLERS)


async def install(index: Program, name: str, requirements: Path, desk: Desk) -> Ended:
    options = ("--require-hashes", "--requirement", requirements, "--target", desk.folder / "target")
    return await desk.run(*INSTALLERS[name], "install", *flags([f"{index.url}/simple/"]), *options, environ=ALONE)


@installing
async def test_what_uv_compiled_with_hashes_is_installed(index: Program, desk: Desk, name: str) -> None:
    app, lib = f"hashed-{name}", f"hashed-{name}-lib"
    wheels = release(app, requires=[lib]), release(lib)
    await publish(index, *wheels)
    await uv_pip_compile([f"{index.url}/simple/"], app, desk.beside("compiled"))
    compiled = desk.folder / "compiled" / "requirements.txt"
    assert all(f"--hash=sha256:{built.sha256}" in compiled.read_text() for built in wheels)

    ended = await install(index, name, compiled, desk.beside("installed"))

    assert ended.status == 0, ended.said
    assert len([*(desk.folder / "installed" / "target").glob("*.dist-info")]) == 2


@installing
async def test_bytes_with_another_hash_are_not_installed(index: Program, desk: Desk, name: str) -> None:
    project = f"pinned-{name}"
    await publish(index, release(project))
    requirements = desk.folder / "requirements.txt"
    requirements.write_text(f"{project}==1.0 --hash=sha256:{'0' * 64}\n")

    ended = await install(index, name, requirements, desk)

    assert ended.status != 0
    assert "hash" in ended.said.lower()
    assert not [*(desk.folder / "target").glob("*.dist-info")]
