"""All that a report tells, read from the store."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from monitor.config import Configuration
from monitor.domain.outage import OutageQuery, Span
from monitor.domain.words import VantageState
from monitor.formats.edition import Edition
from monitor.formats.report import Report, report
from monitor.languages.reader import Reader
from monitor.languages.words import DEFAULT, Words, words_in
from monitor.reports import figures
from monitor.reports.figures import Service, Subject
from monitor.reports.parts import Part, Sort, part_of
from monitor.reports.period import Period
from monitor.store import Archive

_AT_ONCE = 1000


class NothingKnown(LookupError):
    """There is nothing to report; the message says of what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants to have reported."""

    period: Period
    objective: float
    """The availability that was promised, 0 to 1."""
    service: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What there is to tell of a period."""

    order: Order
    edition: Edition
    services: tuple[Service, ...]
    """In the order of the configuration; then those that only the store knows."""
    parts: tuple[Part, ...]
    """All windows in the period, oldest first."""
    spans: tuple[Span, ...]
    """Where and when a vantage was not online, cut to the period."""

    @property
    def period(self) -> Period:
        """What it is about."""
        return self.order.period

    def reader(self, words: Words) -> Reader:
        """Who reads it: one of us. Nothing is foretold, so it does not matter when a window counts as over."""
        return Reader(words=words, edition=self.edition, quiet=0.0, is_public=False)

    def of(self, sort: Sort) -> tuple[Part, ...]:
        """The windows that count as this."""
        return tuple(part for part in self.parts if part.sort is sort)


async def find(archive: Archive, configuration: Configuration, order: Order) -> Findings:
    """Read it, also beside a running monitor. Raises StoreError, and NothingKnown."""
    period = order.period
    reports = await _reports(archive, order)
    parts = [part for one in reports if (part := part_of(one, period)) is not None]
    stored = {row.service for row in await archive.availability(period.since, period.until)}
    subjects = _chosen(_subjects(configuration, stored | _affected(reports), reports), order)
    if not subjects:
        wanted = order.service or order.provider
        raise NothingKnown(f"nothing is known of {wanted or 'any service'} for {period.name(words_in(DEFAULT))}")
    return Findings(
        order=order,
        edition=Edition(
            now=period.now,
            site=configuration.vantage.name,
            titles={service.name: service.title for service in configuration.services},
        ),
        services=tuple([await _service(archive, subject, parts, order) for subject in subjects]),
        parts=tuple(sorted(parts, key=lambda part: (part.report.window.start, part.report.window.id))),
        spans=tuple(_cut(await archive.spans(period.since, period.end), period)),
    )


async def _service(archive: Archive, subject: Subject, parts: Iterable[Part], order: Order) -> Service:
    rows = [row for row in await archive.days(subject.name, order.period.since) if row.begin < order.period.until]
    return figures.service(subject, rows, parts, order.period, order.objective)


async def _reports(archive: Archive, order: Order) -> list[Report]:
    period = order.period
    query = OutageQuery(
        since=period.since, until=period.end, service=order.service, provider=order.provider, limit=_AT_ONCE
    )
    found: dict[str, Report] = {}
    offset, size = 0, _AT_ONCE
    while size == _AT_ONCE:  # by id: a window that opens meanwhile moves the others to the next page
        page = await archive.windows(replace(query, offset=offset))
        found.update((noted.window.id, report(*noted)) for noted in page)
        size = len(page)
        offset += size
    return list(found.values())


def _subjects(configuration: Configuration, others: Collection[str], reports: Iterable[Report]) -> Iterator[Subject]:
    """The services of the configuration, then those that only the store knows."""
    for service in configuration.services:
        components = {part.name: (part.title, part.critical) for part in service.components}
        yield Subject(name=service.name, title=service.title, provider=service.provider, components=components)
    providers = {name: one.window.provider for one in reports for name in one.window.services}
    configured = {service.name for service in configuration.services}
    for name in sorted(set(others) - configured):
        yield Subject(name=name, title=name, provider=providers.get(name, ""))


def _affected(reports: Iterable[Report]) -> set[str]:
    return {name for one in reports for name in one.window.services}


def _chosen(subjects: Iterable[Subject], order: Order) -> list[Subject]:
    return [
        subject
        for subject in subjects
        if order.service in ("", subject.name) and order.provider in ("", subject.provider)
    ]


def _cut(spans: Iterable[Span], period: Period) -> Iterator[Span]:
    for span in spans:
        stretch = period.clip(span.start, span.end)
        if span.state is not VantageState.ONLINE and stretch is not None:
            yield replace(span, start=stretch[0], end=stretch[1])
