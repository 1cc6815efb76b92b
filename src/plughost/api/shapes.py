"""The JSON shapes of contract §4, from the values of control and ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from plughost.api.console import Console
from plughost.control.follow import SourceState
from plughost.control.generation import Generation
from plughost.control.plan import Status, state
from plughost.errors import PluginUnknown
from plughost.ledger import Audit, Token
from plughost.model.operation import Operation, Step
from plughost.model.plugin import PluginName, Target
from plughost.registry import Contribution

Json = dict[str, object]


def instant(seconds: float | None) -> str | None:
    """Seconds since the epoch as RFC 3339 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def operation_json(operation: Operation) -> Json:
    """One operation."""
    shape: Json = {
        "id": operation.id,
        "verb": operation.verb,
        "plugin": operation.plugin,
        "version": operation.version,
        "by": operation.by,
        "reason": operation.reason,
        "state": operation.state,
        "phase": operation.phase,
        "phases": [_step(step) for step in operation.steps],
        "notes": list(operation.notes),
        "started": instant(operation.started),
        "ended": instant(operation.ended),
    }
    if operation.error:
        shape["error"] = {**operation.error}
    return shape


def _step(step: Step) -> Json:
    shape: Json = {"name": step.name, "started": instant(step.started), "seconds": step.seconds}
    if step.bytes is not None:
        shape |= {"bytes": step.bytes, "total": step.total}
    return shape


def known(console: Console, name: str) -> PluginName:
    """The name, if anything is known of it; raises PluginUnknown."""
    status = console.actors.status(name)
    if name in console.intents.names() or (status and (status.serving or status.starting or status.stopping)):
        return PluginName(name)
    raise PluginUnknown(name)


def names(console: Console) -> list[str]:
    """Every plugin that `GET /api/plugins` shows."""
    running = {actor.name for actor in console.actors.all() if actor.status.serving or actor.status.stopping}
    return sorted(console.intents.names() | running)


def plugin_json(console: Console, name: PluginName) -> Json:
    """One plugin: what should be and what is."""
    status = console.actors.status(name) or Status(name=name)
    intent = console.intents.intent(name)
    target = (status.serving.target if status.serving else None) or intent.target
    shape: Json = {
        "name": name,
        "project": target.project if target else None,
        "status": state(intent, status),
        "intent": intent_json(console, name),
        "serving": _serving(status),
        "generations": _generations(console, name),
        "mount": target.mount if target else None,
        "isolation": "scope" if status.serving else (target.isolation if target else None),
        "slots": sorted({contribution.slot for contribution in contributions(console) if contribution.owner.plugin == name}),
        "shared": _shared(console, name),
        "config": hidden(target),
    }
    if status.error:
        shape["error"] = {**status.error}
    return shape


def intent_json(console: Console, name: PluginName) -> Json:
    """What should be, and who says so."""
    intent = console.intents.intent(name)
    shape: Json = {"state": intent.state, "version": intent.target.version if intent.target else None}
    if intent.by:
        shape["by"] = intent.by
    elif intent.source:
        shape["source"] = intent.source
    return shape


def _serving(status: Status) -> Json | None:
    if status.serving is None:
        return None
    target = status.serving.target
    return {"version": target.version, "sha256": target.wheel.sha256, "generation": status.serving.number}


def _generations(console: Console, name: PluginName) -> list[Json]:
    actor = console.actors.find(name)
    generations: list[Generation] = list(actor.generations) if actor else []
    return [
        {"number": generation.number, "version": generation.target.version, "phase": str(generation.phase), "visits": generation.visits}
        for generation in sorted(generations, key=lambda generation: -generation.number)
    ]


def _shared(console: Console, name: PluginName) -> list[Json]:
    actor = console.actors.find(name)
    serving = actor.status.serving.number if actor and actor.status.serving else None
    for generation in actor.generations if actor else ():
        if generation.number == serving and generation.sharing:
            return [
                {"project": place.project, "version": place.version, "kind": place.kind, "why": place.why}
                for place in generation.sharing.placements
            ]
    return []


def hidden(target: Target | None) -> Mapping[str, object]:
    """The plugin's config, with what looks like a secret hidden."""
    return {key: _hide(key, value) for key, value in json.loads(target.config).items()} if target else {}


def _hide(key: str, value: object) -> object:
    if _secret(key):
        return "********"
    if isinstance(value, dict):
        return {inner: _hide(inner, each) for inner, each in value.items()}
    return [_hide("", each) for each in value] if isinstance(value, list) else value


def _secret(key: str) -> bool:
    return any(word in key.lower() for word in ("secret", "password", "passwd", "token", "key", "credential"))


def contributions(console: Console) -> list[Contribution]:
    """Every contribution that is mounted."""
    return [contribution for slot in console.registry.table.slots.values() for contribution in slot]


def source_json(console: Console, source: SourceState) -> Json:
    """One source, with the entries of it that could not be taken."""
    entries = {**source.entries}
    for name, speaker in console.intents.echoes().get(source.url, {}).items():
        entries.setdefault(name, f"{speaker} lists it too and speaks first")
    shape: Json = {"url": source.url, "kind": source.kind, "state": source.state, "checked": instant(source.checked)}
    if source.problem:
        shape["problem"] = source.problem
    if entries:
        shape["entries"] = [{"name": name, "problem": problem} for name, problem in sorted(entries.items())]
    return shape


def token_json(token: Token) -> Json:
    """One token, without its hash."""
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "created": instant(token.created),
        "expires": instant(token.expires),
        "used": instant(token.used),
    }


def audit_json(row: Audit) -> Json:
    """One audit row."""
    return {
        "at": instant(row.at),
        "by": row.by,
        "verb": row.verb,
        "plugin": row.plugin,
        "origin": row.origin,
        "reason": row.reason,
        "detail": dict(row.detail),
    }
