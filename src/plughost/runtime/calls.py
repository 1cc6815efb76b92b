"""How a plugin's functions want to be called, read from their signatures once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
ASGI_PARAMETERS = 3


def parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """Its parameters; empty where Python cannot tell (some built-ins)."""
    try:
        return tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ()


def is_asgi(function: Callable[..., Any]) -> bool:
    """Whether it takes scope, receive and send: three required positional parameters."""
    required = _required(function)
    return len(required) == ASGI_PARAMETERS and all(each.kind in _POSITIONAL for each in required)


def is_factory(function: Callable[..., Any]) -> bool:
    """Whether it can be called with nothing, or with the context alone."""
    return len(_required(function)) <= 1


def with_context(function: Callable[..., Any], context: object) -> Any:
    """Call it with the context if its one parameter is required, is named `context`, or is annotated PluginContext; else with nothing."""
    wanted = [each for each in parameters(function) if each.kind not in _VARIADIC and _wants_context(each)]
    if not wanted:
        return function()
    if wanted[0].kind is Parameter.KEYWORD_ONLY:
        return function(**{wanted[0].name: context})
    return function(context)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives something to await."""
    unwrapped = inspect.unwrap(function)
    call = getattr(unwrapped, "func", unwrapped)  # a functools.partial
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004 - not whether, but how


def _required(function: Callable[..., Any]) -> list[Parameter]:
    return [each for each in parameters(function) if each.default is Parameter.empty and each.kind not in _VARIADIC]


def _wants_context(parameter: Parameter) -> bool:
    annotation = parameter.annotation
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return parameter.default is Parameter.empty or parameter.name == "context" or name.rpartition(".")[2] == "PluginContext"
