"""The first, plain status page: what was asked, what answered, and whether it is us."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitor.domain.text import milliseconds
from monitor.domain.words import Outcome
from monitor.formats.checks import attempt_as_json, check_as_json
from monitor.formats.times import stamp_as_json
from monitor.web.board import Row

WAITING = "waiting"
LastDay = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One check as a person reads it."""

    component: str
    target: str
    kind: str
    critical: bool
    outcome: str
    took: str
    detail: str
    age: str
    day: str
    """Share of the conclusive attempts of the last 24 hours that were ok."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One service: its lines, and the word for all of them."""

    name: str
    outcome: str
    summary: str
    lines: list[Line]


def sections(rows: Iterable[Row], now: float, last_day: LastDay) -> list[Section]:
    """One section a service, in the order of the configuration."""
    by_service: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_service[row.check.service].append(row)
    return [_section(name, members, now, last_day) for name, members in by_service.items()]


def headline(rows: list[Row], *, online: bool) -> tuple[str, str]:
    """A word for the colour and the sentence on top: is it down, or is it me?"""
    if not online:
        return "inconclusive", (
            "Our own network is unreachable: no witness answers. "
            "Failures are not held against any service until one does."
        )
    failing = [row for row in rows if row.failing_since]
    if failing:
        names = sorted({row.check.service for row in failing})
        return "failed", f"{len(failing)} of {len(rows)} checks fail, in {', '.join(names)}."
    if all(row.last is None for row in rows):
        return WAITING, "The first round is on its way."
    unsure = sum(row.last is not None and row.last.outcome is Outcome.INCONCLUSIVE for row in rows)
    if unsure:
        return "inconclusive", f"No check fails; {unsure} of {len(rows)} could not tell."
    return "ok", "Everything that was asked answers."


def _section(name: str, rows: list[Row], now: float, last_day: LastDay) -> Section:
    counts = Counter(_outcome(row) for row in rows)
    worst = next((word for word in ("failed", "inconclusive", "ok") if counts[word]), WAITING)
    words = ", ".join(f"{counts[word]} {word}" for word in ("ok", "failed", "inconclusive", WAITING) if counts[word])
    return Section(name=name, outcome=worst, summary=words, lines=[_line(row, now, last_day) for row in rows])


def _outcome(row: Row) -> str:
    return WAITING if row.last is None else str(row.last.outcome)


def _line(row: Row, now: float, last_day: LastDay) -> Line:
    last, check = row.last, row.check
    return Line(
        component=check.component,
        target=check.target,
        kind=check.kind,
        critical=check.critical,
        outcome=_outcome(row),
        took="" if last is None else milliseconds(last.duration),
        detail=_detail(row),
        day=_share(*last_day.get(check.id, (0, 0))),
        age="" if last is None else f"{max(0.0, now - last.started):.0f} s ago",
    )


def _share(ok: int, failed: int) -> str:
    if not ok + failed:
        return ""
    # Never rounded up to 100: a single failure in a day must show.
    return f"{int(10000 * ok / (ok + failed)) / 100:g} %"


def _detail(row: Row) -> str:
    if row.last is None or row.last.failure is None:
        return ""
    failure = row.last.failure
    where = f"{failure.layer}/{failure.reason}" if failure.layer else str(failure.reason)
    since = f"; failing since {_time(row.failing_since)}" if row.failing_since else ""
    return f"{where}: {failure.message}{since}"


def _time(stamp: float) -> str:
    return f"{datetime.fromtimestamp(stamp, UTC):%H:%M:%S} UTC"


def as_json(row: Row) -> dict[str, Any]:
    """One check for /api/v1/checks."""
    return {
        **check_as_json(row.check),
        "last": attempt_as_json(row.last) if row.last else None,
        "last_ok": stamp_as_json(row.last_ok),
        "failing_since": stamp_as_json(row.failing_since),
    }
