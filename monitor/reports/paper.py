"""A report in words: every number and every name made ready, nothing left to decide for who writes it down."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from monitor.domain.outage import Note, Window
from monitor.formats.text import NAME, NOTE, plain, prose
from monitor.formats.times import clock
from monitor.languages.phrases import change, corrections, happened, title, when, where
from monitor.languages.reader import Reader
from monitor.languages.sentence import sentence
from monitor.languages.words import Words
from monitor.reports.figures import Budget, Component, Service
from monitor.reports.findings import Findings
from monitor.reports.parts import Part, Sort
from monitor.reports.period import day_of
from monitor.reports.unseen import unseen
from monitor.reports.wording import NONE, length, objective, percent, terms, used

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
    """What people changed, if they did."""
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


def paper(findings: Findings, words: Words) -> Paper:
    """The findings in words."""
    period, site = findings.period, plain(findings.edition.site, NAME)
    return Paper(
        title=words("report.title", period=period.name(words)),
        imprint=words("report.imprint", place=site, dates=period.dates(words), when=clock(period.now)),
        summary=tuple(_summary(findings, words)),
        objective=objective(findings.order.objective, words),
        entries=tuple(_entry(service, words) for service in sorted(findings.services, key=_by_availability)),
        chapters=tuple(_chapters(findings, findings.reader(words))),
        unseen=tuple(unseen(findings, words)),
        terms=tuple(terms(findings.order.objective, words)),
    )


def _by_availability(service: Service) -> tuple[float, float]:
    """The least available first; what nobody saw last."""
    share = service.spent.availability
    return (2.0 if share is None else share), -service.outages.seconds


def _summary(findings: Findings, words: Words) -> Iterator[str]:
    services, outages = findings.services, findings.of(Sort.OUTAGE)
    if not findings.period.is_over:
        yield words("report.not_over", when=clock(findings.period.now))
    known = [service for service in services if service.spent.availability is not None]
    if not known:
        yield words("report.nothing")
    if outages:
        hit = sum(bool(service.outages.parts) for service in services)
        where = words.many("report.hit", hit, all=words.many("report.all", len(services)))
        yield words.many("report.outages", len(outages), services=where)
    elif known:
        yield words.many("report.no_outages", len(services))
    worst = min(known, key=_by_availability, default=None)
    if worst is not None and (worst.spent.availability or 0) < 1:
        share = percent(worst.spent.availability, words)
        yield words("report.worst", name=plain(worst.title, NAME), share=share)
    if known:
        met = sum(service.budget.is_met for service in known)
        promised = objective(findings.order.objective, words)
        yield words("report.kept", objective=promised, met=met, all=len(known))
        yield from _poorly_seen(services, words)


def _poorly_seen(services: Sequence[Service], words: Words) -> Iterator[str]:
    total = sum(service.spent.total for service in services)
    seen = total - sum(service.spent.unseen for service in services)
    if total and seen / total < _SEEN_ENOUGH:
        yield words("report.poorly_seen", share=percent(seen / total, words, 1))


def _entry(service: Service, words: Words) -> Entry:
    budget, known = service.budget, service.spent.availability is not None
    is_poorly_seen = known and (service.spent.coverage or 0) < _SEEN_ENOUGH
    return Entry(
        service=service,
        numbers=_numbers(service, words),
        allowed=length(budget.allowed, words) if known else NONE,
        used=length(budget.used, words) if known else NONE,
        left=_left(budget, words) if known else NONE,
        share=used(budget.share, words) if known else NONE,
        is_met=budget.is_met if known else None,
        bad_days=_bad_days(service, words),
        seen=words("share.seen", share=percent(service.spent.coverage, words, 1)) if is_poorly_seen else "",
        components=tuple(_numbers(component, words) for component in service.components),
    )


def _left(budget: Budget, words: Words) -> str:
    if budget.is_met:
        return length(max(0.0, budget.left), words)
    return words("report.budget.overspent", time=length(-budget.left, words))


def _numbers(one: Service | Component, words: Words) -> Numbers:
    spent, outages = one.spent, one.outages
    return Numbers(
        title=plain(one.title, NAME),
        availability=percent(spent.availability, words),
        coverage=percent(spent.coverage, words, 2),
        down=length(spent.down, words) if spent.availability is not None else NONE,
        outages=str(len(outages.parts)),
        in_outages=length(outages.seconds, words) if outages.parts else NONE,
        longest=length(outages.longest, words),
        to_recover=length(outages.to_recover, words),
        between=length(outages.between, words),
        remark="; ".join(_remarks(one, words)),
    )


def _remarks(one: Service | Component, words: Words) -> Iterator[str]:
    spent = one.spent
    if isinstance(one, Component) and one.critical is False:
        yield words("component.minor")
    if isinstance(one, Component) and one.critical is None:
        yield words("report.no_longer")
    if one.outages.slow:
        yield words.many("report.slow", one.outages.slow)
    if spent.planned:
        yield words("report.maintained", time=length(spent.planned, words))


def _bad_days(service: Service, words: Words) -> str:
    bad = [day for day in service.days if day.spent.down]
    named = (f"{day_of(day.begin)} ({length(day.spent.down, words)})" for day in bad)
    return words("report.bad_days", days=words.listed(named, _NAMED)) if bad else ""


def _chapters(findings: Findings, reader: Reader) -> Iterator[Chapter]:
    words = reader.words
    for sort in Sort:
        stories = tuple(_story(part, findings, reader) for part in findings.of(sort))
        if sort is Sort.OUTAGE:
            intro = "" if stories else words("report.intro.none")
        else:
            intro = words(f"report.intro.{sort}")
        if stories or sort is Sort.OUTAGE:
            yield Chapter(sort=sort, heading=words(f"report.chapter.{sort}"), intro=intro, stories=stories)


def _story(part: Part, findings: Findings, reader: Reader) -> Story:
    report, words = part.report, reader.words
    window, changed = report.window, corrections(report, words)
    return Story(
        id=plain(window.id, NAME),
        # what outlasted its maintenance was not announced
        title=title(report, reader) if part.sort is Sort.PLANNED else happened(report, reader),
        when=when(window.start, window.end, words),
        counts=" ".join(_counts(part, findings, words)),
        facts="; ".join(_facts(window, words)),
        sentence=sentence(report, reader),
        corrected=words("report.pair", name=words("fact.corrected"), value=f"{changed}.") if changed else "",
        notes=tuple(_said(note, words) for note in report.notes),
    )


def _facts(window: Window, words: Words) -> Iterator[str]:
    for name, value in (
        ("kind", words(f"kind.{window.kind}")),
        ("reach", words(f"reach.{window.reach}")),
        ("layer", where(window, words)),
        ("cause", words(f"cause.{window.cause}")),
    ):
        if value:
            yield words("report.pair", name=words(f"fact.{name}"), value=value)


def _said(note: Note, words: Words) -> Said:
    return Said(
        by=f"{plain(note.author, NAME)}, {clock(note.at)}",
        text=prose(note.text, NOTE),
        changes=", ".join(change(key, value, words) for key, value in note.changes),
    )


def _counts(part: Part, findings: Findings, words: Words) -> Iterable[str]:
    window, period = part.report.window, findings.period
    told = []
    if window.start < period.since:
        told.append(words("report.counts.before"))
    if window.end is None:
        told.append(words(f"report.counts.{'still_then' if period.is_over else 'still'}"))
    elif not part.is_over:
        told.append(words("report.counts.after"))
    if part.stretch[0] > max(window.start, period.since):
        told.append(words("report.counts.since", when=clock(part.stretch[0])))
    if told and part.sort in (Sort.OUTAGE, Sort.SLOW):
        told.append(words("report.counts.time", time=length(part.seconds, words)))
    return told
