"""All that is known of a window as lines of English, for formats that have a body: calendar, feed, page."""

from collections.abc import Iterator

from monitor.domain.amendment import Amend
from monitor.domain.outage import Evidence, Note, Window
from monitor.domain.words import Status
from monitor.formats.report import Report
from monitor.formats.text import MESSAGE, NAME, NOTE, SENTENCE, plain, prose
from monitor.formats.times import between, clock, lasting

_SHOWN = 10
"""Names, and pieces of evidence, that a body holds; the JSON of the window has all."""


def account(report: Report) -> Iterator[str]:
    """The sentence, the times with their brackets, from where, notes and evidence. A note may hold line breaks."""
    window = report.window
    yield plain(window.sentence, SENTENCE)
    yield from times(report)
    if window.vantages:
        yield f"Seen from {names(window.vantages)}."
    if window.vantages_fine:
        yield f"Fine meanwhile from {names(window.vantages_fine)}."
    if window.unaffected:
        yield f"Not affected: {names(window.unaffected)}."
    yield from (note_line(note) for note in report.notes)
    for item in window.evidence[:_SHOWN]:
        yield evidence_line(item)


def times(report: Report) -> Iterator[str]:
    """Began, ended, told, closed; and what was announced."""
    window = report.window
    yield f"Began {between(window.start_after, window.start)}."
    if window.end is not None:
        is_watched = window.status is Status.RECOVERING
        ended = f"{'Answered again' if is_watched else 'Ended'} {between(window.end_after, window.end)}"
        yield f"{ended}, after {lasting(report.duration(window.end))}{'; being watched' if is_watched else ''}."
    yield f"Known to us at {clock(window.opened)}."
    if window.planned_until is not None:
        yield f"Announced maintenance until {clock(window.planned_until)}."


def evidence_line(item: Evidence) -> str:
    """When, from where, which check, what broke."""
    where = "slow" if item.layer is None else f"{item.layer}/{item.reason}"
    check = plain(item.check_id, 2 * NAME)
    return f"{clock(item.at)} {plain(item.vantage, NAME)} {check} {where}: {plain(item.message, MESSAGE)}"


def note_line(note: Note) -> str:
    """Who said what, when, and what that changed."""
    said = f"Note of {plain(note.author, NAME)}, {clock(note.at)}: {prose(note.text, NOTE)}"
    changes = ", ".join(change(key, value) for key, value in note.changes)
    return f"{said} ({changes})" if changes else said


def change(key: str, value: str) -> str:
    """A reclassification in words."""
    if key == Amend.OUTAGE:
        return "an outage" if value == "yes" else "not an outage"
    if key == Amend.PLANNED:
        return "planned" if value == "yes" else "not planned"
    return f"{plain(key, NAME)}: {plain(value, NAME)}"


def names(names: tuple[str, ...]) -> str:
    """A list as people read it, cut after some."""
    shown = ", ".join(plain(name, NAME) for name in names[:_SHOWN])
    more = len(names) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def layer_of(window: Window) -> str:
    """Where it broke, in one word or two: ``handshake/timeout``."""
    return "/".join(str(word) for word in (window.layer, window.reason) if word)
