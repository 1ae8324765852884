"""When runs happen. The only user of APScheduler.

One APScheduler job for each *group of equal interval* (a job costs 216-572 us a
fire, too much for one a check). A group spreads its members over the interval
by a phase that is a hash of the check's id: stable over restarts and reloads.
Within a cycle a chain of loop timers walks the members in the order of their
due times, all on the monotonic clock.

APScheduler counts on the wall clock: `realign` after a step of it, and each
cycle a look whether it went astray, keep all where the monotonic clock has it.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from monitor.domain.ports import Clock
from monitor.domain.vitals import Skip

_FIRST_ROUND = 10.0
"""The first cycle is squeezed into this many seconds, so that a new monitor soon has something to say."""
_WELL_AFTER = 1 / 3
"""Share of the interval between the first run and the next one; less would be asking twice."""
_JITTER = 0.1
"""Share of the interval by which runs against foreign networks stray from their phase."""
_TOO_LATE = 1.0
"""A run later than this is skipped: the next one is near, and a burst after a gap would help nobody."""
_TOGETHER = 8
_COARSEST = 0.05
"""Due times lie on a grid so coarse that this many share a point, but at most of these seconds: waking up costs as much
as an attempt. More would make the last of them late."""
_BURST = 20
"""Runs started in one turn of the loop at most; the rest waits for the next turn."""
_ASTRAY = 0.05
"""Seconds by which a cycle may begin beside its time: small steps of the wall clock add up."""
_SHED_ABOVE = 0.25
_SHED_AFTER = 3
"""Late seconds in a row that are overload. What was due while the process was stopped starts late within two."""
_RELAX_BELOW = 0.05
_SHED_MAX = 0.95


@dataclass(slots=True, eq=False, kw_only=True)
class Member:
    """Something to run every ``interval`` seconds. ``start`` gets the monotonic due time and must not block."""

    key: str
    interval: float
    start: Callable[[float], None]
    jitter: bool = False
    phase: float = 0.0
    """0..1 within the interval; set from the key."""
    credit: float = 0.0

    def __post_init__(self) -> None:
        digest = blake2b(self.key.encode(), digest_size=8).digest()
        self.phase = int.from_bytes(digest) / 2**64
        self.credit = self.phase


class Shedder:
    """Skips runs evenly when the machine cannot keep up, and says how many.

    Each check collects ``1 - level`` a run and runs when it has a whole one, so
    at level 0.25 every check misses one run in four, none of them two in a row.
    """

    def __init__(self) -> None:
        self.level = 0.0
        self._worst = 0.0
        self._bad = 0
        self._since = 0.0

    def note(self, now: float, lateness: float) -> None:
        """Learn how late a run is; adjusts the level once a second."""
        self._worst = max(self._worst, lateness)
        if now - self._since < 1.0:
            return
        self._bad = self._bad + 1 if self._worst > _SHED_ABOVE else 0
        if self._bad >= _SHED_AFTER:
            self.level = min(_SHED_MAX, self.level + 0.1 * (1 - self.level))
        elif self._worst < _RELAX_BELOW:
            self.level = max(0.0, self.level - 0.02)
        self._worst, self._since = 0.0, now

    def admits(self, member: Member) -> bool:
        """Whether this run of ``member`` may start."""
        member.credit += 1.0 - self.level
        if member.credit < 1.0:
            return False
        member.credit -= 1.0
        return True


class Group:
    """The members of one interval, walked once a cycle."""

    def __init__(self, interval: float, clock: Clock, shedder: Shedder, skipped: Counter[Skip]) -> None:
        self.interval = interval
        self.members: dict[str, Member] = {}
        self._grid = _COARSEST
        self._clock = clock
        self._shedder = shedder
        self._skipped = skipped
        self._epoch = clock.monotonic()
        self._cycle = -1
        self._pending: list[tuple[float, Member]] = []
        self._next = 0
        self._timer: asyncio.Handle | None = None

    def replace(self, members: Iterable[Member]) -> None:
        """Take over new members. One whose key stays keeps its credit; a new one has its first run soon."""
        fresh = {member.key: member for member in members}
        known = self.members
        for key, member in fresh.items():
            if key in known:
                member.credit = known[key].credit
        self.members = fresh
        self._grid = min(_COARSEST, _TOGETHER * self.interval / max(len(fresh), 1))
        if self._cycle < 0:
            return
        kept = [(due, fresh[m.key]) for due, m in self._pending[self._next :] if m.key in fresh]
        born = self._first_round((m for key, m in fresh.items() if key not in known), self._cycle)
        self._line_up([*kept, *born])

    def begin_cycle(self) -> None:
        """Line up the cycle that the monotonic clock is in; again within one cycle does nothing."""
        cycle = round((self._clock.monotonic() - self._epoch) / self.interval)
        if cycle <= self._cycle:
            return
        self._skipped[Skip.GAP] += (cycle - self._cycle - 1) * len(self.members)
        members = self.members.values()
        if self._cycle < 0:
            runs = self._first_round(members, cycle)
        else:
            runs = ((self._due(member, cycle), member) for member in members)
        self._cycle = cycle
        self._line_up([*self._pending[self._next :], *runs])

    def until_next_cycle(self) -> float:
        """Seconds until the next cycle begins, by the monotonic clock."""
        return self._epoch + (self._cycle + 1) * self.interval - self._clock.monotonic()

    def stop(self) -> None:
        """Start nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._pending, self._next = [], 0

    def _due(self, member: Member, cycle: int) -> float:
        """When it runs in this cycle."""
        return self._epoch + (cycle + self._offset(member, cycle)) * self.interval

    def _offset(self, member: Member, cycle: int) -> float:
        """0..1 within the interval."""
        if not member.jitter:
            return member.phase
        digest = blake2b(f"{member.key}{cycle}".encode(), digest_size=4).digest()
        stray = int.from_bytes(digest) / 2**32 * _JITTER
        return member.phase * (1 - _JITTER) + stray

    def _on_grid(self, moment: float) -> float:
        """The first point of the grid that is not before ``moment``; a point stays where it is."""
        return math.ceil(moment / self._grid - 1e-6) * self._grid

    def _first_round(self, members: Iterable[Member], cycle: int) -> Iterator[tuple[float, Member]]:
        """Soon, and at their own time of this cycle if that is well after, so that nobody waits two intervals."""
        now, span = self._clock.monotonic(), min(self.interval, _FIRST_ROUND)
        for member in members:
            soon, own = now + member.phase * span, self._due(member, cycle)
            yield soon, member
            if own - soon > self.interval * _WELL_AFTER:
                yield own, member

    def _line_up(self, runs: list[tuple[float, Member]]) -> None:
        self._pending = sorted(((self._on_grid(due), member) for due, member in runs), key=lambda run: run[0])
        self._next = 0
        self._walk()

    def _walk(self) -> None:
        """Start what is due; come back when the next one is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        last = min(self._next + _BURST, len(self._pending))
        while self._next < last:
            due, member = self._pending[self._next]
            now = self._clock.monotonic()
            if due > now:
                self._timer = loop.call_later(due - now, self._walk)
                return
            self._next += 1
            self._start(member, due, now)
        if self._next < len(self._pending):
            self._timer = loop.call_soon(self._walk)

    def _start(self, member: Member, due: float, now: float) -> None:
        late = now - due
        self._shedder.note(now, late)
        if late > _TOO_LATE:
            self._skipped[Skip.OVERLOAD if self._shedder.level else Skip.GAP] += 1
        elif not self._shedder.admits(member):
            self._skipped[Skip.OVERLOAD] += 1
        else:
            member.start(due)


class Schedule:
    """All groups, and the few jobs of the house that recur by themselves."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shedder = Shedder()
        self._groups: dict[float, Group] = {}
        self._own: dict[str, float] = {}  # intervals of the jobs of the house
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None})
        self.skipped: Counter[Skip] = Counter()

    @property
    def shed_ratio(self) -> float:
        """The share of runs that is being skipped because of overload."""
        return self._shedder.level

    def start(self) -> None:
        """Begin; must be called in a running loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Start nothing any more. What runs already is the runner's to end."""
        for group in self._groups.values():
            group.stop()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def every(self, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        """Call ``action`` every ``seconds``; a run still going on is not started twice."""
        work = partial(_until_stopped, action)
        self._own[self._scheduler.add_job(work, "interval", seconds=seconds, max_instances=1).id] = seconds

    def apply(self, members: Iterable[Member]) -> None:
        """Run these and no others from now on; what stays keeps its phase."""
        by_interval: dict[float, list[Member]] = {}
        for member in members:
            by_interval.setdefault(member.interval, []).append(member)
        for interval in self._groups.keys() - by_interval.keys():
            self._groups.pop(interval).stop()
            self._scheduler.remove_job(_job_id(interval))
        for interval, group_members in by_interval.items():
            known = interval in self._groups
            group = self._groups.setdefault(interval, Group(interval, self._clock, self._shedder, self.skipped))
            group.replace(group_members)
            if not known:
                self._add_job(group)

    def realign(self) -> None:
        """Put all back where the monotonic clock has it, after a step of the wall clock or a suspension."""
        for group in self._groups.values():
            self._put(_job_id(group.interval), group.until_next_cycle())
        for job_id, seconds in self._own.items():
            self._put(job_id, seconds)

    def _put(self, job_id: str, wait: float) -> None:
        """The next run is in ``wait`` seconds, unless we have stopped."""
        if self._scheduler.get_job(job_id) is not None:
            self._scheduler.modify_job(job_id, next_run_time=self._wall() + timedelta(seconds=max(0.0, wait)))

    def _correct(self, group: Group) -> None:
        job, wait = self._scheduler.get_job(_job_id(group.interval)), group.until_next_cycle()
        if job is not None and abs(job.next_run_time.timestamp() - self._clock.now() - wait) > _ASTRAY:
            self._put(job.id, wait)

    def _add_job(self, group: Group) -> None:
        async def begin() -> None:
            group.begin_cycle()
            self._correct(group)

        job_id = _job_id(group.interval)
        self._scheduler.add_job(begin, "interval", seconds=group.interval, id=job_id, next_run_time=self._wall())

    def _wall(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)


def _job_id(interval: float) -> str:
    return f"group-{interval!r}s"  # whole: two that differ by a millisecond are two


async def _until_stopped(action: Callable[[], Awaitable[None]]) -> None:
    # Its shutdown cancels what runs, and would then log that as an error: here the task ends anyhow.
    with suppress(asyncio.CancelledError):
        await action()
