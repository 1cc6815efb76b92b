"""Which release is meant, for all combinations of versions, yanks and specifiers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from plughost.errors import ReleaseUnknown, RequestInvalid
from plugin_index.choosing import chosen, demanded, parsed, wheels
from plugin_index.nouns import File

VERSIONS = st.from_regex(r"[0-3]\.[0-3](\.0|rc1|\.post1|\.dev1)?", fullmatch=True)


def file(version: str, *, yanked: str | None = None, plugin: str = "chat", tag: str = "py3-none-any") -> File:
    return File(
        filename=f"acme_chat-{version}-{tag}.whl",
        project="acme-chat",
        version=version,
        sha256="0" * 64,
        size=1,
        uploaded=0.0,
        uploader="ci",
        requires_python=None,
        metadata_sha256="0" * 64,
        summary="",
        plugins={plugin: "acme_chat:plugin"},
        yanked=yanked,
    )


@settings(deadline=None)
@given(st.lists(st.tuples(VERSIONS, st.booleans())), st.sampled_from(["", "<2", ">=1,<3", "!=1.0", ">=0.dev0"]))
def test_the_newest_that_fits_and_is_not_yanked_is_chosen(releases: list[tuple[str, bool]], specifier: str) -> None:
    files = [file(version, yanked="broken" if gone else None) for version, gone in releases]
    fitting = list(parsed(specifier).filter({each.number for each in files if each.yanked is None}))
    version = chosen("chat", files, specifier)
    assert (version is None) == (not fitting)
    if version is not None:
        assert Version(version) == max(fitting)
    assert chosen("other", files, specifier) is None


def test_a_pre_release_is_chosen_only_where_there_is_no_other_or_by_its_name() -> None:
    assert chosen("chat", [file("1.0"), file("2.0rc1")], "") == "1.0"
    assert chosen("chat", [file("2.0rc1")], "") == "2.0rc1"
    assert chosen("chat", [file("1.0"), file("2.0rc1")], "2.0rc1") == "2.0rc1"


def test_what_cannot_be_chosen_says_what_there_is() -> None:
    with pytest.raises(ReleaseUnknown, match=r"there is: 1\.9, 1\.10"):
        demanded("chat", [file("1.10"), file("1.9"), file("2.0", yanked="")], "2.0")
    with pytest.raises(RequestInvalid):
        demanded("chat", [file("1.0")], "newest")


def test_the_wheels_of_a_release_leave_the_yanked_ones_out_unless_there_are_no_others() -> None:
    one, other = file("1.0", yanked="broken"), file("1.0.0", tag="cp311-cp311-win32")
    assert wheels("chat", [one, other, file("1.1")], "1.0") == (other,)
    assert wheels("chat", [one], "1.0") == (one,)
