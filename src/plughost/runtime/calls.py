"""How a plugin's functions want to be called, read from their signatures once."""

from __future__ import annotations

import functools
import inspect
import re
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


def required(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """Those that it cannot be called without."""
    return tuple(each for each in parameters(function) if each.default is Parameter.empty and each.kind not in _VARIADIC)


def is_asgi(function: Callable[..., Any]) -> bool:
    """Whether it takes scope, receive and send: three required positional parameters."""
    needed = required(function)
    return len(needed) == ASGI_PARAMETERS and all(each.kind in _POSITIONAL for each in needed)


def is_factory(function: Callable[..., Any]) -> bool:
    """Whether it can be called with nothing, or with the context alone."""
    return len(required(function)) <= 1


def with_context(function: Callable[..., Any], context: object) -> Any:
    """Call it with the context if one parameter is required, is named `context`, or is annotated PluginContext; else with nothing."""
    for place, each in enumerate(parameters(function)):
        if each.kind not in _VARIADIC and _wants_context(each):
            by_place = each.kind is not Parameter.KEYWORD_ONLY and place == 0
            return function(context) if by_place else function(**{each.name: context})
    return function()


def behind(function: Callable[..., Any]) -> Any:
    """The function itself, without partials and what `functools.wraps` put around it."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.unwrap(function)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives something to await."""
    call = behind(function)
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004 - not whether, but how


def _wants_context(parameter: Parameter) -> bool:
    annotation = parameter.annotation
    words = re.findall(r"\w+", annotation if isinstance(annotation, str) else inspect.formatannotation(annotation))
    return parameter.default is Parameter.empty or parameter.name == "context" or "PluginContext" in words
