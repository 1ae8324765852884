"""One outage window as a page tells it: all text made ready, nothing left to decide for the template."""

from dataclasses import dataclass

from monitor.domain.outage import Note
from monitor.domain.words import Status
from monitor.formats.account import change, evidence_line, layer_of, names, times
from monitor.formats.edition import Edition, path_of
from monitor.formats.report import Report, title
from monitor.formats.text import NAME, NOTE, SENTENCE, plain, prose
from monitor.formats.times import clock, lasting, rfc3339, span

_EVIDENCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One note."""

    author: str
    at: str
    text: str
    changes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A window, short enough for a list."""

    path: str
    word: str
    """For the colour: failed, recovering, planned, over, dismissed."""
    status: str
    title: str
    sentence: str
    when: str
    start_iso: str
    lasted: str
    bracket: str
    """How sure its start and end are."""
    outlook: str
    """What comes next, of one that is not over."""
    notes: tuple[Said, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeStory:
    """A window with all that is known of it."""

    story: Story
    facts: tuple[tuple[str, str], ...]
    """Names and values, in the order in which people ask."""
    stages: tuple[tuple[str, str, str, str], ...]
    """Since, status, kind, reach."""
    evidence: tuple[str, ...]


def tell(report: Report, edition: Edition, quiet: float) -> Story:
    """The window in short. ``quiet``: seconds without a relapse after which it is over."""
    window = report.window
    word, status = _status(report)
    return Story(
        path=path_of(window.id),
        word=word,
        status=status,
        title=title(report, edition),
        sentence=plain(window.sentence, SENTENCE),
        when=span(window.start, window.end),
        start_iso=rfc3339(window.start),
        lasted=f"{lasting(report.duration(edition.now))}{' so far' if window.end is None else ''}",
        bracket=_bracket(report),
        outlook=_outlook(report, edition, quiet),
        notes=tuple(_said(note) for note in report.notes),
    )


def tell_all(report: Report, edition: Edition, quiet: float) -> WholeStory:
    """The window in full."""
    window = report.window
    facts = [
        ("When", " ".join(times(report))),
        ("Duration", lasting(report.duration(edition.now))),
        ("Kind", str(window.kind)),
        ("Reach", str(window.reach)),
        ("Where it broke", layer_of(window)),
        ("Cause, as far as the pattern says", str(window.cause)),
        ("Corrected by people", _corrections(report)),
        ("Services", names(window.services)),
        ("Components", names(window.components)),
        ("Of the same provider, and fine", names(window.unaffected)),
        ("Seen from", names(window.vantages)),
        ("Fine meanwhile from", names(window.vantages_fine)),
        ("Part of", plain(window.absorbed_by, NAME)),
        ("Id", plain(window.id, NAME)),
    ]
    return WholeStory(
        story=tell(report, edition, quiet),
        facts=tuple((name, value) for name, value in facts if value),
        stages=tuple((clock(s.since), str(s.status), str(s.kind), str(s.reach)) for s in window.stages),
        evidence=tuple(evidence_line(item) for item in window.evidence[:_EVIDENCE]),
    )


def _status(report: Report) -> tuple[str, str]:
    if not report.is_outage:
        return "dismissed", "not an outage"
    words = {
        Status.PLANNED: ("planned", "announced maintenance"),
        Status.OPEN: ("failed", "open"),
        Status.RECOVERING: ("recovering", "answers again"),
        Status.CLOSED: ("over", "over, planned" if report.is_planned else "over"),
        Status.ABSORBED: ("over", "part of a wider outage"),
    }
    return words[report.window.status]


def _bracket(report: Report) -> str:
    window = report.window
    began = f"began {_earlier(window.start_after, window.start)}"
    return began if window.end is None else f"{began}, ended {_earlier(window.end_after, window.end)}"


def _earlier(after: float | None, at: float) -> str:
    return "perhaps earlier" if after is None or at <= after else f"up to {lasting(at - after)} earlier"


def _outlook(report: Report, edition: Edition, quiet: float) -> str:
    window = report.window
    if window.status is Status.RECOVERING and window.end is not None:
        until = max(window.end + quiet, edition.now)
        return f"Answers again since {clock(window.end)}. Being watched until {clock(until)}; then it counts as over."
    if window.status is Status.PLANNED and window.planned_until is not None:
        return f"Announced until {clock(window.planned_until)}. It does not count against availability."
    return ""


def _corrections(report: Report) -> str:
    return "; ".join(f"{change(field, now_is)} (judged: {was})" for field, (was, now_is) in report.amended.items())


def _said(note: Note) -> Said:
    return Said(
        author=plain(note.author, NAME),
        at=clock(note.at),
        text=prose(note.text, NOTE),
        changes=", ".join(change(key, value) for key, value in note.changes),
    )
