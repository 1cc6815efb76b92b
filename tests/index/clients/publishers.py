"""The clients that publish, each as its users start it: the table `PUBLISHERS` names them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from tests.index.clients.child import Ended, child
from tests.index.clients.parcels import Parcel
from tests.index.program import BIN

Publisher = Callable[[Parcel, str, str | None, Path], Awaitable[Ended]]
"""Publish a parcel to an upload URL with a token (or none), all of the client's files below a folder."""


async def twine(parcel: Parcel, url: str, token: str | None, folder: Path) -> Ended:
    command = (BIN / "twine", "upload", "--non-interactive", "--disable-progress-bar", parcel.file(folder / "dist"))
    secret = {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token} if token else {}
    return await child(folder / "home", *command, environ={"TWINE_REPOSITORY_URL": url} | secret)


async def uv(parcel: Parcel, url: str, token: str | None, folder: Path) -> Ended:
    secret = {"UV_PUBLISH_TOKEN": token} if token else {}
    command = (BIN / "uv", "publish", parcel.file(folder / "dist"))
    return await child(folder / "home", *command, environ={"UV_PUBLISH_URL": url, "UV_HTTP_RETRIES": "0"} | secret)


async def hatch(parcel: Parcel, url: str, token: str | None, folder: Path) -> Ended:
    secret = {"HATCH_INDEX_USER": "__token__", "HATCH_INDEX_AUTH": token} if token else {}
    command = (BIN / "hatch", "publish", "--no-prompt", parcel.file(folder / "dist"))
    return await child(folder / "home", *command, environ={"HATCH_INDEX_REPO": url} | secret)


async def flit(parcel: Parcel, url: str, token: str | None, folder: Path) -> Ended:
    secret = {"FLIT_USERNAME": "__token__", "FLIT_PASSWORD": token} if token else {}
    tree = parcel.tree(folder / "tree")
    where = {"FLIT_INDEX_URL": url, "SOURCE_DATE_EPOCH": "1577836800"}
    command = (BIN / "flit", "publish", "--no-use-vcs", "--format", parcel.kind)
    return await child(folder / "home", *command, cwd=tree, environ=where | secret)


async def poetry(parcel: Parcel, url: str, token: str | None, folder: Path) -> Ended:
    tree = parcel.tree(folder / "tree")
    parcel.file(tree / "dist")
    secret = {"POETRY_PYPI_TOKEN_PLUGINS": token} if token else {}
    command = (BIN / "poetry", "publish", "--no-interaction", "--repository", "plugins")
    where = {"POETRY_REPOSITORIES_PLUGINS_URL": url, "POETRY_KEYRING_ENABLED": "false"}
    return await child(folder / "home", *command, cwd=tree, environ=where | secret)


PUBLISHERS: Mapping[str, Publisher] = {"twine": twine, "uv": uv, "hatch": hatch, "flit": flit, "poetry": poetry}
