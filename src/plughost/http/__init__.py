"""What both programs say over HTTP: problems, event streams, bearer tokens, and the server that drains. Knows nothing above."""

from __future__ import annotations

from plughost.http.bearer import Failures, bearer_of, hash_token, matches, new_token
from plughost.http.problem import problem, problem_response, send_problem
from plughost.http.serving import ReasonProtocol, serve
from plughost.http.stream import ServerSentEvent, sse

__all__ = [
    "Failures",
    "ReasonProtocol",
    "ServerSentEvent",
    "bearer_of",
    "hash_token",
    "matches",
    "new_token",
    "problem",
    "problem_response",
    "send_problem",
    "serve",
    "sse",
]
