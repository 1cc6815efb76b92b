"""One broken wheel for each rule of the archive guard, honest in everything but that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from plughost.testing.archives import Part, deflated, pack, parts_of
from plughost.testing.wheels import BuiltWheel, wheel, with_record

_SYMLINK = 0o120777 << 16
_MIB = 1 << 20
_UNICODE_PATH = b"\x75\x70\x05\x00\x01\x00\x00\x00\x00"


def broken_wheel(rule: str, project: str = "broken", version: str = "1.0") -> BuiltWheel:
    """A wheel that the guard refuses by this rule; it would bring one plugin, named as the project, and its module."""
    module = project.replace("-", "_")
    honest = wheel(project, version, {f"{module}.py": "plugin = {'routes': []}\n"}, plugins={project: f"{module}:plugin"})
    return BuiltWheel(honest.filename, _WAYS[rule](_Honest(parts_of(honest.data), f"{module}-{version}")))


@dataclass(frozen=True, slots=True)
class _Honest:
    """The parts of an honest wheel, its module first, its RECORD last."""

    parts: Sequence[Part]
    stem: str

    def lying(self, **said: Any) -> bytes:
        """Its module's part says something else."""
        return pack([replace(self.parts[0], **said), *self.parts[1:]])

    def named(self, raw: bytes, **said: Any) -> bytes:
        """One more part has this name."""
        return pack([*self.parts, Part(name="-", raw=raw, data=b"-", **said)])

    def bringing(self, *names: str, data: bytes = b"-") -> bytes:
        """These files are in it, too, and in RECORD."""
        return pack(with_record([*self.parts[:-1], *(Part(name=name, data=data) for name in names)], f"{self.stem}.dist-info"))

    def described(self, name: str, old: str, new: str) -> bytes:
        """A file of .dist-info reads otherwise; RECORD has its hash."""
        path = f"{self.stem}.dist-info/{name}"
        changed = [replace(part, data=part.data.replace(old.encode(), new.encode())) if part.name == path else part for part in self.parts]
        return pack(with_record(changed[:-1], f"{self.stem}.dist-info"))

    def recorded(self, change: Callable[[str], str]) -> bytes:
        """RECORD's first row, the module's, reads otherwise."""
        first, _, rest = self.parts[-1].data.decode().partition("\n")
        return pack([*self.parts[:-1], replace(self.parts[-1], data=f"{change(first)}\n{rest}".encode())])

    def recorded_hash(self, said: str) -> bytes:
        """RECORD says this hash of the module."""
        return self.recorded(lambda row: ",".join([row.split(",")[0], said, row.split(",")[2]]))


_CONTAINER: Mapping[str, Callable[[_Honest], bytes]] = {
    "central-directory": lambda honest: pack(honest.parts, end={"entries": len(honest.parts) - 1}),
    "comment": lambda honest: pack(honest.parts, comment=b"hello"),
    "end-records": lambda honest: pack(honest.parts, gap=pack([])),
    "hidden-bytes": lambda honest: honest.lying(after=b"nobody's"),
    "leading-bytes": lambda honest: b"#!/bin/sh\n" + pack(honest.parts),
    "multi-disk": lambda honest: pack(honest.parts, end={"disk": 1}),
    "overlap": lambda honest: honest.lying(packed=10_000),
    "trailing-bytes": lambda honest: pack(honest.parts) + b"nobody's",
    "zip64": lambda honest: pack(honest.parts, zip64={"entries": 1}),
}

_MEMBER: Mapping[str, Callable[[_Honest], bytes]] = {
    "crc": lambda honest: honest.lying(crc=1),
    "data-descriptor": lambda honest: honest.lying(flags=0x8, after=b"\0" * 12),
    "deflate": lambda honest: honest.lying(payload=b"\xff" * 20),
    "directory-entry": lambda honest: honest.named(b"folder/"),
    "encrypted": lambda honest: honest.lying(flags=0x1),
    "extra-field": lambda honest: honest.lying(extra=_UNICODE_PATH),
    "file-type": lambda honest: honest.lying(attributes=_SYMLINK),
    "flags": lambda honest: honest.lying(flags=0x20),
    "local-header": lambda honest: honest.lying(local={"raw": b"another"}),
    "method": lambda honest: honest.lying(method=12),
    "size": lambda honest: honest.lying(payload=deflated(b"more than it claims" * 9)),
}

_SIZE: Mapping[str, Callable[[_Honest], bytes]] = {
    "file-too-large": lambda honest: honest.lying(size=3 << 30),
    "ratio": lambda honest: honest.bringing("zeros.bin", data=b"\0" * (40 * _MIB)),
    "too-many-entries": lambda honest: pack(honest.parts, zip64={"entries": 10**6}, end={"entries": 0xFFFF}),
    "total-too-large": lambda honest: pack([replace(part, size=1 << 30) for part in honest.parts]),
}

_NAME: Mapping[str, Callable[[_Honest], bytes]] = {
    "collision": lambda honest: honest.bringing("pkg/README", "pkg/readme"),
    "duplicate": lambda honest: pack([*honest.parts, honest.parts[0]]),
    "file-and-directory": lambda honest: honest.bringing("pkg", "pkg/__init__.py"),
    "name-absolute": lambda honest: honest.named(b"/etc/cron.d/hello"),
    "name-backslash": lambda honest: honest.named(b"pkg\\hello.py"),
    "name-control": lambda honest: honest.named(b"pkg/hello\0.py"),
    "name-dots": lambda honest: honest.named(b"pkg/../../hello.py"),
    "name-drive": lambda honest: honest.named(b"C:hello.py"),
    "name-empty": lambda honest: honest.named(b""),
    "name-encoding": lambda honest: honest.named(b"pkg/\xff.py"),
    "name-too-long": lambda honest: honest.named(b"x" * 256),
}

_CONTENT: Mapping[str, Callable[[_Honest], bytes]] = {
    "data-scheme": lambda honest: honest.bringing(f"{honest.stem}.data/include/hello.h"),
    "dist-info": lambda honest: honest.bringing("other-1.0.dist-info/METADATA"),
    "entry-point": lambda honest: honest.described("entry_points.txt", "= ", "= os."),
    "record-absent": lambda honest: pack(honest.parts[1:]),
    "record-duplicate": lambda honest: honest.recorded(lambda row: f"{row}\n{row}"),
    "record-hash": lambda honest: honest.recorded_hash("sha256=" + "A" * 43),
    "record-hash-missing": lambda honest: honest.recorded_hash(""),
    "record-hash-weak": lambda honest: honest.recorded_hash("md5=1B2M2Y8AsgTpgAmY7PhCfg"),
    "record-malformed": lambda honest: honest.recorded(lambda row: f"{row},more"),
    "record-size": lambda honest: honest.recorded(lambda row: row[: row.rindex(",")] + ",1"),
    "record-unlisted": lambda honest: pack([*honest.parts, Part(name="pkg/hello.py", data=b"")]),
    "shadows": lambda honest: honest.bringing("json/__init__.py"),
    "wheel-version": lambda honest: honest.described("WHEEL", "Wheel-Version: 1.0", "Wheel-Version: 2.0"),
}

_WAYS = {**_CONTAINER, **_MEMBER, **_SIZE, **_NAME, **_CONTENT}

RULES = tuple(sorted(_WAYS))
"""Every rule of the guard."""
