"""What both programs say over HTTP: problems, event streams, bearer tokens, the server that drains, the remote of client commands.

Knows nothing above. Lazy (PEP 562): a client command must not load a server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plughost.http.bearer import Failures, bearer_of, hash_token, matches, new_token
    from plughost.http.problem import problem_response, send_problem
    from plughost.http.reason import ReasonProtocol, reason_phrase, say_reason
    from plughost.http.serving import serve
    from plughost.http.stream import ServerSentEvent, sse

_HOMES = {
    "bearer": ("Failures", "bearer_of", "hash_token", "matches", "new_token"),
    "problem": ("problem_response", "send_problem"),
    "reason": ("ReasonProtocol", "reason_phrase", "say_reason"),
    "serving": ("serve",),
    "stream": ("ServerSentEvent", "sse"),
}
__all__ = [
    "Failures",
    "ReasonProtocol",
    "ServerSentEvent",
    "bearer_of",
    "hash_token",
    "matches",
    "new_token",
    "problem_response",
    "reason_phrase",
    "say_reason",
    "send_problem",
    "serve",
    "sse",
]


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"plughost.http.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
