"""What the disk does to a database is said in our own errors."""

from __future__ import annotations

from pathlib import Path

from tests.small_disk import said_on_small_disk

PROGRAM = Path(__file__).with_name("small_disk.py")


async def test_a_full_disk_and_a_read_only_one(tmp_path: Path) -> None:
    assert await said_on_small_disk(tmp_path, PROGRAM, mib=16) == {
        "full": "disk-full",
        "rows": 1,
        "new on a full disk": "disk-full",
        "with room again": "done",
        "more rows": 2,
        "new on a read-only disk": "home-not-writable",
        "old on a read-only disk": "home-not-writable",
    }
