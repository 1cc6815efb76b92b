"""What the disk does to a download is said in our own errors, and nothing half stays."""

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
    script = f'mount -t tmpfs -o size=4m tmpfs "{tmp_path}" || exit 77; exec "{sys.executable}" "{PROGRAM}" "{tmp_path}"'
    pipe, root = asyncio.subprocess.PIPE, str(PROGRAM.parents[2])
    child = await asyncio.create_subprocess_exec(
        *namespace, "sh", "-c", script, stdout=pipe, stderr=pipe, env=os.environ | {"PYTHONPATH": root}
    )
    out, err = await child.communicate()
    if child.returncode == 77 or b"unshare failed" in err:
        pytest.skip(f"the kernel allows no mount namespace: {err.decode().strip()}")
    assert child.returncode == 0, err.decode()
    assert json.loads(out) == {"large": "disk-full", "asked": 1, "left": [], "small": "done", "read-only": "home-not-writable"}
