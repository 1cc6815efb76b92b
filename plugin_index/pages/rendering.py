"""The child process that turns one README into HTML: from standard input, to standard output, in a bounded time.

A process and not a thread: a grammar's regular expression or docutils may be led to work for hours while it holds the
interpreter's lock, and can be ended only so. It inherits no environment, so it has no secret to lose.
"""

from __future__ import annotations

import resource
import sys

from readme_renderer import markdown, rst

from plugin_index.pages.taming import tamed

SECONDS = 10
"""Of processor time."""
MEMORY = 1 << 30
LARGEST = 1 << 20
"""Characters of HTML."""


def main() -> int:
    """0 and the HTML, or 1 where it cannot be rendered as what it says it is."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    if sys.platform == "linux":  # elsewhere the limit is not to be had
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    kind, variant = sys.argv[1:]
    html = rendered(sys.stdin.buffer.read().decode(), kind, variant)
    if html is None or len(html) > LARGEST:
        return 1
    sys.stdout.buffer.write(html.encode())
    return 0


def rendered(text: str, kind: str, variant: str) -> str | None:
    """The README as HTML that is safe in a page; None where it is not what it says it is."""
    html = markdown.render(text, variant=variant) if kind == "text/markdown" else rst.render(text)
    return None if html is None else tamed(html)


if __name__ == "__main__":
    sys.exit(main())
