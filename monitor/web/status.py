"""The services of the page, down to each check: what was asked, what answered."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any, NamedTuple

from monitor.domain.text import milliseconds
from monitor.domain.words import State
from monitor.formats.checks import attempt_as_json, check_as_json
from monitor.formats.times import lasting, stamp_as_json, utc
from monitor.web.backend import Availability
from monitor.web.board import Row
from monitor.web.services import Service

WAITING = "waiting"
LastDay = Mapping[str, tuple[int, int]]
_WORDS = {State.UP: "ok", State.DEGRADED: "unsure", State.DOWN: "failed"}
"""The colour of a state."""
_SEEN_ENOUGH = 0.995
"""Coverage below this is said."""


class _Place(NamedTuple):
    """What a line says of the component that its check is in."""

    component: str
    state: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One check as a person reads it."""

    component: str
    """Empty where the line above has the same."""
    state: str
    word: str
    critical: bool
    target: str
    kind: str
    outcome: str
    took: str
    detail: str
    age: str
    day: str
    """Share of the conclusive attempts of the last 24 hours that were ok."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One service: its state, its availability, and its lines."""

    name: str
    state: str
    word: str
    is_calm: bool
    """Nothing in it needs to be looked at."""
    summary: str
    """Of services: how many checks had which outcome."""
    shares: tuple[tuple[str, str], ...]
    """Period and availability."""
    lines: tuple[Line, ...]


def sections(services: Iterable[Service], now: float, last_day: LastDay, *, is_blind: bool) -> list[Section]:
    """One section a service, in the order of the configuration. ``is_blind``: that nothing can be told is no news."""
    calm = "inconclusive" if is_blind else "ok"
    return [_section(service, now, last_day, calm) for service in services]


def witnesses(rows: Sequence[Row], now: float, last_day: LastDay) -> list[Section]:
    """One section for all of them, or none."""
    if not rows:
        return []
    worst, summary = _sum(rows)
    marked = [(row, _Place(row.check.component, _outcome(row), _outcome(row))) for row in rows]
    return [
        Section(
            name="Witnesses",
            state="",
            word=worst,
            is_calm=worst in (WAITING, "ok"),
            summary=f"{summary}; they only tell how our own network is",
            shares=(),
            lines=tuple(_line(row, place, now, last_day) for row, place in marked),
        )
    ]


def as_json(row: Row) -> dict[str, Any]:
    """One check for /api/v1/checks."""
    return {
        **check_as_json(row.check),
        "last": attempt_as_json(row.last) if row.last else None,
        "last_ok": stamp_as_json(row.last_ok),
        "failing_since": stamp_as_json(row.failing_since),
    }


def _section(service: Service, now: float, last_day: LastDay, calm: str) -> Section:
    worst, summary = _sum([row for component in service.components for row in component.rows])
    marked = [
        (row, _Place("" if again else component.name, str(component.state), _WORDS.get(component.state, WAITING)))
        for component in service.components
        for again, row in enumerate(component.rows)
    ]
    return Section(
        name=service.title,
        state=str(service.state),
        word=_WORDS.get(service.state, WAITING if worst == WAITING else "inconclusive"),
        is_calm=worst in (calm, WAITING, "ok"),
        summary=summary,
        shares=tuple(
            (period, _availability(known)) for period, known in service.availability.items() if known.share is not None
        ),
        lines=tuple(_line(row, place, now, last_day) for row, place in marked),
    )


def _sum(rows: Iterable[Row]) -> tuple[str, str]:
    """The worst outcome, and how many had which."""
    counts = Counter(_outcome(row) for row in rows)
    worst = next((word for word in ("failed", "inconclusive", "ok") if counts[word]), WAITING)
    return worst, ", ".join(
        f"{counts[word]} {word}" for word in ("ok", "failed", "inconclusive", WAITING) if counts[word]
    )


def _line(row: Row, place: _Place, now: float, last_day: LastDay) -> Line:
    last, check = row.last, row.check
    return Line(
        component=place.component,
        state=place.state,
        word=place.word,
        critical=check.critical,
        target=check.target,
        kind=check.kind,
        outcome=_outcome(row),
        took="" if last is None else milliseconds(last.duration),
        detail=_detail(row),
        day=_ratio(*last_day.get(check.id, (0, 0))),
        age="" if last is None else f"{lasting(now - last.started)} ago",
    )


def _outcome(row: Row) -> str:
    return WAITING if row.last is None else str(row.last.outcome)


def _availability(known: Availability) -> str:
    seen = known.coverage or 0.0
    return percent(known.share or 0.0) + (f" ({percent(seen)} seen)" if seen < _SEEN_ENOUGH else "")


def _ratio(ok: int, failed: int) -> str:
    return percent(ok / (ok + failed)) if ok + failed else ""


def percent(share: float) -> str:
    """Two places, cut and never rounded up to 100: a single failure must show."""
    # A ratio such as 0.29 lies a little below itself as a float: 29 % must not become 28.99 %.
    places = floor(round(share * 1e4, 6)) / 100
    return f"{places if share >= 1 else min(places, 99.99):g} %"


def _detail(row: Row) -> str:
    if row.last is None or row.last.failure is None:
        return ""
    failure = row.last.failure
    where = f"{failure.layer}/{failure.reason}" if failure.layer else str(failure.reason)
    since = f"; failing since {utc(row.failing_since):%H:%M:%S} UTC" if row.failing_since else ""
    return f"{where}: {failure.message}{since}"
