"""Who asks badly again and again from one address is answered a little later each time, so that who asks well notices nothing.

A refusal costs about as much as a page does: without this, a hundred connections that are refused as fast as they can ask
would leave a hundredth of the time to one that asks well.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network

from plughost.http import Failures
from plughost.types import Message, Send

BAD = 400
"""Statuses from here on are refusals."""
REFUSALS, WINDOW = 200, 10.0
"""So many refusals of an address within so many seconds are answered at once."""
LATER = 0.1
"""Seconds by which the others are late."""


class Damper:
    """Delays refusals; what is granted is never late, from whichever address."""

    def __init__(self) -> None:
        self._refused = Failures(limit=REFUSALS, window=WINDOW)

    def damped(self, address: str, send: Send) -> Send:
        """The same `send`, which waits before a refusal where there were many."""
        network = network_of(address)

        async def late(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= BAD:
                self._refused.add(network)
                if self._refused.blocked(network) is not None:
                    await asyncio.sleep(LATER)
            await send(message)

        return late


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Who asks from an address: with IPv6 everybody has a /64 of them, or more."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return address
    return str(parsed.ipv4_mapped or ip_network((parsed.packed, 64), strict=False))
