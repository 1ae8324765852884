"""A report in words: every number and every name made ready, nothing left to decide for who writes it down."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from monitor.formats.account import change, layer_of
from monitor.formats.report import Report, title
from monitor.formats.text import NAME, NOTE, SENTENCE, plain, prose
from monitor.formats.times import clock, span
from monitor.reports.figures import Component, Service
from monitor.reports.findings import Findings
from monitor.reports.parts import Part, Sort
from monitor.reports.period import day_of
from monitor.reports.unseen import unseen
from monitor.reports.wording import NONE, count, length, objective, percent, terms, used

_SEEN_ENOUGH = 0.995
"""Coverage below this is said beside the availability."""
_NAMED = 6
"""Days that are named; the picture shows all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What is told of a service as of a component."""

    title: str
    availability: str
    coverage: str
    down: str
    outages: str
    in_outages: str
    longest: str
    to_recover: str
    between: str
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One service."""

    service: Service
    numbers: Numbers
    allowed: str
    used: str
    left: str
    share: str
    """Of the budget, used."""
    is_met: bool | None
    """Whether the objective is; None where nothing counts."""
    bad_days: str
    seen: str
    """Coverage, where it is so low that it must be said beside the availability."""
    components: tuple[Numbers, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One note."""

    by: str
    text: str
    changes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One window."""

    id: str
    title: str
    when: str
    counts: str
    """How much of it counts, where that is not all of it."""
    facts: str
    sentence: str
    corrected: str
    notes: tuple[Said, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Windows that count alike."""

    sort: Sort
    heading: str
    intro: str
    stories: tuple[Story, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """All of it."""

    title: str
    imprint: str
    summary: tuple[str, ...]
    objective: str
    entries: tuple[Entry, ...]
    """The least available first."""
    chapters: tuple[Chapter, ...]
    unseen: tuple[str, ...]
    terms: tuple[tuple[str, str], ...]


def paper(findings: Findings) -> Paper:
    """The findings in words."""
    period, site = findings.period, plain(findings.edition.site, NAME)
    return Paper(
        title=f"Availability: {period.name}",
        imprint=f"Seen from {site}, {period.dates}, UTC. Made {clock(period.now)}.",
        summary=tuple(_summary(findings)),
        objective=objective(findings.order.objective),
        entries=tuple(_entry(service) for service in sorted(findings.services, key=_by_availability)),
        chapters=tuple(_chapters(findings)),
        unseen=tuple(unseen(findings)),
        terms=tuple(terms(findings.order.objective)),
    )


def _by_availability(service: Service) -> tuple[float, float]:
    """The least available first; what nobody saw last."""
    share = service.spent.availability
    return (2.0 if share is None else share), -service.outages.seconds


def _summary(findings: Findings) -> Iterator[str]:
    services, outages = findings.services, findings.of(Sort.OUTAGE)
    if not findings.period.is_over:
        yield f"The period is not over: this is how it stands at {clock(findings.period.now)}."
    known = [service for service in services if service.spent.availability is not None]
    if not known:
        yield "Nothing was observed."
    hit = sum(bool(service.outages.parts) for service in services)
    number = count(len(outages), "outage") if outages else "No outage"
    where = f"{hit} of {count(len(services), 'service')}" if outages else count(len(services), "service")
    if known or outages:
        yield f"{number} in {where}."
    worst = min(known, key=_by_availability, default=None)
    if worst is not None and (worst.spent.availability or 0) < 1:
        yield f"Least available: {plain(worst.title, NAME)}, {percent(worst.spent.availability)}."
    if known:
        met = sum(service.budget.is_met for service in known)
        yield f"The objective of {objective(findings.order.objective)} was met by {met} of {len(known)}."
        yield from _poorly_seen(services)


def _poorly_seen(services: Sequence[Service]) -> Iterator[str]:
    total = sum(service.spent.total for service in services)
    seen = total - sum(service.spent.unseen for service in services)
    if total and seen / total < _SEEN_ENOUGH:
        yield f"Only {percent(seen / total, 1)} of the time was seen: availability is said of that part alone."


def _entry(service: Service) -> Entry:
    budget, known = service.budget, service.spent.availability is not None
    left = f"overspent by {length(-budget.left)}" if not budget.is_met else length(max(0.0, budget.left))
    return Entry(
        service=service,
        numbers=_numbers(service),
        allowed=length(budget.allowed) if known else NONE,
        used=length(budget.used) if known else NONE,
        left=left if known else NONE,
        share=used(budget.share) if known else NONE,
        is_met=budget.is_met if known else None,
        bad_days=_bad_days(service),
        seen=percent(service.spent.coverage, 1) if known and (service.spent.coverage or 0) < _SEEN_ENOUGH else "",
        components=tuple(_numbers(component) for component in service.components),
    )


def _numbers(one: Service | Component) -> Numbers:
    spent, outages = one.spent, one.outages
    return Numbers(
        title=plain(one.title, NAME),
        availability=percent(spent.availability),
        coverage=percent(spent.coverage, 2),
        down=length(spent.down) if spent.availability is not None else NONE,
        outages=str(len(outages.parts)),
        in_outages=length(outages.seconds) if outages.parts else NONE,
        longest=length(outages.longest),
        to_recover=length(outages.to_recover),
        between=length(outages.between),
        remark="; ".join(_remarks(one)),
    )


def _remarks(one: Service | Component) -> Iterator[str]:
    spent = one.spent
    if isinstance(one, Component) and one.critical is False:
        yield "minor"
    if isinstance(one, Component) and one.critical is None:
        yield "no longer configured"
    if one.outages.slow:
        yield f"slow {'once' if one.outages.slow == 1 else f'{one.outages.slow} times'}"
    if spent.planned:
        yield f"{length(spent.planned)} planned"


def _bad_days(service: Service) -> str:
    bad = [day for day in service.days if day.spent.down]
    named = [f"{day_of(day.begin)} ({length(day.spent.down)})" for day in bad[:_NAMED]]
    more = f" and {count(len(bad) - _NAMED, 'day')} more" if len(bad) > _NAMED else ""
    return f"Down on {', '.join(named)}{more}." if bad else ""


def _chapters(findings: Findings) -> Iterator[Chapter]:
    headings = {
        Sort.OUTAGE: ("Outages", ""),
        Sort.SLOW: ("Only slow", "It answered all the time: this takes nothing from availability."),
        Sort.PLANNED: ("Planned", "Announced maintenance, or called so afterwards: it counts neither way."),
        Sort.DISMISSED: ("Taken back", "People said afterwards that this was no outage: its time counts as not seen."),
    }
    for sort, (heading, intro) in headings.items():
        stories = tuple(_story(part, findings) for part in findings.of(sort))
        if stories or sort is Sort.OUTAGE:
            yield Chapter(sort=sort, heading=heading, intro=intro if stories else "None.", stories=stories)


def _story(part: Part, findings: Findings) -> Story:
    report = part.report
    window = report.window
    words = (str(window.kind), str(window.reach), layer_of(window), f"cause: {window.cause}")
    return Story(
        id=plain(window.id, NAME),
        title=_title(part, findings),
        when=span(window.start, window.end),
        counts=" ".join(_counts(part, findings)),
        facts=", ".join(filter(None, words)),
        sentence=plain(window.sentence, SENTENCE),
        corrected=_corrected(report),
        notes=tuple(
            Said(
                by=f"{plain(note.author, NAME)}, {clock(note.at)}",
                text=prose(note.text, NOTE),
                changes=", ".join(change(key, value) for key, value in note.changes),
            )
            for note in report.notes
        ),
    )


def _title(part: Part, findings: Findings) -> str:
    said = title(part.report, findings.edition)
    # what outlasted its maintenance was not announced
    return said if part.sort is Sort.PLANNED else said.removesuffix(", as announced")


def _counts(part: Part, findings: Findings) -> Iterable[str]:
    window, period = part.report.window, findings.period
    told = []
    if window.start < period.since:
        told.append("It began before the period.")
    if window.end is None:
        told.append("It was not over at the end of the period." if period.is_over else "It is not over.")
    elif not part.is_over:
        told.append("It ended after the period.")
    if part.stretch[0] > max(window.start, period.since):
        told.append(f"It counts since {clock(part.stretch[0])}, the end of the announced maintenance.")
    if told and part.sort in (Sort.OUTAGE, Sort.SLOW):
        told.append(f"Counted: {length(part.seconds)}.")
    return told


def _corrected(report: Report) -> str:
    return "; ".join(
        f"{change(field, word)} (judged: {change(field, was).removeprefix(f'{field}: ')})"
        for field, (was, word) in report.amended.items()
    )
