"""One plugin's OpenAPI fragment: natural names, its own prefix on components and operations, paths below its mount."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi

from plughost.model.owner import Owner, current
from plughost.scope import natural

logger = logging.getLogger("plughost.plugin")
Fragment = Mapping[str, Any]
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


def fragment(routes: object, owner: Owner) -> Callable[[], Fragment | None] | None:
    """Makes the plugin's fragment, once; None for an app that has none to show."""
    if not isinstance(routes, FastAPI | APIRouter):
        return None
    return cache(lambda: _made(routes, owner))


def show_naturally(app: FastAPI) -> None:
    """Let the app's own `/openapi.json` show natural names; FastAPI puts the module before a name that two models have."""
    as_it_is = app.openapi

    def openapi() -> dict[str, Any]:
        document = as_it_is()
        shown = natural(text := json.dumps(document))
        return document if shown == text else cast("dict[str, Any]", json.loads(shown))

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents it: "Extending OpenAPI"


def _made(routes: FastAPI | APIRouter, owner: Owner) -> Fragment | None:
    """The plugin's operations; a plugin whose schema cannot be made serves all the same."""
    token = current.set(owner)
    try:
        made = routes.openapi() if isinstance(routes, FastAPI) else get_openapi(title=owner.plugin, version="1", routes=routes.routes)
        return _named(json.loads(natural(json.dumps(made))), owner.plugin)
    except (Exception, SystemExit) as error:
        logger.warning("no OpenAPI for this plugin", exc_info=error, extra={"plugin": owner.plugin, "version": owner.version})
        return None
    finally:
        current.reset(token)


def _named(document: dict[str, Any], plugin: str) -> Fragment:
    components = document.get("components", {})
    renamed = {
        f"#/components/{kind}/{name}": f"#/components/{kind}/{plugin}.{name}" for kind, found in components.items() for name in found
    }
    whole = {
        "paths": document.get("paths", {}),
        "components": {kind: {f"{plugin}.{name}": value for name, value in found.items()} for kind, found in components.items()},
    }
    for node in _nodes(whole):
        if isinstance(reference := node.get("$ref"), str):
            node["$ref"] = renamed.get(reference, reference)
        if "propertyName" in node and isinstance(mapping := node.get("mapping"), dict):  # a discriminator, no property of that name
            node["mapping"] = {key: renamed.get(value, value) for key, value in mapping.items()}
    for operation in _operations(whole["paths"]):
        operation.setdefault("tags", [plugin])
        if "operationId" in operation:
            operation["operationId"] = f"{plugin}.{operation['operationId']}"
        operation["security"] = [{f"{plugin}.{name}": scopes for name, scopes in each.items()} for each in operation.get("security", ())]
        if not operation["security"]:
            del operation["security"]
    return whole


def _operations(paths: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in paths.values():
        yield from (operation for method, operation in path.items() if method in _METHODS)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _nodes(each)
    elif isinstance(value, list):
        for each in value:
            yield from _nodes(each)
