"""The machine or plughost itself failed, or does not serve just now."""

from __future__ import annotations

from plughost.errors.tree import HostError


class HomeNotWritable(HostError):
    """The home directory cannot be written."""

    code, status = "home-not-writable", 500

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} cannot be written: {reason}; make it writable, or choose another with --home")
        self.path = path


class DiskFull(HostError):
    """There is no room left in the home directory."""

    code, status = "disk-full", 507

    def __init__(self, path: str) -> None:
        super().__init__(f"no room is left at {path}; nothing half-written stays, free some space and try again")
        self.path = path


class LedgerTooNew(HostError):
    """The ledger was written by a newer plughost."""

    code, status = "ledger-too-new", 500
    retried = False

    def __init__(self, path: str, *, has: int, knows: int) -> None:
        super().__init__(f"{path} has schema version {has}, this plughost knows {knows}; start the newer plughost, or use another home")
        self.path, self.has, self.knows = path, has, knows


class DatabaseDamaged(HostError):
    """What stands in the database's file is not what was written."""

    code, status = "database-damaged", 500

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} is damaged: {reason}; restore a backup of it")
        self.path, self.reason = path, reason


class AddressUnavailable(HostError):
    """The address to serve on cannot be bound."""

    code, status = "address-unavailable", 500
    retried = False

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"{host}:{port} cannot be served on: {reason}; choose another --port (0 picks a free one)")
        self.host, self.port = host, port


class Interrupted(HostError):
    """The process that ran the operation is gone."""

    code, status = "interrupted", 500

    def __init__(self) -> None:
        super().__init__("the host's process ended before this operation did; what was asked is carried out by the next start")


class HostFault(HostError):
    """A mistake in plughost itself."""

    code, status = "host-error", 500

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; this is a mistake in plughost, please report it with the host's log")


class HostStopping(HostError):
    """The host is shutting down."""

    code, status = "host-stopping", 503

    def __init__(self) -> None:
        super().__init__("the host is stopping and takes nothing new; try again in a moment")


class ResolverMissing(HostError):
    """The program that resolves dependencies is not installed."""

    code, status = "resolver-missing", 501
    retried = False

    def __init__(self, resolver: str) -> None:
        super().__init__(f"the resolver {resolver!r} is not installed beside the host; install it, or set resolver to the other one")
        self.resolver = resolver


class PluginStarting(HostError):
    """The plugin is being started."""

    code, status = "plugin-starting", 503


class PluginFailed(HostError):
    """The plugin is enabled and could not be started."""

    code, status = "plugin-failed", 503


class PluginQuarantined(HostError):
    """The plugin failed too often and waits for an operator."""

    code, status = "plugin-quarantined", 503


class PluginStopping(HostError):
    """The plugin is being stopped."""

    code, status = "plugin-stopping", 503
