"""The multipart form, fed in pieces of any size: the same file and fields, and nothing that is not asked for in memory."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plughost.errors import WheelTooLarge
from plugin_index import form as forms
from plugin_index.errors import UploadInvalid
from plugin_index.form import Form

BOUNDARY = b"a-boundary"


def part(name: str, data: bytes, *, filename: str | None = None) -> bytes:
    named = f'; filename="{filename}"' if filename else ""
    return b"--%s\r\n" % BOUNDARY + f'Content-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + data + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--%s--\r\n" % BOUNDARY


def fed(text: bytes, *, step: int = 65536, cap: int = 1 << 20) -> tuple[Form, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        form = Form(BOUNDARY, Path(folder, "upload"), cap=cap)
        form.open()
        try:
            for start in range(0, len(text), step):
                form.feed(text[start : start + step])
            form.close()
            return form, form.path.read_bytes()
        finally:
            form.discard()


# Where a parser stumbles: bytes that look like the beginning of a boundary.
ALMOST = st.lists(st.sampled_from([b"\r\n", b"--", b"\r\n--a-boundar", b"\r\n--a", b"\r", b"x"]), max_size=30).map(b"".join)


@settings(deadline=None, max_examples=200)
@given(content=st.binary(max_size=400) | ALMOST, version=st.text(max_size=20), step=st.integers(1, 200), first=st.booleans())
def test_pieces_of_any_size_in_any_order_make_the_same_form(content: bytes, version: str, step: int, *, first: bool) -> None:
    file, field = part("content", content, filename="a.whl"), part("version", version.encode())
    form, kept = fed(body(*([file, field] if first else [field, file])), step=step)
    assert kept == content
    assert (form.filename, form.size, form.field("version")) == ("a.whl", len(content), version)
    assert form.digests["sha256"] == hashlib.sha256(content).hexdigest()


@settings(deadline=None, max_examples=200)
@given(st.lists(st.binary(max_size=200) | ALMOST | st.sampled_from([b"--a-boundary\r\n", b"--a-boundary--", part("content", b"x")])))
def test_whatever_comes_is_read_or_refused(pieces: list[bytes]) -> None:
    with contextlib.suppress(UploadInvalid):
        fed(b"".join(pieces), step=7)


def test_a_field_that_nobody_reads_may_be_large() -> None:
    form, _ = fed(body(part("content", b"x", filename="a.whl"), part("attestations", b"y" * 2 * forms.HELD)))
    assert form.fields("attestations") == ()


def test_a_field_that_is_given_twice_is_kept_twice() -> None:
    form, _ = fed(body(part("requires_dist", b"a"), part("content", b"x", filename="a.whl"), part("requires_dist", b"b")))
    assert form.fields("requires_dist") == ["a", "b"]
    assert form.field("requires_dist") == "a"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (body(part("version", b"y" * (forms.HELD + 1))), "fields are larger"),
        (body(part("other", b"y" * (forms.REST + 1))), "besides the file"),
        (body(part("version", b"1")), "no file"),
        (body(part("content", b"x", filename="a.whl"), part("content", b"x", filename="b.whl")), "more than one file"),
        (body(part("content", b"x", filename="a.whl"))[:-20], "cut off"),
        (b"no form at all", "this is no upload"),
        (b"", "cut off"),
    ],
)
def test_what_is_no_upload_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(UploadInvalid, match=said):
        fed(text)


def test_a_file_over_the_cap_is_refused_while_it_streams() -> None:
    with pytest.raises(WheelTooLarge):
        fed(body(part("content", b"x" * 101, filename="a.whl")), cap=100)
