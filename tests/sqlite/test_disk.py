"""What the disk does to a database is said in our own errors."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("small_disk.py")


async def test_a_full_disk_and_a_read_only_one(tmp_path: Path) -> None:
    if (unshare := shutil.which("unshare")) is None:
        pytest.skip("there is no unshare on this machine")
    namespace = [unshare, "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    script = f'mount -t tmpfs -o size=16m tmpfs "{tmp_path}" || exit 77; exec "{sys.executable}" "{PROGRAM}" "{tmp_path}"'
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*namespace, "sh", "-c", script, stdout=pipe, stderr=pipe)
    out, err = await child.communicate()
    if child.returncode == 77 or b"unshare failed" in err:
        pytest.skip(f"the kernel allows no mount namespace: {err.decode().strip()}")
    assert child.returncode == 0, err.decode()
    assert json.loads(out) == {
        "full": "disk-full",
        "rows": 1,
        "new on a full disk": "disk-full",
        "with room again": "done",
        "more rows": 2,
        "new on a read-only disk": "home-not-writable",
        "old on a read-only disk": "home-not-writable",
    }
