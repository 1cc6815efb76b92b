"""The `plugin-index` command."""

from __future__ import annotations

import sys

from plugin_index.cli import keeping, plugins, releases, serve, tokens
from plugin_index.cli.options import app

__all__ = ["app", "keeping", "main", "plugins", "releases", "serve", "tokens"]


def main() -> None:
    """Run the command line; exit status 0 done, 1 refused or failed, 2 usage."""
    sys.exit(app())
