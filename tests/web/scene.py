"""A backend that says what a test wants it to say, and a client of the real application over it."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Vantage
from monitor.domain.claim import Said
from monitor.domain.outage import OutageQuery, Span, Transition
from monitor.domain.vitals import Vitals
from monitor.domain.words import Layer, Outcome, Reason, State, Status
from monitor.web.backend import Availability, Backend, History, Judged, Noted, Scrape
from monitor.web.board import Board
from monitor.web.door import Listen
from monitor.web.past import Hour, Past, Stretch
from monitor.web.ring import Ring
from monitor.web.server import make_app
from tests.metrics.test_exposition import ok
from tests.metrics.watched import vitals
from tests.support.fakes import FakeClock, a_check
from tests.support.windows import NOW
from tests.web.outbox import Outbox

OPEN = Listen(host="127.0.0.1", port=0)
_ALIVE = (Status.PLANNED, Status.OPEN, Status.RECOVERING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What is known of a service."""

    service: str
    share: float | None = None
    coverage: float | None = None

    def over(self, seconds: float) -> "Booked":
        """As the store has it."""
        return Booked(service=self.service, share=self.share, up=seconds * (self.coverage or 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """Seconds in each state."""

    service: str
    share: float | None
    up: float
    degraded: float = 0.0
    down: float = 0.0
    planned: float = 0.0


class StoreDown(Exception):
    """What the store of a test raises."""


@dataclass(slots=True)
class Shelf:
    """Windows kept in memory, and what was asked for."""

    kept: list[Noted] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    asked: list[OutageQuery] = field(default_factory=list)
    days: list[Stretch] = field(default_factory=list)
    hours: list[Stretch] = field(default_factory=list)
    paces: dict[str, dict[int, Hour]] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    claims: list[Said] = field(default_factory=list)
    booked: list[Booked] = field(default_factory=list)
    """What is known of all time, however much of it is asked for."""
    problem: str = ""

    def history(self) -> History:
        past = Past(days=self._days, parts=self._parts, hours=self._hours, pace=self._pace, course=self._course)
        return History(
            windows=self._windows,
            window=self._window,
            availability=self._availability,
            claims=self._claims,
            past=past,
            errors=(StoreDown,),
        )

    async def _windows(self, query: OutageQuery) -> Sequence[Noted]:
        self.fail()
        self.asked.append(query)
        found = [noted for noted in self.kept if query.is_open in (None, noted[0].status in _ALIVE)]
        return found[query.offset : query.offset + query.limit]

    async def _window(self, window_id: str) -> Noted | None:
        self.fail()
        return next((noted for noted in self.kept if noted[0].id == window_id), None)

    async def _availability(self, since: float, until: float) -> Iterable[Availability]:
        self.fail()
        return [*self.booked, *(one.over(until - since) for one in self.shares)]

    async def _claims(self, services: Collection[str], since: float, until: float) -> Sequence[Said]:
        self.fail()
        return [said for said in self.claims if said.service in services and since <= said.at < until]

    async def _days(self, services: Collection[str], since: float, until: float) -> list[Stretch]:
        self.fail()
        return [day for day in self.days if day.service in services and not day.component]

    async def _parts(self, service: str, since: float) -> list[Stretch]:
        self.fail()
        return [day for day in self.days if day.service == service]

    async def _hours(self, service: str, since: float, until: float) -> list[Stretch]:
        self.fail()
        return [hour for hour in self.hours if hour.service == service]

    async def _pace(self, ids: Collection[str], since: float, until: float) -> Mapping[str, Mapping[int, Hour]]:
        self.fail()
        return self.paces

    async def _course(self, window_id: str) -> Sequence[Transition]:
        self.fail()
        return self.transitions

    def fail(self) -> None:
        """Raise what the test wants to be wrong."""
        if self.problem:
            raise StoreDown(self.problem)


class Scene:
    """What the backend says; tests turn it."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.board = Board()
        self.ring = Ring()
        self.online = True
        self.vitals = vitals()
        self.problem: str | None = None
        self.reloads = 0
        self.shelf = Shelf()
        self.outbox = Outbox(self.shelf.fail)
        self.standing: Span | None = None
        self.states: dict[tuple[str, str], State] = {}
        self.titles: dict[str, str] = {}
        self.claims: list[Said] = []
        self.is_public = False
        self.url: str | None = None

    def keep(self, *noted: Noted) -> None:
        """These are stored; those that are not over are the judgement's as well."""
        self.shelf.kept = list(noted)

    def backend(self) -> Backend:
        async def last_day() -> Mapping[str, tuple[int, int]]:
            return {a_check("a").id: (9999, 1)}

        async def reload() -> str | None:
            self.reloads += 1
            return self.problem

        async def body() -> AsyncIterator[bytes]:
            yield b"x 1\n"

        return Backend(
            clock=self.clock,
            board=self.board,
            ring=self.ring,
            vantage=lambda: Vantage(name="fra-1", country="DE"),
            vitals=self._vitals,
            online=lambda: self.online,
            scrape=lambda accept, encoding: Scrape(content_type="text/plain", gzip=False, body=body()),
            last_day=last_day,
            reload=reload,
            titles=lambda: self.titles,
            claims=lambda: self.claims,
            judged=Judged(
                state=lambda service, component: self.states.get((service, component), State.UNKNOWN),
                standing=lambda: self.standing,
                windows=lambda: [window for window, _ in self.shelf.kept if window.status in _ALIVE],
                quiet=900.0,
            ),
            history=self.shelf.history(),
            telling=self.outbox.telling(),
            public=self.is_public,
            url=self.url,
        )

    def _vitals(self) -> Vitals:
        return self.vitals


@asynccontextmanager
async def client(scene: Scene, listen: Listen = OPEN, extra: Iterable[web.RouteDef] = ()) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]  # aiohttp's default
    async with TestClient(TestServer(make_app(scene.backend(), listen, [*extra]))) as made:
        yield made


def failed(target: str, message: str = "no") -> Attempt:
    failure = Failure(layer=Layer.TLS, reason=Reason.CERT_EXPIRED, message=message)
    return replace(ok(a_check(target)), outcome=Outcome.FAILED, failure=failure)
