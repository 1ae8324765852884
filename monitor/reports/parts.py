"""What of an outage window counts in a period: only its part within, and only what was not planned or taken back."""

from dataclasses import dataclass
from enum import StrEnum, unique

from monitor.domain.outage import Window
from monitor.domain.words import Kind, Status
from monitor.formats.report import Report
from monitor.reports.period import Period, Stretch


@unique
class Sort(StrEnum):
    """How a window counts."""

    OUTAGE = "outage"
    SLOW = "slow"
    """It answered, so it takes nothing from the availability."""
    PLANNED = "planned"
    DISMISSED = "dismissed"
    """People said that it was no outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One window in one period."""

    report: Report
    sort: Sort
    stretch: Stretch
    """What counts; of a planned or dismissed one, where it would."""
    is_begun: bool
    """Whether what counts of it began in the period, not before."""
    is_over: bool
    """Whether it ended in the period."""

    @property
    def seconds(self) -> float:
        """How long it counts."""
        return self.stretch[1] - self.stretch[0]

    def affects(self, service: str, component: str = "") -> bool:
        """Whether the service, or this component of it, was in it."""
        window = self.report.window
        return f"{service}.{component}" in window.components if component else service in window.services


def part_of(report: Report, period: Period) -> Part | None:
    """The part of a window that lies in the period, if any."""
    window, counted = report.window, _counted(report)
    clipped = None if counted is None else period.clip(*counted)
    stretch = clipped or period.clip(window.start, window.end)
    if stretch is None:
        return None
    begin = counted[0] if counted and clipped else window.start
    return Part(
        report=report,
        sort=_sort(report, counts=clipped is not None),
        stretch=stretch,
        is_begun=begin >= period.since,
        is_over=window.end is not None and window.end <= period.end,
    )


def _sort(report: Report, *, counts: bool) -> Sort:
    if not report.is_outage:
        return Sort.DISMISSED
    if not counts:
        return Sort.PLANNED
    return Sort.SLOW if report.window.kind is Kind.DEGRADED else Sort.OUTAGE


def _counted(report: Report) -> tuple[float, float | None] | None:
    """What counts of a window, whatever the period: the same time that the store counts as down after corrections."""
    window = report.window
    if not report.is_outage or (report.is_planned and window.planned_until is None):
        return None
    if window.planned_until is None or not report.is_planned:
        return window.start, window.end
    return (max(window.start, window.planned_until), window.end) if _outlasted(window) else None


def _outlasted(window: Window) -> bool:
    """Whether it went on after the announced maintenance in which it began."""
    return window.status is Status.OPEN or any(stage.status is Status.OPEN for stage in window.stages)
