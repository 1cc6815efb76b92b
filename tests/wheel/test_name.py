from __future__ import annotations

import sys

import pytest
from packaging.tags import Tag, sys_tags

from plughost.errors import NotAWheel, WheelMisnamed
from plughost.wheel import best, fits, parse_filename

HERE = next(sys_tags())


def test_a_file_name_tells_project_version_build_and_tags() -> None:
    name = parse_filename("Acme_Chat-1.02.0-3a-py2.py3-none-any.whl")

    assert (name.project, name.version, name.build) == ("acme-chat", "1.2.0", (3, "a"))
    assert name.tags == {Tag("py2", "none", "any"), Tag("py3", "none", "any")}


def test_another_kind_of_file_is_no_wheel() -> None:
    with pytest.raises(NotAWheel, match="does not end with"):
        parse_filename("acme-chat-1.0.tar.gz")


@pytest.mark.parametrize(
    "filename",
    [
        ".whl",
        "chat.whl",
        "chat-1.0.whl",
        "chat-1.0-py3-none.whl",
        "chat-one-py3-none-any.whl",
        "chat-1.0-x-py3-none-any.whl",
        "-1.0-py3-none-any.whl",
        "chat-1.0-py3-none-any/../../x.whl",
        "../chat-1.0-py3-none-any.whl",
        "chat-1.0-py3-none-any\n.whl",
        "chat-1.0-py3-none-a\0y.whl",
        "chät-1.0-py3-none-any.whl",
        f"{'x' * 300}-1.0-py3-none-any.whl",
    ],
)
def test_a_name_that_is_not_made_as_the_standard_says_is_refused(filename: str) -> None:
    with pytest.raises(WheelMisnamed):
        parse_filename(filename)


def test_a_wheel_for_any_python_fits_and_one_for_another_does_not() -> None:
    assert fits(parse_filename("chat-1.0-py3-none-any.whl"))
    assert fits(parse_filename(f"chat-1.0-{HERE}.whl"))
    assert not fits(parse_filename("chat-1.0-cp27-cp27m-win32.whl"))


def test_the_closest_tag_is_best() -> None:
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    plain, near, here = "chat-1.0-py3-none-any.whl", f"chat-1.0-py{version}-none-any.whl", f"chat-1.0-{HERE}.whl"

    assert best([plain, near]) == near
    assert best([near, here, plain]) == here


def test_among_equal_tags_the_highest_build_is_best() -> None:
    builds = ["chat-1.0-9-py3-none-any.whl", "chat-1.0-10-py3-none-any.whl", "chat-1.0-py3-none-any.whl"]

    assert best(builds) == "chat-1.0-10-py3-none-any.whl"


def test_what_does_not_fit_and_what_is_no_wheel_is_never_best() -> None:
    assert best(["chat-1.0.tar.gz", "chat.whl", "chat-1.0-cp27-cp27m-win32.whl"]) is None
    assert best(["chat-1.0.tar.gz", "chat-1.0-py3-none-any.whl"]) == "chat-1.0-py3-none-any.whl"
    assert best([]) is None
