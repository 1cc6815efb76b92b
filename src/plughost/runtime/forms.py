"""Every form that an entry object may have (contract §3), brought to one: `Parts`.

| it is                                                  | the host makes of it                                      |
|--------------------------------------------------------|-----------------------------------------------------------|
| plughost.sdk.Plugin                                    | what it declares                                          |
| APIRouter, FastAPI, Starlette, any ASGI callable       | routes                                                    |
| a mapping with `slot` and `render`, `slots`, `routes`  | contributions and routes                                  |
| a function or class                                    | a factory of one of these, unless it is an ASGI app itself |
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter

from plughost.errors import EntryInvalid
from plughost.runtime.calls import is_asgi, is_factory, required
from plughost.scope import natural
from plughost.sdk import Plugin, SlotContribution

_KEYS = frozenset({"slot", "render", "order", "slots", "routes"})
_SLOT_KEYS = frozenset({"render", "order"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A plugin, taken apart."""

    routes: Any = None
    """An APIRouter, or an ASGI callable, or None."""
    contributions: tuple[SlotContribution, ...] = ()
    lifespans: tuple[Callable[..., Any], ...] = ()
    probes: tuple[Callable[[], Awaitable[None]], ...] = ()
    settings: type | None = None
    title: str | None = None
    provides: Mapping[str, object] = field(default_factory=dict)


class NotAPlugin(Exception):
    """It has none of the forms; says what was found."""


def factory(entry: str, found: object) -> Callable[..., Any] | None:
    """The entry object where it has to be called to get the plugin; None where it is one already; raises EntryInvalid."""
    if not callable(found) or not (inspect.isroutine(found) or inspect.isclass(found) or isinstance(found, functools.partial)):
        return None
    if is_asgi(found):
        return None
    if not is_factory(found):
        names = [each.name for each in required(found)]
        needs = f"{len(names)} arguments ({', '.join(names)})"
        raise EntryInvalid(entry, found=f"{described(found)}, which needs {needs}: a factory is called with nothing or a PluginContext")
    return found


def parts_of(entry: str, found: object) -> Parts:
    """The plugin taken apart; raises EntryInvalid, which says what was found."""
    try:
        return _parts_of(found)
    except NotAPlugin as problem:
        raise EntryInvalid(entry, found=natural(str(problem))) from None


def _parts_of(found: object) -> Parts:
    match found:
        case Plugin():
            return Parts(
                routes=_listed(found.routes),
                contributions=tuple(found.contributions),
                lifespans=tuple(found.lifespans),
                probes=tuple(found.probes),
                settings=found.settings,
                title=found.title,
                provides=dict(found.provided),
            )
        case Mapping():
            return _mapping(found)
    return Parts(routes=_routes(found))


def _routes(found: object) -> Any:
    if isinstance(found, APIRouter) or (callable(found) and is_asgi(found)):
        return found
    if callable(found) and not inspect.isclass(found) and not inspect.isroutine(found) and is_asgi(type(found).__call__.__get__(found)):
        return found  # a proxy, which answers every attribute, hides its signature
    raise NotAPlugin(described(found))


def _mapping(found: Mapping[Any, Any]) -> Parts:
    if unknown := sorted(map(str, set(found) - _KEYS)):
        raise NotAPlugin(f"a mapping with {', '.join(map(repr, unknown))}, which means nothing here")
    contributions: list[SlotContribution] = []
    if "slot" in found:
        contributions.append(_contribution(found["slot"], found))
    elif "render" in found:
        raise NotAPlugin("a mapping with 'render' and without 'slot'")
    for slot, given in _slots(found.get("slots", {})).items():
        several = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
        contributions += [_contribution(slot, _declared(slot, each)) for each in several]
    if not contributions and found.get("routes") is None:
        raise NotAPlugin("a mapping with neither 'slot', nor 'slots', nor 'routes'")
    return Parts(routes=_listed(found.get("routes")), contributions=tuple(contributions))


def _slots(found: object) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise NotAPlugin(f"a mapping whose 'slots' is {described(found)}, not a mapping of slot names")
    return found


def _declared(slot: object, given: object) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        return {"render": given}
    if unknown := sorted(map(str, set(given) - _SLOT_KEYS)):
        raise NotAPlugin(f"a mapping whose contribution to {slot!r} has {', '.join(map(repr, unknown))}, which means nothing here")
    return given


def _contribution(slot: object, given: Mapping[str, Any]) -> SlotContribution:
    render, order = given.get("render"), given.get("order", 0)
    if not isinstance(slot, str) or not slot:
        raise NotAPlugin(f"a mapping whose slot is named {slot!r}")
    if not callable(render):
        raise NotAPlugin(f"a mapping whose render for {slot!r} is {described(render)}, not a function")
    if not isinstance(order, int):
        raise NotAPlugin(f"a mapping whose order for {slot!r} is {order!r}, not a number")
    return SlotContribution(slot, order, render)


def _listed(routes: object) -> Any:
    """Routes as the seed lists them: `[{"path", "endpoint", "methods"}]`."""
    if routes is None:
        return None
    if not isinstance(routes, list | tuple):
        return _routes(routes)
    router = APIRouter()
    for number, route in enumerate(routes):
        if not _is_route(route):
            raise NotAPlugin(f"something whose route {number} is {route!r}, not {{'path', 'endpoint', 'methods'}}")
        router.add_api_route("/" + route["path"].lstrip("/"), route["endpoint"], methods=list(route.get("methods", ["GET"])))
    return router


def _is_route(route: object) -> bool:
    return (
        isinstance(route, Mapping)
        and isinstance(route.get("path"), str)
        and callable(route.get("endpoint"))
        and isinstance(route.get("methods", []), list | tuple | set | frozenset)
        and all(isinstance(method, str) for method in route.get("methods", []))
    )


def described(found: object) -> str:
    """What a thing is, for a message."""
    if found is None:
        return "None"
    if inspect.isclass(found):
        return f"the class {found.__qualname__}"
    if inspect.isroutine(found):
        return f"the function {getattr(found, '__qualname__', found)}"
    kind = type(found)
    name = kind.__qualname__ if kind.__module__ == "builtins" else natural(f"{kind.__module__}.{kind.__qualname__}")
    return f"a {name}"
