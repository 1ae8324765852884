"""The page of one service: its components day by day and hour by hour, its checks, their latency."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.formats.text import MESSAGE, plain
from monitor.formats.times import utc
from monitor.languages.reader import Reader
from monitor.languages.words import Words
from monitor.web.backend import Backend
from monitor.web.bars import DAY, HOUR, Bars, Frame, bars, tell
from monitor.web.board import Row
from monitor.web.overview import DAYS, Share, shares, standing
from monitor.web.past import Hour, Stretch
from monitor.web.sayings import Saying, beside
from monitor.web.services import Component, Service
from monitor.web.sparkline import Sparkline, phases, sparkline
from monitor.web.status import LastDay, outcome_of

HOURS = 48
_CHECKS = 200
"""Checks of a component that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the store says of a service and its components; all empty while it cannot be read."""

    days: Sequence[Stretch] = ()
    hours: Sequence[Stretch] = ()
    paces: Mapping[str, Mapping[int, Hour]] = field(default_factory=dict)
    last_day: LastDay = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One check as a person reads it."""

    name: str
    """Its target; for strangers a number."""
    kind: str
    word: str
    outcome: str
    took: str
    detail: str
    age: str
    day: str
    """Share of the conclusive attempts of the last 24 hours that were ok."""
    pace: Sparkline | None
    phases: Sparkline | None
    """Of the last attempt, where the time went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One component."""

    name: str
    is_minor: bool
    word: str
    state: str
    days: Bars
    hours: Bars
    checks: tuple[CheckLine, ...]
    more: int
    """Checks that are not listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """One service."""

    name: str
    title: str
    provider: str
    word: str
    state: str
    saying: Saying | None
    shares: tuple[Share, ...]
    days: Bars
    hours: Bars
    bad_days: tuple[str, ...]
    """Those days in words, newest first: what the bars show, to be read."""
    parts: tuple[Part, ...]


async def known(backend: Backend, service: Service, now: float) -> Known:
    """All that the page needs of the store. Raises one of its errors."""
    past, since = backend.history.past, now - (HOURS - 1) * HOUR
    ids = [row.check.id for component in service.components for row in component.rows]
    return Known(
        days=list(await past.parts(service.name, now - (DAYS - 1) * DAY)),
        hours=list(await past.hours(service.name, since, now)),
        paces=await past.pace(ids, since, now),
        last_day=await backend.last_day(),
    )


def whole(service: Service, known: Known, reader: Reader) -> Whole:
    """The service with all that is known of it."""
    words, now = reader.words, reader.now
    by_day, by_hour = Frame(step=DAY, count=DAYS, now=now), Frame(step=HOUR, count=HOURS, now=now)
    days, hours = _by_component(known.days), _by_component(known.hours)
    tone, state = standing(service, words)
    drawn = {
        name: (
            bars(days[name], by_day, words, is_marked=True),
            bars(hours[name], by_hour, words, is_marked=True),
        )
        for name in ("", *(component.name for component in service.components))
    }
    return Whole(
        name=service.name,
        title=service.title,
        provider=service.provider,
        word=tone,
        state=state,
        saying=beside(service, reader),
        shares=shares(service.availability, words),
        days=drawn[""][0],
        hours=drawn[""][1],
        bad_days=tuple(_bad_days(days[""], by_day, words)),
        parts=tuple(_part(component, drawn[component.name], known, reader) for component in service.components),
    )


def _by_component(stretches: Iterable[Stretch]) -> defaultdict[str, list[Stretch]]:
    found: defaultdict[str, list[Stretch]] = defaultdict(list)
    for stretch in stretches:
        found[stretch.component].append(stretch)
    return found


def _bad_days(days: Iterable[Stretch], frame: Frame, words: Words) -> Iterator[str]:
    bad = [
        day for day in days if day.begin in frame.begins and (day.down >= 1 or day.degraded >= 1 or day.planned >= 1)
    ]
    for day in reversed(bad):
        yield tell(day, frame, words)


def _part(component: Component, drawn: tuple[Bars, Bars], known: Known, reader: Reader) -> Part:
    tone, state = standing(component, reader.words)
    shown = component.rows[:_CHECKS]
    return Part(
        name=component.name,
        is_minor=not component.critical,
        word=tone,
        state=state,
        days=drawn[0],
        hours=drawn[1],
        checks=tuple(_check(row, number, known, reader) for number, row in enumerate(shown, 1)),
        more=len(component.rows) - len(shown),
    )


def _check(row: Row, number: int, known: Known, reader: Reader) -> CheckLine:
    words, last = reader.words, row.last
    outcome = outcome_of(row)
    ok, failed = known.last_day.get(row.check.id, (0, 0))
    return CheckLine(
        name=words("check.number", n=number) if reader.is_public else row.check.target,
        kind=row.check.kind,
        word=outcome,
        outcome=words(f"outcome.{outcome}"),
        took="" if last is None else words.took(last.duration),
        detail=_detail(row, reader),
        age="" if last is None else words("check.ago", time=words.lasting(reader.now - last.started)),
        day=words.percent(ok / (ok + failed)) if ok + failed else "",
        pace=sparkline(known.paces.get(row.check.id, {}), Frame(step=HOUR, count=HOURS, now=reader.now), words),
        phases=None if last is None else phases(last, words),
    )


def _detail(row: Row, reader: Reader) -> str:
    if row.last is None or row.last.failure is None:
        return ""
    failure, words = row.last.failure, reader.words
    where = f"{failure.layer}/{failure.reason}" if failure.layer else str(failure.reason)
    said = where if reader.is_public else f"{where}: {plain(failure.message, MESSAGE)}"
    if not row.failing_since:
        return said
    return f"{said}; {words('check.failing_since', when=f'{utc(row.failing_since):%Y-%m-%d %H:%M:%S} UTC')}"
