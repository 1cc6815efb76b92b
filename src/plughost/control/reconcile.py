"""One actor for each plugin: it alone owns the plugin's generations and makes what is equal to what should be.

Rows are written elsewhere, then the actor is woken. It carries out what operators ordered, one after the other; when
nothing is ordered it asks `plan` for the next step. Everything here runs on the loop, so nothing is locked: between two
awaits the world stands still. Readers see `status`, a frozen value that is replaced by one assignment.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import dataclasses
import logging
from collections import deque

from plughost.control.generation import Generation, Report
from plughost.control.health import next_try
from plughost.control.lives import Lives
from plughost.control.plan import Action, Keep, Refusal, Running, Start, Status, Stop, plan, with_refusal
from plughost.control.sign import Sign
from plughost.control.waking import settled_unless, sleep
from plughost.control.world import Decision, Order, Others, World, audited
from plughost.errors import (
    HostFault,
    HostStopping,
    IsolationUnavailable,
    MountConflict,
    PlughostError,
    Revoked,
    Superseded,
    describe,
)
from plughost.ledger import CLEAR, KEEP, Refused
from plughost.ledger import Keep as KeepRow
from plughost.model import revocation
from plughost.model.intent import Override
from plughost.model.lifecycle import Phase
from plughost.model.operation import Operation, Verb
from plughost.model.plugin import PluginName, Target

logger = logging.getLogger(__name__)
_OVERTAKES = frozenset({"disable", "uninstall"})
HISTORY = 5
"""Releases that served are remembered for rollback, so many."""


class Actor:
    """Owns the generations of one plugin."""

    def __init__(
        self, name: PluginName, world: World, others: Others, *, served: tuple[Target, ...] = (), refused: tuple[Refusal, ...] = ()
    ) -> None:
        self.name, self._world, self._others = name, world, others
        self.status = Status(name=name, served=served, refused=refused, error=refused[0].error if refused else None)
        self.generations, self._sign = Lives(self._died), Sign(name, world.rooms.registry)
        self.settled = asyncio.Event()
        """Set when nothing was left to do for the first time: served, failed or not wanted."""
        self._orders: deque[Order] = deque()
        self._evicted: deque[tuple[Target, Revoked, Refused | None]] = deque()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        """Begin to follow the intent."""
        self._task = asyncio.create_task(self._run(), name=f"plughost actor {self.name}", context=contextvars.Context())

    def wake(self) -> None:
        """Something about this plugin changed."""
        self._evict()
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

    async def close(self) -> None:
        """Stop everything of the plugin; orders that wait end with host-stopping."""
        self._closing = True
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.generations.stop()
        for order in self._orders:
            await self._end(order.operation, HostStopping())

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                until = await self._step()
            except Exception:  # law 9: a mistake of ours in one plugin's actor must not stop the others
                logger.exception("actor failed", extra={"plugin": self.name})
                until = self._world.clock() + 1.0
            if until is None or until > self._world.clock():
                self.settled.set()
                await sleep(self._woken, None if until is None else max(0.0, until - self._world.clock()))

    async def _step(self) -> float | None:
        """Carry out one order, or one step of the plan; answer when to look again (None: when woken)."""
        self._evict()
        if self._evicted:
            await self._tell_evicted(*self._evicted.popleft())
            return 0.0
        if self._orders:
            await self._carry_out(self._orders.popleft())
            return 0.0
        match self._plan():
            case Keep(until):
                self._withdraw_unwanted()
                self._announce_refused()
                return until
            case Start(target):
                await self._follow(self._verb(target), target)
            case Stop():
                await self._follow("disable", None)
        return 0.0

    def _plan(self) -> Action:
        world = self._world
        return plan(world.intents.intent(self.name), self.status, world.clock(), world.intents.revoked.reasons)

    # What lists and the host itself ask

    def _evict(self) -> None:
        """Where what serves is revoked it serves nothing new from this moment, whatever the actor is busy with; it drains as usual."""
        world, serving = self._world, self.status.serving
        if serving and (error := revocation.refusal(serving.target, serving.contains, world.intents.revoked.reasons)):
            self._is(serving=None, error=describe(error))
            self._sign.refused(serving.target, describe(error))
            self.generations.retire(serving.number)
            self._evicted.append((serving.target, error, self._refuse(serving.target, error)))

    async def _tell_evicted(self, target: Target, error: Revoked, row: Refused | None) -> None:
        source = self._world.intents.revoked.source(error.sha256)
        operation = await self._begun("disable", target, by=f"list:{source}" if source else "host", reason=error.detail)
        await self._end(operation, refused=row if self.status.refused else None)

    def _verb(self, target: Target) -> Verb:
        if self.status.serving:
            return "upgrade"
        return "start" if self.status.refused or any(target.same_release(served) for served in self.status.served) else "install"

    async def _follow(self, verb: Verb, target: Target | None) -> None:
        intent = self._world.intents.intent(self.name)
        by = f"list:{intent.source}" if intent.source and not intent.by and verb != "start" else "host"
        operation = await self._begun(verb, target, by=by)
        error = await (self._replace(target, operation) if target else self._stop(operation))
        refused = self._refuse(target, error) if target and error else None
        await self._end(operation, error, served=None if error else target, refused=refused)

    async def _begun(self, verb: Verb, target: Target | None, *, by: str, reason: str = "") -> Operation:
        world, version = self._world, target.version if target else None
        key = f"{by} {verb} {self.name} {target}"
        operation = world.operations.begin(verb, self.name, key=key, by=by, version=version, reason=reason)
        try:
            await world.ledger.begin(operation, "")
        except PlughostError as failure:  # a full disk must not keep a plugin from being stopped
            logger.warning("operation was not written", exc_info=failure, extra={"plugin": self.name, "operation": operation.id})
        return operation

    # What operators ask

    async def _carry_out(self, order: Order) -> None:
        operation, world = order.operation, self._world
        before = world.intents.override(self.name)
        try:
            decision = await order.decide()
            if decision.writes:
                await self._write(decision.override, operation)
        except PlughostError as error:
            await self._end(operation, error)
            return
        except Exception as error:  # law 9, as in _run: whoever asked must hear of it
            logger.exception("order failed", extra={"plugin": self.name})
            await self._end(operation, HostFault(f"{operation.verb} of {self.name} failed: {error!r}"))
            return
        failure = await self._fulfil(decision, operation)
        if failure is None:
            await self._fulfilled(decision, operation)
        elif decision.writes and not failure.retried:
            world.intents.put_override(self.name, before)
            await self._end(operation, failure, override=before)
        else:
            wanted = None if decision.obtain else world.intents.intent(self.name).target
            await self._end(operation, failure, refused=self._refuse(wanted, failure) if wanted else None)

    async def _write(self, override: Override | None, operation: Operation) -> None:
        world = self._world
        if override is None:
            await world.ledger.clear_override(self.name, audited(operation, world.clock()))
        else:
            await world.ledger.set_override(override, audited(operation, world.clock()))
        world.intents.put_override(self.name, override)

    async def _fulfil(self, decision: Decision, operation: Operation) -> PlughostError | None:
        """Make it so; answers what went wrong."""
        if decision.obtain:
            return await self._obtain(decision.obtain, operation)
        self._is(refused=())  # an operator asks: what was refused before may be tried again
        intent = self._world.intents.intent(self.name)
        action = self._plan()
        if decision.again and intent.target and isinstance(action, Keep):
            action = Start(intent.target)
        match action:
            case Start(target):
                self._world.operations.name_version(operation.id, target.version)
                return await self._replace(target, operation)
            case Stop():
                return await self._stop(operation)
            case Keep() if intent.state != "enabled" and any(self.generations):  # evicted, and not gone yet
                return await self._stop(operation)
            case Keep():
                return None

    async def _fulfilled(self, decision: Decision, operation: Operation) -> None:
        await self._end(operation, served=self.status.serving.target if self.status.serving else None)
        if decision.forget:
            project = next((target.project for target in self.status.served), None)
            self._is(served=(), refused=(), error=None)
            self._world.retain(self.name, ())
            await self._world.ledger.forget(self.name)
            if decision.purge:
                await self._world.purge(self.name, project)

    async def _obtain(self, target: Target, operation: Operation) -> PlughostError | None:
        try:
            async with self._world.rooms.store.lease(target, self._report(operation)) as site:
                self._world.retain(self.name, [site.own.sha256])
        except PlughostError as error:
            return error
        return None

    # Starting and stopping

    async def _replace(self, target: Target, operation: Operation) -> PlughostError | None:
        """Prove a new generation, then retire the one before it; answers why it could not be proven."""
        self._is(starting=target)
        try:
            self._others.claim(self.name, target.mount)
            if target.isolation == "process":
                raise IsolationUnavailable("process")
            if self.status.serving is None:
                self._sign.starting(target)
            number = await self._world.ledger.new_generation(target, operation.id)
        except PlughostError as error:
            self._unproven(error, target)
            return error
        generation = Generation(target, number, self._world.rooms, self._report(operation))
        self.generations.begin(generation)
        overtaken = await settled_unless(generation.settled, self._woken, lambda: self._overtaken(generation, operation))
        if overtaken is not None:
            await self.generations.abandon(generation)
        for what in generation.left_out:
            self._world.operations.note(operation.id, what)
        if generation.phase is Phase.SERVING:
            self._serves(generation)
            return None
        failure = overtaken or generation.failure
        self._unproven(failure, target)
        return failure

    def _overtaken(self, generation: Generation, operation: Operation) -> PlughostError | None:
        """Why a generation that is not proven yet is given up, if it is."""
        target = generation.target
        if revoked := revocation.refusal(target, generation.contains, self._world.intents.revoked.reasons):
            return revoked
        for order in self._orders:
            if order.operation.verb in _OVERTAKES:
                return Superseded(self.name, by=f"{order.operation.verb} by {order.operation.by}")
        if operation.by != "host" and not operation.by.startswith("list:"):
            return None
        wanted = self._world.intents.intent(self.name).target
        if wanted and (wanted.same_as(target) or any(target.same_as(served) for served in self.status.served)):
            return None
        return Superseded(self.name, by="a newer list")

    def _serves(self, generation: Generation) -> None:
        self.generations.supersede(generation)
        target = generation.proven
        served = (target, *(other for other in self.status.served if not other.same_release(target)))[:HISTORY]
        running = Running(target=target, number=generation.number, contains=generation.contains)
        wanted = self._world.intents.intent(self.name).target
        # What serves in the stead of a refused release leaves that refusal standing: else it would be tried again at once.
        standing = (
            () if wanted is None or wanted.same_as(target) else tuple(each for each in self.status.refused if each.target.same_as(wanted))
        )
        self._is(serving=running, starting=None, served=served, refused=standing, error=standing[0].error if standing else None)
        self._world.retain(self.name, [other.wheel.sha256 for other in served[:2] if other.wheel.sha256])

    async def _stop(self, operation: Operation) -> PlughostError | None:
        """Retire all that runs; ends when it has stopped."""
        if serving := self.status.serving:
            self._sign.stopping(serving.target)
        self._is(stopping=True, serving=None, error=None)
        await self.generations.stop(self._report(operation))
        self._sign.take_down()
        self._is(stopping=False)
        self._others.freed(self.name)
        return None

    def _withdraw_unwanted(self) -> None:
        """What failed and is wanted no more gives up the mount at which it answered 503."""
        unwanted = self.status.serving is None and self._world.intents.intent(self.name).state != "enabled"
        if unwanted and self._sign.take_down():
            self._others.freed(self.name)

    def _died(self, generation: Generation) -> None:
        """A generation ended; where it served and nobody told it to, that is a failure of ours."""
        serving = self.status.serving
        if serving and serving.number == generation.number and not self._closing:
            self._is(serving=None)
            self._unproven(generation.failure, generation.target)
            self.wake()

    # What is told

    def _unproven(self, error: PlughostError, target: Target) -> None:
        self._is(starting=None)
        if not isinstance(error, Superseded):
            self._is(error=describe(error))
            if self.status.serving is None:
                self._sign.refused(target, describe(error))

    def _announce_refused(self) -> None:
        """Where nothing serves, the mount says why the wanted release does not, whatever was tried in its stead or was refused long ago."""
        wanted = self._world.intents.intent(self.name).target
        refused = next((each for each in self.status.refused if wanted and each.target.same_as(wanted)), None)
        if refused and self.status.serving is None:
            self._is(error=refused.error)
            with contextlib.suppress(MountConflict):
                self._others.claim(self.name, refused.target.mount)
                self._sign.refused(refused.target, refused.error)

    def _refuse(self, target: Target, error: PlughostError) -> Refused | None:
        if isinstance(error, Superseded):
            return None
        now = self._world.clock()
        known = next((refusal.attempts for refusal in self.status.refused if refusal.target.same_as(target)), 0)
        again = next_try(now, known + 1) if error.retried else None
        refusal = Refusal(target=target, error=describe(error), attempts=known + 1, next_try=again)
        self._is(refused=with_refusal(self.status, refusal, wanted=self._world.intents.intent(self.name).target))
        return Refused(target=target, error=refusal.error, attempts=refusal.attempts, next_try=again, at=now)

    def _report(self, operation: Operation) -> Report:
        def report(phase: str, done: int | None = None, total: int | None = None) -> None:
            self._world.operations.report(operation.id, phase, done, total)

        return report

    def _is(self, **changes: object) -> None:
        self.status = dataclasses.replace(self.status, **changes)  # type: ignore[arg-type]  # fields of Status, by name

    async def _end(
        self,
        operation: Operation,
        error: PlughostError | None = None,
        *,
        override: Override | KeepRow | None = KEEP,
        served: Target | None = None,
        refused: Refused | None = None,
    ) -> None:
        """Write the end and all that goes with it in one transaction, then tell everyone who waits."""
        world = self._world
        last = world.operations.ended(operation.id, error)
        row = refused or (CLEAR if error is None and not self.status.refused else None)
        try:
            await world.ledger.end(last, override=override, served=served, refused=row, audit=audited(last, world.clock()))
        except PlughostError as failure:  # a full disk: what was done is done, the ledger lacks its row
            logger.warning("end of operation was not written", exc_info=failure, extra={"plugin": self.name, "operation": last.id})
        finally:
            world.operations.close(operation.id)
