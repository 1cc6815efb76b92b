"""Client commands start fast: they load no server."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("fastapi", "starlette", "uvicorn", "pydantic", "plughost.host", "plughost.api", "plughost.ledger", "plughost.settings")
LOADED = "import json, sys; {before}; print(json.dumps(sorted(name for name in {heavy} if name in sys.modules)))"


@pytest.mark.parametrize(
    "before",
    [
        "import plughost.cli",
        "import plughost.cli.app",
        "from plughost.cli.remote import RemoteHost; RemoteHost('http://127.0.0.1:9', token='x', home=__import__('pathlib').Path('.'))",
    ],
)
def test_a_client_loads_no_server(before: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED.format(before=before, heavy=HEAVY)], check=True, capture_output=True, timeout=60)
    assert json.loads(done.stdout) == []
