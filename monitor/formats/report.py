"""A window with what people said of it afterwards, and the few words that every format needs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from monitor.domain.amendment import Amend, Amended, amended_by, is_outage, is_planned
from monitor.domain.outage import Note, Window
from monitor.domain.words import Cause, Kind, Reach, Status
from monitor.formats.edition import Edition
from monitor.formats.text import NAME, plain
from monitor.formats.times import lasting

_ALIVE = (Status.PLANNED, Status.OPEN, Status.RECOVERING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One window as people should see it now."""

    window: Window
    """With its amended kind, reach and cause."""
    notes: tuple[Note, ...] = ()
    """Oldest first."""
    amended: Amended = field(default_factory=dict)

    @property
    def is_planned(self) -> bool:
        """Whether it belongs to a maintenance, announced or so called afterwards."""
        return is_planned(self.window, self.amended)

    @property
    def is_outage(self) -> bool:
        """False when somebody said that it was none."""
        return is_outage(self.amended)

    @property
    def is_alive(self) -> bool:
        """Whether it is not over yet."""
        return self.window.status in _ALIVE

    @property
    def updated(self) -> float:
        """When the window changed last, or got its last note."""
        return max(self.window.updated or _latest(self.window), *(note.at for note in self.notes), 0.0)

    def duration(self, now: float) -> float:
        """Seconds from its start to its end, or until ``now``."""
        end = self.window.end
        return max(0.0, (now if end is None else end) - self.window.start)


def report(window: Window, notes: Iterable[Note] = ()) -> Report:
    """The window as its notes amend it, the latest note having the last word."""
    ordered = tuple(sorted(notes, key=lambda note: note.at))
    amended = amended_by(ordered, window)
    theirs = {key: word for key, (_, word) in amended.items()}
    window = replace(
        window,
        kind=Kind(theirs.get(Amend.KIND, window.kind)),
        reach=Reach(theirs.get(Amend.REACH, window.reach)),
        cause=Cause(theirs.get(Amend.CAUSE, window.cause)),
    )
    return Report(window=window, notes=ordered, amended=amended)


def _latest(window: Window) -> float:
    """The latest moment that it tells of: all that is known of what an earlier version stored."""
    known = [window.opened, window.end, window.closed, *(stage.since for stage in window.stages)]
    known += [item.at for item in window.evidence]
    return max(moment for moment in known if moment is not None)


def subject(window: Window, titles: Mapping[str, str]) -> str:
    """What was not up, as people say it: ``WhatsApp chat``, ``WhatsApp``, ``meta``."""
    service, _, component = window.target.removeprefix("provider:").partition(".")
    return plain(f"{titles.get(service, service)} {component}", NAME)


def title(report: Report, edition: Edition) -> str:
    """A headline of a few words. It names no numbers while the window lasts: it would change all the time."""
    window = report.window
    what = subject(window, edition.titles)
    if not report.is_outage:
        return f"{what}: no outage after all"
    verb, participle = {
        Kind.TOTAL: ("is down", "was down"),
        Kind.INTERMITTENT: ("fails on and off", "failed on and off"),
        Kind.DEGRADED: ("is slow", "was slow"),
    }[window.kind]
    if window.status is Status.RECOVERING:
        words = f"answers again, {participle}"
    elif report.is_alive:
        words = verb
    else:
        words = f"{participle} for {lasting(report.duration(edition.now))}"
    return f"{what} {words}{', as announced' if report.is_planned else ''}"
