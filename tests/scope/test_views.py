"""Modules of the host of which a scope has its own view."""

from __future__ import annotations

import codecs
import importlib
import importlib.metadata
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plughost.scope.facades import TABLE
from plughost.testing import wheel

Run = Callable[..., Any]

LIBRARY = {
    "lib/__init__.py": "VERSION = 1\n",
    "lib/core.py": "C = 1\n",
    "lib/data/t.txt": "text",
    "lib/data/__init__.py": "",
    "lib/t.txt": "text",
}


def test_a_view_is_a_module_like_the_real_one(run: Run) -> None:
    names, kinds, same = run(
        {
            "acme.py": "import importlib, importlib.metadata, importlib.resources, importlib.util, sys\n"
            "views = sys, importlib, importlib.util, importlib.metadata, importlib.resources\n"
            """
real = type(sys.modules['os'])
plugin = [v.__name__ for v in views], [isinstance(v, real) for v in views], sys.version_info is sys.implementation.version
"""
        }
    )

    assert names == ["sys", "importlib", "importlib.util", "importlib.metadata", "importlib.resources"]
    assert all(kinds)
    assert same is (sys.version_info is sys.implementation.version)


def test_above_every_view_there_is_one_of_its_package() -> None:
    assert {name.rpartition(".")[0] for name in TABLE} - {""} <= set(TABLE)


def test_every_way_to_import_a_view_gives_the_same_one(run: Run) -> None:
    text = (
        "import importlib, importlib.metadata, importlib.util as u1, sys\n"
        "from importlib import metadata, util, resources, abc, machinery\n"
        "from importlib.metadata import version\n"
        "plugin = [importlib.metadata is metadata, u1 is util, importlib.util is util, importlib.resources is resources,"
        " importlib.import_module('importlib.metadata') is metadata, sys.modules['importlib.metadata'] is metadata,"
        " sys.modules['sys'] is sys, importlib.import_module('sys') is sys, __import__('sys') is sys,"
        " version is metadata.version, abc is importlib.abc, machinery is importlib.machinery]\n"
    )

    assert all(run({"acme.py": text}))


def test_what_is_set_on_a_view_stays_in_the_scope(run: Run) -> None:
    text = """
import importlib, sys
sys.platform = 'other'
importlib.import_module = None
del sys.maxsize
sys.path.append('x')
sys.argv.append('y')
plugin = sys.platform
"""
    before = sys.platform, sys.maxsize, importlib.import_module, list(sys.path), list(sys.argv)

    assert run({"acme.py": text}) == "other"
    assert (sys.platform, sys.maxsize, importlib.import_module, sys.path, sys.argv) == before


def test_mock_patches_a_view_and_puts_it_back(run: Run) -> None:
    text = """
import sys
from unittest import mock
before = sys.stdout
with mock.patch.object(sys, "platform", "p"), mock.patch.object(sys, "stdout", None):
    during = sys.platform, sys.stdout
plugin = during, sys.platform, sys.stdout is before
"""
    before = sys.stdout

    assert run({"acme.py": text}) == (("p", None), sys.platform, True)
    assert sys.stdout is before


def test_streams_and_hooks_are_the_processs_until_the_scope_closes(workshop: Any) -> None:
    text = "import sys\nreal = sys.excepthook\ndef hook(*args): ...\nsys.excepthook = hook\nplugin = sys\n"
    before = sys.excepthook
    scope = workshop.open({"acme.py": text})
    seen = scope.load("acme:plugin")

    assert sys.excepthook is seen.excepthook is not before

    scope.close()
    assert sys.excepthook is before


def test_a_hook_that_somebody_else_has_set_since_is_left(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    scope = workshop.open({"acme.py": "import sys\nsys.excepthook = lambda *a: None\nplugin = 1\n"})
    scope.load("acme:plugin")

    sys.excepthook = other = lambda *_: None
    scope.close()

    assert sys.excepthook is other


def test_sys_modules_is_read_by_natural_and_by_mangled_name(run: Run) -> None:
    text = """
import json, sys
import lib.core
m = sys.modules
plugin = [
    m["lib"] is lib, m[lib.__name__] is lib, m.get("lib.core") is lib.core, "lib.core" in m, "json" in m, m["json"] is json,
    m.get("uvicorn") is None, "pytest" not in m, m.get("nothere", 1) == 1, "lib" in list(m), lib.__name__ in list(m), "lib.core" in dict(m),
    "pytest" not in list(m), len(m) == len(list(m)), m.copy()["lib"] is lib,
    [n for n in m if n.startswith("lib.")] == ["lib.core"], [n for n in m if n == __name__] == ["acme"],
]
"""
    assert all(run({**LIBRARY, "acme.py": text}))


def test_sys_modules_is_written_in_the_scope_alone(run: Run) -> None:
    text = """
import sys, types
fake = types.ModuleType("fake")
sys.modules["fake"] = sys.modules["colorsys"] = sys.modules["email.mime"] = fake
import fake as one, colorsys as two
fake.NAME = 1
from email.mime import NAME
during = one is fake, two is fake, NAME == 1, sys.modules["colorsys"] is fake
del sys.modules["colorsys"], sys.modules["fake"], sys.modules["email.mime"]
import colorsys as four
plugin = during, four is not fake, "fake" in sys.modules
try:
    del sys.modules["nothere"]
except KeyError as error:
    plugin += error.args
"""
    assert run({"acme.py": text}) == ((True, True, True, True), True, False, "nothere")
    assert "fake" not in sys.modules
    assert sys.modules.get("colorsys") is not None


def test_mock_patch_dict_on_sys_modules_is_undone(run: Run) -> None:
    text = """
import sys
from unittest import mock
import lib
with mock.patch.dict(sys.modules, {"lib": None}):
    try:
        import lib as none
    except ImportError as error:
        said = type(error).__name__
plugin = said, sys.modules["lib"] is lib, sys.modules["acme"].__name__ == __name__
"""
    before = set(sys.modules)

    assert run({**LIBRARY, "acme.py": text}) == ("ModuleNotFoundError", True, True)
    assert before <= set(sys.modules)


def test_import_module_takes_natural_mangled_and_relative_names(run: Run) -> None:
    text = """
import importlib
from importlib import import_module
import lib.core, json
plugin = [
    import_module("lib.core") is lib.core, import_module(lib.core.__name__) is lib.core, import_module(".core", "lib") is lib.core,
    import_module(".core", lib.__name__) is lib.core, import_module("json") is json, importlib.__import__("lib.core") is lib,
]
for call in (lambda: import_module(".core"), lambda: import_module("..x", "lib"), lambda: import_module("nothere")):
    try:
        call()
    except Exception as error:
        plugin.append(f"{type(error).__name__}: {error}")
"""
    *same, without, beyond, missing = run({**LIBRARY, "acme.py": text})

    assert all(same)
    assert without.startswith("TypeError: the 'package' argument is required")
    assert beyond == "ImportError: attempted relative import beyond top-level package"
    assert missing == "ModuleNotFoundError: No module named 'nothere'"


def test_reload_runs_the_module_again_in_the_scope(run: Run) -> None:
    text = "import importlib, lib\nlib.VERSION = 2\nplugin = importlib.reload(lib) is lib, lib.VERSION, lib.__builtins__ is __builtins__\n"

    assert run({**LIBRARY, "acme.py": text}) == (True, 1, True)


def test_find_spec_looks_in_the_scope(run: Run) -> None:
    text = """
from importlib.util import find_spec
import lib.core
def raised(call):
    try:
        call()
    except Exception as error:
        return str(error)
plugin = [
    find_spec("lib.core") is lib.core.__spec__, find_spec(".core", "lib") is lib.core.__spec__, find_spec(lib.__name__) is lib.__spec__,
    find_spec("nothere") is None, find_spec("lib.nothere") is None, find_spec("uvicorn") is None, find_spec("json") is not None,
    find_spec("lib.data").submodule_search_locations is not None, raised(lambda: find_spec("nothere.x")) == "No module named 'nothere'",
    find_spec("fastapi").name == "fastapi",
]
"""
    assert all(run({**LIBRARY, "acme.py": text}))


def test_a_module_made_from_a_file_runs_in_the_scope(run: Run) -> None:
    text = """
import importlib.util, os, sys
path = os.path.join(os.path.dirname(__file__), "extra", "tool.txt.py")
spec = importlib.util.spec_from_file_location("tool", path)
module = importlib.util.module_from_spec(spec)
sys.modules["tool"] = module
spec.loader.exec_module(module)
import tool
plugin = tool is module, module.lib.VERSION
"""
    assert run({**LIBRARY, "acme.py": text, "extra/tool.txt.py": "import lib\n"}) == (True, 1)
    assert "tool" not in sys.modules


def test_a_lazily_loaded_module_runs_in_the_scope(run: Run) -> None:
    text = """
import importlib.util, sys
spec = importlib.util.find_spec("slow")
spec.loader = loader = importlib.util.LazyLoader(spec.loader)
module = importlib.util.module_from_spec(spec)
sys.modules["slow"] = module
loader.exec_module(module)
import slow
plugin = slow is module, slow.lib.VERSION
"""
    assert run({**LIBRARY, "acme.py": text, "slow.py": "import lib\n"}) == (True, 1)


@pytest.mark.parametrize("package", ["'lib'", "lib", "lib.__name__"])
def test_resources_are_read_by_package_name_or_module(run: Run, package: str) -> None:
    text = f"""
from importlib import resources
import lib
plugin = resources.files({package}).joinpath("t.txt").read_text(), resources.files({package}).joinpath("data/t.txt").read_bytes()
with resources.as_file(resources.files({package}) / "t.txt") as path:
    plugin += (path.name,)
"""
    assert run({**LIBRARY, "acme.py": text}) == ("text", b"text", "t.txt")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_older_functions_of_resources_work_too(run: Run) -> None:
    text = """
import warnings
from importlib import resources
plugin = [resources.read_text("lib", "t.txt"), resources.read_binary("lib", "t.txt").decode(), resources.is_resource("lib", "t.txt")]
with resources.open_text("lib", "t.txt") as file:
    plugin.append(file.read())
with resources.path("lib", "t.txt") as path:
    plugin.append(path.read_text())
"""
    assert run({**LIBRARY, "acme.py": text}) == ["text", "text", True, "text", "text"]


def test_resources_of_a_namespace_package_are_found(run: Run) -> None:
    text = "from importlib.resources import files\nplugin = files('space').joinpath('t.txt').read_text()\n"

    assert run({"acme.py": text, "space/t.txt": "text", "space/m.py": ""}) == "text"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="files() without an argument came with Python 3.12")
def test_resources_without_a_package_are_the_callers(run: Run) -> None:
    text = "from importlib.resources import files\nplugin = files().joinpath('t.txt').read_text()\n"

    assert run({"acme/__init__.py": text, "acme/t.txt": "mine"}) == "mine"


def test_metadata_shows_the_sites_and_the_shared_distributions_alone(run: Run, workshop: Any) -> None:
    lib = workshop.unpack(wheel("acme-lib", "3.2", LIBRARY, metadata=["Summary: a library"]))
    text = """
import sys
from importlib import metadata
def raised(name):
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError as error:
        return error.name
def empty():
    try:
        metadata.version("")
    except (ValueError, metadata.PackageNotFoundError) as error:
        return True
plugin = {
    "versions": [metadata.version("acme-lib"), metadata.version("Acme.Lib"), metadata.version("acme_plugin")],
    "shared": metadata.version("fastapi"),
    "summary": metadata.metadata("acme-lib")["Summary"],
    "requires": metadata.requires("acme-plugin"),
    "files": any(str(f) == "lib/core.py" for f in metadata.files("acme-lib")),
    "all": {d.metadata["Name"] for d in metadata.distributions()},
    "by name": [d.version for d in metadata.distributions(name="acme-lib")],
    "by path": [d.version for d in metadata.distributions(path=sys.path, name="acme-lib")],
    "none": list(metadata.distributions(name="nothere")),
    "empty": empty(),
    "found": metadata.Distribution.from_name("acme-lib").version,
    "raised": [raised("uvicorn"), raised("nothere")],
    "tops": metadata.packages_distributions()["lib"],
}
"""
    seen = run({"acme.py": text}, requires=["acme-lib>=3"], among=[lib])

    assert seen["versions"] == ["3.2", "3.2", "1.0"]
    assert seen["shared"] == importlib.metadata.version("fastapi")
    assert seen["summary"] == "a library"
    assert seen["requires"] == ["acme-lib>=3"]
    assert seen["files"] is True
    assert {"acme-lib", "acme-plugin", "fastapi", "plughost"} <= seen["all"]
    assert not {"uvicorn", "pytest", "pip"} & seen["all"]
    assert (seen["by name"], seen["found"], seen["tops"]) == (["3.2"], "3.2", ["acme-lib"])
    assert (seen["by path"], seen["none"], seen["empty"]) == (["3.2"], [], True)
    assert seen["raised"] == ["uvicorn", "nothere"]


def test_entry_points_are_the_scopes_and_load_there(run: Run) -> None:
    text = """
from importlib import metadata
from importlib.metadata import EntryPoint, entry_points
points = entry_points(group="plughost.plugins")
plugin = [p.name for p in points], [p.load() for p in points], [p.dist.name for p in points], EntryPoint("n", "lib.core:C", "g").load()
by_group = [p.name for p in entry_points().select(group="plughost.plugins")]
plugin += (by_group,)
"""
    entry_points = "[plughost.plugins]\nacme = lib:VERSION\n"
    files = {**LIBRARY, "acme.py": text, "acme_plugin-1.0.dist-info/entry_points.txt": entry_points}

    assert run(files) == (["acme"], [1], ["acme-plugin"], 1, ["acme"])


def test_exit_functions_run_when_the_scope_closes(workshop: Any, caplog: pytest.LogCaptureFixture) -> None:
    text = """
import atexit
ran = []
def kept(x): ran.append(x)
def dropped(): ran.append("never")
@atexit.register
def first(): ran.append("first registered, last run")
atexit.register(kept, x=1)
atexit.register(dropped)
atexit.unregister(dropped)
@atexit.register
def fails(): raise ValueError("oops")
plugin = ran
"""
    scope = workshop.open({"acme.py": text})
    ran = scope.load("acme:plugin")

    scope.close()

    assert ran == [1, "first registered, last run"]
    assert "a plugin's exit function raised" in caplog.text


def test_exit_functions_of_a_scope_that_is_open_run_with_the_process(tmp_path: Path) -> None:
    (tmp_path / "acme.py").write_text("import atexit\natexit.register(print, 'left')\natexit.register(lambda: 1 / 0)\nplugin = 1\n")
    text = f"""
from pathlib import Path
from plughost.model.sharing import Sharing
from plughost.scope import Scope
Scope("_scope_a_1", Sharing(placements=(), shared_tops=frozenset(), native={{}}, private=())).open()
scope = Scope("_scope_b_1", Sharing(placements=(), shared_tops=frozenset(), native={{}}, private=(Path({str(tmp_path)!r}),)))
scope.open()
scope.load("acme:plugin")
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "left\n"), done.stderr


def test_codecs_that_a_scope_registers_go_with_it(workshop: Any) -> None:
    text = """
import codecs
def search(name): return codecs.lookup("utf-8") if name == "acme_codec" else None
codecs.register(search)
codecs.register_error("acme.errors", lambda error: ("?", error.end))
plugin = "x".encode("acme_codec"), "ä".encode("ascii", "acme.errors")
"""
    scope = workshop.open({"acme.py": text})

    assert scope.load("acme:plugin") == (b"x", b"?")
    scope.close()
    assert codecs.lookup_error("acme.errors") is codecs.strict_errors


def test_what_the_real_module_gains_later_is_seen(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = run({"acme.py": "import sys\nplugin = sys\n"})

    monkeypatch.setattr(sys, "gained_later", 1, raising=False)

    assert seen.gained_later == 1
    with pytest.raises(AttributeError):
        seen.never_there  # noqa: B018 - asking is what is tested
