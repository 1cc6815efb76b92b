"""The clients that publish, each as its users start it: the table `PUBLISHERS` names them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from tests.index.clients.child import Desk, Ended
from tests.index.clients.parcels import Parcel
from tests.index.program import BIN

Publisher = Callable[[Parcel, str, str | None, Desk], Awaitable[Ended]]
"""Publish a parcel to an upload URL with a token (or none), at a desk."""


async def twine(parcel: Parcel, url: str, token: str | None, desk: Desk) -> Ended:
    command = (BIN / "twine", "upload", "--non-interactive", "--disable-progress-bar", parcel.file(desk.folder / "dist"))
    secret = {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token} if token else {}
    return await desk.run(*command, environ={"TWINE_REPOSITORY_URL": url} | secret)


async def uv(parcel: Parcel, url: str, token: str | None, desk: Desk) -> Ended:
    secret = {"UV_PUBLISH_TOKEN": token} if token else {}
    command = (BIN / "uv", "publish", parcel.file(desk.folder / "dist"))
    return await desk.run(*command, environ={"UV_PUBLISH_URL": url, "UV_HTTP_RETRIES": "0"} | secret)


async def hatch(parcel: Parcel, url: str, token: str | None, desk: Desk) -> Ended:
    secret = {"HATCH_INDEX_USER": "__token__", "HATCH_INDEX_AUTH": token} if token else {}
    command = (BIN / "hatch", "publish", "--no-prompt", parcel.file(desk.folder / "dist"))
    return await desk.run(*command, environ={"HATCH_INDEX_REPO": url} | secret)


async def flit(parcel: Parcel, url: str, token: str | None, desk: Desk) -> Ended:
    secret = {"FLIT_USERNAME": "__token__", "FLIT_PASSWORD": token} if token else {}
    tree = parcel.tree(desk.folder / "tree")
    where = {"FLIT_INDEX_URL": url, "SOURCE_DATE_EPOCH": "1577836800"}
    command = (BIN / "flit", "publish", "--no-use-vcs", "--format", parcel.kind)
    return await desk.run(*command, cwd=tree, environ=where | secret)


async def poetry(parcel: Parcel, url: str, token: str | None, desk: Desk) -> Ended:
    tree = parcel.tree(desk.folder / "tree")
    parcel.file(tree / "dist")
    secret = {"POETRY_PYPI_TOKEN_PLUGINS": token} if token else {}
    command = (BIN / "poetry", "publish", "--no-interaction", "--repository", "plugins")
    where = {"POETRY_REPOSITORIES_PLUGINS_URL": url, "POETRY_KEYRING_ENABLED": "false"}
    return await desk.run(*command, cwd=tree, environ=where | secret)


PUBLISHERS: Mapping[str, Publisher] = {"twine": twine, "uv": uv, "hatch": hatch, "flit": flit, "poetry": poetry}
