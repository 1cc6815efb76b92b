"""`/api/plugins`: what runs, and the operator's verbs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Body as JsonBody
from fastapi.responses import Response

from plughost.api.answers import answer, caller, patience, refuse_dry_run
from plughost.api.bodies import Body, ConfigBody, InstallBody, UpgradeBody
from plughost.api.console import Console
from plughost.api.explain import explain
from plughost.api.shapes import Json, known, names, plugin_json, source_json
from plughost.control.choose import Install
from plughost.control.operate import Caller
from plughost.errors import NotYet
from plughost.model.operation import Operation

Optional = Annotated[Body | None, JsonBody()]


def routes(console: Console) -> APIRouter:
    """The routes of `/api/plugins`."""
    # How long to wait is read first: what is refused for it must not have been done.
    router = APIRouter(prefix="/api/plugins", tags=["plugins"], dependencies=[Depends(patience)])
    _reading(router, console)
    _installing(router, console)
    _verbs(router, console)
    return router


def _reading(router: APIRouter, console: Console) -> None:
    @router.get("")
    async def plugins() -> Json:
        """Every plugin and every source."""
        return {
            "plugins": [plugin_json(console, known(console, name)) for name in names(console)],
            "sources": [source_json(console, follower.state) for follower in console.followers],
        }

    @router.get("/{name}")
    async def plugin(name: str) -> Json:
        """One plugin: what should be and what is."""
        return plugin_json(console, known(console, name))

    @router.get("/{name}/explain")
    async def explained(name: str) -> Json:
        """The chain of reasons for the plugin's present state."""
        return explain(console, known(console, name))


def _installing(router: APIRouter, console: Console) -> None:
    @router.post("", status_code=202)
    async def install(body: InstallBody, request: Request) -> Response:
        """Install a plugin, or change an installed one to what is asked now."""
        refuse_dry_run(asked=body.dry_run)
        if body.browser is not None:
            raise NotYet("browser")
        asked = Install(
            name=body.name,
            version=body.version,
            url=body.url,
            entry=body.exposedModule,
            integrity=body.integrity,
            project=body.project,
            isolation=body.isolation,
            mount=body.mount,
            config=body.config,
            enable=body.enable,
        )
        operation = await console.operator.install(asked, caller(request, body.reason))
        return await answer(console, request, operation)

    @router.delete("/{name}", status_code=202)
    async def uninstall(
        name: str, request: Request, *, reason: str = "", purge: bool = False, dry_run: Annotated[bool, Query()] = False
    ) -> Response:
        """Stop and forget a plugin; `purge` also deletes its data."""
        refuse_dry_run(asked=dry_run)
        return await answer(console, request, await console.operator.uninstall(name, caller(request, reason), purge=purge))

    @router.delete("/{name}/override", status_code=202)
    async def follow(name: str, request: Request, *, reason: str = "", dry_run: Annotated[bool, Query()] = False) -> Response:
        """Let go of what an operator said: the list decides again."""
        refuse_dry_run(asked=dry_run)
        return await answer(console, request, await console.operator.follow(name, caller(request, reason)))

    @router.put("/{name}/config", status_code=202)
    async def configure(name: str, _body: ConfigBody) -> Response:
        """Not in this release: give `config` to an install instead."""
        known(console, name)
        raise NotYet("changing the config of a running plugin (install takes one)")


def _verbs(router: APIRouter, console: Console) -> None:
    operator = console.operator
    verbs = {
        "enable": (operator.enable, "Run what is listed, or what was installed before."),
        "disable": (operator.disable, "Stop the plugin and keep it installed."),
        "rollback": (operator.rollback, "Go back to the release that served before this one."),
        "reload": (operator.reload, "A new generation of the release that serves."),
        "resume": (operator.resume, "Lift quarantine and back-off, and try again now."),
    }
    for verb, (act, said) in verbs.items():
        endpoint = _verb(console, act)
        router.add_api_route(f"/{{name}}/{verb}", endpoint, methods=["POST"], status_code=202, name=verb, description=said)

    @router.post("/{name}/upgrade", status_code=202)
    async def upgrade(name: str, request: Request, body: Annotated[UpgradeBody | None, JsonBody()] = None) -> Response:
        """Go to the release asked for, up or down; without one, to what is listed or newest."""
        asked = body or UpgradeBody()
        refuse_dry_run(asked=asked.dry_run)
        return await answer(console, request, await operator.upgrade(name, asked.version, caller(request, asked.reason)))


def _verb(console: Console, act: Callable[[str, Caller], Awaitable[Operation]]) -> Callable[..., Awaitable[Response]]:
    async def run(name: str, request: Request, body: Optional = None) -> Response:
        asked = body or Body()
        refuse_dry_run(asked=asked.dry_run)
        return await answer(console, request, await act(name, caller(request, asked.reason)))

    return run
