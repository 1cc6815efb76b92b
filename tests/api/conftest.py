"""The host and the index of the stories."""

from __future__ import annotations

from tests.story.conftest import host, index, start

__all__ = ["host", "index", "start"]
