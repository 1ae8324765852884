"""October 2026 made by hand: what the store has booked, and the windows in it."""

from collections.abc import Iterable
from typing import Any

from monitor.domain.outage import Note, Stage, Window
from monitor.domain.words import Breadth, Kind, Reach, Status
from monitor.formats.report import report
from monitor.reports import figures
from monitor.reports.figures import Service, Subject
from monitor.reports.parts import Part, part_of
from monitor.reports.period import Period, month
from monitor.store import Availability
from monitor.store.values import DAY
from tests.support.judged import a_window
from tests.support.windows import at

FIRST = int(at("2026-10-01T00:00:00"))
AFTER = int(at("2026-11-01T00:00:00"))
WHOLE = 31 * 86400.0
LATER = at("2026-11-02T08:00:00")
OCTOBER = month("2026-10", LATER)


def october(text: str) -> float:
    """``25T06:35:00`` as Unix seconds."""
    return at(f"2026-10-{text}")


def running(now: float) -> Period:
    """October while it lasts."""
    return month("2026-10", now)


def booked(day: int, component: str = "", **states: float) -> Availability:
    """The day of that number in October; what is not named was up."""
    named = {"up": DAY - sum(states.values()), "degraded": 0.0, "down": 0.0, "unknown": 0.0, "planned": 0.0, **states}
    return Availability(begin=FIRST + (day - 1) * DAY, service="s", component=component, **named)


def days(*special: Availability, component: str = "", first: int = 1, last: int = 31) -> list[Availability]:
    """These days, and all others between the first and the last as up."""
    known = {row.begin for row in special}
    usual = [booked(day, component) for day in range(first, last + 1)]
    return [*special, *(row for row in usual if row.begin not in known)]


def window(start: float, end: float | None, **changes: Any) -> Window:
    """Of ``s.c``: closed, unless it has no end."""
    life = {"status": Status.OPEN} if end is None else {"status": Status.CLOSED, "end": end, "closed": end + 900}
    return a_window(**{"id": f"{start:.0f}-s", "start": start, "opened": start + 6, **life, **changes})


def overran(start: float, until: float, end: float | None, **changes: Any) -> Window:
    """Planned up to ``until``, and not over by then."""
    stages = tuple(
        Stage(since=since, kind=Kind.TOTAL, reach=Reach.GLOBAL, status=status)
        for since, status in ((start, Status.PLANNED), (until, Status.OPEN))
    )
    return window(start, end, **{"planned_until": until, "stages": stages, **changes})


def note(of: Window, **changes: str) -> Note:
    """What somebody corrected."""
    return Note(window_id=of.id, at=LATER, author="ines", text="so it was", changes=tuple(changes.items()))


def provider_wide(of: Window, *services: str) -> dict[str, Any]:
    """The changes that make it one of a provider's."""
    return {
        "breadth": Breadth.PROVIDER,
        "target": f"provider:{of.provider}",
        "services": services,
        "components": tuple(f"{name}.c" for name in services),
    }


def parts(windows: Iterable[Window], notes: Iterable[Note] = (), period: Period = OCTOBER) -> list[Part]:
    """What lies of them in the period."""
    said = list(notes)
    found = [part_of(report(one, [n for n in said if n.window_id == one.id]), period) for one in windows]
    return [part for part in found if part is not None]


def service(
    rows: list[Availability],
    *windows: Window,
    notes: Iterable[Note] = (),
    period: Period = OCTOBER,
    objective: float = 0.999,
) -> Service:
    """The figures of ``s``, whose component ``c`` is critical and ``d`` is not."""
    subject = Subject(name="s", title="S", provider="p", components={"c": ("C", True), "d": ("D", False)})
    return figures.service(subject, rows, parts(windows, notes, period), period, objective)
