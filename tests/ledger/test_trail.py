from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from plughost.ledger import Audit, Bounds, Ledger, trail


def audit(number: int, plugin: str | None = "chat") -> Audit:
    return Audit(at=float(number), by="ada", verb="install", plugin=plugin, detail={"number": number}, origin="::1", reason="r")


async def test_events_get_rising_numbers_and_read_back_in_order(ledger: Ledger) -> None:
    ids = await ledger.append_events([("plugin.phase", {"plugin": "chat", "phase": "serving"}), ("plugin.mounted", {"mount": "/é"})])

    found = await ledger.events_after(0)

    assert [event.id for event in found] == list(ids)
    assert [(event.kind, event.data) for event in found][1] == ("plugin.mounted", {"mount": "/é"})
    assert await ledger.events_after(ids[0], limit=1) == found[1:]


async def test_nothing_to_append_is_nothing_appended(ledger: Ledger) -> None:
    assert await ledger.append_events([]) == ()


async def test_the_bounds_say_where_a_gap_begins(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await ledger.event_bounds() == Bounds(first=1, last=0)
    monkeypatch.setattr(trail, "KEPT", 3)
    for number in range(5):
        await ledger.append_events([("plugin.phase", {"number": number})])

    assert await ledger.event_bounds() == Bounds(first=3, last=5)
    assert [event.data["number"] for event in await ledger.events_after(0)] == [2, 3, 4]


async def test_the_newest_ten_thousand_events_are_kept(ledger: Ledger) -> None:
    await ledger.append_events([("plugin.phase", {})] * 10_050)

    assert await ledger.event_bounds() == Bounds(first=51, last=10_050)


async def test_an_event_number_is_not_reused_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = await Ledger.open(tmp_path / "ledger.sqlite", boot="one")
    await ledger.append_events([("plugin.phase", {})] * 3)
    await ledger._database.write(lambda connection: connection.execute("DELETE FROM events") and None)
    await ledger.close()

    ledger = await Ledger.open(tmp_path / "ledger.sqlite", boot="two")

    assert await ledger.event_bounds() == Bounds(first=4, last=3)
    assert await ledger.append_events([("plugin.phase", {})]) == (4,)
    await ledger.close()


async def test_audit_rows_read_back_newest_first_in_pages(ledger: Ledger) -> None:
    for number in range(4):
        await ledger._database.write(partial(trail.append_audit, audit=audit(number)))

    first = await ledger.audit(limit=3)
    rest = await ledger.audit(limit=3, before=first[-1].id)

    assert [row.detail["number"] for row in (*first, *rest)] == [3, 2, 1, 0]
    assert (first[0].by, first[0].origin, first[0].reason, first[0].at) == ("ada", "::1", "r", 3.0)


async def test_audit_rows_are_chosen_by_plugin(ledger: Ledger) -> None:
    for number, plugin in enumerate(["chat", "news", None]):
        await ledger._database.write(partial(trail.append_audit, audit=audit(number, plugin)))

    assert [row.plugin for row in await ledger.audit(plugin="news")] == ["news"]
    assert [row.plugin for row in await ledger.audit()] == [None, "news", "chat"]
