"""What the disk does to a download is said in our own errors, and nothing half stays."""

from __future__ import annotations

from pathlib import Path

from tests.small_disk import said_on_small_disk

PROGRAM = Path(__file__).with_name("small_disk.py")


async def test_a_full_disk_and_a_read_only_one(tmp_path: Path) -> None:
    said = await said_on_small_disk(tmp_path, PROGRAM, mib=4)

    assert said == {"large": "disk-full", "asked": 1, "left": [], "small": "done", "read-only": "home-not-writable"}
