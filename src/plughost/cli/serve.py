"""`plughost serve`: settings, logging, the process-wide switches, and the server around one host."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

from plughost.cli.show import err
from plughost.errors import PlughostError
from plughost.host import Host
from plughost.http import serve
from plughost.observe import OwnerFilter
from plughost.settings import Settings

_kept: set[asyncio.Task[None]] = set()
"""The loop itself keeps its tasks weakly."""


def run(config: Path | None, given: Mapping[str, object]) -> int:
    """Serve until a signal; answers the exit status."""
    try:
        settings = Settings.load(config, **given)
        _log(settings.log_level)
        host = Host(settings)
        return serve(
            host,
            settings.host,
            settings.port,
            drain=settings.drain,
            stop_deadline=settings.stop_deadline,
            stopping=host.stop_accepting,
            cut=host.cut,
            on_ready=lambda: _tune(host),
            root_path=settings.root_path,
        )
    except PlughostError as error:
        err.print(f"error[{error.code}]: {error.detail}", markup=False)
        return 1


def _tune(host: Host) -> None:
    """The collector looks at nothing while plugins are loaded for the first time, and never again at what is there then."""
    gc.disable()

    async def loaded() -> None:
        await host.settled()
        gc.freeze()
        gc.enable()

    _kept.add(task := asyncio.get_running_loop().create_task(loaded()))
    task.add_done_callback(_kept.discard)


def _log(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    handler.addFilter(OwnerFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
