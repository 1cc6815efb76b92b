"""The multipart form of one upload, fed chunk by chunk as it streams: the file goes to disk, of the rest only what is asked for is held.

Everything here blocks.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from plughost.errors import WheelTooLarge
from plugin_index.errors import UploadInvalid
from plugin_index.storage.disk import written

HELD = 1024 * 1024
"""Bytes of all fields that are read together at most; they are held in memory."""
REST = 16 * 1024 * 1024
"""Bytes of everything but the file at most, boundaries and headers too."""
PARTS = 10_000
"""Parts at most."""
DIGESTS = ("md5", "sha256", "blake2_256")
READ = frozenset({":action", "name", "version", "requires_python", "requires_dist", *(f"{name}_digest" for name in DIGESTS)})
"""The fields that are read; all others are passed over."""


class Form:
    """One upload: its fields, and `content` in a file at `path`. Raises UploadInvalid where the boundary is none."""

    def __init__(self, boundary: bytes, path: Path, *, cap: int) -> None:
        self.path, self._cap = path, cap
        self.filename: str | None = None
        self.size, self._held, self._fed, self._parts = 0, 0, 0, 0
        self._fields: dict[str, list[str]] = {}
        self._hashes: dict[str, Any] = {
            "md5": hashlib.md5(usedforsecurity=False),
            "sha256": hashlib.sha256(),
            "blake2_256": hashlib.blake2b(digest_size=32),
        }
        self._headers: dict[bytes, bytes] = {}
        self._header = (b"", b"")
        self._name, self._value = "", bytearray()
        self._sink: BinaryIO | None = None
        self._ended = False
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._head(field=data[start:end]),
            "on_header_value": lambda data, start, end: self._head(value=data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end,
            "on_part_data": lambda data, start, end: self._data(data[start:end]),
            "on_part_end": self._part_end,
            "on_end": self._end,
        }
        with _understood():
            self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]  # callables by name

    def field(self, name: str) -> str | None:
        """What the form says first under this name."""
        return self.fields(name)[0] if name in self._fields else None

    def fields(self, name: str) -> Sequence[str]:
        """All that the form says under this name."""
        return self._fields.get(name, ())

    @property
    def digests(self) -> Mapping[str, str]:
        """What the file's bytes are."""
        return {name: digest.hexdigest() for name, digest in self._hashes.items()}

    def open(self) -> None:
        """Make room for the file."""
        with written(self.path.parent):
            self._sink = self.path.open("xb")

    def feed(self, chunk: bytes) -> None:
        """Some more of the body; raises UploadInvalid, WheelTooLarge or DiskFull."""
        self._fed += len(chunk)
        with _understood(), written(self.path.parent):
            self._parser.write(chunk)
        if self._fed - self.size > REST:
            raise UploadInvalid(f"all that it has besides the file is larger than {REST} bytes")

    def close(self) -> None:
        """The body has ended; raises UploadInvalid where it was cut off, or holds no file."""
        if not self._ended:
            raise UploadInvalid("the form is cut off")
        if self.filename is None:
            raise UploadInvalid("it has no file in 'content'")
        if self._sink is not None:
            with written(self.path.parent):
                self._sink.close()

    def discard(self) -> None:
        """Leave nothing behind; what was kept has been moved away already."""
        with contextlib.suppress(OSError):
            if self._sink is not None:
                self._sink.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > PARTS:
            raise UploadInvalid(f"it has more than {PARTS} parts")
        self._headers, self._header, self._value = {}, (b"", b""), bytearray()

    def _head(self, *, field: bytes = b"", value: bytes = b"") -> None:
        self._hold(len(field) + len(value))
        self._header = (self._header[0] + field, self._header[1] + value)

    def _header_end(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = (b"", b"")

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == "content":
            if self.filename is not None:
                raise UploadInvalid("it has more than one file")
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace").rpartition("/")[2]

    def _data(self, data: bytes) -> None:
        if self._name != "content":
            if self._name in READ:
                self._hold(len(data))
                self._value += data
            return
        self.size += len(data)
        if self.size > self._cap:
            raise WheelTooLarge(self.filename or "the file", cap=self._cap)
        for digest in self._hashes.values():
            digest.update(data)
        if self._sink is not None:
            self._sink.write(data)

    def _part_end(self) -> None:
        if self._name in READ:
            self._fields.setdefault(self._name, []).append(self._value.decode("utf-8", "replace"))

    def _end(self) -> None:
        self._ended = True

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > HELD:
            raise UploadInvalid(f"its fields are larger than {HELD} bytes together")


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """What the parser refuses, as UploadInvalid."""
    try:
        yield
    except FormParserError as error:
        raise UploadInvalid(str(error)) from None
