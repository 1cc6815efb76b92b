"""What every `Storage` keeps to, whatever it is made of: its rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugin_index.nouns import File
from plugin_index.storage import Rows, Storage
from tests.index.storage.rows import METADATA, a_file, a_mirror, a_revocation, a_token, an_audit, an_entry, an_offer


async def kept(storage: Storage, *files: File) -> None:
    def write(rows: Rows) -> None:
        for file in files:
            rows.add(file, METADATA)

    await storage.write(write)


async def test_a_file_reads_as_it_was_written(storage: Storage) -> None:
    file = a_file(requires_python=None, summary="", plugins={})
    await kept(storage, file, a_file(version="2.0"))

    assert await storage.read(lambda rows: rows.file(file.filename)) == file
    assert await storage.read(lambda rows: rows.metadata(file.filename)) == METADATA
    assert await storage.read(lambda rows: rows.file("other-1.0-py3-none-any.whl")) is None


async def test_files_come_newest_version_first(storage: Storage) -> None:
    numbers = ["1.9", "1.10", "1.10rc1", "2.dev1", "1!0.1"]
    await kept(storage, *(a_file(version=version) for version in numbers), a_file("other"))

    found = await storage.read(lambda rows: rows.of_project("acme-chat"))

    assert [file.version for file in found] == ["1!0.1", "2.dev1", "1.10", "1.10rc1", "1.9"]
    assert await storage.read(lambda rows: rows.of_project("unknown")) == ()
    assert await storage.read(lambda rows: rows.projects()) == ("acme-chat", "other")


async def test_files_of_several_projects_come_by_project(storage: Storage) -> None:
    await kept(storage, a_file("one", "1"), a_file("one", "2"), a_file("two"), a_file("three"))

    found = await storage.read(lambda rows: rows.of_projects(["one", "two", "unknown"]))

    assert {project: [file.version for file in files] for project, files in found.items()} == {"one": ["2", "1"], "two": ["1.0"]}


async def test_a_release_is_found_by_any_spelling_of_its_version(storage: Storage) -> None:
    await kept(storage, a_file(version="1.0"), a_file(version="1.1"), a_file("other", "1.0"))

    found = await storage.read(lambda rows: rows.of_releases([("acme-chat", "1.0.0"), ("acme-chat", "3")]))

    assert [file.filename for file in found["acme-chat"]] == [a_file(version="1.0").filename]
    assert [*found] == ["acme-chat"]


async def test_files_are_found_by_their_bytes(storage: Storage) -> None:
    file = a_file()
    again = replace(file, filename="acme_chat-1.0-1-py3-none-any.whl")
    await kept(storage, file, again, a_file(version="2.0"))

    assert {each.filename for each in await storage.read(lambda rows: rows.of_sha256(file.sha256))} == {file.filename, again.filename}


async def test_marks_are_all_that_changes_of_a_file(storage: Storage) -> None:
    file = a_file()
    await kept(storage, file, a_file(version="2.0"))
    marked = replace(file, yanked="slow", quarantined="", removed=1_700_000_009.5)

    await storage.write(lambda rows: rows.mark(replace(marked, summary="forged")))

    assert await storage.read(lambda rows: rows.file(file.filename)) == marked
    await storage.write(lambda rows: rows.mark(file))
    assert await storage.read(lambda rows: rows.file(file.filename)) == file


async def test_every_file_is_told_and_those_that_are_not_removed_are_counted(storage: Storage) -> None:
    files = [a_file(version=str(number)) for number in range(300)]
    await kept(storage, *files, a_file("gone", removed=1.0))

    found = await storage.read(lambda rows: [*rows.files()])

    assert sorted(file.filename for file in found) == sorted(file.filename for file in (*files, a_file("gone")))
    assert await storage.read(lambda rows: rows.totals()) == (300, 30_000)


async def test_an_empty_storage_answers_too(storage: Storage) -> None:
    assert await storage.read(lambda rows: rows.totals()) == (0, 0)
    assert await storage.read(lambda rows: rows.projects()) == ()
    assert await storage.read(lambda rows: [*rows.files()]) == []
    assert await storage.read(lambda rows: rows.audit(10, None)) == ()


async def test_a_plugin_belongs_to_who_claims_it_first(storage: Storage) -> None:
    def write(rows: Rows) -> None:
        for plugin, project in [("chat", "acme-chat"), ("chat", "mallory"), ("notes", "acme-notes"), ("a", "z")]:
            rows.claim(plugin, project)

    await storage.write(write)

    assert await storage.read(lambda rows: rows.owner("chat")) == "acme-chat"
    assert await storage.read(lambda rows: rows.owner("unknown")) is None
    assert await storage.read(lambda rows: [*rows.owners("", 2).items()]) == [("a", "z"), ("chat", "acme-chat")]
    assert await storage.read(lambda rows: [*rows.owners("chat", 2)]) == ["notes"]


async def test_what_is_enabled_is_what_was_said_last(storage: Storage) -> None:
    await storage.write(lambda rows: rows.enable(an_entry("notes")))
    await storage.write(lambda rows: rows.enable(an_entry("chat", "1.0")))
    await storage.write(lambda rows: rows.enable(an_entry("chat", "2.0")))

    assert await storage.read(lambda rows: [*rows.enabled().items()]) == [("chat", an_entry("chat", "2.0")), ("notes", an_entry("notes"))]

    await storage.write(lambda rows: rows.disable("chat"))
    await storage.write(lambda rows: rows.disable("unknown"))
    assert await storage.read(lambda rows: [*rows.enabled()]) == ["notes"]


async def test_what_was_said_first_about_revoked_bytes_stays(storage: Storage) -> None:
    file = a_file()
    await kept(storage, file, a_file(version="2.0"))
    for revocation in (a_revocation(file.sha256), a_revocation(file.sha256, reason="another"), a_revocation("f" * 64, at=1_800_000_000.0)):
        await storage.write(lambda rows, said=revocation: rows.revoke(said))  # type: ignore[misc]  # bound at once

    assert await storage.read(lambda rows: rows.revoked()) == (a_revocation("f" * 64, at=1_800_000_000.0), a_revocation(file.sha256))
    assert [each.revoked for each in await storage.read(lambda rows: rows.of_project("acme-chat"))] == [None, "it steals"]


async def test_bytes_that_are_not_here_yet_can_be_revoked(storage: Storage) -> None:
    await storage.write(lambda rows: rows.revoke(a_revocation(a_file().sha256, reason="")))
    await kept(storage, a_file())

    found = await storage.read(lambda rows: rows.file(a_file().filename))

    assert found is not None
    assert found.revoked == ""
    assert not found.offered


async def test_tokens_are_found_by_id_and_by_hash(storage: Storage) -> None:
    one, two = a_token("one", expires=1_900_000_000.5), a_token("two", created=1_800_000_000.0)
    for token in (one, two):
        await storage.write(lambda rows, token=token: rows.put_token(token))  # type: ignore[misc]  # bound at once

    assert await storage.read(lambda rows: rows.tokens()) == (two, one)
    assert await storage.read(lambda rows: rows.token("one")) == one
    assert await storage.read(lambda rows: rows.token_of("hash of two")) == two
    assert await storage.read(lambda rows: rows.token_of("hash of three")) is None


async def test_a_token_changes_and_goes(storage: Storage) -> None:
    await storage.write(lambda rows: rows.put_token(a_token()))
    await storage.write(lambda rows: rows.put_token(a_token(hash="another", used=1_700_000_005.0)))

    assert await storage.read(lambda rows: rows.token_of("hash of one")) is None
    assert await storage.read(lambda rows: rows.tokens()) == (a_token(hash="another", used=1_700_000_005.0),)

    await storage.write(lambda rows: rows.delete_token("one"))
    await storage.write(lambda rows: rows.delete_token("unknown"))
    assert await storage.read(lambda rows: rows.tokens()) == ()


async def test_the_audit_comes_newest_first_and_in_pages(storage: Storage) -> None:
    for verb in ("upload", "enable", "yank"):
        await storage.write(lambda rows, verb=verb: rows.add_audit(an_audit(verb)))  # type: ignore[misc]  # bound at once

    newest = await storage.read(lambda rows: rows.audit(2, None))
    older = await storage.read(lambda rows: rows.audit(2, newest[-1].id))

    assert [row.verb for row in (*newest, *older)] == ["yank", "enable", "upload"]
    assert replace(newest[0], id=0) == an_audit("yank")
    assert await storage.read(lambda rows: rows.audit(2, older[-1].id)) == ()


async def test_what_a_write_raises_undoes_all_of_it(storage: Storage) -> None:
    await kept(storage, a_file())
    await storage.write(lambda rows: rows.enable(an_entry()))

    def write(rows: Rows) -> None:
        rows.add(a_file(version="2.0"), METADATA)
        rows.mark(replace(a_file(), yanked="slow"))
        rows.claim("chat", "acme-chat")
        rows.disable("chat")
        rows.revoke(a_revocation("f" * 64))
        rows.put_token(a_token())
        rows.add_audit(an_audit("upload"))
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await storage.write(write)

    assert await storage.read(lambda rows: [*rows.files()]) == [a_file()]
    assert await storage.read(lambda rows: [*rows.enabled()]) == ["chat"]
    for left in await storage.read(lambda rows: (rows.owners("", 9), rows.revoked(), rows.tokens(), rows.audit(9, None))):
        assert not left


async def test_a_name_that_was_used_is_never_used_again(storage: Storage) -> None:
    await kept(storage, a_file(removed=1.0))

    with pytest.raises(Exception, match=r"acme_chat|UNIQUE"):
        await kept(storage, a_file(says="other bytes"))

    assert await storage.read(lambda rows: rows.of_project("acme-chat")) == (a_file(removed=1.0),)


async def test_a_write_sees_what_it_has_written(storage: Storage) -> None:
    def write(rows: Rows) -> tuple[File, ...]:
        rows.add(a_file(), METADATA)
        rows.revoke(a_revocation(a_file().sha256))
        return rows.of_project("acme-chat")

    assert await storage.write(write) == (a_file(revoked="it steals"),)


async def test_what_a_registry_offers_reads_as_it_was_written_in_its_order(storage: Storage) -> None:
    bare = an_offer(version="2.0", size=None, uploaded=None, requires_python=None, yanked="", metadata_sha256=None)
    await storage.write(lambda rows: rows.put_mirror(a_mirror(), [an_offer(version="1.0"), bare]))
    await storage.write(lambda rows: rows.put_mirror(a_mirror("lib-two"), [an_offer("lib-two")]))

    assert await storage.read(lambda rows: rows.mirror("lib-one")) == a_mirror()
    assert await storage.read(lambda rows: rows.offers("lib-one")) == (an_offer(version="1.0"), bare)
    assert await storage.read(lambda rows: rows.offer(bare.filename)) == bare
    assert await storage.read(lambda rows: (rows.mirror("unknown"), rows.offers("unknown"), rows.offer("unknown"))) == (None, (), None)


async def test_what_is_offered_takes_the_place_of_what_was(storage: Storage) -> None:
    old, new = an_offer(version="1.0"), an_offer(version="2.0", metadata_sha256=None)
    await storage.write(lambda rows: rows.put_mirror(a_mirror(), [old]))
    assert await storage.read(lambda rows: (rows.is_offered(old.sha256), rows.is_offered(str(old.metadata_sha256)))) == (True, True)

    await storage.write(lambda rows: rows.put_mirror(a_mirror(etag=""), [new]))
    assert await storage.read(lambda rows: rows.offers("lib-one")) == (new,)
    assert await storage.read(lambda rows: (rows.is_offered(old.sha256), rows.is_offered(str(old.metadata_sha256)))) == (False, False)

    await storage.write(lambda rows: rows.drop_mirror("lib-one"))
    assert await storage.read(lambda rows: (rows.mirror("lib-one"), rows.offers("lib-one"), rows.is_offered(new.sha256))) == (
        None,
        (),
        False,
    )
