"""The plugin without a host: its router and its icon are ordinary code."""

from __future__ import annotations

import asyncio

from acme_chat.entry import icon, plugin
from acme_chat.rooms import Rooms


class Ear:
    """Remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def send_text(self, data: str) -> None:
        self.heard.append(data)


def test_what_one_says_all_in_the_room_hear() -> None:
    rooms, ada, bob, eve = Rooms(), Ear(), Ear(), Ear()
    rooms.join("lobby", ada)
    rooms.join("lobby", bob)
    rooms.join("elsewhere", eve)

    asyncio.run(rooms.say("lobby", "hello"))

    assert (ada.heard, bob.heard, eve.heard) == (["hello"], ["hello"], [])


def test_an_empty_room_is_no_room() -> None:
    rooms, ada = Rooms(), Ear()
    rooms.join("lobby", ada)
    rooms.leave("lobby", ada)
    assert rooms.sizes() == {}


def test_the_icon_escapes_the_user() -> None:
    assert "<b>" not in str(asyncio.run(icon("<b>")))


def test_the_plugin_has_a_title() -> None:
    assert plugin.title == "Chat"
