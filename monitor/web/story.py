"""One outage window as a list of them tells it: all text made ready, nothing left to decide for the template."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.domain.outage import Note, Transition
from monitor.formats.edition import path_of
from monitor.formats.report import Report
from monitor.formats.text import NAME, NOTE, plain, prose
from monitor.formats.times import clock, rfc3339, span
from monitor.languages.phrases import bracket, change, outlook, status, title
from monitor.languages.reader import Reader
from monitor.languages.sentence import sentence
from monitor.web.picture import Picture, picture
from monitor.web.sayings import Saying

_NOTES = 3
_SHORT_NOTE = 500


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
    """For colour and mark: failed, unsure, recovering, planned, over, dismissed."""
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
    not_affected: str
    notes: tuple[Said, ...]
    picture: Picture | None = None
    sayings: Sequence[Saying] = ()
    """What the providers of its services say now."""


def tell(
    report: Report, reader: Reader, course: Sequence[Transition] | None = None, sayings: Sequence[Saying] = ()
) -> Story:
    """The window in short; with a picture when its ``course`` is given."""
    words, window = reader.words, report.window
    word, said = status(report, words)
    lasted = words.lasting(report.duration(reader.now))
    return Story(
        path=path_of(window.id),
        word=word,
        status=said,
        title=title(report, reader),
        sentence=sentence(report, reader),
        when=span(window.start, window.end) if window.end else words("when.since", when=clock(window.start)),
        start_iso=rfc3339(window.start),
        lasted=lasted if window.end else words("when.so_far", time=lasted),
        bracket=bracket(report, words),
        outlook=outlook(report, reader),
        not_affected=not_affected(report, reader),
        notes=short_notes(report.notes, reader),
        picture=None if course is None else picture(report, reader, course, by_component=False),
        sayings=sayings,
    )


def not_affected(report: Report, reader: Reader) -> str:
    """Who is fine, and from where it is fine; or nothing."""
    words, window = reader.words, report.window
    parts = []
    if window.unaffected:
        names = words.listed(plain(reader.name(name), NAME) for name in window.unaffected)
        parts.append(words("fine.services", names=names))
    if window.vantages_fine:
        parts.append(words("fine.vantages", names=words.listed(plain(name, NAME) for name in window.vantages_fine)))
    return " ".join(parts)


def all_notes(notes: Iterable[Note], reader: Reader) -> tuple[Said, ...]:
    """In full, oldest first."""
    return tuple(_said(note, reader, NOTE) for note in notes)


def short_notes(notes: Sequence[Note], reader: Reader) -> tuple[Said, ...]:
    """The last few, cut."""
    return tuple(_said(note, reader, _SHORT_NOTE) for note in notes[-_NOTES:])


def _said(note: Note, reader: Reader, limit: int) -> Said:
    return Said(
        author=plain(note.author, NAME),
        at=clock(note.at),
        text=prose(note.text, limit),
        changes=", ".join(change(key, value, reader.words) for key, value in note.changes),
    )
