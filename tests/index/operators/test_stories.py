"""Whatever operators do in whatever order: the list has only what is offered, and the newest that may be chosen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from plughost.errors import PlughostError
from plugin_index import changes
from plugin_index.changes import Release
from plugin_index.choosing import chosen, parsed, wheels
from plugin_index.nouns import Audit, File
from tests.index.storage.plain import PlainRows, Tables
from tests.index.storage.rows import METADATA, a_file

VERSIONS = ["0.9", "1.0", "1.0.0", "1.1rc1", "1.1", "2.0.dev1", "2.0", "1!0.1", "1.0+local"]
SPECIFIERS = ["", "<2", "==1.0", "1.0", ">=1,!=1.1", "~=1.0", ">=2.0.dev0", "==1.*", "===1.0"]
MARKS: dict[str, Callable[[File], File]] = {
    "yank": lambda file: replace(file, yanked="bad"),
    "unyank": lambda file: replace(file, yanked=None),
    "quarantine": lambda file: replace(file, quarantined="bad"),
    "unquarantine": lambda file: replace(file, quarantined=None),
    "remove": lambda file: replace(file, removed=1.0),
}
STEPS = st.one_of(
    st.tuples(st.sampled_from(["publish", "revoke", *MARKS]), st.sampled_from(VERSIONS)),
    st.tuples(st.just("enable"), st.sampled_from(SPECIFIERS)),
    st.tuples(st.just("disable"), st.just("")),
)


def done(rows: PlainRows, verb: str, said: str) -> None:
    audit = Audit(at=1.0, by="ada", verb=verb, subject=said)
    if verb == "publish":
        tag = "py3-none-any" if said != "1.0.0" else "py3-none-win32"  # else it is another spelling of 1.0
        changes.publish(rows, a_file(version=said, filename=f"acme_chat-{said}-{tag}.whl", says=said), METADATA, "")
    elif verb == "enable":
        changes.enable("chat", said, audit)(rows)
    elif verb == "disable":
        changes.disable("chat", audit)(rows)
    elif verb == "revoke":
        changes.revoked(Release(project="acme-chat", version=Version(said)), audit)(rows)
    else:
        changes.marked(Release(project="acme-chat", version=Version(said)), MARKS[verb], audit)(rows)


def listed(rows: PlainRows) -> tuple[File, ...]:
    entry = rows.enabled().get("chat")
    return wheels("chat", rows.of_project("acme-chat"), entry.version) if entry else ()


@settings(deadline=None, max_examples=400)
@given(st.lists(STEPS, max_size=25))
def test_the_list_has_what_is_offered_and_the_newest_that_may_be_chosen(steps: list[tuple[str, str]]) -> None:
    rows = PlainRows(Tables())
    for verb, said in [("publish", "1.0"), *steps]:
        with contextlib.suppress(PlughostError):
            done(rows, verb, said)
        shown, files, entry = listed(rows), rows.of_project("acme-chat"), rows.enabled().get("chat")
        assert all(file.offered for file in shown)
        if entry is None:
            continue
        best = chosen("chat", files, entry.specifier)
        if best is not None:
            assert {file.number for file in shown} == {Version(best)}
            assert all(file.yanked is None for file in shown)
            assert parsed(entry.specifier).contains(best, prereleases=True)
