"""What was asked cannot be: names, tokens, requests, conflicts."""

from __future__ import annotations

from collections.abc import Sequence

from plughost.errors.tree import OperatorError


class NameInvalid(OperatorError):
    """The text is not a plugin's name."""

    code, status = "name-invalid", 400

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is not a plugin name; use [a-z][a-z0-9-]{{0,63}}, as the wheel's entry point says it")
        self.name = name


class NameReserved(OperatorError):
    """The host keeps this name for itself."""

    code, status = "name-reserved", 400

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is a path of the host itself; the plugin has to be published under another name")
        self.name = name


class MountReserved(OperatorError):
    """The host keeps this path segment for itself."""

    code, status = "mount-reserved", 409

    def __init__(self, mount: str) -> None:
        super().__init__(f"/{mount} is a path of the host itself; choose another mount")
        self.mount = mount


class MountConflict(OperatorError):
    """Another plugin or the embedding application has this path segment."""

    code, status = "mount-conflict", 409

    def __init__(self, mount: str, *, owner: str) -> None:
        super().__init__(f"/{mount} belongs to {owner}; give one of the two another mount")
        self.mount, self.owner = mount, owner


class TokenMissing(OperatorError):
    """The call needs a bearer token and brought none."""

    code, status = "token-missing", 401

    def __init__(self) -> None:
        super().__init__("this call needs a token; send 'Authorization: Bearer <token>' (`plughost token create`)")


class TokenInvalid(OperatorError):
    """The token is not one of ours, or it has expired."""

    code, status = "token-invalid", 401

    def __init__(self) -> None:
        super().__init__("the token is unknown or has expired; create another one with `plughost token create`")


class RoleTooLow(OperatorError):
    """The token's role does not allow this call."""

    code, status = "role-too-low", 403

    def __init__(self, *, needs: str, has: str) -> None:
        super().__init__(f"this call needs the role {needs}, the token has {has}; use a token with that role")
        self.needs, self.has = needs, has


class TooManyFailures(OperatorError):
    """Too many wrong tokens came from this address."""

    code, status = "too-many-failures", 429

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(f"too many wrong tokens came from this address; try again in {retry_after} s")
        self.retry_after = retry_after


class PathUnknown(OperatorError):
    """Nothing is served at this path."""

    code, status = "path-unknown", 404

    def __init__(self, path: str) -> None:
        super().__init__(f"nothing is served at {path}; `GET /api/plugins/docs` shows what is")
        self.path = path


class MethodNotAllowed(OperatorError):
    """The path exists, the method does not."""

    code, status = "method-not-allowed", 405

    def __init__(self, method: str, path: str, *, allowed: Sequence[str] = ()) -> None:
        also = f"; allowed: {', '.join(allowed)}" if allowed else ""
        super().__init__(f"{method} is not possible at {path}{also}")
        self.method, self.path = method, path


class PluginUnknown(OperatorError):
    """No source lists the plugin and no operator installed it."""

    code, status = "plugin-unknown", 404

    def __init__(self, name: str) -> None:
        super().__init__(f"no plugin {name!r} is known here or to a source; `plughost list` shows those that are")
        self.name = name


class ProjectUnknown(OperatorError):
    """No configured index has the project."""

    code, status = "project-unknown", 404

    def __init__(self, project: str, *, asked: Sequence[str] = ()) -> None:
        where = f" (asked: {', '.join(asked)})" if asked else ""
        super().__init__(f"no index has a project {project!r}{where}; check the spelling, or publish it first")
        self.project = project


class ReleaseUnknown(OperatorError):
    """The project is there, no release of it fits what was asked."""

    code, status = "release-unknown", 404

    def __init__(self, project: str, *, asked: str, present: Sequence[str]) -> None:
        have = ", ".join(present) or "none that this Python can run"
        super().__init__(f"{project} has no release {asked or 'that can be chosen'}; there is: {have}")
        self.project, self.asked, self.present = project, asked, list(present)


class OperationUnknown(OperatorError):
    """There is no operation with this id (any more)."""

    code, status = "operation-unknown", 404

    def __init__(self, operation: str) -> None:
        super().__init__(f"no operation {operation!r} is known; `GET /api/operations` lists those that are")


class TokenUnknown(OperatorError):
    """There is no token with this id."""

    code, status = "token-unknown", 404

    def __init__(self, token: str) -> None:
        super().__init__(f"no token has the id {token!r}; `GET /api/tokens` lists them")


class RequestInvalid(OperatorError):
    """The request's body or a parameter has the wrong shape."""

    code, status = "request-invalid", 422

    def __init__(self, what: str, *, problems: Sequence[str] = ()) -> None:
        super().__init__("; ".join([what, *problems]))
        self.problems = list(problems)


class ConfigInvalid(OperatorError):
    """The configuration does not fit the plugin's settings."""

    code, status = "config-invalid", 422

    def __init__(self, plugin: str, *, problems: Sequence[str]) -> None:
        super().__init__(f"{plugin}: the config does not fit its settings: {'; '.join(problems)}; correct it and try again")
        self.problems = list(problems)


class NothingToRollBackTo(OperatorError):
    """No other release of the plugin has served before."""

    code, status = "nothing-to-roll-back-to", 409

    def __init__(self, plugin: str) -> None:
        super().__init__(f"no other release of {plugin} has served here; install the version you want instead")


class Superseded(OperatorError):
    """Something newer was asked of the plugin before this was proven."""

    code, status = "superseded", 409

    def __init__(self, plugin: str, *, by: str) -> None:
        super().__init__(f"{by} overtook this operation on {plugin}; look at the newer operation")
        self.by = by


class IsolationUnavailable(OperatorError):
    """The isolation asked for cannot be had here."""

    code, status = "isolation-unavailable", 501

    def __init__(self, isolation: str) -> None:
        super().__init__(f"isolation {isolation!r} is not available in this host; use 'scope' or 'auto'")
        self.isolation = isolation


class NotYet(OperatorError):
    """The contract names this, this release of plughost does not do it."""

    code, status = "request-invalid", 422

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not available in this release of plughost; nothing was changed")
