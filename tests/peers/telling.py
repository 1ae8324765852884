"""A peer that tells what a test wants it to tell, and ears that note what was heard of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Check, Vantage
from monitor.domain.words import Layer, Outcome, Reason
from monitor.formats.feed import Made, Page, page_as_json, rows_as_json
from monitor.peers import Ears
from tests.support.fakes import a_check

HOME = Vantage(name="home", region="eu", country="DE", network="AS1")
AWAY = Vantage(name="away", region="us", country="US", network="AS2")
CHECK = a_check("a")
REFUSED = Failure(layer=Layer.TCP, reason=Reason.REFUSED, message="refused")


def made(at: float, check_id: str = CHECK.id, outcome: Outcome = Outcome.OK) -> Made:
    """An attempt that took a tenth of a second."""
    return (check_id, at, 0.1, outcome, 0, None if outcome is Outcome.OK else REFUSED)


def a_page(rows: Sequence[Any] = (), **changes: Any) -> Page:
    """A page of `AWAY`."""
    values: dict[str, Any] = {"vantage": AWAY, "run": "aa", "now": 0.0, "next": len(rows), "is_lost": False}
    values |= changes
    return Page(**{"newest": values["next"], **values, "rows": rows})


@dataclass(slots=True)
class Heard:
    """Everything that reached the ears, in order."""

    attempts: list[tuple[str, Check, Attempt]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    """``heard`` and ``sat``."""
    memory: dict[str, str] = field(default_factory=dict)
    met: int = 0

    def ears(self) -> Ears:
        return Ears(hear=self._hear, sit=self._sit, remember=self._remember, meet=self._meet)

    @property
    def begins(self) -> list[float]:
        return [attempt.started for _, _, attempt in self.attempts]

    def _hear(self, vantage: str, check: Check, attempt: Attempt) -> None:
        self.order.append("heard")
        self.attempts.append((vantage, check, attempt))

    async def _sit(self) -> None:
        self.order.append("sat")

    def _remember(self, key: str, text: str) -> None:
        self.memory[key] = text

    def _meet(self) -> None:
        self.met += 1


class Teller:
    """A monitor's feed without the monitor: it keeps everything, from number 1 on, and counts how it is asked."""

    def __init__(self, now: Callable[[], float], vantage: Vantage = AWAY) -> None:
        self.now = now
        self.vantage = vantage
        self.run = "aa"
        self.made: list[Made] = []
        self.requests: list[web.Request] = []
        self.callers: set[object] = set()
        """The ends of the connections over which it was asked."""
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
        """What to do in place of telling."""
        self.page_size = 1000

    def tell(self, *attempts: Made) -> None:
        self.made += attempts

    def start_anew(self, *attempts: Made) -> None:
        self.run, self.made = self.run + "b", list(attempts)

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        assert request.transport is not None
        self.callers.add(request.transport.get_extra_info("peername"))
        if self.answer is not None:
            return await self.answer(request)
        newest = len(self.made)
        after = int(request.query.get("after", newest))
        rows = self.made[after : after + self.page_size]
        page = a_page(
            vantage=self.vantage,
            run=self.run,
            now=self.now(),
            next=min(after + len(rows), newest),
            newest=newest,
            is_lost=after > newest,
        )
        return web.Response(body=page_as_json(page, [rows_as_json(after + 1, rows)]), content_type="application/json")
