"""A full disk and a read-only home are told as such, and nothing half stays."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from plughost.errors import DiskFull, HomeNotWritable
from plughost.store import disk
from tests.small_disk import said_on_small_disk
from tests.store.targets import plugin

PROGRAM = Path(__file__).with_name("small_disk.py")
MIB = 1 << 20


async def test_a_full_disk_and_a_read_only_one(tmp_path: Path) -> None:
    wheels, home = tmp_path / "wheels", tmp_path / "home"
    home.mkdir()
    plugin("large", files={"large.bin": os.urandom(30 * MIB)}).write(wheels)
    plugin("swelling", files={"noise.bin": os.urandom(8 * MIB), "zeros.bin": bytes(20 * MIB)}).write(wheels)
    plugin("small").write(wheels)
    plugin("other").write(wheels)

    said = await said_on_small_disk(home, PROGRAM, wheels, mib=24)

    assert said == {
        "large": "disk-full",
        "large leaves": [],
        "swelling": "disk-full",
        "swelling leaves": [],
        "small": "done",
        "small leaves": [],
        "wheels": 1,
        "read-only": "home-not-writable",
        "there already": "done",
        "open": "home-not-writable",
    }


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EROFS, HomeNotWritable),
        (errno.EACCES, HomeNotWritable),
        (errno.EIO, OSError),
    ],
)
def test_errors_of_the_disk_say_what_to_do(number: int, error: type[Exception]) -> None:
    with pytest.raises(error), disk.explained(Path("home")):
        raise OSError(number, os.strerror(number))


def test_everything_below_a_directory_is_flushed(tmp_path: Path) -> None:
    (tmp_path / "deep/deeper").mkdir(parents=True)
    (tmp_path / "deep/deeper/file").write_text("")
    disk.flush(tmp_path)
    disk._flush_each(tmp_path)
    disk.flush_names(tmp_path)


def test_a_lock_on_a_removed_file_is_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    assert disk.lock_now(handle)
    assert disk.is_at(handle, path)
    path.unlink()
    assert not disk.is_at(handle, path)
    path.write_text("")
    assert not disk.is_at(handle, path)
    os.close(handle)
