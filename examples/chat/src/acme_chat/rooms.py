"""Who is in which room."""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol


class Ear(Protocol):
    """Something that can be told a text."""

    async def send_text(self, data: str) -> None:
        """Tell it."""
        ...


class Rooms:
    """Rooms by name; an empty room is no room."""

    def __init__(self) -> None:
        self._rooms: defaultdict[str, set[Ear]] = defaultdict(set)

    def join(self, room: str, ear: Ear) -> None:
        """Come in."""
        self._rooms[room].add(ear)

    def leave(self, room: str, ear: Ear) -> None:
        """Go out; does nothing for who is not in."""
        self._rooms[room].discard(ear)
        if not self._rooms[room]:
            del self._rooms[room]

    async def say(self, room: str, text: str) -> None:
        """Tell everyone in the room."""
        for ear in tuple(self._rooms[room]):
            await ear.send_text(text)

    def sizes(self) -> dict[str, int]:
        """Each room and how many are in it."""
        return {room: len(ears) for room, ears in sorted(self._rooms.items())}
