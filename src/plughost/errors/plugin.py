"""The plugin's own code failed, or cannot answer just now."""

from __future__ import annotations

from collections.abc import Sequence

from plughost.errors.tree import PluginError


class EntryMissing(PluginError):
    """The entry point names a module or an object that is not there."""

    code, status = "entry-missing", 422

    def __init__(self, entry: str, reason: str) -> None:
        super().__init__(f"entry point {entry!r}: {reason}; give exposedModule as 'package.module:object', or fix the entry point")
        self.entry = entry


class EntryInvalid(PluginError):
    """The entry object is nothing the host can run."""

    code, status = "entry-invalid", 422

    def __init__(self, entry: str, *, found: str) -> None:
        super().__init__(
            f"entry point {entry!r} is {found}; accepted are plughost.sdk.Plugin, an APIRouter, a FastAPI, Starlette or other "
            f"ASGI application, a mapping with 'slot' and 'render', 'slots' or 'routes', or a function that returns one of these"
        )
        self.entry, self.found = entry, found


class ImportFailed(PluginError):
    """Importing the plugin, or building it, raised."""

    code, status = "import-failed", 424

    def __init__(self, entry: str, *, reason: str, traceback: str) -> None:
        super().__init__(f"importing {entry!r} raised {reason}; the plugin's author has to look at the traceback")
        self.entry, self.traceback = entry, traceback


class ImportExited(PluginError):
    """Importing the plugin called sys.exit()."""

    code, status = "import-exited", 424

    def __init__(self, entry: str, *, status: object) -> None:
        super().__init__(f"importing {entry!r} called sys.exit({status!r}); a plugin must not end its process")
        self.entry = entry


class ImportTimeout(PluginError):
    """Importing the plugin did not end in time."""

    code, status = "import-timeout", 504

    def __init__(self, entry: str, *, seconds: float) -> None:
        super().__init__(f"importing {entry!r} took longer than {seconds:g} s; raise import_deadline, or do less while importing")
        self.entry, self.seconds = entry, seconds


class ImportCrashed(PluginError):
    """The process died while it loaded this release."""

    code, status = "import-crashed", 424

    def __init__(self, release: str) -> None:
        super().__init__(
            f"the host's process died while it loaded {release}; it is not started again by itself, `resume` tries it once more"
        )
        self.release = release


class StartFailed(PluginError):
    """The plugin's lifespan raised before it was up."""

    code, status = "start-failed", 424

    def __init__(self, plugin: str, *, reason: str, traceback: str = "") -> None:
        super().__init__(f"starting {plugin} raised {reason}; its lifespan has to come up before it can serve")
        self.traceback = traceback


class StartTimeout(PluginError):
    """The plugin's lifespan was not up in time."""

    code, status = "start-timeout", 504

    def __init__(self, plugin: str, *, seconds: float) -> None:
        super().__init__(f"{plugin} was not up after {seconds:g} s; raise start_deadline, or start slow work in a task")
        self.seconds = seconds


class ProbeFailed(PluginError):
    """The plugin's probe raised."""

    code, status = "probe-failed", 424

    def __init__(self, plugin: str, *, reason: str, traceback: str = "") -> None:
        super().__init__(f"the probe of {plugin} raised {reason}; it does not serve until its probe passes")
        self.traceback = traceback


class ProbeTimeout(PluginError):
    """The plugin's probe did not end in time."""

    code, status = "probe-timeout", 504

    def __init__(self, plugin: str, *, seconds: float) -> None:
        super().__init__(f"the probe of {plugin} took longer than {seconds:g} s; raise probe_deadline, or probe less")
        self.seconds = seconds


class PluginExited(PluginError):
    """The plugin's code called sys.exit() after it was loaded."""

    code, status = "plugin-exited", 424

    def __init__(self, plugin: str, *, where: str) -> None:
        super().__init__(f"{plugin} called sys.exit() in {where}; a plugin must not end its process")
        self.where = where


class PluginRaised(PluginError):
    """A request to the plugin raised something that nothing in it handled."""

    code, status = "plugin-error", 500

    def __init__(self, plugin: str) -> None:
        super().__init__(f"{plugin} failed to answer; the host's log has its traceback")


class RenderFailed(PluginError):
    """A contribution raised while it was rendered."""

    code, status = "plugin-error", 500

    def __init__(self, plugin: str, *, slot: str, reason: str) -> None:
        super().__init__(f"{plugin} could not render its contribution to {slot!r}: {reason}")
        self.slot = slot


class PropsInvalid(PluginError):
    """The props of a slot do not fit what a contribution takes."""

    code, status = "request-invalid", 422

    def __init__(self, plugin: str, *, slot: str, problems: Sequence[str]) -> None:
        super().__init__(f"the contribution of {plugin} to {slot!r} does not take these props: {'; '.join(problems)}")
        self.slot, self.problems = slot, list(problems)


class RenderTimeout(PluginError):
    """A contribution was not rendered in time."""

    code, status = "render-timeout", 504

    def __init__(self, plugin: str, *, slot: str, seconds: float) -> None:
        super().__init__(f"{plugin} did not render its contribution to {slot!r} within {seconds:g} s")
        self.slot, self.seconds = slot, seconds
