"""/history: windows of all times, searched by a form, a page at a time, and the same to take along."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from monitor.domain.outage import OutageQuery
from monitor.domain.words import Breadth, Kind
from monitor.formats.moments import moment
from monitor.formats.report import Report
from monitor.languages.reader import Reader
from monitor.web.backend import Backend
from monitor.web.query import Page, page
from monitor.web.reading import reports
from monitor.web.story import Story, tell

A_PAGE = 25
_OF_A_SERVICE = 10
_DAY = 86400
_LAST = moment("9999-12-31T23:59:59Z", 0.0)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FIELDS = ("service", "provider", "kind", "breadth", "since", "until", "text")
_MOST_CHOICES = 200
_LAST_PAGE = 100_000
_DOWNLOADS = (
    ("CSV", "/api/v1/outages.csv"),
    ("iCal", "/api/v1/outages.ics"),
    ("JSON", "/api/v1/outages"),
    ("Atom", "/feed.atom"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One entry of a list to choose from."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The form as it was filled in, and what it found."""

    asked: Mapping[str, str]
    choices: Mapping[str, tuple[Choice, ...]]
    """By field; a field without any takes whatever is written."""
    complaint: str = ""
    stories: tuple[Story, ...] = ()
    number: int = 1
    is_more: bool = False
    downloads: tuple[tuple[str, str], ...] = ()
    """Name and address of the same list in other forms."""

    def path(self, number: int) -> str:
        """The address of another page of the same search."""
        return f"/history?{urlencode({**self.asked, 'page': number})}"


async def search(backend: Backend, reader: Reader, given: Mapping[str, str]) -> Search:
    """What the form finds. Raises Unreadable."""
    asked = {name: given[name].strip() for name in _FIELDS if given.get(name, "").strip()}
    form = Search(asked=asked, choices=_choices(backend, reader, asked))
    number = _number(given.get("page", "1"))
    try:
        query = page(_pairs(asked, reader.now), reader.now, A_PAGE)
    except ValueError as error:
        return replace(form, complaint=str(error))
    wanted = replace(query.query, offset=(number - 1) * A_PAGE)
    found = await reports(backend.history, Page(query=wanted).peeking)
    return replace(
        form,
        stories=tuple(tell(report, reader) for report in found[:A_PAGE]),
        number=number,
        is_more=len(found) > A_PAGE,
        downloads=tuple((name, query.address(path)) for name, path in _DOWNLOADS),
    )


async def of_service(backend: Backend, service: str) -> list[Report]:
    """The newest windows of one service that are over. Raises Unreadable."""
    return await reports(backend.history, OutageQuery(service=service, is_open=False, limit=_OF_A_SERVICE))


def _pairs(asked: Mapping[str, str], now: float) -> Iterator[tuple[str, str]]:
    """As the API is asked, but for a last day: whoever writes one means all of it."""
    for name, text in asked.items():
        if name == "until" and _DATE.fullmatch(text):
            yield name, str(round(min(moment(text, now) + _DAY, _LAST) * 1000))
        else:
            yield name, text


def _number(text: str) -> int:
    return min(_LAST_PAGE, max(1, int(text))) if text.isascii() and text.isdecimal() and len(text) < 9 else 1


def _choices(backend: Backend, reader: Reader, asked: Mapping[str, str]) -> Mapping[str, tuple[Choice, ...]]:
    words, checks = reader.words, [row.check for row in backend.board.watched()]
    services = {name: reader.name(name) for name in dict.fromkeys(check.service for check in checks)}
    providers = {name: name for name in sorted({check.provider for check in checks if check.provider})}
    return {
        "service": _listed(services, asked.get("service", "")),
        "provider": _listed(providers, asked.get("provider", "")),
        "kind": _listed({str(kind): words(f"kind.{kind}") for kind in Kind}, asked.get("kind", "")),
        "breadth": _listed(
            {str(breadth): words(f"breadth.{breadth}") for breadth in Breadth}, asked.get("breadth", "")
        ),
    }


def _listed(known: Mapping[str, str], chosen: str) -> tuple[Choice, ...]:
    """What is asked is among them, also what is not watched any more."""
    if len(known) > _MOST_CHOICES:
        return ()
    choices = {**known, **({chosen: chosen} if chosen and chosen not in known else {})}
    return tuple(Choice(value=value, text=text, is_chosen=value == chosen) for value, text in choices.items())
