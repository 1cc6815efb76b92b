"""A plugin's render function as the registry wants it: takes all props, validates its own by its signature, returns the content."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import Any, get_type_hints

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from plughost.errors import PropsInvalid
from plughost.model.owner import Owner
from plughost.registry import Contribution
from plughost.runtime.calls import is_async, parameters
from plughost.sdk import SlotContribution

_ANYTHING = ConfigDict(arbitrary_types_allowed=True)
Check = Callable[[Any], Any]


def contribution_of(declared: SlotContribution, owner: Owner, position: int) -> Contribution:
    """The contribution; its render raises PropsInvalid where the props do not fit."""
    return Contribution(
        slot=declared.slot,
        order=declared.order,
        render=_adapted(declared.render, owner.plugin, declared.slot),
        owner=owner,
        position=position,
        sync=not is_async(declared.render),
    )


def _adapted(render: Callable[..., Any], plugin: str, slot: str) -> Callable[[Mapping[str, object]], Any]:
    takes = [each for each in parameters(render) if each.kind is not Parameter.VAR_POSITIONAL]
    if [each.name for each in takes] == ["props"] and takes[0].kind is not Parameter.VAR_KEYWORD:
        return render
    hints = _hints(render)
    checks = {each.name: _check(hints.get(each.name, Any)) for each in takes if each.kind is not Parameter.VAR_KEYWORD}
    positional = [each.name for each in takes if each.kind is Parameter.POSITIONAL_ONLY]
    required = [each.name for each in takes if each.name in checks and each.default is Parameter.empty]
    takes_all = len(checks) < len(takes)

    def adapted(props: Mapping[str, object]) -> Any:
        problems = [f"{name} is missing" for name in required if name not in props]
        values: dict[str, Any] = {name: value for name, value in props.items() if name not in checks} if takes_all else {}
        for name in checks.keys() & props.keys():
            try:
                values[name] = checks[name](props[name])
            except ValidationError as error:
                problems += [f"{name}: {each['msg']}" for each in error.errors(include_url=False)]
        if problems:
            raise PropsInvalid(plugin, slot=slot, problems=sorted(problems))
        return render(*[values.pop(name) for name in positional if name in values], **values)

    return adapted


def _hints(render: Callable[..., Any]) -> Mapping[str, Any]:
    function = inspect.unwrap(render)
    function = getattr(function, "func", function)
    if not inspect.isroutine(function):
        function = type(function).__call__
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError):  # an annotation that names nothing checks nothing
        return {}


def _check(hint: Any) -> Check:
    if hint is Any:
        return lambda value: value
    try:
        return TypeAdapter(hint, config=_ANYTHING).validate_python
    except PydanticUserError:  # a model has its own configuration
        return TypeAdapter(hint).validate_python
