"""twine, uv, hatch, flit and poetry publish with their usual commands, and each shows its user why the index refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import httpx
import pytest

from tests.index.clients.child import Desk, Ended
from tests.index.clients.parcels import LARGE, Parcel
from tests.index.clients.publishers import PUBLISHERS
from tests.index.program import ADMIN, Program, upload

READY_MADE = tuple(name for name in PUBLISHERS if name != "flit")
"""flit publishes only what it has built itself, so that its wheels are always sound."""
SAID_BY_ITSELF: Mapping[str, str] = {
    "twine": "Credential not found",
    "uv": "Missing credentials",
    "hatch": "Missing required option: user",
    "flit": "Could not find username",
    "poetry": "HTTP Error 401: an upload needs a token",
}
"""What each client says without a token; all but uv and poetry do not even ask the index."""

Publish = Callable[..., Awaitable[Ended]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A second upload that is refused, and a telling part of the index's reason."""

    second: Callable[[Parcel], Parcel]
    reason: str
    clients: tuple[str, ...] = tuple(PUBLISHERS)


CASES: Mapping[str, Case] = {
    "other-bytes": Case(second=lambda one: replace(one, says="# other"), reason="File already exists"),
    "sdist": Case(second=lambda one: replace(one, version="2.0", kind="sdist"), reason="this index takes wheels only"),
    "large": Case(second=lambda one: replace(one, version="2.0", noise=LARGE), reason=f"is larger than {LARGE} bytes"),
    "foreign-plugin": Case(second=lambda one: replace(one, project=f"{one.project}-fork"), reason="belongs to the project"),
    "reserved-plugin": Case(second=lambda one: replace(one, version="2.0", plugin="healthz"), reason="reserved"),
    "broken": Case(
        second=lambda one: replace(one, version="2.0", kind="tampered"),
        reason="does not have the hash that RECORD says",
        clients=READY_MADE,
    ),
    "renamed": Case(
        second=lambda one: replace(one, version="2.0", kind="renamed"),
        reason="its file name has to tell the truth",
        clients=READY_MADE,
    ),
}


@pytest.fixture
def publish(index: Program, desk: Desk) -> Publish:
    """Publish a parcel with a client; each call has a home of its own."""
    calls = iter(range(100))

    async def published(name: str, parcel: Parcel, *, token: str | None = ADMIN) -> Ended:
        return await PUBLISHERS[name](parcel, f"{index.url}/legacy/", token, desk.beside(str(next(calls))))

    return published


async def files_of(client: httpx.AsyncClient, project: str) -> list[str]:
    answer = await client.get(f"/simple/{project}/?format=application/vnd.pypi.simple.v1%2Bjson")
    return [file["filename"] for file in answer.json()["files"]] if answer.status_code == 200 else []


@pytest.mark.parametrize("name", PUBLISHERS)
async def test_a_first_upload_is_served_and_the_same_bytes_again_are_fine(publish: Publish, client: httpx.AsyncClient, name: str) -> None:
    parcel = Parcel(project=f"{name}-first", plugin=f"{name}-first")
    for _ in range(2):
        ended = await publish(name, parcel)
        assert ended.status == 0, ended.said
    assert len(await files_of(client, parcel.project)) == 1


@pytest.mark.parametrize(("name", "case"), [(name, case) for case, told in CASES.items() for name in told.clients])
async def test_the_client_shows_why_the_index_refuses(publish: Publish, client: httpx.AsyncClient, name: str, case: str) -> None:
    parcel = Parcel(project=f"{name}-{case}", plugin=f"{name}-{case}")
    assert (await publish(name, parcel)).status == 0
    kept = await files_of(client, parcel.project)
    second = CASES[case].second(parcel)

    ended = await publish(name, second)

    assert ended.status != 0
    assert CASES[case].reason in ended.said
    assert await files_of(client, parcel.project) == kept
    assert second.project == parcel.project or await files_of(client, second.project) == []


@pytest.mark.parametrize("name", PUBLISHERS)
async def test_the_client_shows_that_a_token_is_bad(publish: Publish, client: httpx.AsyncClient, name: str) -> None:
    ended = await publish(name, Parcel(project=f"{name}-bad"), token="wrong")

    assert ended.status != 0
    assert "403" in ended.said
    assert "the token is unknown or has expired" in ended.said
    assert await files_of(client, f"{name}-bad") == []


@pytest.mark.parametrize("name", READY_MADE)
async def test_who_may_not_upload_hears_so_though_the_file_is_large(publish: Publish, name: str) -> None:
    """More than any socket's buffer: the index answers while the client still sends."""
    ended = await publish(name, Parcel(project=f"{name}-much", noise=4 << 20), token="wrong")

    assert ended.status != 0
    assert "the token is unknown or has expired" in ended.said


@pytest.mark.parametrize("name", PUBLISHERS)
async def test_the_client_shows_that_a_token_is_for_another_project(publish: Publish, client: httpx.AsyncClient, name: str) -> None:
    mine, other = Parcel(project=f"{name}-mine"), Parcel(project=f"{name}-other")
    wished = {"name": "ci", "actions": ["upload"], "projects": [mine.project]}
    token = (await client.post("/api/tokens", json=wished)).json()["token"]
    assert (await publish(name, mine, token=token)).status == 0

    ended = await publish(name, other, token=token)

    assert ended.status != 0
    assert f"the token 'ci' does not allow upload for {other.project}" in ended.said
    assert await files_of(client, other.project) == []


@pytest.mark.parametrize("name", PUBLISHERS)
async def test_without_a_token_the_client_says_what_it_misses(publish: Publish, client: httpx.AsyncClient, name: str) -> None:
    ended = await publish(name, Parcel(project=f"{name}-none"), token=None)

    assert ended.status != 0
    assert SAID_BY_ITSELF[name] in ended.said
    assert await files_of(client, f"{name}-none") == []


async def test_uv_asks_the_simple_page_what_is_there_already(index: Program, desk: Desk) -> None:
    one, other = (Parcel(project="checked", plugin="checked", says=says) for says in ("", "# other"))
    environ = {"UV_PUBLISH_CHECK_URL": f"{index.url}/simple/"}
    first, again, refused = [
        await PUBLISHERS["uv"](parcel, f"{index.url}/legacy/", ADMIN, Desk(folder=desk.folder / name, environ=environ))
        for name, parcel in {"first": one, "again": one, "refused": other}.items()
    ]
    assert (first.status, again.status) == (0, 0)
    assert "already exists" in again.said
    assert refused.status != 0
    assert "do not match" in refused.said


@pytest.mark.parametrize("lie", [{"name": "someone-else"}, {"version": "2.0"}, {"requires_python": ">=3.99"}, {"requires_dist": "evil"}])
async def test_a_form_that_lies_about_a_sound_wheel_is_refused(client: httpx.AsyncClient, lie: dict[str, str]) -> None:
    """No client lets its user write a form, so it is written by hand."""
    answer = await upload(client, Parcel(project=f"lying-{'-'.join(lie).replace('_', '-')}").built, **lie)

    assert answer.status_code == 400
    assert "the form says" in answer.reason_phrase
    assert answer.json()["code"].startswith("form-mismatch")
