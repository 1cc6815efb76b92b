"""What only an index refuses."""

from __future__ import annotations

from plughost.errors import ArtifactError, HostError, OperatorError


class PluginNotPublished(OperatorError):
    """No wheel here carries the plugin."""

    code, status = "plugin-unknown", 404

    def __init__(self, name: str) -> None:
        super().__init__(f"no plugin {name!r} is published here; `plugin-index list` shows those that are")
        self.name = name


class NotServed(OperatorError):
    """The index has nothing at this path."""

    code, status = "path-unknown", 404

    def __init__(self, path: str) -> None:
        super().__init__(f"the index has nothing at {path}; its API is described at /docs")
        self.path = path


class FileExists(ArtifactError):
    """The file name was used for other bytes, or was removed; the first words are what clients look for."""

    code, status = "file-exists", 400

    def __init__(self, filename: str, *, removed: bool = False) -> None:
        why = "was removed, and its name stays taken" if removed else "was uploaded with other bytes"
        super().__init__(f"File already exists: {filename} {why}; publish a new version")


class FileRespelled(ArtifactError):
    """The same release for the same platforms is there under another spelling of its name."""

    code, status = "file-exists", 400

    def __init__(self, filename: str, *, present: str) -> None:
        super().__init__(f"File already exists: {filename} is another spelling of {present}; publish a new version")


class FormLies(ArtifactError):
    """The upload's form says something else than the wheel."""

    code, status = "form-mismatch", 400

    def __init__(self, field: str, *, form: str, wheel: str) -> None:
        super().__init__(f"the form says {field} {form!r}, the wheel says {wheel!r}; upload with a client that reads the wheel")


class UploadDamaged(ArtifactError):
    """The file arrived with another digest than the form says."""

    code, status = "digest-mismatch", 400

    def __init__(self, filename: str, *, kind: str, form: str, got: str) -> None:
        super().__init__(f"{filename}: the form says {kind} {form}, what arrived has {got}; upload it again")


class UploadAnonymous(OperatorError):
    """An upload brought no token."""

    code, status = "token-missing", 401

    def __init__(self) -> None:
        super().__init__("an upload needs a token: user name __token__, the token as password; `plugin-index token create` makes one")


class UploadInvalid(OperatorError):
    """The upload is not what twine and its kind send."""

    code, status = "upload-invalid", 400

    def __init__(self, reason: str) -> None:
        super().__init__(f"this is no upload: {reason}; use twine or uv publish")


class UploadTooSlow(OperatorError):
    """The upload did not arrive in time."""

    code, status = "upload-too-slow", 408

    def __init__(self, *, silence: float, deadline: float) -> None:
        super().__init__(f"nothing of the upload arrived for {silence:g} s, or not all of it in {deadline:g} s; upload it again")


class ActionGone(OperatorError):
    """The legacy API knows one action only."""

    code, status = "action-gone", 410

    def __init__(self, action: str) -> None:
        super().__init__(f"the action {action!r} is not supported; upload with ':action' file_upload")


class TokenRefused(OperatorError):
    """The token is unknown, has expired, or does not allow this."""

    code, status = "token-refused", 403

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; create a token that may with `plugin-index token create`")


class BlobMissing(HostError):
    """A row names bytes that are not there, or not all of them."""

    code, status = "blob-missing", 500

    def __init__(self, sha256: str) -> None:
        super().__init__(f"the bytes {sha256} are gone from this index's disk; `plugin-index verify` says what else is, restore a backup")
        self.sha256 = sha256


class FileQuarantined(OperatorError):
    """Nobody may have the file until somebody has looked at it."""

    code, status = "file-quarantined", 404

    def __init__(self, filename: str, *, reason: str) -> None:
        super().__init__(f"{filename} is quarantined: {reason or 'no reason is given'}; `plugin-index unquarantine` lifts it")


class BytesRevoked(ArtifactError):
    """No host may run these bytes, so nobody gets them here."""

    code, status = "revoked", 403

    def __init__(self, filename: str, *, sha256: str, reason: str) -> None:
        super().__init__(f"{filename} (sha256 {sha256}) is revoked: {reason or 'no reason is given'}; choose another release")
        self.sha256 = sha256


class UpstreamUnknown(OperatorError):
    """The index should pass a registry through and is told none."""

    code, status = "upstream-unknown", 500

    def __init__(self) -> None:
        super().__init__("neither pip nor uv is configured for a registry on this machine; name one with --upstream-url")


class UpstreamUnreachable(HostError):
    """A registry did not say what it has of a project, which is not the same as that it has nothing."""

    code, status = "upstream-unreachable", 502

    def __init__(self, registry: str, *, project: str, reason: str) -> None:
        super().__init__(f"{registry} cannot be asked for {project}: {reason}; nothing of it is kept here, ask again in a moment")
        self.registry, self.project = registry, project


class HomeMissing(HostError):
    """There is no index in the directory."""

    code, status = "home-missing", 404

    def __init__(self, place: str) -> None:
        super().__init__(f"there is no index in {place}; name its home with --home")


class HomeOutdated(HostError):
    """The home was written by an older plugin-index."""

    code, status = "home-outdated", 500

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} was written by an older plugin-index; start `plugin-index serve` on it once, which brings it up")


class PlaceTaken(OperatorError):
    """A backup, or what is restored, goes to a place of its own."""

    code, status = "place-taken", 409

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place} {why}; name a directory that is new or empty")


class RequestTooLarge(OperatorError):
    """The body of a call of the API is larger than any call needs."""

    code, status = "request-too-large", 413

    def __init__(self, cap: int) -> None:
        super().__init__(f"the body is larger than {cap} bytes; wheels go to /legacy/")


class RequestTooSlow(OperatorError):
    """The body of a call of the API did not arrive in time."""

    code, status = "request-too-slow", 408

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the body did not arrive within {seconds:g} s; send it again")
