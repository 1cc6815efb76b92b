"""The wheel, its dependencies or its origin are not acceptable."""

from __future__ import annotations

from collections.abc import Sequence

from plughost.errors.tree import ArtifactError


class OriginNotAllowed(ArtifactError):
    """The URL's origin is in no trust rule."""

    code, status = "origin-not-allowed", 403

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}; add the origin to [[origins]] in plughost.toml if you trust it")
        self.url = url


class AddressNotAllowed(ArtifactError):
    """The host name leads to an address that must not be asked."""

    code, status = "address-not-allowed", 403

    def __init__(self, host: str, address: str) -> None:
        super().__init__(f"{host} leads to {address}, which is not a public address; set private = true for its origin if it is meant")
        self.host, self.address = host, address


class IntegrityMissing(ArtifactError):
    """Nobody said which bytes the wheel should have."""

    code, status = "integrity-missing", 422

    def __init__(self, wheel: str) -> None:
        super().__init__(f"{wheel}: no sha256 is known; give integrity, '#sha256=' in the URL, or an index that lists it")
        self.wheel = wheel


class DigestMismatch(ArtifactError):
    """The bytes fetched are not the bytes the index promised."""

    code, status = "digest-mismatch", 502

    def __init__(self, wheel: str, *, promised: str, got: str) -> None:
        super().__init__(f"{wheel}: promised {promised}, got {got}; nothing was installed, ask whoever runs the index")
        self.wheel, self.promised, self.got = wheel, promised, got


class ReleaseChanged(ArtifactError):
    """The same version is listed with other bytes than before."""

    code, status = "release-changed", 409

    def __init__(self, release: str, *, had: str, got: str) -> None:
        super().__init__(f"{release} had sha256 {had} and is now listed with {got}; what runs stays; publish a new version")
        self.release, self.had, self.got = release, had, got


class WheelTooLarge(ArtifactError):
    """The file is larger than the cap."""

    code, status = "wheel-too-large", 413

    def __init__(self, wheel: str, *, cap: int) -> None:
        super().__init__(f"{wheel} is larger than {cap} bytes; raise the limit or make the wheel smaller")
        self.wheel, self.cap = wheel, cap


class NotAWheel(ArtifactError):
    """The file is no wheel at all."""

    code, status = "not-a-wheel", 422

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file} is not a wheel: {reason}; build one with `python -m build --wheel`")
        self.file = file


class WheelMisnamed(ArtifactError):
    """The file name says something else than the wheel's metadata or the listing."""

    code, status = "wheel-misnamed", 422

    def __init__(self, wheel: str, reason: str) -> None:
        super().__init__(f"{wheel}: {reason}; rebuild the wheel, its file name has to tell the truth")
        self.wheel = wheel


class WheelMisfit(ArtifactError):
    """The wheel is for another Python or platform."""

    code, status = "wheel-misfit", 422

    def __init__(self, wheel: str, reason: str) -> None:
        super().__init__(f"{wheel} cannot run here: {reason}; publish a wheel that fits, or run a host that does")
        self.wheel = wheel


class ArchiveRefused(ArtifactError):
    """The archive breaks a rule of the guard."""

    code, status = "archive-refused", 422

    def __init__(self, wheel: str, rule: str, reason: str) -> None:
        super().__init__(f"{wheel}: {reason} (rule {rule}); nothing was written, rebuild the wheel")
        self.wheel, self.rule = wheel, rule


class DirectUrl(ArtifactError):
    """A requirement names an address instead of a release."""

    code, status = "direct-url", 422

    def __init__(self, requirement: str) -> None:
        super().__init__(f"{requirement!r} requires an address; a plugin may require releases only, publish that one to the index")
        self.requirement = requirement


class ResolutionFailed(ArtifactError):
    """No set of releases satisfies what the plugin requires."""

    code, status = "resolution-failed", 422

    def __init__(self, release: str, explanation: str) -> None:
        super().__init__(f"the dependencies of {release} cannot be resolved; the resolver says: {explanation}")
        self.explanation = explanation


class SharedConflict(ArtifactError):
    """A version of a shared distribution does not satisfy everyone who uses it."""

    code, status = "shared-conflict", 409

    def __init__(self, distribution: str, *, present: str, wanted: Sequence[str]) -> None:
        super().__init__(
            f"{distribution} {present} is shared by the host, but {'; '.join(wanted)}; "
            f"publish a plugin that accepts {present}, or change the host's version"
        )
        self.distribution, self.present, self.wanted = distribution, present, list(wanted)


class SharedExtraMissing(ArtifactError):
    """The plugin asks for an extra of a shared distribution that the host lacks."""

    code, status = "shared-extra-missing", 409

    def __init__(self, requirement: str, *, missing: Sequence[str]) -> None:
        super().__init__(f"{requirement} is shared by the host, which lacks {', '.join(missing)}; install it beside the host")
        self.requirement, self.missing = requirement, list(missing)


class NativeConflict(ArtifactError):
    """Another version of a distribution with extension modules is loaded already."""

    code, status = "native-conflict", 409

    def __init__(self, distribution: str, *, wanted: str, loaded: str) -> None:
        super().__init__(
            f"{distribution} {wanted} is needed, {loaded} is loaded in this process and cannot be unloaded; "
            f"a restart of the host frees it once nothing else needs it"
        )
        self.distribution, self.wanted, self.loaded = distribution, wanted, loaded


class PluginNameTaken(ArtifactError):
    """The plugin's name belongs to another project."""

    code, status = "plugin-name-taken", 409

    def __init__(self, plugin: str, *, owner: str, project: str) -> None:
        super().__init__(f"the plugin name {plugin!r} belongs to the project {owner}; {project} has to use another one")
        self.plugin, self.owner, self.project = plugin, owner, project


class ReleaseGone(ArtifactError):
    """The file was there and has been removed."""

    code, status = "release-gone", 410

    def __init__(self, file: str) -> None:
        super().__init__(f"{file} has been removed from the index; choose another release")
        self.file = file


class Revoked(ArtifactError):
    """The bytes are on a source's list of what no host may run."""

    code, status = "revoked", 403

    def __init__(self, release: str, *, wheel: str, sha256: str, reason: str) -> None:
        super().__init__(f"{release} contains {wheel} (sha256 {sha256}), which is revoked: {reason}; choose another release")
        self.release, self.wheel, self.sha256, self.reason = release, wheel, sha256, reason


class PluginRevoked(ArtifactError):
    """The plugin's release is revoked, and no other one of it may serve."""

    code, status = "revoked", 503
