"""An index or the network failed."""

from __future__ import annotations

from plughost.errors.tree import CatalogError


class SourceUnreachable(CatalogError):
    """A source did not answer."""

    code, status = "source-unreachable", 502

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} did not answer: {reason}; what runs keeps running, it is asked again")
        self.url = url


class SourceInvalid(CatalogError):
    """A source answered with something that is not what it should be."""

    code, status = "source-invalid", 502

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} answered with something unusable: {reason}; what runs keeps running")
        self.url = url


class FetchFailed(CatalogError):
    """A file could not be downloaded whole."""

    code, status = "fetch-failed", 502

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} could not be fetched: {reason}; nothing was installed")
        self.url, self.reason = url, reason
