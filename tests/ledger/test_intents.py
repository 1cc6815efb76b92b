from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from plughost.errors import ImportFailed, describe
from plughost.ledger import CLEAR, Audit, Ledger, Refused
from plughost.model.intent import Override
from plughost.model.operation import Operation
from plughost.model.plugin import Listing, PluginName, Target, WheelFile

Releases = Callable[..., Target]
Operations = Callable[..., Operation]
INDEX = "https://plugins.example.com"


def listing(name: str, version: str = "1.0", *, source: str = INDEX) -> Listing:
    wheels = (WheelFile(url=f"{source}/{name}.whl", filename=f"{name}-{version}-py3-none-any.whl", sha256="aa"),)
    return Listing(name=PluginName(name), version=version, wheels=wheels, source=source, entry=f"{name}:plugin", mutable=True)


def override(held: Target | None = None) -> Override:
    return Override(name=PluginName("chat"), state="enabled", held=held, config='{"a": 1}', by="ada", at=3.5, reason="why not")


def audit(verb: str = "install") -> Audit:
    return Audit(at=1.0, by="ada", verb=verb, plugin="chat", detail={"version": "1.0"}, origin="127.0.0.1", reason="because")


def refusal(target: Target) -> Refused:
    error = ImportFailed("chat:plugin", reason="ValueError: no", traceback="Traceback …")
    return Refused(target=target, error=describe(error), attempts=2, next_try=None, at=9.0)


async def test_a_new_ledger_is_empty(ledger: Ledger) -> None:
    recorded = await ledger.recorded()

    assert (recorded.lists, recorded.etags, recorded.overrides, recorded.served, recorded.refused) == ({}, {}, {}, {}, {})


async def test_a_list_is_replaced_whole(ledger: Ledger) -> None:
    await ledger.set_list(INDEX, [listing("chat"), listing("news")], '"one"')
    await ledger.set_list(INDEX, [listing("chat", "2.0")], '"two"')

    recorded = await ledger.recorded()

    assert recorded.lists == {INDEX: {"chat": listing("chat", "2.0")}}
    assert recorded.etags == {INDEX: '"two"'}


async def test_a_source_that_lists_nothing_is_remembered_as_such(ledger: Ledger) -> None:
    await ledger.set_list(INDEX, [], None)

    recorded = await ledger.recorded()

    assert recorded.lists == {INDEX: {}}
    assert recorded.etags == {}


async def test_two_sources_may_list_the_same_name(ledger: Ledger) -> None:
    other = "file:///plugins"
    await ledger.set_list(INDEX, [listing("chat")], None)
    await ledger.set_list(other, [listing("chat", "2.0", source=other)], None)
    await ledger.drop_source(INDEX)

    assert (await ledger.recorded()).lists == {other: {"chat": listing("chat", "2.0", source=other)}}


async def test_an_override_reads_back_as_it_was_said_and_is_audited(ledger: Ledger, release: Releases) -> None:
    said = override(held=replace(release(), entry="chat:app", index=INDEX, config='{"b": [1, "\\u00e9"]}'))
    await ledger.set_override(said, audit())

    assert (await ledger.recorded()).overrides == {"chat": said}
    assert [row.verb for row in await ledger.audit()] == ["install"]


async def test_letting_go_of_an_override_is_audited(ledger: Ledger) -> None:
    await ledger.set_override(override(), audit())
    await ledger.clear_override("chat", audit("follow"))

    assert (await ledger.recorded()).overrides == {}
    assert [row.verb for row in await ledger.audit()] == ["follow", "install"]


async def test_the_end_of_an_operation_keeps_what_it_does_not_name(ledger: Ledger, release: Releases, operation: Operations) -> None:
    await ledger.set_override(override(), audit())
    await ledger.begin(operation(1), "install chat")
    await ledger.end(operation(1, state="failed"), refused=refusal(release()))
    await ledger.begin(operation(2), "reload chat")
    await ledger.end(operation(2, state="succeeded"))

    recorded = await ledger.recorded()

    assert recorded.overrides == {"chat": override()}
    assert recorded.refused == {"chat": refusal(release())}


async def test_a_failed_operation_puts_the_former_override_back(ledger: Ledger, release: Releases, operation: Operations) -> None:
    before = override(held=release(version="1.0"))
    await ledger.set_override(override(held=release(version="2.0")), audit("upgrade"))
    await ledger.begin(operation(), "upgrade chat 2.0")
    await ledger.end(operation(state="failed"), override=before)

    assert (await ledger.recorded()).overrides == {"chat": before}


async def test_a_failed_first_install_leaves_no_override(ledger: Ledger, operation: Operations) -> None:
    await ledger.set_override(override(), audit())
    await ledger.begin(operation(), "install chat")
    await ledger.end(operation(state="failed"), override=None)

    assert (await ledger.recorded()).overrides == {}


async def test_success_clears_the_refusal(ledger: Ledger, release: Releases, operation: Operations) -> None:
    await ledger.end(operation(1, state="failed"), refused=refusal(release()))
    await ledger.end(operation(2, state="succeeded"), served=release(), refused=CLEAR)

    recorded = await ledger.recorded()

    assert recorded.refused == {}
    assert recorded.served == {"chat": (release(),)}


async def test_served_releases_are_kept_newest_first_and_five_at_most(ledger: Ledger, release: Releases, operation: Operations) -> None:
    for number in range(8):
        await ledger.end(operation(number, state="succeeded"), served=release(version=f"{number}.0"))
    await ledger.end(operation(9, plugin="news", state="succeeded"), served=release("news"))

    recorded = await ledger.recorded()

    assert [target.version for target in recorded.served["chat"]] == ["7.0", "6.0", "5.0", "4.0", "3.0"]
    assert recorded.served["news"] == (release("news"),)


async def test_a_release_that_serves_again_stands_in_the_history_once(ledger: Ledger, release: Releases, operation: Operations) -> None:
    again = replace(release(version="1.0"), config='{"new": true}')
    for number, target in enumerate([release(version="1.0"), release(version="2.0"), again]):
        await ledger.end(operation(number, state="succeeded"), served=target)

    assert (await ledger.recorded()).served["chat"] == (again, release(version="2.0"))


async def test_other_bytes_of_one_version_are_another_release(ledger: Ledger, release: Releases, operation: Operations) -> None:
    for number, digest in enumerate(["aa", "bb"]):
        await ledger.end(operation(number, state="succeeded"), served=release(sha256=digest))

    assert [target.wheel.sha256 for target in (await ledger.recorded()).served["chat"]] == ["bb", "aa"]


async def test_a_forgotten_plugin_has_no_history(ledger: Ledger, release: Releases, operation: Operations) -> None:
    await ledger.end(operation(1, state="succeeded"), served=release())
    await ledger.end(operation(2, plugin="news", state="succeeded"), served=release("news"))
    await ledger.end(operation(3, state="failed"), refused=refusal(release(version="2.0")))
    await ledger.forget("chat")

    recorded = await ledger.recorded()

    assert recorded.served == {"news": (release("news"),)}
    assert recorded.refused == {}
