"""An entry point names a module and an object; what is missing is said, what the module raises passes."""

from __future__ import annotations

from typing import Any

import pytest

from plughost.errors import EntryMissing

FILES = {
    "acme/__init__.py": "class Deep:\n    class er:\n        value = 3\nplugin = 1\n",
    "acme/raises.py": "raise ValueError('mine')\n",
    "acme/lacks.py": "import nothere\n",
    "acme/lacks_own.py": "import acme.nothere\n",
    "acme/leaves.py": "import sys\nsys.exit(3)\n",
    "acme/lazy.py": "def __getattr__(name):\n    if name == 'made':\n        return 5\n    raise AttributeError(name)\n",
}


@pytest.mark.parametrize(
    ("entry", "value"), [("acme:plugin", 1), ("acme", 1), ("acme:Deep.er.value", 3), ("acme.lazy:made", 5), (" acme : plugin ", 1)]
)
def test_the_object_is_loaded(workshop: Any, entry: str, value: int) -> None:
    assert workshop.open(FILES).load(entry) == value


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("nothere:plugin", "there is no module 'nothere'"),
        ("acme.nothere:plugin", "there is no module 'acme.nothere'"),
        ("acme.nothere.deep:plugin", "there is no module 'acme.nothere'"),
        ("uvicorn:run", "there is no module 'uvicorn'"),
        ("acme:nothere", "module 'acme' has no 'nothere'"),
        ("acme:Deep.nothere", "module 'acme' has no 'Deep.nothere'"),
        ("acme.lazy", "module 'acme.lazy' has no 'plugin'"),
        ("", "'' is not the name of a module"),
        (".acme:plugin", "'.acme' is not the name of a module"),
        ("acme/x.py:plugin", "'acme/x.py' is not the name of a module"),
    ],
)
def test_what_is_not_there_is_said(workshop: Any, entry: str, reason: str) -> None:
    with pytest.raises(EntryMissing, match=reason):
        workshop.open(FILES).load(entry)


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ("acme.raises:x", ValueError),
        ("acme.lacks:x", ModuleNotFoundError),
        ("acme.lacks_own:x", ModuleNotFoundError),
        ("acme.leaves:x", SystemExit),
    ],
)
def test_what_the_module_raises_passes(workshop: Any, entry: str, kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        workshop.open(FILES).load(entry)
