"""The `plughost` command. Client commands speak HTTP to a running host and import no server."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; exit status 0 done, 1 refused or failed, 2 usage."""
    from plughost.cli.app import app  # so that `import plughost.cli` costs nothing

    sys.exit(app())
