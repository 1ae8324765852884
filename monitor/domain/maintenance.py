"""Announced maintenance: when what is down was meant to be. Pure; instants are Unix seconds.

People write wall-clock times of a zone (IANA names); these are the rules that turn them into instants:

- A time that a change of the clocks leaves out is taken at the first instant after the change: 02:30 in Rome on
  29 March 2026 is 03:00 there.
- A time that exists twice is taken the first time.
- A date that a zone left out altogether (30 December 2011 in Apia) has no occurrence, as 30 February has none.
- A length is elapsed time: two hours that begin at 01:00 in that night end at 04:00.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from math import floor
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = timedelta(days=1)
_EARLIEST = datetime(1800, 1, 1, tzinfo=UTC).timestamp()
_LATEST = datetime(MAXYEAR - 1, 1, 1, tzinfo=UTC).timestamp()
"""Beyond these nothing recurs: what an endless range may ask for stays within what a calendar can count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """One stretch of maintenance: from ``starts`` up to, not including, ``ends``."""

    name: str
    targets: tuple[str, ...]
    """Services, or components as ``service.component``; ``*`` and ``?`` stand for any text, any character."""
    starts: float
    ends: float

    def covers(self, service: str, component: str) -> bool:
        """Whether it was announced for this component."""
        names = (service, f"{service}.{component}")
        return any(fnmatchcase(name, target) for target in self.targets for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """Once."""

    starts: float
    ends: float

    def stretches(self, since: float, until: float) -> Iterator[tuple[float, float]]:
        """The one, when it is in the range."""
        if self.starts < until and self.ends > since:
            yield self.starts, self.ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """On these days of every week, 0 for Monday."""

    weekdays: frozenset[int]

    def dates(self, first: date) -> Iterator[date]:
        """All of them from ``first`` on."""
        while True:
            if first.weekday() in self.weekdays:
                yield first
            first += _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Monthly:
    """On one day of every month that has it. ``day`` is 1 to 31; None for the last, whichever it is."""

    day: int | None

    def dates(self, first: date) -> Iterator[date]:
        """All of them from ``first`` on."""
        month = first.replace(day=1)
        while True:
            last = monthrange(month.year, month.month)[1]
            found = month.replace(day=min(self.day or last, last))
            if found >= first and (self.day is None or found.day == self.day):
                yield found
            month = month.replace(day=last) + _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """Again and again, at a time of a zone's own clocks, for ``duration`` seconds."""

    days: Weekly | Monthly
    at: time
    duration: float
    zone: ZoneInfo

    def stretches(self, since: float, until: float) -> Iterator[tuple[float, float]]:
        """All that are in the range, one by one; nothing before the range is enumerated."""
        earliest = min(max(since - self.duration, _EARLIEST), _LATEST)
        # A day early: what a change of the clocks puts off past midnight belongs to the date before.
        for day in self.days.dates(datetime.fromtimestamp(earliest, self.zone).date() - _DAY):
            starts = instant(datetime.combine(day, self.at), self.zone)
            if starts >= min(until, _LATEST):
                return
            if starts + self.duration > since and _has_date(self.zone, day):
                yield starts, starts + self.duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """What is announced: a name, what it concerns, and when."""

    name: str
    targets: tuple[str, ...]
    """As in `Announced`."""
    when: Dated | Recurring

    def occurrences(self, since: float, until: float) -> Iterator[Announced]:
        """Every stretch that begins before ``until`` and ends after ``since``, whole, in the order of their starts.

        Each is made when it is asked for, so an endless range costs nothing by itself.
        """
        for starts, ends in self.when.stretches(since, until):
            yield Announced(name=self.name, targets=self.targets, starts=starts, ends=ends)


def instant(wall: datetime, zone: ZoneInfo) -> float:
    """When the clocks of ``zone`` show ``wall`` (naive) for the first time, or at once something later."""
    before, after = (wall.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    if before <= after:
        return before
    # Left out: the offset after the change gives an instant before it, and the other way round (PEP 495).
    low, high = floor(after), floor(before)
    while high - low > 1:
        middle = (low + high) // 2
        is_shown = datetime.fromtimestamp(middle, zone).replace(tzinfo=None) > wall
        low, high = (low, middle) if is_shown else (middle, high)
    return float(high)


def _has_date(zone: ZoneInfo, day: date) -> bool:
    """False for a date that the zone left out."""
    return datetime.fromtimestamp(instant(datetime.combine(day, time()), zone), zone).date() == day
