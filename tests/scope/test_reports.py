"""People see natural names, and a warning points at the line of the author."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from plughost.scope import natural

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("_scope_chat_7.markdown_it.token.Token", "markdown_it.token.Token"),
        ("<class '_scope_my_chat_12.models.Row'> and '_scope_chat_7.x'", "<class 'models.Row'> and 'x'"),
        ("_scope_a_2_b_3.mod", "mod"),
        ("_scope_chat_7__models__Row", "models__Row"),
        ("cannot import name 'x' from '_scope_chat_7'", "cannot import name 'x' from ''"),
        ("a _scope_ of nothing, my_scope, _scope_x", "a _scope_ of nothing, my_scope, _scope_x"),
        ("", ""),
    ],
)
def test_mangled_names_are_taken_out_of_any_text(text: str, told: str) -> None:
    assert natural(text) == told


def test_a_scope_takes_out_its_own_root_whatever_it_looks_like(workshop: Any) -> None:
    scope = workshop.open({"acme.py": ""})

    assert scope.natural(f"{scope.root}.acme and {scope.root}__acme__Row and _scope_other_1.x") == "acme and acme__Row and x"


FAILING = {
    "acme/__init__.py": "from acme.deep import fail\ndef plugin():\n    fail()\n",
    "acme/deep.py": """
class Oops(Exception): ...
def fail():
    try:
        import nothere
    except ImportError as error:
        raise Oops('it failed') from error
""",
    "broken.py": "import acme.deep\nimport worse\n",
    "worse.py": "from acme.deep import fail\nfail()\n",
}


def _told(scope: Any, call: Callable[[], object]) -> str:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it raises is what the test looks at
        told: str = scope.format_exception(error)
        return told
    raise AssertionError("it should have raised")


def test_a_traceback_has_natural_names_and_the_plugins_frames_alone(workshop: Any) -> None:
    scope = workshop.open(FAILING)

    told = _told(scope, lambda: scope.load("broken:plugin"))

    assert "_scope_" not in told
    assert "importlib" not in told
    assert "plughost/scope" not in told
    assert told.endswith("acme.deep.Oops: it failed\n")
    assert "ModuleNotFoundError: No module named 'nothere'" in told
    files = [line.rpartition("/")[2] for line in re.findall(r'File "([^"]+)"', told)]
    assert files == ["deep.py", "broken.py", "worse.py", "deep.py"]


def test_an_error_of_a_syntax_kind_shows_its_line(workshop: Any) -> None:
    scope = workshop.open({"acme.py": "def plugin(:\n"})

    told = _told(scope, lambda: scope.load("acme:plugin"))

    assert "acme.py" in told
    assert "def plugin(:" in told


def test_a_group_of_errors_is_told_whole(workshop: Any) -> None:
    scope = workshop.open(
        {"acme.py": "class Oops(Exception): ...\ndef plugin():\n    raise ExceptionGroup('both', [Oops('a'), Oops('b')])\n"}
    )

    told = _told(scope, scope.load("acme:plugin"))

    assert "_scope_" not in told
    assert told.count("acme.Oops") == 2


def test_a_warning_points_at_the_importing_line(run: Run) -> None:
    files = {
        "acme.py": "import old\ndef plugin():\n    import older\n    from oldest import x\n    old.used()\n",
        "old.py": """
import warnings
warnings.warn('at import', UserWarning, stacklevel=2)
def used():
    warnings.warn('at use', UserWarning, stacklevel=2)
""",
        "older.py": "import warnings\nwarnings.warn('late', UserWarning, stacklevel=2)\n",
        "oldest.py": "import warnings\nwarnings.warn('latest', UserWarning, stacklevel=2)\nx = 1\n",
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(files)()

    assert [(str(one.message), one.filename.rpartition("/")[2], one.lineno) for one in caught] == [
        ("at import", "acme.py", 1),
        ("late", "acme.py", 3),
        ("latest", "acme.py", 4),
        ("at use", "acme.py", 5),
    ]


def test_a_traceback_the_plugin_formats_itself_has_no_machinery_in_it_but_one_frame(run: Run) -> None:
    text = "import traceback\ntry:\n    import bad\nexcept ValueError:\n    plugin = traceback.format_exc()\n"

    told = run({"acme.py": text, "bad.py": "raise ValueError('x')\n"})

    assert re.findall(r'File ".*?([^/"]+)"', told) == ["acme.py", "<frozen importlib._bootstrap>", "bad.py"]
