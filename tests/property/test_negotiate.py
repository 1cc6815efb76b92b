"""Who gets which copy is decided from METADATA alone, before any code runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from plughost.errors import NativeConflict, ResolutionFailed, SharedConflict, SharedExtraMissing
from plughost.model.artifact import Site, StoredWheel
from plughost.model.sharing import HostShare, SharedDistribution, ShareKind, Sharing, negotiate, offered_instead


def stored(project: str, version: str = "1.0", *requires: str, native: bool = False) -> StoredWheel:
    top = project.replace("-", "_")
    return StoredWheel(
        project=project,
        version=version,
        sha256=f"{project}-{version}",
        path=Path("/store") / project,
        tops=(top,),
        native=native,
        requires=requires,
    )


def shares(*distributions: SharedDistribution) -> HostShare:
    return {one.project: one for one in distributions}


def shared(project: str, version: str, kind: ShareKind = "strict", *requires: str, extras: Sequence[str] = ()) -> SharedDistribution:
    tops = frozenset({project.replace("-", "_")})
    return SharedDistribution(project=project, version=version, kind=kind, tops=tops, requires=requires, extras=frozenset(extras))


def decided(*wheels: StoredWheel, share: HostShare | None = None, natives: Mapping[str, str] | None = None) -> Sharing:
    return negotiate(Site(wheels=wheels), share or {}, natives or {})


def kinds(sharing: Sharing) -> dict[str, str]:
    return {place.project: place.kind for place in sharing.placements}


def test_everything_else_is_private_and_the_plugins_own_comes_first() -> None:
    sharing = decided(stored("chat", "1.0", "b", "a"), stored("a"), stored("b", "1.0", "c"), stored("c"))

    assert kinds(sharing) == {"chat": "private", "a": "private", "b": "private", "c": "private"}
    assert sharing.private[0] == Path("/store/chat")
    assert set(sharing.private) == {Path(f"/store/{name}") for name in ("chat", "a", "b", "c")}


def test_a_strict_one_is_the_hosts_whether_or_not_it_is_required() -> None:
    share = shares(shared("fastapi", "0.165.0"), shared("pydantic", "2.14.0"))

    sharing = decided(stored("chat", "1.0", "fastapi>=0.100"), share=share)

    assert sharing.shared_tops == {"fastapi", "pydantic"}
    assert [(p.project, p.kind, p.why) for p in sharing.placements][:2] == [
        ("fastapi", "shared", "always the host's; satisfies chat requires fastapi>=0.100"),
        ("pydantic", "shared", "always the host's; not asked for"),
    ]


def test_a_strict_one_that_does_not_satisfy_is_a_conflict_that_names_all_who_want_another() -> None:
    share = shares(shared("pydantic", "2.14.0"))

    with pytest.raises(SharedConflict) as caught:
        decided(stored("chat", "1.0", "pydantic>=2", "lib", "pydantic!=2.14.0"), stored("lib", "1.0", "pydantic<2"), share=share)

    assert caught.value.wanted == ["chat requires pydantic!=2.14.0", "lib requires pydantic<2"]
    assert "pydantic 2.14.0 is shared by the host" in str(caught.value)


def test_a_strict_one_in_the_site_too_is_still_the_hosts() -> None:
    sharing = decided(stored("chat", "1.0", "anyio"), stored("anyio", "3.0"), share=shares(shared("anyio", "4.0")))

    assert kinds(sharing) == {"anyio": "shared", "chat": "private"}


@pytest.mark.parametrize(
    ("asked", "lacking"),
    [
        ("fastapi[standard]", ["fastapi-cli>=1"]),
        ("fastapi[nothing]", ["extra 'nothing' of fastapi"]),
        ("fastapi[forms,standard]", ["fastapi-cli>=1"]),
    ],
)
def test_an_extra_of_a_strict_one_that_the_host_lacks_is_refused(asked: str, lacking: list[str]) -> None:
    requires = [
        "fastapi-cli>=1; extra == 'standard'",
        "python-multipart>=0.0.18; extra == 'standard'",
        "python-multipart; extra == 'forms'",
    ]
    share = shares(
        shared("fastapi", "0.165.0", "strict", *requires, extras=["standard", "forms"]), shared("python-multipart", "0.0.20", "offered")
    )

    with pytest.raises(SharedExtraMissing) as caught:
        decided(stored("chat", "1.0", asked), share=share)

    assert caught.value.missing == lacking


def test_extras_that_an_extra_asks_for_are_looked_into_even_in_a_circle() -> None:
    share = shares(
        shared("fastapi", "1.0", "strict", "fastapi[forms]; extra == 'all'", "uvicorn[fast]; extra == 'forms'", extras=["all", "forms"]),
        shared("uvicorn", "1.0", "offered", "quick; extra == 'fast'", "fastapi[all]; extra == 'fast'", extras=["fast"]),
    )

    with pytest.raises(SharedExtraMissing) as caught:
        decided(stored("chat", "1.0", "fastapi[all]"), share=share)

    assert caught.value.missing == ["quick"]
    assert kinds(decided(stored("chat", "1.0", "fastapi[all]"), share=share, natives={"quick": "1.0"}))["fastapi"] == "shared"


def test_an_extra_that_the_host_has_is_fine_and_one_of_another_platform_is_not_asked_for() -> None:
    requires = ["python-multipart; extra == 'forms'", "winonly; extra == 'forms' and sys_platform == 'win32'", "h2>=4; extra == 'http2'"]
    share = shares(shared("httpx", "0.28", "strict", *requires, extras=["forms", "http2"]), shared("python-multipart", "0.0.20", "offered"))

    assert kinds(decided(stored("chat", "1.0", "httpx[forms]"), share=share))["httpx"] == "shared"
    assert kinds(decided(stored("chat", "1.0", "httpx[http2]"), share=share, natives={"h2": "4.1"}))["httpx"] == "shared"


def test_an_offered_one_is_the_hosts_where_its_version_satisfies_everyone() -> None:
    share = shares(shared("click", "8.1", "offered", "colorama"))

    sharing = decided(stored("chat", "1.0", "click>=8", "lib"), stored("lib", "1.0", "click<9"), stored("click", "8.3"), share=share)

    assert kinds(sharing) == {"click": "shared", "chat": "private", "lib": "private"}
    assert sharing.placements[0].why == "offered by the host; satisfies chat requires click>=8; lib requires click<9"


def test_an_offered_one_that_does_not_satisfy_everyone_is_private_with_what_it_requires() -> None:
    share = shares(shared("click", "8.1", "offered"), shared("idna", "3.0", "offered"))
    wheels = (
        stored("chat", "1.0", "click", "lib"),
        stored("lib", "1.0", "click<8"),
        stored("click", "7.9", "idna>=3", "extra"),
        stored("extra"),
    )

    sharing = decided(*wheels, share=share)

    assert kinds(sharing) == {"chat": "private", "click": "private", "lib": "private", "extra": "private", "idna": "shared"}
    assert {p.project: p.why for p in sharing.placements}[
        "click"
    ] == "the host offers 8.1, which does not satisfy all that is asked of it here"


def test_an_offered_one_nobody_requires_is_not_visible() -> None:
    sharing = decided(stored("chat"), share=shares(shared("click", "8.1", "offered")))

    assert (kinds(sharing), sharing.shared_tops) == ({"chat": "private"}, frozenset())


def test_an_offered_one_that_does_not_fit_and_is_not_in_the_site_is_a_conflict() -> None:
    with pytest.raises(SharedConflict):
        decided(stored("chat", "1.0", "click>=9"), share=shares(shared("click", "8.1", "offered")))


def test_markers_and_extras_are_evaluated() -> None:
    wheels = (
        stored("chat", "1.0", "lib[fast]; python_version >= '3'", "never; sys_platform == 'nowhere'", "own-extra; extra == 'x'"),
        stored("lib", "1.0", "quick; extra == 'fast'", "slow; extra == 'slow'"),
        stored("quick"),
        stored("slow"),
    )

    assert kinds(decided(*wheels)) == {"chat": "private", "lib": "private", "quick": "private"}


def test_a_closure_in_a_circle_ends() -> None:
    assert set(kinds(decided(stored("chat", "1.0", "a[x]"), stored("a", "1.0", "b", "chat; extra == 'x'"), stored("b", "1.0", "a")))) == {
        "chat",
        "a",
        "b",
    }


@pytest.mark.parametrize("requirement", ["gone", "lib>=2"])
def test_what_the_site_lacks_is_said(requirement: str) -> None:
    with pytest.raises(ResolutionFailed, match=f"chat requires {requirement}, but "):
        decided(stored("chat", "1.0", requirement), stored("lib"))


def test_a_native_and_all_it_requires_stand_under_natural_names() -> None:
    wheels = (
        stored("chat", "1.0", "frames", "six"),
        stored("frames", "1.0", "numbers", "dates", native=True),
        stored("numbers", "1.0", native=True),
        stored("dates", "1.0", "six"),
        stored("six"),
    )
    sharing = decided(*wheels)

    assert kinds(sharing) == {"chat": "private", "frames": "native", "numbers": "native", "dates": "native", "six": "native"}
    assert sharing.native == {name: Path("/store") / name for name in ("frames", "numbers", "dates", "six")}
    assert sharing.private == (Path("/store/chat"),)


def test_another_version_of_a_native_that_is_loaded_is_a_conflict_unless_it_satisfies_all() -> None:
    wheels = stored("chat", "1.0", "fast>=2"), stored("fast", "2.1", native=True)

    with pytest.raises(NativeConflict, match=r"chat requires fast>=2 is needed, 1\.0 is loaded"):
        decided(*wheels, natives={"fast": "1.0"})
    assert {p.project: p.version for p in decided(*wheels, natives={"fast": "2.0"}).placements}["fast"] == "2.0"
    assert {p.project: p.version for p in decided(*wheels, natives={"fast": "2.1.0"}).placements}["fast"] == "2.1.0"


def test_a_private_one_may_have_any_version_though_the_host_has_another() -> None:
    assert kinds(decided(stored("chat", "1.0", "lib"), stored("lib", "2.0"), natives={"lib": "1.0"}))["lib"] == "private"


def test_a_plugin_that_is_native_itself_conflicts_with_its_own_other_version() -> None:
    with pytest.raises(NativeConflict, match=r"chat 2\.0 is needed, 1\.0 is loaded|2\.0 is needed"):
        decided(stored("chat", "2.0", native=True), natives={"chat": "1.0"})


def test_offered_instead_names_what_need_not_be_obtained() -> None:
    share = shares(shared("jinja2", "3.1", "offered"), shared("click", "8.1", "offered"), shared("anyio", "4.0"))
    closure = {
        "chat": ["jinja2>=3", "click<8", "lib"],
        "jinja2": ["markupsafe"],
        "markupsafe": [],
        "click": [],
        "lib": ["anyio"],
        "stray": [],
    }

    assert offered_instead(closure, "chat", share) == {"jinja2", "markupsafe", "stray"}


PROJECTS = ["root", "aa", "bb", "cc", "dd", "ee"]
VERSIONS = ["1.0", "1.5", "2.0", "3.0rc1"]
REQUIREMENTS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(PROJECTS),
    st.sampled_from(["", "[x]", "[y]"]),
    st.sampled_from(["", ">=1.5", "<2", "==1.*", "!=1.5", "~=1.0"]),
    st.sampled_from(["", "; extra == 'x'", "; python_version < '3'", "; python_version >= '3'"]),
)
CLOSURES = st.fixed_dictionaries(
    {name: st.tuples(st.sampled_from(VERSIONS), st.lists(REQUIREMENTS, max_size=4), st.booleans()) for name in PROJECTS}
)
SHARED = st.dictionaries(
    st.sampled_from(PROJECTS[1:]),
    st.tuples(st.sampled_from(VERSIONS), st.sampled_from(["strict", "offered"]), st.lists(REQUIREMENTS, max_size=2)),
)
NATIVES = st.dictionaries(st.sampled_from(PROJECTS), st.sampled_from(VERSIONS))


@settings(deadline=None)
@given(CLOSURES, SHARED, NATIVES)
def test_whatever_is_asked_the_decision_is_whole_or_an_error_of_ours(
    closure: dict[str, tuple[str, list[str], bool]], offers: dict[str, tuple[str, ShareKind, list[str]]], natives: dict[str, str]
) -> None:
    wheels = [stored(name, closure[name][0], *closure[name][1], native=closure[name][2]) for name in PROJECTS]
    share = shares(*(shared(name, version, kind, *requires, extras=["x"]) for name, (version, kind, requires) in offers.items()))
    try:
        sharing = decided(*wheels, share=share, natives=natives)
    except (SharedConflict, SharedExtraMissing, NativeConflict, ResolutionFailed):
        return

    placed = {place.project: place for place in sharing.placements}
    assert len(placed) == len(sharing.placements), "each distribution has one place"
    assert {name for name, one in share.items() if one.kind == "strict"} <= set(placed)
    assert len(sharing.private) + len(sharing.native) == sum(place.kind != "shared" for place in sharing.placements)
    assert {path.name for path in sharing.private}.isdisjoint(sharing.native)
    for wheel in wheels:
        if (place := placed.get(wheel.project)) is None or place.kind == "shared":
            continue
        for requirement in map(Requirement, wheel.requires):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                other = placed[requirement.name]
                assert requirement.specifier.contains(other.version, prereleases=True), "everyone gets what it asked for"
                assert place.kind != "native" or other.kind in {"native", "shared"}, "a native never needs something private"
    assert offered_instead({wheel.project: wheel.requires for wheel in wheels}, "root", share) == {
        wheel.project for wheel in wheels if wheel.project not in placed or placed[wheel.project].kind == "shared"
    }
