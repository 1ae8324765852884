"""A window with what people said of it afterwards, and the few words that every format needs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique

from monitor.domain.outage import Note, Window
from monitor.domain.words import Cause, Kind, Reach, Status
from monitor.formats.edition import Edition
from monitor.formats.text import NAME, plain
from monitor.formats.times import lasting

_ALIVE = (Status.PLANNED, Status.OPEN, Status.RECOVERING)


@unique
class Amend(StrEnum):
    """What a note may change about a window after the fact: the fields of `Note.changes`."""

    KIND = "kind"
    REACH = "reach"
    CAUSE = "cause"
    PLANNED = "planned"
    """``yes`` or ``no``."""
    OUTAGE = "outage"
    """``no``: what was seen was no outage at all; ``yes`` takes that back."""


_WORDS: Mapping[Amend, type[StrEnum]] = {Amend.KIND: Kind, Amend.REACH: Reach, Amend.CAUSE: Cause}
_ANSWERS = ("yes", "no")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One window as people should see it now."""

    window: Window
    """With its amended kind, reach and cause."""
    notes: tuple[Note, ...] = ()
    """Oldest first."""
    amended: Mapping[Amend, tuple[str, str]] = field(default_factory=dict)
    """What people changed: the judgement's word and theirs."""

    @property
    def is_planned(self) -> bool:
        """Whether it belongs to an announced maintenance."""
        return self._answer(Amend.PLANNED, judged=self.window.planned_until is not None)

    @property
    def is_outage(self) -> bool:
        """False when somebody said that it was none."""
        return self._answer(Amend.OUTAGE, judged=True)

    @property
    def is_alive(self) -> bool:
        """Whether it is not over yet."""
        return self.window.status in _ALIVE

    @property
    def updated(self) -> float:
        """The latest moment that the window or its notes tell of."""
        window = self.window
        known = [window.opened, window.end, window.closed, *(stage.since for stage in window.stages)]
        known += [item.at for item in window.evidence]
        known += [note.at for note in self.notes]
        return max(moment for moment in known if moment is not None)

    def duration(self, now: float) -> float:
        """Seconds from its start to its end, or until ``now``."""
        end = self.window.end
        return max(0.0, (now if end is None else end) - self.window.start)

    def _answer(self, amend: Amend, *, judged: bool) -> bool:
        change = self.amended.get(amend)
        return judged if change is None else change[1] == "yes"


def report(window: Window, notes: Iterable[Note] = ()) -> Report:
    """The window as its notes amend it, the latest note having the last word."""
    ordered = tuple(sorted(notes, key=lambda note: note.at))
    judged = {
        Amend.KIND: str(window.kind),
        Amend.REACH: str(window.reach),
        Amend.CAUSE: str(window.cause),
        Amend.PLANNED: _ANSWERS[window.planned_until is None],
        Amend.OUTAGE: "yes",
    }
    theirs = {Amend(key): value for note in ordered for key, value in note.changes if is_amendment(key, value)}
    amended = {key: (judged[key], value) for key, value in theirs.items() if value != judged[key]}
    window = replace(
        window,
        kind=Kind(theirs.get(Amend.KIND, window.kind)),
        reach=Reach(theirs.get(Amend.REACH, window.reach)),
        cause=Cause(theirs.get(Amend.CAUSE, window.cause)),
    )
    return Report(window=window, notes=ordered, amended=amended)


def is_amendment(key: str, value: str) -> bool:
    """Whether a note may say so. What another version wrote, and this one does not know, changes nothing."""
    if key not in [str(field) for field in Amend]:
        return False
    words = _WORDS.get(Amend(key))
    return value in (_ANSWERS if words is None else [str(word) for word in words])


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
