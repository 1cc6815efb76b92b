"""Bytecode of the site's modules is kept beside them, whatever the process was told: its directories never change.

`PYTHONDONTWRITEBYTECODE` is usual in images, and compiling is most of what a first import costs. What is written is a hash-based
`.pyc` that is not checked against its source (PEP 552), since the source is addressed by its own hash; it is renamed into place.
A directory that cannot be written is left as it is, and so is every directory that is not the site's: its files may change.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import secrets
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from types import CodeType
from typing import Any

_UNCHECKED = (0b01).to_bytes(4, "little")


def keep(loader: Any) -> None:
    """Let the loader keep what it compiles, where the process would not let it."""
    if sys.dont_write_bytecode and type(loader) is SourceFileLoader:
        compile_ = loader.source_to_code

        def compiled(data: Any, path: Any, **options: Any) -> CodeType:
            return _kept(compile_, data, path, **options)

        loader.source_to_code = compiled  # type: ignore[method-assign]  # on this loader alone; asked only where no bytecode was found


def _kept(compile_: Callable[..., CodeType], data: bytes, path: str, **options: Any) -> CodeType:
    code = compile_(data, path, **options)
    with contextlib.suppress(OSError, NotImplementedError, ValueError):
        _write(cache_from_source(path), MAGIC_NUMBER + _UNCHECKED + source_hash(data) + marshal.dumps(code))
    return code


def _write(path: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - importing is no place for pathlib
    half = f"{path}.{secrets.token_hex(4)}"
    try:
        with open(half, "xb") as file:  # noqa: PTH123 - likewise
            file.write(data)
        os.replace(half, path)  # noqa: PTH105 - likewise
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(half)  # noqa: PTH108 - likewise
        raise
