"""The commands and their options; each is a few lines over `Remote` and `show`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import typer

from plughost.cli import show
from plughost.cli.remote import RemoteHost
from plughost.http.remote import Refused

app = typer.Typer(
    name="plughost",
    help="Run plugins that are published as wheels, and tell a running host what to do.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
token = typer.Typer(help="The tokens of a host.", no_args_is_help=True)
app.add_typer(token, name="token")

Url = Annotated[str, typer.Option("--url", envvar="PLUGHOST_URL", help="The running host.")]
Token = Annotated[str | None, typer.Option("--token", envvar="PLUGHOST_TOKEN", help="A bearer token; else the home's token file.")]
Home = Annotated[Path, typer.Option("--home", envvar="PLUGHOST_HOME", help="Where the host keeps its files.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit trail.")]
Wait = Annotated[float | None, typer.Option("--wait", min=0, help="Seconds to wait for the end at most; then exit 1.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Print the operation's id and do not wait.")]
Name = Annotated[str, typer.Argument(help="The plugin's name.")]

URL, HOME = "http://127.0.0.1:8000", Path(".plughost")


@contextmanager
def refusing(*, as_json: bool) -> Iterator[None]:
    """A refusal is told and ends the command with status 1."""
    try:
        yield
    except Refused as refused:
        show.refusal(refused.problem, as_json=as_json)
        raise typer.Exit(1) from None


def change(remote: RemoteHost, method: str, path: str, body: dict[str, Any], *, wait: float | None, no_wait: bool, as_json: bool) -> None:
    """One operation, from its request to its end."""
    with refusing(as_json=as_json):
        given = {key: value for key, value in body.items() if value not in (None, "")}
        sent: dict[str, Any] = {"params": given} if method == "DELETE" else {"json": given}
        operation = remote.ask(method, path, **sent)
        if no_wait:
            typer.echo(operation["id"])
            return
        with show.progress(quiet=as_json) as watcher:
            operation = remote.follow(operation, wait, watcher)
        show.plain(operation) if as_json else show.ended(operation)


@app.command("list")
def list_plugins(url: Url = URL, token: Token = None, home: Home = HOME, *, json: AsJson = False) -> None:
    """What runs, and what should."""
    with refusing(as_json=json):
        answer = RemoteHost(url, token=token, home=home).get("/api/plugins")
        if json:
            show.plain(answer)
            return
        rows = [_row(plugin) for plugin in answer["plugins"]]
        show.table(["PLUGIN", "STATUS", "VERSION", "INTENT", "MOUNT"], rows)
        for source in answer["sources"]:
            if source.get("problem"):
                show.err.print(f"source {source['url']}: {source['problem']}", markup=False)


def _row(plugin: dict[str, Any]) -> list[object]:
    intent = plugin["intent"]
    wants = f"{intent['state']} {intent['version'] or ''}".strip() + f" ({intent.get('source') or intent.get('by') or 'nobody'})"
    mount = f"/{plugin['mount']}" if plugin["mount"] else ""
    return [plugin["name"], plugin["status"], (plugin["serving"] or {}).get("version"), wants, mount]


@app.command("show")
def show_plugin(name: Name, url: Url = URL, token: Token = None, home: Home = HOME, *, json: AsJson = False) -> None:
    """One plugin, and why it is as it is."""
    with refusing(as_json=json):
        remote = RemoteHost(url, token=token, home=home)
        plugin, why = remote.get(f"/api/plugins/{quote(name)}"), remote.get(f"/api/plugins/{quote(name)}/explain")
        if json:
            show.plain({**plugin, "because": why["because"]})
            return
        show.table(["PLUGIN", "STATUS", "VERSION", "INTENT", "MOUNT"], [_row(plugin)])
        for reason in why["because"]:
            show.out.print(f"- {reason}", markup=False)
        if plugin.get("error"):
            show.refusal(plugin["error"], as_json=False)


@app.command()
def install(
    name: Name,
    version: Annotated[str | None, typer.Option("--version", help="A version or a specifier.")] = None,
    urls: Annotated[
        list[str] | None, typer.Option("--url", help="The URL of one wheel (it ends in .whl); another one is the host's.")
    ] = None,
    entry: Annotated[str | None, typer.Option("--entry", help="The entry point, 'package.module:object'.")] = None,
    integrity: Annotated[str | None, typer.Option("--integrity", help="sha256-<base64>, as the wheel should have.")] = None,
    mount: Annotated[str | None, typer.Option("--mount", help="The path segment; by default the name.")] = None,
    isolation: Annotated[str | None, typer.Option("--isolation", help="auto or scope.")] = None,
    reason: Reason = "",
    token: Token = None,
    home: Home = HOME,
    wait: Wait = None,
    *,
    no_wait: NoWait = False,
    json: AsJson = False,
) -> None:
    """Install a plugin, by its name or by the URL of a wheel."""
    wheels = [each for each in urls or () if urlsplit(each).path.endswith(".whl")]
    url = next((each for each in urls or () if each not in wheels), os.environ.get("PLUGHOST_URL", URL))
    body = {
        "name": name,
        "version": version,
        "url": wheels[0] if wheels else None,
        "exposedModule": entry,
        "integrity": integrity,
        "mount": mount,
        "isolation": isolation,
        "reason": reason,
    }
    change(RemoteHost(url, token=token, home=home), "POST", "/api/plugins", body, wait=wait, no_wait=no_wait, as_json=json)


@app.command()
def upgrade(
    name: Name,
    to: Annotated[str | None, typer.Option("--to", help="A version or a specifier; without it, what is listed or newest.")] = None,
    reason: Reason = "",
    url: Url = URL,
    token: Token = None,
    home: Home = HOME,
    wait: Wait = None,
    *,
    no_wait: NoWait = False,
    json: AsJson = False,
) -> None:
    """Go to another release, up or down."""
    body = {"version": to, "reason": reason}
    path = f"/api/plugins/{quote(name)}/upgrade"
    change(RemoteHost(url, token=token, home=home), "POST", path, body, wait=wait, no_wait=no_wait, as_json=json)


@app.command()
def uninstall(
    name: Name,
    purge: Annotated[bool, typer.Option("--purge", help="Delete its data, too.")] = False,  # noqa: FBT002 - a flag
    reason: Reason = "",
    url: Url = URL,
    token: Token = None,
    home: Home = HOME,
    wait: Wait = None,
    *,
    no_wait: NoWait = False,
    json: AsJson = False,
) -> None:
    """Stop a plugin and forget it."""
    body = {"reason": reason, "purge": "true" if purge else None}
    path = f"/api/plugins/{quote(name)}"
    change(RemoteHost(url, token=token, home=home), "DELETE", path, body, wait=wait, no_wait=no_wait, as_json=json)


def _verb(verb: str, said: str) -> None:
    def command(
        name: Name,
        reason: Reason = "",
        url: Url = URL,
        token: Token = None,
        home: Home = HOME,
        wait: Wait = None,
        *,
        no_wait: NoWait = False,
        json: AsJson = False,
    ) -> None:
        path = f"/api/plugins/{quote(name)}/{verb}"
        change(RemoteHost(url, token=token, home=home), "POST", path, {"reason": reason}, wait=wait, no_wait=no_wait, as_json=json)

    app.command(verb, help=said)(command)


for _name, _said in {
    "enable": "Run a plugin that is listed or was installed before.",
    "disable": "Stop a plugin and keep it installed.",
    "rollback": "Go back to the release that served before.",
}.items():
    _verb(_name, _said)


@token.command("create")
def create_token(
    role: Annotated[str, typer.Option("--role", help="viewer, operator or admin.")],
    name: Annotated[str, typer.Option("--name", help="Whose it is; it stands in the audit trail.")] = "",
    url: Annotated[str | None, typer.Option("--url", envvar="PLUGHOST_URL", help="The running host; else straight into the home.")] = None,
    token: Token = None,
    home: Home = HOME,
    *,
    json: AsJson = False,
) -> None:
    """Make a token; its secret is printed once. Without --url it is written into the home, with no server running."""
    if role not in {"viewer", "operator", "admin"}:
        raise typer.BadParameter("role is viewer, operator or admin", param_hint="--role")
    body = {"name": name or f"{os.environ.get('USER', 'cli')}-{role}", "role": role}
    with refusing(as_json=json):
        made = RemoteHost(url, token=token, home=home).ask("POST", "/api/tokens", json=body) if url else _made_offline(home, body)
    show.plain({key: made[key] for key in ("id", "name", "role", "token")}) if json else typer.echo(made["token"])


def _made_offline(home: Path, body: dict[str, str]) -> dict[str, Any]:
    from plughost.cli.offline import make_token  # needs the ledger, which the other client commands do not

    return make_token(home, body["name"], body["role"])


@token.command("list")
def list_tokens(url: Url = URL, token: Token = None, home: Home = HOME, *, json: AsJson = False) -> None:
    """The tokens of a host, without their secrets."""
    with refusing(as_json=json):
        found = RemoteHost(url, token=token, home=home).get("/api/tokens")["tokens"]
        if json:
            show.plain(found)
        else:
            show.table(
                ["ID", "NAME", "ROLE", "USED", "EXPIRES"],
                [[each[key] for key in ("id", "name", "role", "used", "expires")] for each in found],
            )


@token.command("delete")
def delete_token(
    identifier: Annotated[str, typer.Argument(help="The token's id.")],
    url: Url = URL,
    token: Token = None,
    home: Home = HOME,
    *,
    json: AsJson = False,
) -> None:
    """A token is valid no more."""
    with refusing(as_json=json):
        RemoteHost(url, token=token, home=home).ask("DELETE", f"/api/tokens/{quote(identifier)}")


@app.command(context_settings={"ignore_unknown_options": False})
def serve(
    config: Annotated[Path | None, typer.Option("--config", help="A plughost.toml.")] = None,
    home: Annotated[Path | None, typer.Option("--home", help="Where the host keeps its files [default: .plughost]")] = None,
    index: Annotated[str | None, typer.Option("--index", help="The index to follow.")] = None,
    host: Annotated[str | None, typer.Option("--host", help="The address to bind [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option("--port", help="The port; 0 picks a free one [default: 8000]")] = None,
    root_path: Annotated[str | None, typer.Option("--root-path", help="The path that a proxy takes away.")] = None,
    prefix: Annotated[str | None, typer.Option("--prefix", help="Moves the host's own paths.")] = None,
    poll: Annotated[float | None, typer.Option("--poll", help="Seconds between two looks at a list [default: 10]")] = None,
    resolver: Annotated[str | None, typer.Option("--resolver", help="uv or pip [default: uv]")] = None,
    drain: Annotated[float | None, typer.Option("--drain", help="Seconds for requests that have begun [default: 10]")] = None,
    boot: Annotated[str | None, typer.Option("--boot", help="lenient or strict: ready only when all serve.")] = None,
    boot_deadline: Annotated[float | None, typer.Option("--boot-deadline", help="Seconds until ready at the latest [default: 5]")] = None,
    import_deadline: Annotated[float | None, typer.Option("--import-deadline", help="Seconds for an import [default: 30]")] = None,
    start_deadline: Annotated[float | None, typer.Option("--start-deadline", help="Seconds for a start [default: 30]")] = None,
    probe_deadline: Annotated[float | None, typer.Option("--probe-deadline", help="Seconds for a probe [default: 10]")] = None,
    render_deadline: Annotated[float | None, typer.Option("--render-deadline", help="Seconds for a slot [default: 1]")] = None,
    stop_deadline: Annotated[float | None, typer.Option("--stop-deadline", help="Seconds for a stop [default: 10]")] = None,
    fetch_deadline: Annotated[float | None, typer.Option("--fetch-deadline", help="Seconds for a download [default: 300]")] = None,
    resolve_deadline: Annotated[float | None, typer.Option("--resolve-deadline", help="Seconds for a resolution [default: 120]")] = None,
    max_size: Annotated[int | None, typer.Option("--max-size", help="Bytes of a wheel at most [default: 512 MiB]")] = None,
    log_level: Annotated[str | None, typer.Option("--log-level", help="debug, info, warning or error [default: info]")] = None,
) -> None:
    """Run a host until SIGTERM or Ctrl-C."""
    from plughost.cli.serve import run  # the one command that imports the server

    given = {name: value for name, value in locals().items() if name not in {"config", "run"}}
    raise typer.Exit(run(config, given))
