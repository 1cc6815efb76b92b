"""One actor for each plugin: it alone owns the plugin's generations and makes what is equal to what should be.

Rows are written elsewhere, then the actor is woken. It carries out what operators ordered, one after the other; when
nothing is ordered it asks `plan` for the next step. Everything here runs on the loop, so nothing is locked: between two
awaits the world stands still. Readers see `status`, a frozen value that is replaced by one assignment.
"""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from plughost.control.generation import Generation, Report, Rooms
from plughost.control.health import next_try
from plughost.control.intents import Intents
from plughost.control.operations import Operations
from plughost.control.plan import Keep, Refusal, Running, Start, Status, Stop, plan
from plughost.errors import HostFault, HostStopping, IsolationUnavailable, PlughostError, Superseded, describe
from plughost.ledger import CLEAR, KEEP, Audit, Ledger, Refused
from plughost.model.intent import Override
from plughost.model.lifecycle import ENDED, Phase
from plughost.model.operation import Operation, Verb
from plughost.model.plugin import PluginName, Target
from plughost.registry import Unavailable

logger = logging.getLogger(__name__)
OLD_GENERATIONS = 3
"""As many may drain at once; the oldest one's deadline is cut then."""
_OVERTAKES = frozenset({"disable", "uninstall"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What an operator's order comes to when its turn has come and the release is chosen."""

    override: Override | None = None
    writes: bool = True
    """Whether the override is written (None takes it away); reload and resume write none."""
    again: bool = False
    """A new generation even if the release serves already."""
    obtain: Target | None = None
    """Only put this on disk, start nothing."""
    forget: bool = False
    """The plugin is uninstalled: its history goes too."""
    purge: bool = False
    """And its data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One operation of an operator, waiting for its turn."""

    operation: Operation
    decide: Callable[[], Awaitable[Decision]]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What actors share."""

    rooms: Rooms
    ledger: Ledger
    intents: Intents
    operations: Operations
    claim: Callable[[str, str], None]
    """(plugin, mount) → raises MountConflict unless it may have it."""
    freed: Callable[[str], None]
    """Told when a plugin gave up its mount, so that one that was refused for it may try."""
    retain: Callable[[str, Iterable[str]], None]
    purge: Callable[[str], Awaitable[None]]
    clock: Callable[[], float] = time.time


class Actor:
    """Owns the generations of one plugin."""

    def __init__(self, name: PluginName, world: World, *, served: tuple[Target, ...] = (), refused: tuple[Refusal, ...] = ()) -> None:
        self.name, self._world = name, world
        self.status = Status(name=name, served=served, refused=refused, error=refused[0].error if refused else None)
        self.generations: list[Generation] = []
        self.settled = asyncio.Event()
        """Set when nothing was left to do for the first time: served, failed or not wanted."""
        self._orders: deque[Order] = deque()
        self._woken = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._lives: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to follow the intent."""
        self._task = asyncio.create_task(self._run(), name=f"plughost actor {self.name}", context=contextvars.Context())

    def wake(self) -> None:
        """Something about this plugin changed."""
        self._woken.set()

    def order(self, order: Order) -> None:
        """Take an operator's operation; it is carried out when those before it have ended."""
        self._orders.append(order)
        self.wake()

    def forgive(self, *codes: str) -> None:
        """Forget refusals with these codes: what they were about has changed."""
        kept = tuple(refusal for refusal in self.status.refused if refusal.error.get("code") not in codes)
        if kept != self.status.refused:
            self._is(refused=kept)
            self.wake()

    def reload_facts(self, served: tuple[Target, ...]) -> None:
        """Another process on this home served something."""
        self._is(served=served)

    async def close(self) -> None:
        """Stop everything of the plugin; orders that wait end with host-stopping."""
        self._closing = True
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for generation in self.generations:
            generation.retire()
        unmounted = [task for task in self._lives if not self._of(task).settled.is_set()]
        for task in unmounted:
            task.cancel()
        await asyncio.gather(*self._lives, return_exceptions=True)
        for order in self._orders:
            await self._end(order.operation, HostStopping())

    # --- the loop ---------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                until = await self._step()
            except Exception:  # law 9: a mistake of ours in one plugin's actor must not stop the others
                logger.exception("actor failed", extra={"plugin": self.name})
                until = self._world.clock() + 1.0
            if until is not None and until <= self._world.clock():
                continue
            self.settled.set()
            await self._sleep(until)

    async def _sleep(self, until: float | None) -> None:
        try:
            async with asyncio.timeout(None if until is None else max(0.0, until - self._world.clock())):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _step(self) -> float | None:
        """Carry out one order, or one step of the plan; answer when to look again (None: when woken)."""
        if self._orders:
            await self._carry_out(self._orders.popleft())
            return 0.0
        match plan(self._world.intents.intent(self.name), self.status, self._world.clock()):
            case Keep(until):
                return until
            case Start(target):
                await self._follow(self._verb(target), target)
            case Stop():
                await self._follow("disable", None)
        return 0.0

    # --- what lists and the host itself ask ----------------------------------------------------------------------------

    def _verb(self, target: Target) -> Verb:
        if self.status.serving:
            return "upgrade"
        return "start" if any(target.same_release(served) for served in self.status.served) or self.status.refused else "install"

    async def _follow(self, verb: Verb, target: Target | None) -> None:
        intent = self._world.intents.intent(self.name)
        by = f"list:{intent.source}" if intent.source and not intent.by and verb != "start" else "host"
        version = target.version if target else None
        operation = self._world.operations.begin(verb, self.name, key=f"{by} {verb} {self.name} {target}", by=by, version=version)
        await self._begun(operation)
        error = await (self._replace(target, operation) if target else self._stop(operation))
        refused = self._refusal(target, error) if target and error and not isinstance(error, Superseded) else None
        await self._end(operation, error, served=target if not error else None, refused=refused)

    # --- what operators ask --------------------------------------------------------------------------------------------

    async def _carry_out(self, order: Order) -> None:
        operation, world = order.operation, self._world
        try:
            decision = await order.decide()
        except PlughostError as error:
            await self._end(operation, error)
            return
        except Exception as error:  # law 9, as in _run: the asker must hear of it
            logger.exception("order failed", extra={"plugin": self.name})
            await self._end(operation, HostFault(f"{operation.verb} of {self.name} failed: {error!r}"))
            return
        before = world.intents.override(self.name)
        if decision.writes:
            await self._write(decision.override, operation)
        error = await self._fulfil(decision, operation)
        if error and decision.writes and not error.retried:
            world.intents.put_override(self.name, before)
            await self._end(operation, error, override=before)
        elif error and error.retried and not decision.obtain:
            wanted = world.intents.intent(self.name).target
            await self._end(operation, error, refused=self._refusal(wanted, error) if wanted else None)
        else:
            serving = self.status.serving.target if self.status.serving else None
            await self._end(operation, error, served=None if error else serving)
            if decision.forget and not error:
                await self._forget(purge=decision.purge)

    async def _write(self, override: Override | None, operation: Operation) -> None:
        world = self._world
        audit = _audit(operation, self._world.clock())
        if override is None:
            await world.ledger.clear_override(self.name, audit)
        else:
            await world.ledger.set_override(override, audit)
        world.intents.put_override(self.name, override)

    async def _fulfil(self, decision: Decision, operation: Operation) -> PlughostError | None:
        """Make it so; answers what went wrong."""
        if decision.obtain:
            return await self._obtain(decision.obtain, operation)
        self._is(refused=())  # an operator asks: what was refused before may be tried again
        intent = self._world.intents.intent(self.name)
        action = plan(intent, self.status, self._world.clock())
        if decision.again and intent.target and isinstance(action, Keep):
            action = Start(intent.target)
        match action:
            case Start(target):
                self._world.operations.name_version(operation.id, target.version)
                return await self._replace(target, operation)
            case Stop():
                return await self._stop(operation)
            case Keep():
                return None

    async def _obtain(self, target: Target, operation: Operation) -> PlughostError | None:
        try:
            async with self._world.rooms.store.lease(target, self._report(operation)):
                self._world.retain(self.name, [sha for sha in [target.wheel.sha256] if sha])
        except PlughostError as error:
            return error
        return None

    # --- starting and stopping -------------------------------------------------------------------------------------------

    async def _replace(self, target: Target, operation: Operation) -> PlughostError | None:
        """Prove a new generation, then retire the one before it; answers why it could not be proven."""
        try:
            self._allowed(target)
            self._is(starting=target)
            self._announce("plugin-starting", f"{target} is starting", target.mount)
            number = await self._world.ledger.new_generation(target, operation.id)
        except PlughostError as error:
            self._is(starting=None)
            self._tell_failure(error, target)
            return error
        generation = Generation(target, number, self._world.rooms, self._report(operation))
        return await self._prove(generation, operation)

    async def _prove(self, generation: Generation, operation: Operation) -> PlughostError | None:
        task = self._live(generation)
        overtaken = await self._settled_or_overtaken(generation, operation)
        if overtaken:
            task.cancel()
            await generation.done.wait()
        for what in generation.left_out:
            self._world.operations.note(operation.id, what)
        self._is(starting=None)
        if generation.phase is not Phase.SERVING:
            error = Superseded(self.name, by=overtaken) if overtaken else _plughost_error(generation.error)
            self._tell_failure(error, generation.target)
            return error
        self._serves(generation)
        return None

    def _serves(self, generation: Generation) -> None:
        older = [other for other in self.generations if other is not generation and other.phase not in ENDED]
        for other in older:
            other.retire()
        for crowded in older[: max(0, len(older) - OLD_GENERATIONS)]:
            crowded.hurry()
        target = generation.target
        served = (target, *(other for other in self.status.served if not other.same_release(target)))[:5]
        self._is(serving=Running(target=target, number=generation.number), served=served, refused=(), error=None)
        self._world.retain(self.name, [other.wheel.sha256 for other in served[:2] if other.wheel.sha256])

    async def _settled_or_overtaken(self, generation: Generation, operation: Operation) -> str:
        """Wait until the generation is proven or has failed; answers what overtook it, if anything did."""
        settled = asyncio.create_task(generation.settled.wait())
        try:
            while not settled.done():
                if overtaker := self._overtaker(generation.target, operation):
                    return overtaker
                woken = asyncio.create_task(self._woken.wait())
                await asyncio.wait({settled, woken}, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
                self._woken.clear()
        finally:
            settled.cancel()
        return ""

    def _overtaker(self, target: Target, operation: Operation) -> str:
        for order in self._orders:
            if order.operation.verb in _OVERTAKES:
                return f"{order.operation.verb} by {order.operation.by}"
        if operation.by != "host" and not operation.by.startswith("list:"):
            return ""
        intent = self._world.intents.intent(self.name)
        substitutes = any(target.same_as(served) for served in self.status.served)
        if intent.state == "enabled" and intent.target and (intent.target.same_as(target) or substitutes):
            return ""
        return "a newer list"

    async def _stop(self, operation: Operation) -> PlughostError | None:
        """Retire all that runs; ends when it has stopped."""
        self._is(stopping=True)
        if serving := self.status.serving:
            self._announce_stop(serving.target)
        for generation in self.generations:
            generation.retire(self._report(operation))
        await asyncio.gather(*(generation.done.wait() for generation in self.generations))
        if serving:
            self._world.rooms.registry.withdraw(serving.target.mount, self.name)
        self._is(stopping=False, serving=None, error=None)
        self._world.freed(self.name)
        return None

    async def _forget(self, *, purge: bool) -> None:
        self._is(served=(), refused=(), error=None)
        self._world.retain(self.name, ())
        await self._world.ledger.forget(self.name)
        if purge:
            await self._world.purge(self.name)

    async def _begun(self, operation: Operation) -> None:
        try:
            await self._world.ledger.begin(operation, "")
        except PlughostError as failure:  # a full disk must not keep a plugin from being stopped or told
            logger.warning("operation was not written", exc_info=failure, extra={"plugin": self.name, "operation": operation.id})

    # --- small things ------------------------------------------------------------------------------------------------

    def _allowed(self, target: Target) -> None:
        if target.isolation == "process":
            raise IsolationUnavailable("process")
        self._world.claim(self.name, target.mount)

    def _live(self, generation: Generation) -> asyncio.Task[None]:
        self.generations.append(generation)
        task = asyncio.create_task(generation.run(), name=f"plughost {generation.owner}", context=contextvars.Context())
        self._lives.add(task)
        task.add_done_callback(lambda done: self._died(done, generation))
        return task

    def _died(self, task: asyncio.Task[None], generation: Generation) -> None:
        self._lives.discard(task)
        self.generations = [other for other in self.generations if other is not generation]
        serving = self.status.serving
        if serving and serving.number == generation.number and not self.status.stopping and not self._closing:
            self._is(serving=None)
            self._tell_failure(_plughost_error(generation.error), generation.target)
            self.wake()

    def _of(self, task: asyncio.Task[None]) -> Generation:
        return next(generation for generation in self.generations if task.get_name() == f"plughost {generation.owner}")

    def _report(self, operation: Operation) -> Report:
        def report(phase: str, done: int | None = None, total: int | None = None) -> None:
            self._world.operations.report(operation.id, phase, done, total)

        return report

    def _refusal(self, target: Target, error: PlughostError) -> Refused:
        known = [refusal for refusal in self.status.refused if refusal.target.same_as(target)]
        attempts = known[0].attempts + 1 if known else 1
        now = self._world.clock()
        again = next_try(now, attempts) if error.retried else None
        refusal = Refusal(target=target, error=describe(error), attempts=attempts, next_try=again)
        others = tuple(other for other in self.status.refused if not other.target.same_as(target))
        wanted = self._world.intents.intent(self.name).target
        first = (refusal, *others) if wanted and wanted.same_as(target) else (*others, refusal)
        self._is(refused=first[:2])
        return Refused(target=target, error=refusal.error, attempts=attempts, next_try=again, at=now)

    def _tell_failure(self, error: PlughostError, target: Target) -> None:
        if isinstance(error, Superseded):
            return
        self._is(error=describe(error))
        if self.status.serving is None:
            self._announce("plugin-failed", f"{target} could not be started: {error.code}; `plughost explain {self.name}` says more", target.mount)

    def _announce_stop(self, target: Target) -> None:
        self._world.rooms.registry.announce(_unavailable(self.name, target.mount, "plugin-stopping", f"{target} is being stopped"))

    def _announce(self, code: str, detail: str, mount: str) -> None:
        if self.status.serving is None:
            self._world.rooms.registry.announce(_unavailable(self.name, mount, code, detail))

    def _is(self, **changes: object) -> None:
        self.status = dataclasses.replace(self.status, **changes)  # type: ignore[arg-type]  # fields of Status, by name

    async def _end(
        self,
        operation: Operation,
        error: PlughostError | None = None,
        *,
        override: object = KEEP,
        served: Target | None = None,
        refused: Refused | None = None,
    ) -> None:
        """Write the end and all that goes with it in one transaction, then tell everyone who waits."""
        world = self._world
        last = world.operations.ended(operation.id, error)
        try:
            await world.ledger.end(
                last,
                override=override,
                served=served,
                refused=refused or (CLEAR if error is None else None),
                audit=_audit(last, world.clock()),
            )
        except PlughostError as failure:  # a full disk: what was done is done, the ledger lacks its row
            logger.error("end of operation was not written", exc_info=failure, extra={"plugin": self.name, "operation": last.id})
        finally:
            world.operations.close(operation.id)


def _unavailable(plugin: str, mount: str, code: str, detail: str) -> Unavailable:
    return Unavailable(mount=mount, plugin=plugin, code=code, detail=f"{detail}; try again in a moment", retry_after=1)


def _audit(operation: Operation, now: float) -> Audit:
    detail: dict[str, object] = {"operation": operation.id, "version": operation.version, "state": operation.state}
    if operation.error:
        detail["code"] = operation.error["code"]
    return Audit(
        at=now,
        by=operation.by,
        verb=operation.verb,
        plugin=operation.plugin,
        detail=detail,
        origin=operation.origin,
        reason=operation.reason,
    )


def _plughost_error(error: Exception | None) -> PlughostError:
    if isinstance(error, PlughostError):
        return error
    if error is None:
        return HostFault("a generation ended without a word")
    logger.error("generation failed", exc_info=error)
    return HostFault(f"{type(error).__name__}: {error}")
