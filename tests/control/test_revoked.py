"""The union of what sources have revoked, and whom a change of it touches."""

from __future__ import annotations

from plughost.control.intents import Intents
from plughost.control.revoked import Revocations
from plughost.errors import Revoked
from plughost.model import revocation
from plughost.model.intent import Override
from plughost.model.plugin import PluginName

A, B = "https://a.example.com", "https://b.example.com"
ONE, TWO = "11" * 32, "22" * 32


def known(name: str = "chat") -> Intents:
    made = Intents([A, B], choose=lambda listing: listing.wheels[0], core_owns=lambda _: False)
    made.put_override(name, Override(name=PluginName(name), state="disabled", by="ada", at=0.0))
    return made


def test_what_any_source_revokes_is_revoked_until_none_does() -> None:
    revoked = Revocations()
    assert revoked.put(A, {ONE: "stolen"})
    assert revoked.put(B, {ONE: "stolen", TWO: "slow"})
    assert revoked.put(A, {})
    assert revoked.reasons == {ONE: "stolen", TWO: "slow"}
    assert (revoked.source(ONE), revoked.source("33" * 32)) == (B, None)

    assert revoked.put(B, {TWO: "slow"})
    assert revoked.reasons == {TWO: "slow"}
    assert list(revoked.sources()) == [B]


def test_the_same_again_is_no_change() -> None:
    revoked = Revocations()
    assert revoked.load({A: {ONE: "stolen"}, B: {}})
    assert not revoked.load({A: {ONE: "stolen"}})
    assert not revoked.put(A, {ONE: "stolen"})
    assert not revoked.put(B, {})


def test_a_reader_keeps_the_picture_it_has() -> None:
    revoked = Revocations()
    revoked.put(A, {ONE: "stolen"})
    before = revoked.reasons
    revoked.put(A, {})
    assert before == {ONE: "stolen"}


def test_a_change_touches_every_plugin_and_no_change_none() -> None:
    intents = known()
    assert intents.put_revoked(A, {ONE: "stolen"}) == {"chat"}
    assert intents.put_revoked(A, {ONE: "stolen"}) == frozenset()
    rows = {"chat": Override(name=PluginName("chat"), state="disabled", by="ada", at=0.0)}
    assert intents.load({}, rows, {A: {ONE: "stolen"}}) == frozenset()
    assert intents.load({}, rows, {}) == {"chat"}
    assert intents.revoked.reasons == {}


def test_a_refusal_names_the_release_the_wheel_and_the_reason() -> None:
    contains = {ONE: "acme-chat 1.0", TWO: "acme-lib 2.0"}
    error = revocation.refusal("chat 1.0", contains, {TWO: "stolen"})
    assert isinstance(error, Revoked)
    assert error.fields == {"release": "chat 1.0", "wheel": "acme-lib 2.0", "sha256": TWO, "reason": "stolen"}
    assert str(error) == f"chat 1.0 contains acme-lib 2.0 (sha256 {TWO}), which is revoked: stolen; choose another release"
    assert revocation.refusal("chat 1.0", contains, {"33" * 32: "stolen"}) is None
