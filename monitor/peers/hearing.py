"""What one peer tells: attempts of checks that are ours as well, on our clock, each once and in order."""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import replace

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.ports import Clock
from monitor.domain.vitals import Ignored
from monitor.formats.feed import Malformed, Page, UnknownWord, Unreadable, read_row
from monitor.peers.circle import Ears

_SLICE = 200
"""Attempts heard before other work gets its turn: 2 ms."""
_OLDEST = 600.0
"""Of what began longer ago (seconds) there is nothing to be decided any more."""
_FUTURE = 2.0
_IN_STEP = 0.5
"""Clocks that agree up to this (seconds) are taken as they are: the way of an answer takes as long."""
_CATCHING_UP = 5.0
"""After attempts of so many seconds it is time for a sitting, as there would have been one."""


class Skew:
    """How much our clock is ahead of a peer's: of the last two answers the quicker one tells."""

    def __init__(self) -> None:
        self._seen: deque[float] = deque(maxlen=2)

    def note(self, ahead: float) -> None:
        """An answer came when our clock was ``ahead`` of the stamp in it, its way included."""
        self._seen.append(ahead)

    def shift(self, seconds: float) -> None:
        """Our clock was set by so much."""
        self._seen = deque((ahead + seconds for ahead in self._seen), maxlen=2)

    @property
    def seconds(self) -> float:
        """What to add to its stamps."""
        least = min(self._seen, default=0.0)
        return least if abs(least) > _IN_STEP else 0.0


class Hearing:
    """Hears one peer."""

    def __init__(self, clock: Clock, ears: Ears) -> None:
        self._clock = clock
        self._ears = ears
        self._checks: Mapping[str, Check] = {}
        self._run = ""
        self._latest: dict[str, float] = {}
        """When the last attempt of each check began."""
        self._sat = 0.0
        self.after: int | None = None
        """Number of the last attempt that was heard; None before the first answer."""
        self.skew = Skew()
        self.taken = 0
        self.lost = 0
        self.lag = 0.0
        self.ignored: Counter[Ignored] = Counter()

    def replace(self, checks: Mapping[str, Check]) -> None:
        """Hear of these checks, witnesses included, by id."""
        self._checks = checks
        self._latest = {check_id: at for check_id, at in self._latest.items() if check_id in checks}

    def shift(self, seconds: float) -> None:
        """Our clock was set by so much."""
        self.skew.shift(seconds)
        self._sat += seconds
        self._latest = {check_id: at + seconds for check_id, at in self._latest.items()}

    async def take(self, vantage: str, page: Page, came: float) -> bool:
        """Hear what is on a page that ``came`` then (Unix seconds); whether there is more to be had at once.

        Raises Unreadable when its numbers do not follow on what was heard before.
        """
        self.skew.note(came - page.now)
        if page.run != self._run:
            is_first = not self._run
            self._run = page.run
            self.after = page.next if is_first else 0  # all that a new run has done is new
            return not is_first
        after = self.after or 0
        if page.next < after:
            raise Unreadable("numbers that go back")
        self.lost += page.is_lost
        self.after = page.next
        await self._take_rows(vantage, page, after)
        return bool(page.rows) and page.next < page.newest

    async def _take_rows(self, vantage: str, page: Page, after: int) -> None:
        self.lag = 0.0 if page.rows else self.lag
        for place, row in enumerate(page.rows, 1):
            if place % _SLICE == 0:
                await asyncio.sleep(0)
            try:
                after, attempt = _read(row, after, page.next)
                check, attempt = self._place(attempt, self._clock.now())
            except (Malformed, UnknownWord, _NotForUs) as error:
                self.ignored[_REASONS.get(type(error), Ignored.NOT_WATCHED)] += 1
                continue
            if attempt.started > self._sat + _CATCHING_UP:
                self._sat = attempt.started
                await self._ears.sit()
            self.taken += 1
            self._ears.hear(vantage, check, attempt)

    def _place(self, attempt: Attempt, now: float) -> tuple[Check, Attempt]:
        """The check that it is of, and the attempt by our clock. Raises _NotForUs or _Untimely."""
        check = self._checks.get(attempt.check_id)
        if check is None:
            raise _NotForUs
        at = attempt.started + self.skew.seconds
        if not now - _OLDEST <= at <= now + _FUTURE or at <= self._latest.get(check.id, 0.0):
            raise _Untimely
        self._latest[check.id] = at = min(at, now)
        self.lag = max(self.lag, now - at - attempt.duration)
        return check, replace(attempt, started=at)


def _read(row: object, after: int, last: int) -> tuple[int, Attempt]:
    number, attempt = read_row(row)
    if not after < number <= last:
        raise Malformed
    return number, attempt


class _NotForUs(Exception):
    """Nobody here wants to know."""


class _Untimely(_NotForUs):
    """Too old, not yet made, or out of order."""


_REASONS: Mapping[type[Exception], Ignored] = {
    Malformed: Ignored.MALFORMED,
    UnknownWord: Ignored.UNKNOWN_WORD,
    _NotForUs: Ignored.NOT_WATCHED,
    _Untimely: Ignored.UNTIMELY,
}
