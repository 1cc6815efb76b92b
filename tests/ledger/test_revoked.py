"""What sources have revoked: written with their lists, audited when it changes, and nobody else's."""

from __future__ import annotations

from plughost.ledger import Audit, Ledger
from plughost.model.plugin import Listing, PluginName, WheelFile

INDEX, OTHER = "https://plugins.example.com", "https://other.example.com"
A, B, C = "aa" * 32, "bb" * 32, "cc" * 32


def listing(name: str = "chat") -> Listing:
    wheels = (WheelFile(url=f"{INDEX}/{name}.whl", filename=f"{name}-1.0-py3-none-any.whl", sha256=A),)
    return Listing(name=PluginName(name), version="1.0", wheels=wheels, source=INDEX)


async def audited(ledger: Ledger) -> list[tuple[str, str, object, str]]:
    """Who did what to which digests and why, oldest first."""
    rows: tuple[Audit, ...] = await ledger.audit()
    return [(row.by, row.verb, row.detail["digests"], row.reason) for row in reversed(rows)]


async def test_it_is_kept_with_the_list_and_the_list_without_it_leaves_it(ledger: Ledger) -> None:
    await ledger.set_list(INDEX, [listing()], '"one"', {A: "stolen"})
    await ledger.set_list(INDEX, [], '"two"')

    recorded = await ledger.recorded()

    assert recorded.lists == {INDEX: {}}
    assert recorded.revoked == {INDEX: {A: "stolen"}}


async def test_it_may_be_known_before_any_list_is(ledger: Ledger) -> None:
    await ledger.set_list(INDEX, None, None, {A: "stolen"})

    recorded = await ledger.recorded()

    assert recorded.lists == {}
    assert recorded.revoked == {INDEX: {A: "stolen"}}


async def test_what_is_new_and_what_is_lifted_is_audited_by_its_reason(ledger: Ledger) -> None:
    await ledger.set_list(INDEX, None, None, {B: "stolen", A: "stolen", C: "slow"})
    await ledger.set_list(INDEX, None, None, {A: "stolen"})
    await ledger.set_list(INDEX, None, None, {A: "stolen"})

    by = f"list:{INDEX}"
    assert await audited(ledger) == [
        (by, "revoke", [A, B], "stolen"),
        (by, "revoke", [C], "slow"),
        (by, "unrevoke", [B], "stolen"),
        (by, "unrevoke", [C], "slow"),
    ]
    assert (await ledger.recorded()).revoked == {INDEX: {A: "stolen"}}


async def test_another_reason_for_the_same_digest_is_taken_and_is_no_event(ledger: Ledger) -> None:
    await ledger.set_list(INDEX, None, None, {A: "stolen"})
    await ledger.set_list(INDEX, None, None, {A: "stolen, and slow"})

    assert (await ledger.recorded()).revoked == {INDEX: {A: "stolen, and slow"}}
    assert len(await audited(ledger)) == 1


async def test_a_source_that_is_dropped_lifts_what_it_revoked_and_nothing_else(ledger: Ledger) -> None:
    await ledger.set_list(INDEX, [listing()], None, {A: "stolen"})
    await ledger.set_list(OTHER, None, None, {A: "stolen too"})
    await ledger.drop_source(INDEX)

    recorded = await ledger.recorded()

    assert (recorded.lists, recorded.revoked) == ({}, {OTHER: {A: "stolen too"}})
    assert (await audited(ledger))[-1] == (f"list:{INDEX}", "unrevoke", [A], "stolen")


async def test_nothing_revoked_leaves_no_trace(ledger: Ledger) -> None:
    await ledger.set_list(INDEX, [listing()], None, {})

    assert (await ledger.recorded()).revoked == {}
    assert await ledger.audit() == ()
