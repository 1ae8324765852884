"""The numbers of a period: availability, outages, repair, error budget. Pure arithmetic; every time in seconds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce

from monitor.reports import stretches
from monitor.reports.parts import Part, Sort
from monitor.reports.period import Period
from monitor.reports.spent import Spent
from monitor.store.values import DAY, Availability

_LATE = 300.0
"""What is missing of the running day by this much will be written in a moment."""
_ROUNDING = 2.0
"""What may be missing of a whole day because the store rounds to milliseconds."""
_EPSILON = 1e-6


@dataclass(frozen=True, kw_only=True)
class Outages:
    """The outages of one service or component. What was only slow is counted apart."""

    parts: tuple[Part, ...]
    slow: int
    answered: float
    """Seconds in which it was seen to answer."""

    @cached_property
    def seconds(self) -> float:
        """Spent in outages, overlaps counted once."""
        return stretches.total(part.stretch for part in self.parts)

    @property
    def longest(self) -> float | None:
        """The part of the one with the longest."""
        return max((part.seconds for part in self.parts), default=None)

    @property
    def to_recover(self) -> float | None:
        """MTTR: the mean part of those that ended in the period; None when none did."""
        ended = [part.seconds for part in self.parts if part.is_over]
        return sum(ended) / len(ended) if ended else None

    @property
    def between(self) -> float | None:
        """MTBF: the time that it answered for each outage that began in the period; None when none did."""
        begun = sum(part.is_begun for part in self.parts)
        return self.answered / begun if begun else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The time that may be down if the objective is to be met."""

    allowed: float
    used: float

    @property
    def left(self) -> float:
        """Negative when it is overspent."""
        return self.allowed - self.used

    @property
    def is_met(self) -> bool:
        """Whether the objective is."""
        return self.left >= -_EPSILON

    @property
    def share(self) -> float | None:
        """Of what is allowed the share that is used; None when nothing is."""
        return self.used / self.allowed if self.allowed > _EPSILON else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day (UTC)."""

    begin: int
    spent: Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One part of a service."""

    name: str
    title: str
    critical: bool | None
    """None where the configuration does not know it any more."""
    spent: Spent
    outages: Outages


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service."""

    name: str
    title: str
    provider: str
    days: tuple[Day, ...]
    spent: Spent
    outages: Outages
    budget: Budget
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is told of a service beside the numbers."""

    name: str
    title: str
    provider: str
    components: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    """Title, and whether it is critical, by name, in the order of the configuration."""


def service(
    subject: Subject, rows: Sequence[Availability], parts: Iterable[Part], period: Period, objective: float
) -> Service:
    """The figures of one service from the days that are booked of it and its components. ``objective``: 0 to 1."""
    ours = [part for part in parts if part.affects(subject.name)]
    days = tuple(_days("", rows, period))
    spent = _sum(days)
    known = {row.component for row in rows} - {""}
    names = [*subject.components, *sorted(known - set(subject.components))]
    return Service(
        name=subject.name,
        title=subject.title,
        provider=subject.provider,
        days=days,
        spent=spent,
        outages=_outages(ours, spent),
        budget=Budget(allowed=(1 - objective) * spent.counted, used=spent.down),
        components=tuple(_component(name, subject, rows, ours, period) for name in names),
    )


def _component(
    name: str, subject: Subject, rows: Sequence[Availability], parts: Sequence[Part], period: Period
) -> Component:
    ours = [part for part in parts if part.affects(subject.name, name)]
    spent = _sum(_days(name, rows, period))
    title, critical = subject.components.get(name, (name, None))
    return Component(name=name, title=title, critical=critical, spent=spent, outages=_outages(ours, spent))


def _outages(parts: Iterable[Part], spent: Spent) -> Outages:
    listed = list(parts)
    return Outages(
        parts=tuple(part for part in listed if part.sort is Sort.OUTAGE),
        slow=sum(part.sort is Sort.SLOW for part in listed),
        answered=spent.answered,
    )


def _sum(days: Iterable[Day]) -> Spent:
    return reduce(Spent.__add__, (day.spent for day in days), Spent())


def _days(component: str, rows: Iterable[Availability], period: Period) -> Iterator[Day]:
    booked = {row.begin: row for row in rows if row.component == component}
    for day in period.days():
        elapsed = period.elapsed(day)
        if elapsed:
            yield Day(begin=day, spent=_booked(booked.get(day), elapsed))


def _booked(row: Availability | None, elapsed: float) -> Spent:
    row = row or Availability(begin=0, service="", component="", up=0, degraded=0, down=0, unknown=0, planned=0)
    missing = max(0.0, elapsed - row.up - row.degraded - row.down - row.unknown - row.planned)
    return Spent(
        up=row.up,
        degraded=row.degraded,
        down=row.down,
        unknown=row.unknown,
        planned=row.planned,
        unrecorded=0.0 if missing <= (_ROUNDING if elapsed == DAY else _LATE) else missing,
    )
