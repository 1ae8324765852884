"""What the web side is given by the composition root, and nothing more."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from monitor.domain.check import Vantage
from monitor.domain.ports import Clock
from monitor.domain.vitals import Vitals
from monitor.web.board import Board


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """One answer to a scraper: headers and a body that comes in pieces."""

    content_type: str
    gzip: bool
    body: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The monitor as the web sees it."""

    clock: Clock
    board: Board
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
