"""Why a plugin is in the state it is in: the chain from source or override to what runs."""

from __future__ import annotations

from plughost.api.console import Console
from plughost.api.shapes import Json, instant, intent_json, plugin_json
from plughost.control.plan import Refusal, Status
from plughost.errors import Revoked
from plughost.model.intent import Override
from plughost.model.plugin import Listing, PluginName, Target


def explain(console: Console, name: PluginName) -> Json:
    """The chain of reasons, as sentences and as values."""
    status = console.actors.status(name) or Status(name=name)
    listing, override = console.intents.listing(name), console.intents.override(name)
    shape = plugin_json(console, name)
    return {
        "name": name,
        "status": shape["status"],
        "because": _because(console, name, status),
        "intent": intent_json(console, name),
        "listed": _listing(listing) if listing else None,
        "override": _override(override) if override else None,
        "serving": shape["serving"],
        "distributions": shape["shared"],
        "history": [_release(target) for target in status.served],
        "error": status.error,
        "refused": [_refusal(refusal) for refusal in status.refused],
        "next_try": instant(status.refused[0].next_try) if status.refused else None,
    }


def _because(console: Console, name: PluginName, status: Status) -> list[str]:
    intent = console.intents.intent(name)
    listing, override = console.intents.listing(name), console.intents.override(name)
    said = [f"{listing.source} lists {listing.version}" if listing else "no source lists it"]
    if override:
        why = f" ({override.reason})" if override.reason else ""
        held = f" at {override.held.version}" if override.held else ""
        said.append(f"{override.by} said {override.state}{held} at {instant(override.at)}{why}; this wins over the list")
    said.append(f"so it should be {intent.state}" + (f" at {intent.target.version}" if intent.target else ""))
    if status.serving:
        said.append(f"{status.serving.target.version} serves as generation {status.serving.number}")
    if status.starting:
        said.append(f"{status.starting.version} is being started")
    said += [f"{refusal.target.version} was refused: {refusal.error['detail']}; {_when(console, refusal)}" for refusal in status.refused]
    return said


def _when(console: Console, refusal: Refusal) -> str:
    if refusal.error["code"] == Revoked.code:
        source = console.intents.revoked.source(str(refusal.error["sha256"]))
        return f"{source} revoked it, and it comes back when that is lifted" if source else "it is revoked no more, and comes back"
    if refusal.next_try is None:
        return "it is not tried again by itself: publish another release, or resume it"
    return f"it is tried again at {instant(refusal.next_try)} (attempt {refusal.attempts + 1})"


def _release(target: Target) -> Json:
    return {"version": target.version, "sha256": target.wheel.sha256, "url": target.wheel.url, "project": target.project}


def _listing(listing: Listing) -> Json:
    return {"source": listing.source, "version": listing.version, "wheels": [wheel.filename for wheel in listing.wheels]}


def _override(override: Override) -> Json:
    return {
        "state": override.state,
        "release": _release(override.held) if override.held else None,
        "by": override.by,
        "at": instant(override.at),
        "reason": override.reason,
    }


def _refusal(refusal: Refusal) -> Json:
    return {
        "release": _release(refusal.target),
        "error": dict(refusal.error),
        "attempts": refusal.attempts,
        "next_try": instant(refusal.next_try),
    }
