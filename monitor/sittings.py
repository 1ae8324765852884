"""The judge at work: it hears every attempt, sits twice a second, and tells nothing before it is on disk.

What a monitor remembers of its last life is read while the first attempts are
under way; until it is there they wait, because a judge without a memory would
open every window a second time.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from monitor.domain.alert import Message
from monitor.domain.attempt import Attempt
from monitor.domain.check import Check, Vantage
from monitor.domain.maintenance import Maintenance
from monitor.domain.outage import Span, StateSeconds, Window
from monitor.domain.ports import Clock
from monitor.domain.ruling import Ruling
from monitor.domain.words import Status
from monitor.judgement.judge import Judge

_WAITING = 50_000
"""Attempts that wait for the memory; beyond them the oldest go, as if they had not been made."""
_AHEAD = 7 * 86400.0
"""How far ahead maintenance is looked up; every minute."""

_log = structlog.get_logger(__name__)


class Past(Protocol):
    """What is known from the last life."""

    @property
    def windows(self) -> Iterable[Window]:
        """Those that are not over."""
        ...

    @property
    def spans(self) -> Iterable[Span]:
        """The last one of each vantage."""
        ...

    @property
    def memory(self) -> Mapping[str, str]:
        """What the judge wanted to be told again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """Who writes down what is decided."""

    mind: Callable[[], None]
    """Tells the judge of a step of the wall clock, if there was one: no stamp from after it may come before that."""
    recall: Callable[[], Awaitable[Past]]
    keep: Callable[[Ruling], None]
    kept: Callable[[], Awaitable[None]]
    keep_seconds: Callable[[Iterable[StateSeconds]], None]
    advise: Callable[[Ruling], Ruling]
    """Adds what is to be told of a ruling, and of those before it."""
    tell: Callable[[Sequence[Message]], None]
    """Gets what is to be told, once it is on disk."""


class Sittings:
    """A Sink in front of the judge."""

    def __init__(self, judge: Judge, clock: Clock, clerk: Clerk) -> None:
        self.judge = judge
        self._clock = clock
        self._clerk = clerk
        self._home = ""
        self._maintenance: tuple[Maintenance, ...] = ()
        self._waiting: deque[tuple[str, Check, Attempt]] | None = deque(maxlen=_WAITING)
        self._telling: deque[Ruling] = deque()
        self._told = asyncio.Event()
        self.sat = clock.monotonic()
        """When it decided last, or was made, on the monotonic clock."""

    def replace(self, home: Vantage, maintenance: Sequence[Maintenance]) -> None:
        """Stand at ``home``; these stretches of maintenance are announced."""
        self._home, self._maintenance = home.name, tuple(maintenance)
        self.look_ahead()

    def observe(self, check: Check, attempt: Attempt) -> None:
        """Hear an attempt made here."""
        self._clerk.mind()
        self.hear(self._home, check, attempt)

    def hear(self, vantage: str, check: Check, attempt: Attempt) -> None:
        """Hear an attempt made anywhere."""
        if self._waiting is None:
            self.judge.observe(vantage, check, attempt)
        else:
            self._waiting.append((vantage, check, attempt))

    async def begin(self) -> None:
        """Recall the past, then hear what waited. Raises what the clerk raises when there is no use in waiting."""
        past = await self._clerk.recall()
        self.judge.resume(past.windows, past.spans, past.memory, self._clock.now())
        waiting, self._waiting = self._waiting, None
        for vantage, check, attempt in waiting or ():
            self.judge.observe(vantage, check, attempt)

    async def sit(self) -> None:
        """Decide, and have it written down."""
        if self._waiting is not None:
            return
        self._clerk.mind()
        ruling = self._clerk.advise(self.judge.sit(self._clock.now()))
        self.sat = self._clock.monotonic()
        if not ruling:
            return
        self._clerk.keep(ruling)
        if ruling.windows or ruling.messages:
            self._telling.append(ruling)
            self._told.set()

    async def announce(self) -> None:
        """Tell of rulings as soon as they are on disk, until cancelled."""
        while True:
            await self._told.wait()
            self._told.clear()
            rulings = tuple(self._telling)
            self._telling.clear()
            await self._clerk.kept()
            for ruling in rulings:
                for window in ruling.windows:
                    _log_window(window)
                self._clerk.tell(ruling.messages)

    def settle(self) -> None:
        """Book the time since the last settlement."""
        if self._waiting is None:
            self._clerk.keep_seconds(self.judge.settle(self._clock.now()))

    def look_ahead(self) -> None:
        """Find out which maintenance is near."""
        now = self._clock.now()
        self.judge.announce(
            [near for plan in self._maintenance for near in plan.occurrences(now - _AHEAD, now + _AHEAD)]
        )


def _log_window(window: Window) -> None:
    if window.status is Status.ABSORBED:
        _log.info("part of a wider outage now", window=window.id, wider=window.absorbed_by)
    elif window.status in (Status.OPEN, Status.PLANNED):
        _log.warning("outage", window=window.id, status=str(window.status), says=window.sentence)
    else:
        _log.info("outage", window=window.id, status=str(window.status), says=window.sentence)
