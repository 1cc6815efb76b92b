"""Forms at the border of what is one: each is read as it was meant, or refused; nothing grows without end."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plugin_index import form as forms
from plugin_index.errors import UploadInvalid
from plugin_index.form import Form
from tests.index.test_form import BOUNDARY, body, fed, part

FILE = part("content", b"x", filename="a.whl")


def raw(head: bytes, data: bytes = b"x") -> bytes:
    """One part with exactly this head."""
    return b"--%s\r\n%s\r\n\r\n%s\r\n" % (BOUNDARY, head, data)


def disposition(options: str) -> bytes:
    return f"Content-Disposition: form-data; {options}".encode()


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (disposition('name="content"; filename="a.whl"'), "a.whl"),
        (disposition("name=content; filename=a.whl"), "a.whl"),
        (b'CONTENT-DISPOSITION: FORM-DATA; NAME="content"; FileName="a.whl"', "a.whl"),
        (disposition('name="content"; filename="a.whl"; filename*=utf-8\'\'b.whl'), "a.whl"),
        (disposition('name="content"; filename*0="b.whl"; filename="a.whl"'), "a.whl"),
        (disposition("name=\"content\"; filename*=utf-8''b.whl"), ""),
        (disposition('name="content"; filename*' + "9" * 3000 + '="b.whl"'), ""),
        (disposition('name="content"'), ""),
        (disposition('name="content"; filename="../../etc/a.whl"'), "a.whl"),
        (disposition('name="content"; filename="/a.whl"'), "a.whl"),
        (disposition('name="content"; filename="C:\\\\dir\\\\a.whl"'), "a.whl"),
        (disposition('name="content"; filename="a;b.whl"'), "a;b.whl"),
        (disposition('name="content"; filename="a\x00.whl"'), None),
        (disposition('name="content"; filename="\\"a.whl"'), '"a.whl'),
        (disposition('name="content"; filename="a.whl'), None),
        (b'Content-Type: text/plain; charset=nothing\r\nContent-Disposition: form-data; name="content"; filename="a.whl"', "a.whl"),
        (b'Content-Type: multipart/mixed; boundary=b\r\nContent-Disposition: form-data; name="content"; filename="a.whl"', "a.whl"),
        (b'Content-Disposition: form-data; name="content"; filename="\xff.whl"', "\ufffd.whl"),
    ],
)
def test_the_file_s_name_is_what_the_form_says_without_its_folders(head: bytes, name: str | None) -> None:
    """None: whatever it is, it is no name of a wheel, and no more than a name."""
    try:
        form, _ = fed(body(raw(head)), step=3)
    except UploadInvalid:
        assert name is None
    else:
        assert name in {None, form.filename}
        assert "/" not in (form.filename or "")


@pytest.mark.parametrize(
    "text",
    [
        body(FILE).replace(b"\r\n", b"\n"),
        body(FILE).replace(b"\r\n", b"\r"),
        body(raw(b"no header at all")),
        body(raw(b": nothing")),
        body(raw(b"Na me: x")),
        body(raw(b"", b"x")),
        body(raw(disposition("x=" + "y" * 10_000))),
        body(raw(b"\r\n".join(b"X-%d: y" % number for number in range(100)))),
        body(FILE)[:-4],
        b"--" + BOUNDARY + b"--\r\n",
        b"\r\n" * 50_000,
        b"--" + BOUNDARY,
        b"-" * 50_000,
    ],
)
@pytest.mark.parametrize("step", [1, 7, 65536])
def test_what_is_cut_or_crooked_is_refused(text: bytes, step: int) -> None:
    with pytest.raises(UploadInvalid):
        fed(text, step=step)


@pytest.mark.parametrize("endless", [raw(b"X: y", b""), raw(disposition('name="more"'), b"y" * 100), FILE[:0] + raw(b"Y: " + b"z" * 4000)])
def test_parts_without_end_are_refused(endless: bytes) -> None:
    with pytest.raises(UploadInvalid, match=r"parts|larger"):
        fed(FILE + endless * (forms.PARTS + 1), step=1 << 20)


@pytest.mark.parametrize("after", [b"x" * 65536, b"\r\n" * 32768])
def test_what_comes_after_the_end_has_an_end(after: bytes, tmp_path: Path) -> None:
    form = Form(BOUNDARY, tmp_path / "upload", cap=1000)
    form.open()
    form.feed(body(FILE))
    for _ in range(forms.REST // len(after) - 1):
        form.feed(after)
    with pytest.raises(UploadInvalid, match="larger"):
        form.feed(after * 2)
    form.discard()
    assert not (tmp_path / "upload").exists()


@pytest.mark.parametrize("boundary", [b"x" * 257, b"x" * 100_000])
def test_a_boundary_that_is_too_long_is_refused(boundary: bytes, tmp_path: Path) -> None:
    with pytest.raises(UploadInvalid):
        Form(boundary, tmp_path / "upload", cap=1)


def pieces(text: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    yield from (text[start:end] for start, end in itertools.pairwise(edges))


# What looks like a boundary and is none: it begins with another character, or goes on.
LOOKS = st.sampled_from(
    [b"\r\n--" + BOUNDARY[:-1], b"--" + BOUNDARY, b"\n--" + BOUNDARY, b"\r\n-" + BOUNDARY, b"\r\n--" + BOUNDARY[:-1] + b"X", b"\r\r\n"]
)


@settings(deadline=None, max_examples=200)
@given(content=st.lists(LOOKS | st.binary(max_size=5), max_size=12).map(b"".join), cuts=st.lists(st.integers(0, 600), max_size=12))
def test_content_that_looks_like_a_boundary_is_content_wherever_it_is_cut(content: bytes, cuts: list[int]) -> None:
    assume(b"\r\n--" + BOUNDARY not in b"\r\n" + content)
    with tempfile.TemporaryDirectory() as folder:
        form = Form(BOUNDARY, Path(folder, "upload"), cap=10_000)
        form.open()
        try:
            for piece in pieces(body(part("name", content), part("content", content, filename="a.whl")), cuts):
                form.feed(piece)
            form.close()
            assert form.path.read_bytes() == content
            assert form.field("name") == content.decode("utf-8", "replace")
        finally:
            form.discard()


HEADS = st.lists(
    st.sampled_from(
        [
            b"Content-Disposition",
            b"content-type",
            b": ",
            b"form-data",
            b"; ",
            b"name=",
            b"filename",
            b"*",
            b"=",
            b'"',
            b"\\",
            b"content",
            b"\x00",
        ]
    )
    | st.binary(max_size=3),
    max_size=14,
).map(b"".join)


@settings(deadline=None, max_examples=300)
@given(head=HEADS, step=st.integers(1, 60))
def test_whatever_a_part_s_head_is_it_is_read_or_refused(head: bytes, step: int) -> None:
    with contextlib.suppress(UploadInvalid):
        fed(body(FILE, raw(head)), step=step)
