"""What an import statement does in a scope is what it does without one."""

from __future__ import annotations

import py_compile
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

Run = Callable[..., Any]

LIBRARY = {
    "lib/__init__.py": "from lib.core import Thing\nfrom . import core as again\nVERSION = 1\n__all__ = ['core', 'extra']\n",
    "lib/core.py": "import lib\nclass Thing:\n    pass\n",
    "lib/extra.py": "X = 1\n",
    "lib/deep/__init__.py": "",
    "lib/deep/down.py": "from ..core import Thing\n",
}


def code(text: str) -> str:
    return dedent(text)


def test_absolute_imports_bind_the_top_level_package_or_the_module_itself(run: Run) -> None:
    plugin = run({**LIBRARY, "acme.py": "import lib, lib.core, lib.core as core\nplugin = lib, lib.core, core\n"})

    lib, submodule, core = plugin
    assert lib.VERSION == 1
    assert submodule is core is lib.core
    assert lib.Thing is core.Thing


def test_a_submodule_import_binds_it_on_its_parent(run: Run) -> None:
    assert run({**LIBRARY, "acme.py": "import lib.deep.down\nplugin = lib.deep.down.Thing is lib.Thing\n"}) is True


def test_a_from_import_takes_attributes_and_submodules(run: Run) -> None:
    assert run(
        {**LIBRARY, "acme.py": "from lib import VERSION, extra\nfrom lib.core import Thing as T\nplugin = VERSION, extra.X, T.__name__\n"}
    ) == (
        1,
        1,
        "Thing",
    )


def test_relative_imports_stay_in_their_package(run: Run) -> None:
    files = {
        "acme/__init__.py": "from .a import A\nfrom .sub.b import B\nplugin = A, B\n",
        "acme/a.py": "from . import sub\nA = sub.NAME\n",
        "acme/sub/__init__.py": "NAME = 'sub'\n",
        "acme/sub/b.py": "from ..a import A\nfrom .. import a\nB = A, a.A\n",
    }

    assert run(files) == ("sub", ("sub", "sub"))


def test_a_star_import_follows_all_and_imports_submodules(run: Run) -> None:
    assert run({**LIBRARY, "acme.py": "from lib import *\nplugin = extra.X, 'VERSION' in globals()\n"}) == (1, False)


def test_circular_imports_work_as_far_as_they_do_without_a_scope(run: Run) -> None:
    files = {
        "acme.py": "import one\nfrom two.x import X\nplugin = one.call(), X\n",
        "one.py": "import other\nfrom other import ask\ndef call(): return ask()\ndef answer(): return 'one'\n",
        "other.py": "import one\ndef ask(): return one.answer()\n",
        "two/__init__.py": "from two.x import X\n",
        "two/x.py": "import two.y as y\nfrom two import y as same\nassert y is same\nX = 1\n",
        "two/y.py": "import two.x\nfrom . import x\nY = 1\n",
    }

    assert run(files) == ("one", 1)


def test_a_circular_from_import_fails_with_the_interpreters_words(run: Run) -> None:
    with pytest.raises(ImportError, match="cannot import name 'B' from partially initialized module"):
        run({"acme.py": "from a import B\n", "a.py": "from b import C\nB = 1\n", "b.py": "from a import B\nC = 1\n"})


def test_late_imports_work_as_long_as_the_scope_is_open(run: Run) -> None:
    late = run(
        {
            **LIBRARY,
            "acme.py": "def plugin():\n    import lib.extra\n    from lib import core\n    return lib.extra.X, core.Thing.__name__\n",
        }
    )

    assert late() == (1, "Thing")


def test_a_namespace_package_spans_the_directories_of_the_site(run: Run, workshop: Any) -> None:
    one = workshop.unpack(_wheel("ns-one", {"space/one.py": "N = 1\n"}))
    two = workshop.unpack(_wheel("ns-two", {"space/two.py": "from space.one import N\n", "space/deep/three.py": "N = 3\n"}))

    plugin = run(
        {
            "acme.py": """
import space, space.one, space.two
from space.deep import three
plugin = space.two.N, three.N, len(list(space.__path__))
"""
        },
        requires=["ns-one", "ns-two"],
        among=[one, two],
    )

    assert plugin == (1, 3, 2)


def test_a_modules_getattr_serves_attributes_and_from_imports(run: Run) -> None:
    lazy = """
import importlib
def __getattr__(name):
    if name == 'late':
        return importlib.import_module('.hidden', __name__)
    raise AttributeError(name)
"""

    plugin = run(
        {
            "acme.py": "import lazy\nfrom lazy import late\nplugin = lazy.late is late, late.H\n",
            "lazy/__init__.py": lazy,
            "lazy/hidden.py": "H = 1\n",
        }
    )

    assert plugin == (True, 1)


def test_a_module_may_replace_itself_or_its_class_in_sys_modules(run: Run) -> None:
    files = {
        "acme.py": "import other, shape\nfrom other import a\nplugin = other.a, a, shape.answer\n",
        "other.py": "import sys\nclass Other:\n    a = 7\nsys.modules[__name__] = Other()\n",
        "shape.py": """
import sys
class M(type(sys)):
    @property
    def answer(self): return 42
sys.modules[__name__].__class__ = M
""",
    }

    assert run(files) == (7, 7, 42)


def test_code_run_by_exec_and_eval_imports_in_the_scope(run: Run) -> None:
    text = "space = {}\nexec('import lib\\nV = lib.VERSION', space)\nplugin = space['V'], eval('__import__(\"lib\").VERSION')\n"

    assert run({**LIBRARY, "acme.py": text}) == (1, 1)


@pytest.mark.parametrize(
    "call",
    [
        "__import__('lib.core') is lib",
        "__import__('lib.core', fromlist=['Thing']) is lib.core",
        "__import__('lib.core', globals(), locals(), [], 0) is lib",
        "__import__(name='lib.core', globals=None, locals=None, fromlist=('Thing',), level=0) is lib.core",
        "__import__('core', {'__package__': lib.__name__}, None, ['Thing'], 1) is lib.core",
        "functools.reduce(getattr, lib.core.__name__.split('.')[1:], __import__(lib.core.__name__)) is lib.core",
        "__import__(lib.core.__name__, fromlist=['Thing']) is lib.core",
    ],
)
def test_the_import_function_may_be_called_by_hand(run: Run, call: str) -> None:
    assert run({**LIBRARY, "acme.py": f"import functools, lib.core\nplugin = {call}\n"}) is True


@pytest.mark.parametrize(
    ("statement", "kind", "message", "name"),
    [
        ("import nothere", ModuleNotFoundError, "No module named 'nothere'", "nothere"),
        ("import lib.nothere", ModuleNotFoundError, "No module named 'lib.nothere'", "lib.nothere"),
        (
            "import lib.core.nothere",
            ModuleNotFoundError,
            "No module named 'lib.core.nothere'; 'lib.core' is not a package",
            "lib.core.nothere",
        ),
        ("from lib.nothere import x", ModuleNotFoundError, "No module named 'lib.nothere'", "lib.nothere"),
        ("import uvicorn", ModuleNotFoundError, "No module named 'uvicorn'", "uvicorn"),
        ("import plughost.host", ModuleNotFoundError, "No module named 'plughost.host'", "plughost.host"),
        ("from . import x", ImportError, "attempted relative import with no known parent package", None),
        ("__import__('')", ValueError, "Empty module name", None),
        ("__import__(1)", TypeError, "module name must be a string", None),
        ("import json.nothere", ModuleNotFoundError, "No module named 'json.nothere'", "json.nothere"),
        ("import sys.nothere", ModuleNotFoundError, "No module named 'sys.nothere'; 'sys' is not a package", "sys.nothere"),
        ("import importlib.nothere", ModuleNotFoundError, "No module named 'importlib.nothere'", "importlib.nothere"),
    ],
)
def test_what_cannot_be_imported_is_said_in_natural_names(
    run: Run, statement: str, kind: type[Exception], message: str, name: str | None
) -> None:
    tried = f"def plugin():\n    {statement}\n"

    with pytest.raises(kind) as caught:
        run({**LIBRARY, "acme.py": tried})()

    assert str(caught.value) == message
    assert type(caught.value) is kind
    assert getattr(caught.value, "name", None) == name


def test_a_relative_import_does_not_climb_out_of_the_top_level_package(run: Run) -> None:
    plugin = run(
        {**LIBRARY, "acme/__init__.py": "def plugin():\n    from .. import lib\n", "acme/sub.py": "def up():\n    from ... import lib\n"}
    )

    with pytest.raises(ImportError, match="attempted relative import beyond top-level package"):
        plugin()


def test_a_missing_name_is_an_import_error_and_no_module_not_found_error(run: Run) -> None:
    with pytest.raises(ImportError, match="cannot import name 'nope'") as caught:
        run({**LIBRARY, "acme.py": "from lib import nope\n"})

    assert type(caught.value) is ImportError


def test_a_missing_optional_dependency_inside_a_package_is_caught_as_usual(run: Run) -> None:
    files = {
        "acme.py": "from lib import fast\nimport lib.fast as same\nplugin = fast.FAST, same is fast\n",
        "lib/__init__.py": "",
        "lib/fast.py": "try:\n    import nothere\nexcept ImportError as error:\n    FAST = error.name\n",
    }

    assert run(files) == ("nothere", True)


def test_a_module_that_fails_is_not_kept_and_may_be_imported_again(run: Run) -> None:
    files = {
        "acme.py": """
import sys
out = []
for n in (1, 2):
    try:
        import bad
    except ValueError:
        out.append('bad' in sys.modules)
plugin = out
""",
        "bad.py": "raise ValueError\n",
    }

    assert run(files) == [False, False]


def test_sourceless_modules_are_found(run: Run, workshop: Any, tmp_path: Path) -> None:
    source = tmp_path / "quiet.py"
    source.write_text("Q = 1\n")
    compiled = Path(py_compile.compile(str(source), cfile=str(tmp_path / "quiet.pyc"), doraise=True) or "").read_bytes()

    assert run({"acme.py": "from quiet import Q\nplugin = Q\n", "quiet.pyc": compiled}) == 1


def test_modules_stand_under_mangled_names_and_nowhere_else(run: Run) -> None:
    before = set(sys.modules)

    module = run({**LIBRARY, "acme.py": "import lib, sys\nplugin = sys.modules[__name__]\n"})

    added = {name for name in set(sys.modules) - before if not name.startswith("_scope_")}
    assert module.__name__.startswith("_scope_acme_")
    assert not {name for name in added if name.partition(".")[0] in {"acme", "lib"}}


def test_what_packages_add_to_the_search_path_is_searched_in_this_scope_alone(run: Run) -> None:
    files = {
        "acme/__init__.py": code("""
            import os, sys
            sys.path.insert(0, os.path.join(os.path.dirname(__file__), "vendor"))
            import vendored
            sys.path = [entry for entry in sys.path if not entry.endswith("vendor")]
            try:
                import vendored2
            except ImportError:
                plugin = vendored.V, vendored.__name__ == __name__.rpartition(".")[0] + ".vendored"
        """),
        "acme/vendor/vendored.py": "V = 1\n",
        "acme/vendor/vendored2.py": "V = 1\n",
    }

    assert run(files) == (1, True)
    assert not [entry for entry in sys.path if entry.endswith("vendor")]


def test_a_zip_archive_on_the_search_path_is_read_through_its_loader(run: Run) -> None:
    from plughost.testing import wheel

    archive = wheel("zipped", "1.0", {"zipped/__init__.py": "import sys\nZ = __name__\n", "zipped/t.txt": "text"}).data
    text = code("""
        import os, pkgutil, sys
        sys.path.append(os.path.join(os.path.dirname(__file__), "lib.zip"))
        import zipped
        plugin = zipped.Z.rpartition(".")[2], zipped.__loader__.get_data(os.path.join(zipped.__path__[0], "t.txt"))
    """)

    assert run({"acme/__init__.py": text, "acme/lib.zip": archive}) == ("zipped", b"text")


def test_an_importer_that_a_package_installs_serves_this_scope_alone(run: Run) -> None:
    before = list(sys.meta_path)
    importer = code("""
        import importlib.util, sys, types
        class Importer:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == "virtual":
                    return importlib.util.spec_from_loader(name, self, is_package=True)
            def create_module(self, spec):
                return types.ModuleType(spec.name)
            def exec_module(self, module):
                module.name = module.__name__
        sys.meta_path.insert(0, Importer())
        import virtual, virtual.sub
        plugin = sys.modules["virtual"] is virtual, virtual.name, virtual.sub.name
    """)

    same, name, sub = run({"acme.py": importer})

    assert same is True
    assert (name.startswith("_scope_acme_"), sub) == (True, f"{name}.sub")
    assert [one for one in sys.meta_path if one not in before] == sys.meta_path[:1] or sys.meta_path == before


def test_the_scopes_own_search_stands_in_its_meta_path_like_any_importer(run: Run) -> None:
    text = """
import sys
import lib
(search,) = sys.meta_path
plugin = [
    search.find_spec("lib").origin == lib.__file__,
    search.find_spec("lib.core", lib.__path__).name == lib.__name__ + ".core",
    search.find_spec("lib.core").name == lib.__name__ + ".core",
    search.find_spec("nothere") is None,
    search.find_spec("json") is None,
]
"""
    assert all(run({**LIBRARY, "acme.py": text}))


def test_importers_in_front_of_the_search_are_asked_first_and_odd_ones_passed_over(run: Run) -> None:
    text = """
import importlib.machinery, os, sys
class Front:
    def find_spec(self, name, path=None, target=None):
        if name.endswith(".lib") or name == "lib":
            place = os.path.join(os.path.dirname(__file__), "other.py")
            return importlib.machinery.ModuleSpec(name, importlib.machinery.SourceFileLoader(name, place), origin=place)
class Classy:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "classy":
            return importlib.machinery.ModuleSpec(name, cls)
    @staticmethod
    def create_module(spec): return None
    @staticmethod
    def exec_module(module): module.C = 1
sys.meta_path[:0] = [Front(), object()]
sys.meta_path.append(Classy)
import lib, classy
plugin = lib.WHO, classy.C, classy.__name__.endswith(".classy")
"""
    files = {**LIBRARY, "acme.py": text, "other.py": "import helper\nWHO = helper.H\n", "helper.py": "H = 'front'\n"}

    assert run(files) == ("front", 1, True)


def _wheel(project: str, files: dict[str, str]) -> Any:
    from plughost.testing import wheel

    return wheel(project, "1.0", files)
