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
from plughost.runtime.calls import behind, is_async, parameters
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
    hints = _hints(render)
    checks = {each.name: _check(each.name, hints) for each in takes if each.kind is not Parameter.VAR_KEYWORD}
    if list(checks) == ["props"] == [each.name for each in takes]:
        return _whole(render, takes[0], checks["props"], plugin, slot)
    defaults = {each.name: each.default for each in takes if each.name in checks}
    required = [name for name, default in defaults.items() if default is Parameter.empty]
    positional = [each.name for each in takes if each.kind is Parameter.POSITIONAL_ONLY]
    takes_all = len(checks) < len(takes)

    def adapted(props: Mapping[str, object]) -> Any:
        problems = [f"{name} is missing" for name in required if name not in props]
        values: dict[str, Any] = {name: value for name, value in props.items() if name not in checks} if takes_all else {}
        for name in checks.keys() & props.keys():
            try:
                values[name] = checks[name](props[name])
            except ValidationError as error:
                problems += _problems(name, error)
        if problems:
            raise PropsInvalid(plugin, slot=slot, problems=sorted(problems))
        return render(*[values.pop(name, defaults[name]) for name in positional], **values)

    return adapted


def _whole(render: Callable[..., Any], takes: Parameter, check: Check, plugin: str, slot: str) -> Callable[[Mapping[str, object]], Any]:
    """The seed's `(props) => …`."""

    def adapted(props: Mapping[str, object]) -> Any:
        try:
            checked = check(props)
        except ValidationError as error:
            raise PropsInvalid(plugin, slot=slot, problems=sorted(_problems("", error))) from None
        return render(props=checked) if takes.kind is Parameter.KEYWORD_ONLY else render(checked)

    return adapted


def _problems(name: str, error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, [name, *each['loc']])).strip('.')}: {each['msg']}" for each in error.errors(include_url=False)]


def _hints(render: Callable[..., Any]) -> Mapping[str, Any]:
    function = behind(render)
    if not inspect.isroutine(function):
        function = type(function).__call__
    try:
        return get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation is plugin code; one that cannot be evaluated checks nothing
        return {}


def _check(name: str, hints: Mapping[str, Any]) -> Check:
    hint = hints.get(name, Any)
    if hint is Any:
        return lambda value: value
    try:
        return TypeAdapter(hint, config=_ANYTHING).validate_python
    except PydanticUserError:  # a model has its own configuration
        return TypeAdapter(hint).validate_python
