"""What the sources have revoked, in memory: the union of what each says, for everyone who must not run it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from plughost.model.revocation import Reasons


class Revocations:
    """By source; `reasons` is one frozen picture of all, replaced by one assignment."""

    def __init__(self) -> None:
        self._by_source: dict[str, Reasons] = {}
        self.reasons: Reasons = {}

    def load(self, rows: Mapping[str, Reasons]) -> bool:
        """Take the ledger's rows; whether anything changed."""
        return self._become(rows)

    def put(self, source: str, revoked: Reasons) -> bool:
        """Replace what a source has revoked; whether anything changed."""
        return self._become({**self._by_source, source: revoked})

    def by(self, source: str) -> Reasons:
        """What this source has revoked."""
        return self._by_source.get(source, {})

    def source(self, sha256: str) -> str | None:
        """Who says that it is revoked."""
        return next((source for source, revoked in self._by_source.items() if sha256 in revoked), None)

    def sources(self) -> Iterable[str]:
        """Every source that has revoked anything."""
        return self._by_source.keys()

    def _become(self, rows: Mapping[str, Reasons]) -> bool:
        before = self._by_source
        self._by_source = {source: dict(revoked) for source, revoked in rows.items() if revoked}
        self.reasons = {sha256: reason for revoked in self._by_source.values() for sha256, reason in revoked.items()}
        return before != self._by_source
