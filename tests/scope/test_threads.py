"""Threads import in one scope at once, and in several."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import ModuleType
from typing import Any

from plughost.scope import Scope

SLOW = {
    "acme.py": """
import threading
def plugin(which):
    import sys
    if which == 0:
        import slow
        return slow.b.COUNT
    if which == 1:
        from slow import a
        return sys.modules["slow.b"].COUNT
    if which == 2:
        from importlib import metadata
        metadata.version("acme-plugin")
        from slow.b import COUNT
        return COUNT
    import importlib
    return importlib.import_module("slow.b").COUNT
""",
    "slow/__init__.py": "import gate\ngate.wait()\nfrom slow.a import A\nimport slow.b\n",
    "slow/a.py": "import gate\ngate.wait()\nimport slow.b\nA = 1\n",
    "slow/b.py": "import gate\ngate.wait()\nCOUNT = [1]\n",
    "gate.py": "import threading\n_event = threading.Event()\ndef wait(): _event.wait(0.02)\n",
}


def _at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    barrier = threading.Barrier(len(calls))

    def wait_and_call(call: Callable[[], Any]) -> Any:
        barrier.wait(20)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(60) for future in [pool.submit(wait_and_call, call) for call in calls]]


def test_sixteen_threads_get_the_same_modules(workshop: Any) -> None:
    plugin = workshop.open(SLOW).load("acme:plugin")

    counts = _at_once([partial(plugin, which % 4) for which in range(16)])

    assert len({id(count) for count in counts}) == 1


def test_scopes_import_side_by_side_from_the_same_directories(workshop: Any) -> None:
    scopes = [workshop.open(SLOW) for _ in range(8)]

    def load(scope: Scope) -> object:
        plugin: Any = scope.load("acme:plugin")
        return plugin(0)

    counts = _at_once([partial(load, scope) for scope in scopes])

    assert len({id(count) for count in counts}) == 8


def test_a_scope_closes_while_other_threads_import_and_log(workshop: Any) -> None:
    sharing = workshop.sharing({"acme.py": "import logging, warnings, importlib.metadata\nlogging.getLogger(__name__)\nplugin = 1\n"})

    def rounds(who: int) -> None:
        for number in range(30):
            with Scope(f"_scope_busy_{who}{number:03}", sharing) as scope:
                scope.load("acme:plugin")
            logging.getLogger(f"busy.{who}.{number}")
            sys.modules[f"busy_{who}_{number}"] = ModuleType("busy")

    _at_once([partial(rounds, who) for who in range(1, 9)])

    assert not [name for name in sys.modules if name.startswith("_scope_busy_")]
    for name in [name for name in sys.modules if name.startswith("busy_")]:
        del sys.modules[name]


def test_scopes_that_open_and_load_at_once_see_the_same_shared_module(workshop: Any) -> None:
    sharing = workshop.sharing({"acme.py": "import plughost.sdk, fastapi.responses\nfrom plughost.sdk import Plugin\nplugin = Plugin\n"})

    def load(number: int) -> object:
        with Scope(f"_scope_crowd_{number}", sharing) as scope:
            return scope.load("acme:plugin")

    loaded = _at_once([partial(load, number) for number in range(16)])

    import plughost.sdk

    assert set(loaded) == {plughost.sdk.Plugin}
    assert plughost.sdk.__spec__ is not None
    assert plughost.sdk.__spec__.name == "plughost.sdk"
