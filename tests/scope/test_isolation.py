"""What one scope sees of the host, of other scopes, and what others see of it."""

from __future__ import annotations

import builtins
import importlib
import importlib.metadata
import importlib.resources
import importlib.util
import logging
import pickle
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fastapi
import pytest
import starlette.responses

from plughost.scope import Scope
from plughost.testing import wheel

Run = Callable[..., Any]


def test_two_plugins_may_each_have_a_module_of_the_same_name(run: Run) -> None:
    one = run({"acme.py": "import helpers as plugin\n", "helpers.py": "WHO = 'one'\n"})
    two = run({"acme.py": "import helpers as plugin\n", "helpers.py": "WHO = 'two'\n"})

    assert (one.WHO, two.WHO) == ("one", "two")


def test_two_versions_of_one_library_serve_side_by_side(run: Run, workshop: Any) -> None:
    versions = {
        number: workshop.unpack(wheel("acme-lib", f"{number}.0", {"lib.py": f"class Thing:\n    v = {number}\n"})) for number in (1, 2)
    }
    text = "import lib\nfrom importlib.metadata import version\nplugin = lib.Thing, version('acme-lib')\n"

    (old, old_said), (new, new_said) = (
        run({"acme.py": text}, requires=[f"acme-lib=={number}.0"], among=[lib]) for number, lib in versions.items()
    )

    assert (old.v, old_said, new.v, new_said) == (1, "1.0", 2, "2.0")
    assert not isinstance(old(), new)


def test_shared_libraries_are_the_hosts_objects(run: Run) -> None:
    seen = run({"acme.py": "import fastapi, json\nimport starlette.responses as r\nplugin = fastapi, r, json\n"})

    assert seen[0] is fastapi
    assert seen[1] is starlette.responses
    assert seen[2] is sys.modules["json"]


def test_the_hosts_other_packages_cannot_be_imported(run: Run) -> None:
    text = """
plugin = []
for name in ('pytest', 'uvicorn', 'plughost.host', 'plughost.scope', 'jinja2'):
    try:
        __import__(name)
    except ImportError:
        plugin.append(name)
"""

    assert run({"acme.py": text}) == ["pytest", "uvicorn", "plughost.host", "plughost.scope", "jinja2"]


def test_an_offered_library_is_seen_where_it_is_required(run: Run) -> None:
    import click

    assert run({"acme.py": "import click as plugin\n"}, requires=["click"]) is click


def test_of_plughost_a_scope_sees_the_sdk_alone(run: Run) -> None:
    text = """
import plughost, plughost.sdk as s
from plughost.sdk import Plugin
from plughost import sdk
plugin = s, Plugin, sdk, [n for n in vars(plughost) if not n.startswith('__')]
"""

    seen, plugin, again, names = run({"acme.py": text})

    sdk = importlib.import_module("plughost.sdk")
    assert seen is sdk is again
    assert plugin is sdk.Plugin
    assert names == ["sdk"]
    assert sdk.__spec__ is not None
    assert (sdk.__name__, sdk.__spec__.name, sdk.__package__) == ("plughost.sdk", "plughost.sdk", "plughost.sdk")


def test_an_object_pickled_in_one_generation_is_not_of_the_other(run: Run) -> None:
    one, two = (run({"acme.py": "class Thing: ...\nplugin = Thing\n"}) for _ in range(2))

    assert pickle.loads(pickle.dumps(one)) is one
    assert one is not two


def test_a_root_that_is_open_already_is_refused(workshop: Any) -> None:
    scope = workshop.open({"acme.py": "plugin = 1\n"})

    with pytest.raises(ValueError, match="is open already"):
        Scope(scope.root, scope.sharing).open()

    assert scope.load("acme:plugin") == 1


def test_after_closing_nothing_is_found_and_closing_again_is_allowed(workshop: Any) -> None:
    scope = workshop.open({"acme.py": "def plugin():\n    import late\n", "late.py": ""})
    late = scope.load("acme:plugin")
    scope.close()
    scope.close()

    with pytest.raises(ModuleNotFoundError, match="the plugin has been stopped"):
        late()
    with pytest.raises(RuntimeError, match="open it first"):
        scope.load("acme:plugin")
    assert not [name for name in sys.modules if name.startswith(f"{scope.root}.") or name == scope.root]


def test_a_scope_may_be_opened_again_after_it_was_closed(workshop: Any) -> None:
    scope = workshop.open({"acme.py": "plugin = object()\n"})
    first = scope.load("acme:plugin")
    scope.close()
    with scope:
        assert scope.load("acme:plugin") is not first


def _state() -> Mapping[str, object]:
    """What a scope must leave as it was: everything global that plughost could touch."""
    live = {"modules", "last_value", "last_type", "last_traceback", "last_exc", "_getframe"}
    return {
        **{f"sys.{name}": value for name, value in vars(sys).items() if name not in live and not isinstance(value, (list, dict))},
        **{f"sys.{name}": list(value) for name, value in vars(sys).items() if isinstance(value, list) and name != "meta_path"},
        **{f"builtins.{name}": value for name, value in vars(builtins).items() if name != "_"},
        **{f"importlib.{name}": value for name, value in vars(importlib).items()},
        **{f"importlib.util.{name}": value for name, value in vars(importlib.util).items()},
        **{f"importlib.metadata.{name}": value for name, value in vars(importlib.metadata).items()},
        **{f"importlib.resources.{name}": value for name, value in vars(importlib.resources).items()},
        "path_importer_cache": set(sys.path_importer_cache),
        "warnings": list(warnings.filters),
        "loggers": set(logging.root.manager.loggerDict),
        "others": [one for one in sys.meta_path if type(one).__module__ != "plughost.scope.finder"],
        "modules": {name for name in sys.modules if name.startswith("_scope_")},
    }


BUSY = """
import atexit, codecs, copyreg, importlib, importlib.metadata, importlib.resources, importlib.util, logging, pkgutil, sys, typing, warnings
import fastapi, pydantic, lib
sys.path.insert(0, "/nowhere"); sys.meta_path.insert(0, object()); sys.path_hooks.append(None); sys.platform = "x"
sys.setrecursionlimit(sys.getrecursionlimit()); importlib.invalidate_caches(); sys.modules["made"] = lib
class Odd(UserWarning): ...
warnings.simplefilter("always", Odd)
logging.getLogger(__name__).info("hello")
logging.getLogger("lib")
list(pkgutil.iter_modules(lib.__path__)); importlib.metadata.version("acme-plugin"); importlib.resources.files("lib")
class Model(pydantic.BaseModel):
    x: int
plugin = Model(x=1)
"""


def test_opening_loading_and_closing_leaves_the_process_as_it_was(workshop: Any) -> None:
    files = {"acme.py": BUSY, "lib/__init__.py": "", "lib/a.py": ""}
    workshop.open(files).close()
    workshop.open(files).load("acme:plugin")
    workshop.close()
    logging.root.manager.loggerDict.pop("lib", None)
    before = _state()

    scope = workshop.open(files)
    scope.load("acme:plugin")
    opened = _state()
    scope.close()
    logging.root.manager.loggerDict.pop("lib", None)  # named outright by the plugin, so it is everyone's
    after = _state()

    assert {name for name in before if before[name] != after[name]} == set()
    assert {name for name in before if before[name] != opened[name]} <= {"path_importer_cache", "warnings", "loggers", "modules"}


def test_the_finder_is_the_one_thing_that_is_added_and_stands_first() -> None:
    text = """
        import sys
        before = list(sys.meta_path)
        from plughost.model.sharing import Sharing
        from plughost.scope import Scope
        assert sys.meta_path == before, "importing adds nothing"
        sharing = Sharing(placements=(), shared_tops=frozenset(), native={}, private=())
        with Scope("_scope_a_1", sharing), Scope("_scope_b_1", sharing):
            assert sys.meta_path[1:] == before, sys.meta_path
        finder = sys.meta_path[0]
        sys.meta_path.insert(0, type("Tracer", (), {"find_spec": staticmethod(lambda *a: None)}))
        with Scope("_scope_a_2", sharing):
            assert sys.meta_path[0] is finder and len(sys.meta_path) == len(before) + 2
        print("alright")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )

    assert done.stdout.strip() == "alright", done.stderr
    assert "importers stood before plughost's" in done.stderr
