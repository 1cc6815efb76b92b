"""Print the path of a CPython of the minor version asked for; exit 1 where none runs.

Looks at PATH, and asks pyenv, whose `python3.12` runs only when its version is chosen.
"""

from __future__ import annotations

import os
import subprocess
import sys

_ASK = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2]); print(getattr(sys, '_base_executable', sys.executable))"


def main(minor: str) -> int:
    """Try the name on PATH, alone and with each version that pyenv has."""
    for chosen in ["", *_pyenv_versions(minor)]:
        environment = os.environ | ({"PYENV_VERSION": chosen} if chosen else {})
        try:
            done = subprocess.run([f"python{minor}", "-c", _ASK], env=environment, capture_output=True, text=True, timeout=30, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        found, path = done.stdout.splitlines()
        if found == minor:
            print(path)
            return 0
    return 1


def _pyenv_versions(minor: str) -> list[str]:
    try:
        done = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip().startswith(f"{minor}.")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
