"""What the index counts, as Prometheus reads it (text format 0.0.4)."""

from __future__ import annotations

from collections import Counter

from plughost.types import Message, Send

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Requests by what they were for and how they ended, and event streams that are open."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self.followers = 0

    def counted(self, kind: str, send: Send) -> Send:
        """The same `send`; the answer's status is counted."""

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._requests[kind, message["status"]] += 1
            await send(message)

        return counting

    def text(self, files: int, size: int, revoked: int) -> str:
        """All of it."""
        counted = sorted(self._requests.items())
        rows = [f'plugin_index_requests_total{{kind="{kind}",status="{status}"}} {number}' for (kind, status), number in counted]
        return "\n".join(
            [
                *_described("plugin_index_requests_total", "counter", "Requests by kind and status."),
                *rows,
                *_one("plugin_index_files", "Files that are not removed.", files),
                *_one("plugin_index_bytes", "Bytes of these files.", size),
                *_one("plugin_index_revoked", "Digests that no host may run.", revoked),
                *_one("plugin_index_followers", "Event streams that are open.", self.followers),
                "",
            ]
        )


def _one(name: str, said: str, value: int) -> list[str]:
    return [*_described(name, "gauge", said), f"{name} {value}"]


def _described(name: str, kind: str, said: str) -> list[str]:
    return [f"# HELP {name} {said}", f"# TYPE {name} {kind}"]
