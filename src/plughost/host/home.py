"""The files of a home: `ledger.sqlite`, `admin-token`, `store/`, and `data/` with a directory for each plugin."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from pydantic import SecretStr

from plughost.errors import HomeNotWritable
from plughost.http import new_token


def made(home: Path) -> Path:
    """The home as an absolute path, with its directories; raises HomeNotWritable."""
    home = home.absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "data").mkdir(exist_ok=True)
    except OSError as error:
        raise HomeNotWritable(str(home), error.strerror or str(error)) from None
    return home


def admin_token(home: Path, given: SecretStr | None) -> str:
    """The administrator's token: the one that is set, else the one in the home, made and shown once at the first start."""
    if given is not None and (secret := given.get_secret_value()):
        return secret
    path = home / "admin-token"
    try:
        if path.is_file() and (kept := path.read_text().strip()):
            return kept
        token = new_token("plughost")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{token}\n")
    except OSError as error:
        raise HomeNotWritable(str(path), error.strerror or str(error)) from None
    sys.stdout.write(f"admin token: {token} (shown once, kept in {path})\n")
    sys.stdout.flush()
    return token


def delete_data(home: Path, plugin: str) -> None:
    """Delete what a plugin kept."""
    shutil.rmtree(home / "data" / plugin, ignore_errors=True)
