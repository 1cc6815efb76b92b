"""`plugin-index serve`."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from plugin_index.cli.options import HOME, Home, app

UPSTREAM = "Pass through from pip's or uv's registry what is not here."
UPSTREAM_URL = "Pass it through from this registry instead; may be given again."
SILENCE = "Seconds without a byte of an upload at most."
DEADLINE = "Seconds for all of an upload at most."


@app.command()
def serve(
    home: Home = HOME,
    host: Annotated[str, typer.Option(envvar="PLUGIN_INDEX_HOST", help="The address to bind.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PLUGIN_INDEX_PORT", min=0, max=65535, help="The port; 0 picks a free one.")] = 8100,
    root_path: Annotated[str, typer.Option(envvar="PLUGIN_INDEX_ROOT_PATH", help="The path that a proxy takes away.")] = "",
    max_size: Annotated[int, typer.Option(envvar="PLUGIN_INDEX_MAX_SIZE", min=1, help="Bytes of a wheel at most.")] = 512 * 1024 * 1024,
    private: Annotated[bool, typer.Option("--private", envvar="PLUGIN_INDEX_PRIVATE", help="Reading needs a token, too.")] = False,  # noqa: FBT002 - a flag
    upstream: Annotated[bool, typer.Option("--upstream", envvar="PLUGIN_INDEX_UPSTREAM", help=UPSTREAM)] = False,  # noqa: FBT002 - a flag
    upstream_url: Annotated[list[str] | None, typer.Option(envvar="PLUGIN_INDEX_UPSTREAM_URL", help=UPSTREAM_URL)] = None,
    grace_days: Annotated[
        float, typer.Option(envvar="PLUGIN_INDEX_GRACE_DAYS", min=0, help="Days that bytes of removed files stay.")
    ] = 7.0,
    upload_silence: Annotated[float, typer.Option(envvar="PLUGIN_INDEX_UPLOAD_SILENCE", min=0.1, help=SILENCE)] = 30.0,
    upload_deadline: Annotated[float, typer.Option(envvar="PLUGIN_INDEX_UPLOAD_DEADLINE", min=0.1, help=DEADLINE)] = 1800.0,
    drain: Annotated[float, typer.Option(envvar="PLUGIN_INDEX_DRAIN", min=0, help="Seconds for requests that have begun.")] = 10.0,
) -> None:
    """Run an index until SIGTERM or Ctrl-C."""
    from plughost.errors import PlughostError
    from plughost.http import ReasonProtocol
    from plughost.http import serve as serving
    from plugin_index import upstream as passing
    from plugin_index.app import PluginIndex
    from plugin_index.bodies import Pace

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would write addresses that are signed
    try:
        chain = passing.Chain.of(upstream_url or ()) if upstream or upstream_url else None
        if chain is not None:
            typer.echo(f"what is not here is passed through from {', '.join(chain.origins)}", err=True)
        admin = os.environ.get("PLUGIN_INDEX_ADMIN_TOKEN")
        pace, grace = Pace(silence=upload_silence, deadline=upload_deadline), grace_days * 86400
        index = PluginIndex(home.absolute(), admin=admin, max_size=max_size, private=private, chain=chain, grace=grace, pace=pace)
        status = serving(index, host, port, drain=drain, stopping=index.stop_accepting, root_path=root_path, http=ReasonProtocol)
    except PlughostError as error:
        typer.echo(f"error[{error.code}]: {error.detail}", err=True)
        status = 1
    raise typer.Exit(status)
