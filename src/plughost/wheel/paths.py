"""Names inside an archive: each means one file, the same one on every file system, below the directory it is unpacked in."""

from __future__ import annotations

import re
import unicodedata

from plughost.errors import ArchiveRefused

_UTF8 = 0x800
_DRIVE = re.compile(r"(?:^|/)[A-Za-z]:")
_UNPRINTABLE = frozenset(("Cc", "Cs", "Zl", "Zp"))
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Invisible characters that make a name read otherwise than it is."""

_LONGEST_PATH = 1024
_LONGEST_PART = 255
"""Bytes that a file system takes; the path leaves room for the store's own directory."""
_DEEPEST = 64
"""Directories within each other; whoever removes them again holds one descriptor for each."""


def read_name(raw: bytes, flags: int, wheel: str) -> str:
    """The name that these bytes spell, checked; refused where readers could differ on what it means."""
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        raise ArchiveRefused(wheel, "name-encoding", f"the name {raw[:200]!r} is neither ASCII nor marked and valid UTF-8") from None
    _check_length(name, raw, wheel)
    _check_form(name, wheel)
    if not name.isascii():
        _check_form(unicodedata.normalize("NFKC", name), wheel)
    return name


def folded(path: str) -> str:
    """The same text for all spellings that some file system takes for one name: case, Unicode form, ignorable characters."""
    if path.isascii():
        return path.lower()
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())
    return text if text.isprintable() else "".join(character for character in text if unicodedata.category(character) != "Cf")


class Tree:
    """The paths of one archive, none of which may stand in another one's way."""

    def __init__(self, wheel: str, *, most: int) -> None:
        self._wheel, self._most = wheel, most
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self._known: set[str] = set()

    def add_file(self, path: str, name: str) -> None:
        """Take a file's path (`name`: what the archive calls it); refused where another entry is in its way."""
        key = folded(path)
        if key in self._files:
            raise self._collision(name, self._files[key])
        if key in self._folders:
            raise self._both(path)
        self._files[key] = name
        self.add_folder(path.rpartition("/")[0])

    def add_folder(self, path: str) -> None:
        """Take a directory and those above it; refused where a file, or another spelling of it, is there, or for too many."""
        while path and path not in self._known:
            key = folded(path)
            if key in self._folders:
                raise self._collision(path, self._folders[key])
            if key in self._files:
                raise self._both(path)
            self._folders[key] = path
            self._known.add(path)
            path = path.rpartition("/")[0]
        if len(self._folders) > self._most:
            raise ArchiveRefused(self._wheel, "too-many-entries", f"it has more than {self._most} directories")

    def _collision(self, one: str, other: str) -> ArchiveRefused:
        return ArchiveRefused(self._wheel, "collision", f"{one!r} and {other!r} are one file where case or Unicode form do not count")

    def _both(self, path: str) -> ArchiveRefused:
        return ArchiveRefused(self._wheel, "file-and-directory", f"{path!r} is a file and a directory")


def _check_length(name: str, raw: bytes, wheel: str) -> None:
    if not raw:
        raise ArchiveRefused(wheel, "name-empty", "an entry has no name")
    parts = raw.split(b"/")
    if len(raw) > _LONGEST_PATH or len(parts) > _DEEPEST or max(map(len, parts)) > _LONGEST_PART:
        raise ArchiveRefused(wheel, "name-too-long", f"the name {name[:100]!r}… is longer or deeper than file systems take")


def _check_form(name: str, wheel: str) -> None:
    if name.startswith("/"):
        raise ArchiveRefused(wheel, "name-absolute", f"the name {name!r} begins at the root")
    if _DRIVE.search(name):
        raise ArchiveRefused(wheel, "name-drive", f"the name {name!r} names a drive")
    if "\\" in name:
        raise ArchiveRefused(wheel, "name-backslash", f"the name {name!r} has a backslash")
    if _has_control(name):
        raise ArchiveRefused(wheel, "name-control", f"the name {name!r} has a control character")
    if not {"", ".", ".."}.isdisjoint(name.removesuffix("/").split("/")):
        raise ArchiveRefused(wheel, "name-dots", f"the name {name!r} has an empty part, '.' or '..'")


def _has_control(name: str) -> bool:
    if name.isprintable():
        return False
    return bool(_BIDI.search(name)) or any(unicodedata.category(character) in _UNPRINTABLE for character in name)
