"""Alerting at work: what the desk decides is delivered, by the channels that the configuration names."""

import asyncio
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import aiohttp
import structlog

from monitor.alerting.desk import Desk
from monitor.alerting.heartbeat import Pacemaker
from monitor.alerting.lines import Line, place_of
from monitor.alerting.post_office import Books, PostOffice
from monitor.alerting.rides import Rides
from monitor.alerting.scribe import Knowledge, Scribe
from monitor.config import Configuration
from monitor.domain.alert import Alerts, Heartbeat, Message, Route, Way
from monitor.domain.outage import Span, Window
from monitor.domain.ports import Clock
from monitor.domain.ruling import Ruling
from monitor.domain.vitals import AlertVitals
from monitor.domain.words import State
from monitor.formats.edition import Edition
from monitor.registry import CHANNELS
from monitor.store import Store, StoreError

ACK_KEY = "ack"
"""Of the working memory: what acknowledging links are signed with."""
_LOOK = 5.0
"""Seconds between two looks for acknowledgements and silences that others wrote."""
_INSTEAD = 4

_log = structlog.get_logger(__name__)


class Past(Protocol):
    """What is known from the last life."""

    @property
    def windows(self) -> Sequence[Window]:
        """Those that are not over."""
        ...

    @property
    def spans(self) -> Sequence[Span]:
        """The last one of each vantage."""
        ...

    @property
    def memory(self) -> Mapping[str, str]:
        """What we wanted to be told again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things are, as the judgement sees it."""

    state_of: Callable[[str], State]
    """Of a service; unknown for one that is not watched."""
    windows: Callable[[], Sequence[Window]]
    """Those that are not over."""


def make_session(user_agent: str) -> aiohttp.ClientSession:
    """What channels call with: no cookies, and nobody waits for ever."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=10.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent},
    )


class Dispatch:
    """Decides and delivers. `follow` a configuration, `resume`, `run` for life."""

    def __init__(self, clock: Clock, store: Store, standing: Standing, user_agent: str) -> None:
        self.desk = Desk()
        self._clock = clock
        self._store = store
        self._standing = standing
        self._user_agent = user_agent
        self._configuration: Configuration | None = None
        self._session: aiohttp.ClientSession | None = None
        self._key = secrets.token_bytes(32)
        self._is_key_kept = False
        self._stumbled: set[str] = set()
        rides = Rides(standing.state_of, standing.windows, self._titles)
        knowledge = Knowledge(
            edition=self._edition,
            quiet=lambda: self._configuration.quiet if self._configuration else 0.0,
            instead=self._instead,
            acknowledge=self.link,
            routes=lambda: self.routes,
        )
        self.scribe = Scribe(knowledge)
        books = Books(waiting=store.waiting_posts, sent=store.sent_posts, update=store.update_post)
        self.office = PostOffice(clock, books, self.scribe, rides.obstacle)
        self.heart = Pacemaker(self._heartbeat)

    @property
    def routes(self) -> Mapping[str, Route]:
        """By name."""
        routes = self._configuration.alerts.routes if self._configuration else ()
        return {route.name: route for route in routes}

    def follow(self, configuration: Configuration) -> None:
        """Tell people as this configuration says."""
        before, self._configuration = self._configuration, configuration
        minor = {f"{check.service}.{check.component}" for check in configuration.checks if not check.critical}
        self.desk.replace(configuration.alerts.routes, minor)
        if before is not None and self._session is not None:
            self.open_lines(self._session)

    async def resume(self, past: Past) -> None:
        """Go on where the last life stopped."""
        self.desk.resume(past.windows, past.spans, past.memory)
        self.use_key(past.memory.get(ACK_KEY, ""))
        if past.windows:
            await self._learn(past.windows)  # before the first decision: who looks after it need not be called again

    def use_key(self, key: str) -> None:
        """Sign with the key of an earlier life, in hexadecimal digits, if there was one."""
        if key:
            self._key, self._is_key_kept = bytes.fromhex(key), True

    def advise(self, ruling: Ruling) -> Ruling:
        """The ruling with what is to be told of it; as it is when the desk stumbles, because it must be stored."""
        try:
            ruling = self.desk.decide(ruling)
        except Exception as error:  # noqa: BLE001  # a fault in telling people must not cost what was found
            where = place_of(error)
            if where not in self._stumbled:  # twice a second would be a flood
                self._stumbled.add(where)
                _log.error("a fault of ours in deciding whom to tell", error=type(error).__name__, where=where)
        if ruling.messages and not self._is_key_kept:
            self._is_key_kept = True
            ruling = replace(ruling, memory=(*ruling.memory, (ACK_KEY, self._key.hex())))
        return ruling

    def take(self, messages: Sequence[Message]) -> None:
        """Deliver these; they are on disk."""
        self.office.take(messages)

    async def run(self, trouble: Callable[[], str | None]) -> None:
        """Deliver, look for what others wrote, and beat unless there is ``trouble``, until cancelled."""
        async with make_session(self._user_agent) as session, asyncio.TaskGroup() as tasks:
            self._session = session
            self.open_lines(session)
            tasks.create_task(self.office.run(lambda: self._alerts.check_interval))
            tasks.create_task(self.heart.run(session, trouble))
            while True:
                await self.look()
                await asyncio.sleep(_LOOK)

    async def look(self) -> None:
        """Learn who acknowledged what, and what is silenced."""
        await self._learn(self._standing.windows())

    async def _learn(self, windows: Sequence[Window]) -> None:
        if not self._alerts.routes:
            return
        alive = [window.id for window in windows]
        archive = self._store.archive
        try:
            if alive:
                self.desk.acknowledged = frozenset(note.window_id for note in await archive.acknowledged(alive))
            self.desk.silences = await archive.silences(self._clock.now())
        except StoreError as error:
            _log.warning("acknowledgements not readable; will try again", error=str(error))

    # -- acknowledging by a link ---------------------------------------------

    def link(self, window_id: str) -> str:
        """The page on which a window can be acknowledged without a password; nothing where pages have no address."""
        base = self._edition().base
        return f"{base}/ack/{window_id}?sign={self.sign(window_id)}" if base else ""

    def sign(self, window_id: str) -> str:
        """What proves that we gave the link away."""
        return hmac.digest(self._key, f"ack {window_id}".encode(), "sha256").hex()[:32]

    # -- what the parts ask --------------------------------------------------

    @property
    def _alerts(self) -> Alerts:
        return self._configuration.alerts if self._configuration else Alerts()

    def lines(self, session: aiohttp.ClientSession) -> list[Line]:
        """The channels of the configuration, ready to send."""
        return [Line(way=way, channel=CHANNELS[way.kind](way.settings, session)) for way in self._alerts.ways]

    def open_lines(self, session: aiohttp.ClientSession) -> None:
        """Be ready to send."""
        self.office.replace(self._alerts.routes, self.lines(session))

    def _heartbeat(self) -> Heartbeat | None:
        return self._alerts.heartbeat

    def _titles(self) -> Mapping[str, str]:
        services = self._configuration.services if self._configuration else ()
        return {service.name: service.title for service in services}

    def _edition(self) -> Edition:
        configuration = self._configuration
        return Edition(
            now=self._clock.now(),
            site=configuration.vantage.name if configuration else "",
            base=(configuration.web.url or "") if configuration else "",
            titles=self._titles(),
        )

    def _instead(self, window: Window) -> Sequence[str]:
        """Services of other providers that answer."""
        services = self._configuration.services if self._configuration else ()
        return [
            service.title
            for service in services
            if service.provider != window.provider and self._standing.state_of(service.name) is State.UP
        ][:_INSTEAD]

    def vitals(self) -> AlertVitals:
        """How it goes."""
        waiting = self.office.waiting
        decided = min((post.message.decided for post in waiting), default=None)
        return AlertVitals(
            waiting=len(waiting),
            oldest=0.0 if decided is None else max(0.0, self._clock.now() - decided),
            results=dict(self.office.results),
            channels={name: health.ok for name, health in self.office.health.items()},
            heartbeats=dict(self.heart.results) if self._alerts.heartbeat else {},
        )

    def way(self, name: str) -> Way | None:
        """The channel of that name."""
        return next((way for way in self._alerts.ways if way.name == name), None)
