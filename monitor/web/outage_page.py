"""One outage window with all that is known of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from monitor.domain.alert import Acknowledgement
from monitor.domain.outage import Evidence, Transition, Window
from monitor.domain.words import Kind, Status
from monitor.formats.report import Report
from monitor.formats.text import MESSAGE, NAME, plain
from monitor.formats.times import clock, rfc3339
from monitor.languages.phrases import corrections
from monitor.languages.reader import Reader
from monitor.languages.words import Words
from monitor.web.lanes import component_of
from monitor.web.picture import Picture, picture, reach_of
from monitor.web.sayings import Heard, Moment, acknowledged_when, moments
from monitor.web.story import Said, Story, all_notes, tell

_EVIDENCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a window's life."""

    at: str
    at_iso: str
    text: str
    word: str
    """For its mark."""
    quote: str
    """What somebody else said in his own words, in whatever language; or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One failed attempt."""

    at: str
    vantage: str
    what: str
    """The check, or for strangers its component."""
    where: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeStory:
    """A window with all that is known of it."""

    story: Story
    picture: Picture
    facts: tuple[tuple[str, str], ...]
    """Names and values, in the order in which people ask."""
    events: tuple[Event, ...]
    evidence: tuple[Proof, ...]
    evidence_title: str
    notes: tuple[Said, ...]


def tell_all(
    report: Report, reader: Reader, course: Sequence[Transition], acknowledged: Acknowledgement | None, heard: Heard
) -> WholeStory:
    """The window in full."""
    return WholeStory(
        story=tell(report, reader),
        picture=picture(report, reader, course, by_component=True),
        facts=tuple((name, value) for name, value in _facts(report, reader, heard) if value),
        events=tuple(_events(report, acknowledged, heard, reader)),
        evidence=tuple(_proof(item, reader) for item in report.window.evidence[:_EVIDENCE]),
        evidence_title=reader.words("section.evidence_slow" if _was_slow(report.window) else "section.evidence"),
        notes=all_notes(report.notes, reader),
    )


def _was_slow(window: Window) -> bool:
    """All of the time: nothing in it failed."""
    return all(kind is Kind.DEGRADED for kind in (window.kind, *(stage.kind for stage in window.stages)))


def _facts(report: Report, reader: Reader, heard: Heard) -> Iterator[tuple[str, str]]:
    window, words = report.window, reader.words
    layer = "/".join(str(word) for word in (window.layer, window.reason) if word)
    yield words("fact.duration"), words.lasting(report.duration(reader.now))
    yield words("fact.kind"), words(f"kind.{window.kind}")
    yield words("fact.breadth"), words(f"breadth.{window.breadth}")
    yield words("fact.reach"), words(f"reach.{window.reach}")
    yield words("fact.layer"), f"{words(f'layer.{window.layer}')} ({layer})" if window.layer else ""
    yield words("fact.cause"), words(f"cause.{window.cause}")
    yield words("fact.corrected"), corrections(report, words)
    yield words("fact.provider"), plain(window.provider, NAME)
    yield words("fact.acknowledged"), acknowledged_when(heard, report, words)
    yield words("fact.services"), _listed((reader.name(name) for name in window.services), words)
    yield words("fact.components"), _listed(window.components, words)
    yield words("fact.unaffected"), _listed((reader.name(name) for name in window.unaffected), words)
    yield words("fact.vantages"), _listed(window.vantages, words)
    yield words("fact.vantages_fine"), _listed(window.vantages_fine, words)
    yield words("fact.absorbed"), plain(window.absorbed_by, NAME)
    yield words("fact.id"), plain(window.id, NAME)


def _listed(names: Iterable[str], words: Words) -> str:
    return words.listed(plain(name, NAME) for name in names)


def _events(report: Report, acknowledged: Acknowledgement | None, heard: Heard, reader: Reader) -> Iterator[Event]:
    """In the order of their times; what happened at the same time in the order of its telling."""
    words = reader.words
    told = [*_moments(report, words), *moments(heard, report, reader)]
    if acknowledged is not None:
        said = words("event.acknowledged", author=plain(acknowledged.author, NAME))
        told.append(Moment(acknowledged.at, "over", said))
    for at, word, text, quote in sorted(told, key=lambda moment: moment.at):
        yield Event(at=clock(at), at_iso=rfc3339(at), text=text, word=word, quote=quote)


def _moments(report: Report, words: Words) -> Iterator[Moment]:
    window = report.window
    mark, trouble = ("unsure", "slow") if _was_slow(window) else ("failed", "failed")
    closing = "absorbed" if window.status is Status.ABSORBED else "closed"
    end_after = window.end_after if window.end_after is not None and window.end_after > window.start else None
    for at, word, name in (
        (window.start_after, "ok", "last_fine"),
        (window.start, mark, f"first_{trouble}" if window.start_after is not None else f"first_{trouble}_alone"),
        (window.opened, "planned", "opened"),
        (None if window.end is None else end_after, mark, f"last_{trouble}"),
        (window.end, "recovering", "first_fine" if end_after is not None else "first_fine_alone"),
        (window.closed, "over", closing),
        (window.planned_until, "planned", "planned_until"),
    ):
        if at is not None:
            yield Moment(at, word, words(f"event.{name}"))
    yield from _stages(window, words)
    for note in report.notes:
        yield Moment(note.at, "waiting", words("event.note", author=plain(note.author, NAME)))


def _stages(window: Window, words: Words) -> Iterator[Moment]:
    """What changed from one stage to the next."""
    for before, stage in zip(window.stages, window.stages[1:], strict=False):
        if stage.status not in (Status.OPEN, Status.PLANNED):
            continue
        changed = [words(f"kind.{stage.kind}")] if stage.kind is not before.kind else []
        if stage.reach is not before.reach:
            changed.append(reach_of(stage, words))
        if changed:
            yield Moment(stage.since, "failed", words("event.stage", how=", ".join(changed)))
        elif before.status is Status.RECOVERING:
            yield Moment(stage.since, "failed", words("event.relapse"))


def _proof(item: Evidence, reader: Reader) -> Proof:
    """Strangers hear of the component and the layer; the check names a host, and the message may."""
    where = "/".join(str(word) for word in (item.layer, item.reason) if word)
    what = component_of(item.check_id) if reader.is_public else item.check_id
    return Proof(
        at=clock(item.at),
        vantage=plain(item.vantage, NAME),
        what=plain(what, 2 * NAME),
        where=where or reader.words("state.degraded"),
        message="" if reader.is_public else plain(item.message, MESSAGE),
    )
