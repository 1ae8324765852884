"""One run of a check: the attempt, confirmations, and who is to blame; then hand to the sinks."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import structlog

from monitor.asking import ask
from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Check
from monitor.domain.failures import ProbeFailed
from monitor.domain.ports import Clock, Probe, Sink
from monitor.domain.vitals import Histogram, Skip
from monitor.domain.words import Fact, FactValue, Layer, Outcome, Reason

_LATE_SHARE = 0.1
_LATE_FLOOR = 0.1
"""A loop that stood still for a tenth of the deadline (at least 0.1 s) took that much from the target."""
_LATE_BLURS = (Reason.TIMEOUT, Reason.CLOSED, Reason.RESET, Reason.NAME_RESET)
"""What standing still can cause: a deadline of ours, or a peer that gave up on us."""
_SLOW_SHARE = 0.8
"""Checks that last ran into half of their deadline may fill this share of the places, never all of them."""
_BACKOFF_FIRST = 1800.0
_BACKOFF_LAST = 6 * 3600.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Slot:
    """A check's place in the runner: at most one attempt of it at a time."""

    check: Check
    probe: Probe
    busy: bool = False
    failing: bool = False
    """The last conclusive attempt failed."""
    slow: bool = False
    rounds: int = 0
    resume_at: float = 0.0
    """Monotonic time before which a rate limit forbids to ask again."""
    backoff: float = 0.0


class Job(NamedTuple):
    """One run to be made."""

    slot: Slot
    due: float
    was_slow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """What the runner asks before it blames a target."""

    late_since: Callable[[float], float]
    """The longest that our loop stood still since a monotonic time, in seconds."""
    online: Callable[[float], Awaitable[bool]]
    """Whether a witness has answered since a monotonic time, or answers now."""
    resolves: Callable[[float], Awaitable[bool]]
    """Whether a witness has been found by its name since a monotonic time, or is now."""
    second: Callable[[Check, Attempt, float], Awaitable[Mapping[Fact, FactValue]]]
    """What somebody else says of a failure, as far as that is known at a monotonic time."""


@dataclass(slots=True)
class Counts:
    """The runner's own numbers."""

    in_flight: int = 0
    slow_in_flight: int = 0
    skipped: Counter[Skip] = field(default_factory=Counter)
    internal_errors: int = 0
    sink_errors: Counter[str] = field(default_factory=Counter)
    """By the name of the sink; every one is there from the start, or a rate would not see its first error."""
    lateness: Histogram = field(default_factory=Histogram)


class Runner:
    """Runs checks on demand, never two of one check at once.

    Each run has a worker, a task, to itself; a worker that is done waits for the
    next run, because making a task costs as much as the rest of our bookkeeping.
    """

    def __init__(self, clock: Clock, doubts: Doubts, sinks: Sequence[Sink], max_in_flight: int) -> None:
        self._clock = clock
        self._doubts = doubts
        self._sinks = tuple(sinks)
        self._max_in_flight = max_in_flight
        self._tasks: asyncio.TaskGroup | None = None
        self._idle: list[asyncio.Future[Job | None]] = []
        self.counts = Counts(sink_errors=Counter({type(sink).__name__: 0 for sink in self._sinks}))

    def use(self, tasks: asyncio.TaskGroup) -> None:
        """Run in this task group from now on, until `finish`."""
        self._tasks = tasks

    def finish(self) -> None:
        """Start nothing any more; workers end with the runs they are at."""
        self._tasks = None
        while self._idle:
            self._idle.pop().set_result(None)

    def launch(self, slot: Slot, due: float) -> None:
        """Start a run that was due at ``due`` (monotonic), or count why not."""
        skip = self._why_not(slot)
        if skip or self._tasks is None:
            self.counts.skipped[skip or Skip.STOPPING] += 1
            return
        slot.busy = True
        self.counts.in_flight += 1
        self.counts.slow_in_flight += slot.slow
        job = Job(slot, due, slot.slow)
        if self._idle:
            self._idle.pop().set_result(job)
        else:
            self._tasks.create_task(self._work(job))

    def _why_not(self, slot: Slot) -> Skip | None:
        if slot.busy:
            return Skip.OVERRUN
        if self._clock.monotonic() < slot.resume_at:
            return Skip.BACKOFF
        full = self.counts.in_flight >= self._max_in_flight
        if full or (slot.slow and self.counts.slow_in_flight >= self._max_in_flight * _SLOW_SHARE):
            return Skip.CAPACITY
        return None

    async def _work(self, job: Job | None) -> None:
        loop = asyncio.get_running_loop()
        while job is not None:
            await self._run(job)
            if self._tasks is None:
                return
            rest: asyncio.Future[Job | None] = loop.create_future()
            self._idle.append(rest)
            job = await rest

    async def _run(self, job: Job) -> None:
        slot = job.slot
        try:
            self.counts.lateness.observe(max(0.0, self._clock.monotonic() - job.due))
            attempt = await self._once(slot, 0)
            if attempt.outcome is Outcome.FAILED and not slot.failing:
                slot.failing = True
                await self._confirm(slot)
        except Exception:  # noqa: BLE001  # a bug of ours may cost this run, never the other workers
            self.counts.internal_errors += 1
            _log.exception("bug in the runner", check=slot.check.id)
        finally:
            slot.busy = False
            self.counts.in_flight -= 1
            self.counts.slow_in_flight -= job.was_slow

    async def _confirm(self, slot: Slot) -> None:
        """Ask again at once: each an attempt of its own, on another address where there is one."""
        for number in range(1, slot.check.confirm.attempts + 1):
            await asyncio.sleep(slot.check.confirm.delay)
            attempt = await self._once(slot, number)
            if attempt.outcome is Outcome.OK:
                return

    async def _once(self, slot: Slot, confirmation: int) -> Attempt:
        began = self._clock.monotonic()
        attempt, error = await ask(slot.check, slot.probe, self._clock, (slot.rounds, confirmation))
        slot.rounds += confirmation == 0
        slot.slow = attempt.duration > slot.check.timeout / 2
        if isinstance(error, ProbeFailed):
            attempt = await self._doubt(slot, attempt, error, began)
        elif attempt.failure and attempt.failure.reason is Reason.INTERNAL:
            self.counts.internal_errors += 1
        if attempt.outcome is Outcome.OK:
            slot.failing, slot.backoff = False, 0.0
        self._hand_out(slot.check, attempt)
        return attempt

    async def _doubt(self, slot: Slot, attempt: Attempt, error: ProbeFailed, began: float) -> Attempt:
        """The attempt as it is, or inconclusive when the fault is not the target's."""
        late = self._doubts.late_since(began)
        if error.reason in _LATE_BLURS and late > max(_LATE_FLOOR, _LATE_SHARE * slot.check.timeout):
            return _blame_us(attempt, Reason.SELF_LAG, f"this monitor itself stood still for {late:.2f} s")
        if slot.check.foreign and error.retry_after is not None:
            wait = self._back_off(slot, error.retry_after)
            return _blame_us(attempt, Reason.RATE_LIMITED, f"asked to come back later; silent for {wait:.0f} s")
        if not await self._doubts.online(began):
            return _blame_us(attempt, Reason.VANTAGE_OFFLINE, "no witness answers as it should: the trouble is ours")
        if error.layer is Layer.DNS and not await self._doubts.resolves(began):
            return _blame_us(attempt, Reason.SELF_RESOLVER, "no witness is found by its name: our resolver is broken")
        more = await self._doubts.second(slot.check, attempt, began + slot.check.timeout)
        return replace(attempt, facts={**attempt.facts, **more}) if more else attempt

    def _back_off(self, slot: Slot, retry_after: float) -> float:
        slot.backoff = min(max(_BACKOFF_FIRST, slot.backoff * 2), _BACKOFF_LAST)
        wait = max(retry_after, slot.backoff)
        slot.resume_at = self._clock.monotonic() + wait
        return wait

    def _hand_out(self, check: Check, attempt: Attempt) -> None:
        for sink in self._sinks:
            try:
                sink.observe(check, attempt)
            except Exception:  # noqa: BLE001  # one sink's failure never costs another its observation
                name = type(sink).__name__
                self.counts.sink_errors[name] += 1
                _log.exception("sink failed", sink=name, check=check.id)


def _blame_us(attempt: Attempt, reason: Reason, message: str) -> Attempt:
    if attempt.failure is not None:
        message += f" (seen: {attempt.failure.layer}/{attempt.failure.reason}, {attempt.failure.message})"
    return replace(attempt, outcome=Outcome.INCONCLUSIVE, failure=Failure(layer=None, reason=reason, message=message))
