"""The time that a report is about: whole days, in UTC."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from monitor.formats.times import utc
from monitor.languages.words import Words
from monitor.store.values import DAY

Stretch = tuple[float, float]
"""Begin and end, Unix seconds."""
_MONTH = re.compile(r"\d{4}-\d\d", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LONGEST = 3660
"""Days that a report may have: the store keeps ten years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From the first second of ``since`` up to, not including, that of ``until``; told at ``now``."""

    since: int
    until: int
    """Both are begins of days, in Unix seconds."""
    now: float

    @property
    def end(self) -> float:
        """Until when there can be something to tell."""
        return min(self.until, self.now)

    @property
    def is_over(self) -> bool:
        """Whether nothing can be added to it any more."""
        return self.now >= self.until

    def name(self, words: Words) -> str:
        """``October 2026``, or both dates where it is no month of the calendar."""
        first, after = _date(self.since), _date(self.until)
        if first.day == 1 and after == _next_month(first):
            return f"{words(f'month.{first.month}')} {first.year}"
        return self.dates(words)

    def dates(self, words: Words) -> str:
        """``2026-10-01 to 2026-10-31``: the first and the last day."""
        return days_named(self.since, self.until - DAY, words)

    def days(self) -> Iterator[int]:
        """The begins of its days."""
        return iter(range(self.since, self.until, DAY))

    def elapsed(self, day: int) -> float:
        """Seconds of this day that are past."""
        return min(float(DAY), max(0.0, self.now - day))

    def clip(self, start: float, end: float | None) -> Stretch | None:
        """The part of a stretch that lies within; None for no end means that it lasts. None when there is no part."""
        begin, stop = max(start, self.since), self.end if end is None else min(end, self.end)
        # What ended as the period began is no part of it; what lasted no time at all within it is.
        if stop < begin or start >= self.end or (end is not None and end <= self.since):
            return None
        return begin, stop


def month(text: str, now: float) -> Period:
    """``2026-10``; without text the last month that is over. Raises ValueError with a sentence."""
    if not text:
        first = (_date(now).replace(day=1) - timedelta(days=1)).replace(day=1)
    elif not _MONTH.fullmatch(text):
        raise ValueError("write a month as 2026-10")
    else:
        first = _read(f"{text}-01")
    return _period(first, _next_month(first), now)


def between(since: str, until: str, now: float) -> Period:
    """From the day ``since`` to before the day ``until``; without it, to today. Raises ValueError with a sentence."""
    last = _read(until) if until else _date(now) + timedelta(days=1)
    return _period(_read(since), last, now)


def day_of(moment: float) -> date:
    """The day in which it lies."""
    return _date(moment)


def days_named(first: float, last: float, words: Words) -> str:
    """The days in which these moments lie, as ``2026-10-01 to 2026-10-31``; one where it is the same."""
    begin, end = str(day_of(first)), str(day_of(last))
    return begin if begin == end else words("report.dates", first=begin, last=end)


def _period(first: date, after: date, now: float) -> Period:
    if after <= first:
        raise ValueError(f"{first} is not before {after}")
    if (after - first).days > _LONGEST:
        raise ValueError("a report is about ten years at most")
    made = Period(since=_seconds(first), until=_seconds(after), now=now)
    if made.since >= now:
        raise ValueError(f"{first} has not come yet")
    return made


def _read(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError("write a day as 2026-10-01")
    try:
        read = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"there is no {text}: {error}") from error
    if not date(1970, 1, 1) <= read <= date(9000, 1, 1):
        raise ValueError(f"nothing is known of {text}")
    return read


def _next_month(first: date) -> date:
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1)


def _seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _date(moment: float) -> date:
    return utc(moment).date()
