"""What a plugin's mount answers while the plugin does not serve, and why (law 5)."""

from __future__ import annotations

from collections.abc import Mapping

from plughost.errors import MountConflict, Revoked
from plughost.model.plugin import PluginName, Target
from plughost.registry import Registry, Unavailable


class Sign:
    """One plugin's: it is put up at the mount of a release, and taken down with whatever the plugin has there."""

    def __init__(self, plugin: PluginName, registry: Registry) -> None:
        self._plugin, self._registry = plugin, registry

    @property
    def mount(self) -> str | None:
        """Where the plugin serves, or says why not."""
        return self._registry.table.places.get(self._plugin)

    def starting(self, target: Target) -> None:
        """It will serve in a moment."""
        self._put("plugin-starting", f"{target} is starting", target)

    def stopping(self, target: Target) -> None:
        """It serves nothing new."""
        self._put("plugin-stopping", f"{target} is being stopped", target)

    def refused(self, target: Target, error: Mapping[str, object]) -> None:
        """It cannot be started, or may not."""
        if error["code"] == Revoked.code:
            self._put(Revoked.code, str(error["detail"]), target)
        elif error["code"] != MountConflict.code:  # a mount that another has is not its own to answer at
            self._put("plugin-failed", f"{target} could not be started ({error['code']})", target)

    def take_down(self) -> bool:
        """Answer nothing there any more; whether there was anything."""
        if (mount := self.mount) is None:
            return False
        self._registry.withdraw(mount, self._plugin)
        return True

    def _put(self, code: str, detail: str, target: Target) -> None:
        said = f"{detail}; `plughost explain {self._plugin}` says more"
        sign = Unavailable(mount=target.mount, plugin=self._plugin, code=code, detail=said)
        if self._registry.table.mounts.get(target.mount) != sign:
            self._registry.announce(sign)
