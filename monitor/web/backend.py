"""What the web side is given by the composition root, and nothing more."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from monitor.domain.alert import Acknowledgement, Post, Silence
from monitor.domain.check import Vantage
from monitor.domain.claim import Said
from monitor.domain.outage import Note, OutageQuery, Span, Window
from monitor.domain.ports import Clock
from monitor.domain.vitals import Vitals
from monitor.domain.words import State
from monitor.web.board import Board
from monitor.web.past import Past, Seconds
from monitor.web.ring import Ring

Noted = tuple[Window, tuple[Note, ...]]
"""A window as the judgement left it, and what people said of it afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """One answer to a scraper: headers and a body that comes in pieces."""

    content_type: str
    gzip: bool
    body: AsyncIterator[bytes]


class Availability(Seconds, Protocol):
    """Of one service, in some time."""

    @property
    def share(self) -> float | None:
        """Of the time that was seen, the part in which it answered, 0 to 1; None when none was seen."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is stored. Each of these may raise one of ``errors`` and nothing else, or hang."""

    windows: Callable[[OutageQuery], Awaitable[Sequence[Noted]]]
    """Those that match, newest start first."""
    window: Callable[[str], Awaitable[Noted | None]]
    """One of them by its id, absorbed ones too."""
    availability: Callable[[float, float], Awaitable[Iterable[Availability]]]
    """Of every service between two moments (Unix seconds), to the hour."""
    claims: Callable[[Collection[str], float, float], Awaitable[Sequence[Said]]]
    """What providers began to say of these services between two moments, oldest first."""
    past: Past
    errors: tuple[type[Exception], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Who is told of what. Each that is awaited may raise one of `History.errors` and nothing else, or hang.

    What is written is on disk at the return, and whoever decides what to tell knows of it.
    """

    posts: Callable[[str], Awaitable[Sequence[Post]]]
    """What was told of a window, or will be, oldest first."""
    newest: Callable[[int], Awaitable[Sequence[Post]]]
    """So many of what was decided last, newest first."""
    acknowledge: Callable[[Acknowledgement], Awaitable[None]]
    """Keep who looks after a window that exists; the first to say so stays."""
    acknowledged: Callable[[Collection[str]], Awaitable[Sequence[Acknowledgement]]]
    """Of these windows, those that somebody looks after."""
    silences: Callable[[float], Awaitable[Sequence[Silence]]]
    """Those that end after a moment, by their begin."""
    silence: Callable[[Silence], Awaitable[None]]
    end_silence: Callable[[str, float], Awaitable[bool]]
    """End one at a moment, if it would end later; False when there is none of that id."""
    sign: Callable[[str], str]
    """What proves that we gave away the link which acknowledges a window."""
    changes: Callable[[], object]
    """Another value whenever a message came further, or somebody acknowledged a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the judgement says now."""

    state: Callable[[str, str], State]
    """Of a component, or with an empty name of the whole service."""
    standing: Callable[[], Span | None]
    """The state of the vantage we stand in, and since when; None before the first witness was heard."""
    windows: Callable[[], Sequence[Window]]
    """Those that are not over: what is shown when the store cannot be read."""
    quiet: float
    """Seconds without a relapse after which a window is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The monitor as the web sees it."""

    clock: Clock
    board: Board
    ring: Ring
    vantage: Callable[[], Vantage]
    vitals: Callable[[], Vitals]
    online: Callable[[], bool]
    """False while no witness answers."""
    scrape: Callable[[str, str], Scrape]
    """A scrape for the given Accept and Accept-Encoding headers."""
    last_day: Callable[[], Awaitable[Mapping[str, tuple[int, int]]]]
    """By check id: ok and failed attempts of the last 24 hours, as stored."""
    reload: Callable[[], Awaitable[str | None]]
    """Take the configuration anew; None when it was taken, else what is wrong with it."""
    titles: Callable[[], Mapping[str, str]]
    """Names of services for people."""
    claims: Callable[[], Sequence[Said]]
    """What providers say of their services now, as far as their status pages could be read lately."""
    judged: Judged
    history: History
    telling: Telling
    public: bool = False
    """Strangers read it: hosts, addresses, targets and what servers said stay inside."""
    url: str | None = None
    """Where people reach it, without a slash at its end; None for the host that a request names."""


BACKEND = web.AppKey("backend", Backend)
