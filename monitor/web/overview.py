"""The rows of the first page: one service each, as compact as a glance."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from urllib.parse import quote, urlencode

from monitor.domain.words import State
from monitor.languages.reader import Reader
from monitor.languages.words import Words
from monitor.web.backend import Backend
from monitor.web.bars import DAY, Bars, Frame, bars
from monitor.web.board import Row
from monitor.web.past import Stretch
from monitor.web.reading import Unreadable, read
from monitor.web.sayings import Saying, beside
from monitor.web.services import PERIODS, Component, Seen, Service
from monitor.web.status import WAITING, outcome_of, summary

A_PAGE = 100
"""Services on one page."""
_FEW = 20
"""Up to so many services each bar has a text of its own; the page of a service has them always."""
TONES = {State.UP: "ok", State.DEGRADED: "unsure", State.DOWN: "failed"}
"""The word for colour and mark of a state."""
SEEN_ENOUGH = 0.995
"""Coverage below this is said."""
_HARDLY = 0.0001
"""Less than this is not told apart: it would read as nothing."""
DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The availability in one period."""

    period: str
    share: str
    seen: str
    """How much of the time was seen, where that is not all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One service."""

    path: str
    title: str
    word: str
    state: str
    note: str
    """How many of its checks fail."""
    saying: Saying | None
    bars: Bars
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The services that a reader sees on one page."""

    services: Sequence[Service]
    number: int
    pages: int
    found: int
    wanted: str
    """What the reader searches."""
    is_long: bool
    """There are so many that a search helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The services of one page."""

    lines: tuple[Line, ...]
    selected: Selected

    def path(self, number: int) -> str:
        """The address of another page of the same list."""
        wanted = self.selected.wanted
        asked = {"find": wanted, "page": str(number)} if wanted else {"page": str(number)}
        return f"/?{urlencode(asked)}"


def select(services: Sequence[Service], asked: Mapping[str, str]) -> Selected:
    """The page that was asked for; where there is more than one, whatever is not well comes first."""
    wanted = asked.get("find", "").strip()[:100]
    found = [service for service in services if _matches(service, wanted.casefold())]
    if len(found) > A_PAGE:
        found.sort(key=lambda service: service.state in (State.UP, State.UNKNOWN) and not service.open)
    pages = max(1, -(-len(found) // A_PAGE))
    text = asked.get("page", "1")
    number = min(pages, max(1, int(text))) if text.isascii() and text.isdecimal() and len(text) < 6 else 1
    return Selected(
        services=found[(number - 1) * A_PAGE : number * A_PAGE],
        number=number,
        pages=pages,
        found=len(found),
        wanted=wanted,
        is_long=len(services) > A_PAGE,
    )


def listing(selected: Selected, days: Mapping[str, Sequence[Stretch]], reader: Reader) -> Listing:
    """The rows of a page. ``days`` by service."""
    frame = Frame(step=DAY, count=DAYS, now=reader.now)
    is_marked = len(selected.services) <= _FEW
    return Listing(
        lines=tuple(
            line(service, bars(days.get(service.name, ()), frame, reader.words, is_marked=is_marked), reader)
            for service in selected.services
        ),
        selected=selected,
    )


def line(service: Service, drawn: Bars, reader: Reader) -> Line:
    """One row."""
    words = reader.words
    rows = service.rows
    tone, state = standing(service, words)
    failing = sum(bool(row.failing_since) for row in rows)
    return Line(
        path=path_of(service.name),
        title=service.title,
        word=tone,
        state=state,
        note=words.many("row.failing", failing, all=len(rows)) if failing else "",
        saying=beside(service, reader),
        bars=drawn,
        shares=shares(service.availability, words),
    )


def path_of(service: str) -> str:
    """Of the page of a service."""
    return f"/service/{quote(service, safe='')}"


def standing(part: Service | Component, words: Words) -> tuple[str, str]:
    """The word for colour and mark, and the state in the reader's language."""
    if part.is_planned and part.state in (State.DOWN, State.DEGRADED):
        return "planned", words("status.planned")
    if part.state in TONES:
        return TONES[part.state], words(f"state.{part.state}")
    is_new = all(outcome_of(row) == WAITING for row in part.rows)
    return (WAITING, words("state.waiting")) if is_new else ("inconclusive", words("state.unknown"))


def shares(known: Mapping[str, Seen], words: Words) -> tuple[Share, ...]:
    """Of each period of which something is known."""
    return tuple(
        Share(period=words(f"period.{period}"), share=words.percent(one.share), seen=_seen(one, words))
        for period, one in ((period, known[period]) for period in PERIODS if period in known)
        if one.share is not None
    )


def _seen(one: Seen, words: Words) -> str:
    if one.coverage >= SEEN_ENOUGH:
        return ""
    if one.coverage < _HARDLY:
        return words("share.seen", share=words.number(f"< {_HARDLY:.2%}".replace("%", " %")))
    return words("share.seen", share=words.percent(floor(one.coverage * 100) / 100 or one.coverage))


def _matches(service: Service, wanted: str) -> bool:
    return any(wanted in text.casefold() for text in (service.name, service.title, service.provider))


async def days_of(backend: Backend, services: Iterable[Service], now: float) -> Mapping[str, list[Stretch]]:
    """By service. Nothing is known while the store cannot be read."""
    names = [service.name for service in services]
    found: defaultdict[str, list[Stretch]] = defaultdict(list)
    try:
        days = await read(backend.history, backend.history.past.days(names, now - (DAYS - 1) * DAY, now))
    except Unreadable:
        return found
    for day in days:
        found[day.service].append(day)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchers:
    """The witnesses as a whole."""

    word: str
    summary: str


def watchers(rows: Sequence[Row], words: Words) -> Watchers | None:
    """What the witnesses say of ourselves; None without any."""
    if not rows:
        return None
    worst, said = summary(rows, words)
    return Watchers(word=worst, summary=words("witnesses.summary", summary=said))
