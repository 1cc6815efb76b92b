"""The laws that no linter knows: allow-lists of imports, and how large files and functions may grow.

Prints what is large (over 300 lines or 50), of which each room may have one, its story; fails at 600 and 100.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ("src/plughost", "plugin_index")
FILE_SAID, FILE_FAILS = 300, 600
FUNCTION_SAID, FUNCTION_FAILS = 50, 100

_PURE_STDLIB = "__future__ collections contextvars dataclasses enum functools itertools json math operator re types typing pathlib"
PURE = frozenset({*_PURE_STDLIB.split(), "packaging", "plughost.errors", "plughost.model", "plughost.wheel"})
"""What the model and the plan may import: no I/O, no clock, no framework."""
ALLOWED = {
    "src/plughost/model": PURE,
    "src/plughost/control/plan.py": PURE,
    "src/plughost/sdk": frozenset(sys.stdlib_module_names) | {"__future__", "plughost.sdk"},
    "src/plughost/errors": frozenset({"__future__", "collections", "typing", "plughost.errors"}),
}
FRAMEWORKS = frozenset({"fastapi", "pydantic"})
AT_THE_EDGE = ("settings.py", "catalog/schema.py", "api/", "web/", "host/", "runtime/", "testing/", "cli/")
"""Below src/plughost: the only places that know FastAPI or pydantic."""


def main() -> int:
    """Check all laws; answer how many were broken."""
    broken = [*_imports(), *_frameworks(), *_sizes()]
    for what in broken:
        print(f"laws: {what}")
    return min(1, len(broken))


def _imports() -> Iterator[str]:
    for place, allowed in ALLOWED.items():
        for file in _files(ROOT / place):
            for name in _imported(file):
                if not any(name == one or name.startswith(f"{one}.") for one in allowed):
                    yield f"{file.relative_to(ROOT)} may not import {name}"


def _frameworks() -> Iterator[str]:
    house = ROOT / "src/plughost"
    for file in _files(house):
        if not str(file.relative_to(house)).startswith(AT_THE_EDGE):
            for name in _imported(file):
                if name.partition(".")[0] in FRAMEWORKS:
                    yield f"{file.relative_to(ROOT)} may not import {name}: FastAPI and pydantic stay at the edge"


def _sizes() -> Iterator[str]:
    large: dict[Path, list[str]] = {}
    for file in (file for source in SOURCES for file in _files(ROOT / source)):
        lines = file.read_text().count("\n")
        if lines > FILE_FAILS:
            yield f"{file.relative_to(ROOT)} has {lines} lines, {FILE_FAILS} is the end"
        elif lines > FILE_SAID:
            large.setdefault(file.parent, []).append(f"{file.name} ({lines} lines)")
        yield from _functions(file)
    for room, files in large.items():
        print(f"laws: large in {room.relative_to(ROOT)}: {', '.join(files)}")
        if len(files) > 1:
            yield f"{room.relative_to(ROOT)} has more than one story: {', '.join(files)}"


def _functions(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_FAILS:
                yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name} has {lines} lines, {FUNCTION_FAILS} is the end"
            elif lines > FUNCTION_SAID:
                print(f"laws: large function {file.relative_to(ROOT)}:{node.lineno} {node.name} ({lines} lines)")


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


if __name__ == "__main__":
    sys.exit(main())
