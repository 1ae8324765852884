"""What is told to people, and by what way. Frozen values. Times are Unix seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum, unique
from typing import Any
from zoneinfo import ZoneInfo

from monitor.domain.outage import Window
from monitor.domain.settings import Settings, Strings
from monitor.domain.words import Breadth, Event, Reach, Severity, VantageState


@dataclass(frozen=True, slots=True, kw_only=True)
class Blindness:
    """A vantage that cannot see: no outage of anybody, but somebody should know."""

    vantage: str
    state: VantageState
    start: float
    end: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing to tell by one route: decided, not yet put into words. What it says is as of ``decided``."""

    route: str
    conversation: str
    """One for each incident: the id of its window, ``more:`` of a roll-up, or ``blind:`` and a vantage."""
    number: int
    """Of the message in its conversation on this route, from 1: they are sent in this order."""
    event: Event
    severity: Severity
    decided: float
    windows: tuple[Window, ...] = ()
    """One, or those that were rolled up; none where a vantage is blind."""
    blind: Blindness | None = None

    @property
    def talk(self) -> str:
        """Its conversation on its route: what is told in it stays in order."""
        return f"{self.route}/{self.conversation}"

    @property
    def key(self) -> str:
        """The same at every try, and no other message's: whoever honours it takes the message once."""
        return f"{self.talk}/{self.number}/{self.decided:.3f}"

    @property
    def is_dispensable(self) -> bool:
        """Whether a later message of the conversation makes it pointless."""
        return self.event in (Event.CHANGED, Event.REMINDER, Event.RECOVERING)

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after it in its conversation."""
        return self.event in (Event.CLOSED, Event.TEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """Why a channel of the route was passed over."""

    channel: str
    why: str
    """In English, for people; never a secret, never text of a server."""
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message in words, as a channel hands it over."""

    key: str
    """`Message.key`: for idempotency keys and message ids."""
    conversation: str
    """`Message.talk`: for deduplication keys and threads."""
    event: Event
    severity: Severity
    title: str
    """One line, at most 150 characters."""
    text: str
    """Plain text, with the title as its first line."""
    html: str
    """The same as a fragment of HTML, escaped."""
    link: str
    """The outage's page; empty where the page's address is not configured."""
    labels: Mapping[str, str]
    """Few and bounded, for machines: service, provider, breadth, reach, kind, cause, vantage."""
    document: Mapping[str, Any]
    """The whole story for machines: JSON values, as docs/alert.schema.json has them."""
    decided: float
    started: float
    ended: float | None
    language: str = "en"
    thread: str = ""
    """What the channel returned for the conversation's earlier letter, or nothing."""


class ChannelFailed(Exception):
    """A channel did not take a letter.

    ``permanent``: it will not take this one later either (a refused token, an
    unknown recipient). ``retry_after``: seconds that the other side asked for.
    The message is for people and holds neither secrets nor text of a server.
    """

    def __init__(self, message: str, *, permanent: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent
        self.retry_after = retry_after


class ChannelSettings(Settings):
    """What every kind of channel accepts. A kind adds its own fields."""

    rides_on: Strings | None = None
    """Services and providers that a letter passes through; unset: those that the kind knows of."""

    @property
    def known_rides(self) -> tuple[str, ...]:
        """What the kind knows a letter to pass through with these settings: names of services and providers."""
        return ()

    @property
    def longest(self) -> float:
        """Seconds after which a send that has not ended never will: somewhat more than the kind's own ``timeout``."""
        return float(getattr(self, "timeout", 15.0)) + 5.0

    @property
    def place(self) -> str:
        """Where letters go, for people: a host or a kind of service. Never a secret."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When a route tells: on these days of the week, between these times of a zone's clocks."""

    days: frozenset[int]
    """0 is Monday."""
    begin: time
    end: time
    """Before ``begin``: on the following day."""
    zone: ZoneInfo

    def holds(self, now: float) -> bool:
        """Whether ``now`` is one of them."""
        local = datetime.fromtimestamp(now, self.zone)
        clock = local.time()
        if self.begin < self.end:
            return local.weekday() in self.days and self.begin <= clock < self.end
        if clock >= self.begin:
            return local.weekday() in self.days
        return clock < self.end and (local.weekday() - 1) % 7 in self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who is told of what, and by which ways. Durations in seconds."""

    name: str
    channels: tuple[str, ...]
    """In this order: the next is taken while one cannot be used."""
    services: tuple[str, ...] = ("*",)
    """Patterns of names."""
    providers: tuple[str, ...] = ("*",)
    severity: Severity = Severity.MINOR
    """At least this bad."""
    breadth: frozenset[Breadth] = frozenset(Breadth)
    reach: frozenset[Reach] = frozenset(Reach)
    hours: Hours | None = None
    after: float = 0.0
    """Nothing is told of what lasts shorter."""
    remind: float | None = 3600.0
    escalates: bool = False
    """Tells those who come next when nobody has acknowledged it: ``after`` counts from when it could be told."""
    limit: int = 5
    """Openings in ten minutes; what comes beyond is rolled up."""
    blind_after: float | None = 120.0
    """A vantage that cannot see for so long is told of; None: never."""
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Somebody does not want to be told of something for a while."""

    id: str
    service: str
    """A pattern of names."""
    since: float
    until: float
    author: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Somebody knows of a window, and looks after it."""

    window_id: str
    at: float
    author: str


@unique
class PostState(StrEnum):
    """Where a message is on its way."""

    WAITING = "waiting"
    SENT = "sent"
    """A channel said that it has it."""
    SUPERSEDED = "superseded"
    """A later one of its conversation made it pointless before it was sent."""
    GIVEN_UP = "given_up"
    """No channel took it in a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message and how far it came."""

    message: Message
    state: PostState = PostState.WAITING
    tries: int = 0
    detours: tuple[Detour, ...] = ()
    """Channels that were passed over at the last try."""
    channel: str = ""
    """That took it."""
    thread: str = ""
    settled: float | None = None
    """When it was sent, or given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A channel as it is configured."""

    name: str
    kind: str
    """The channel's name in the registry."""
    settings: ChannelSettings

    @property
    def rides_on(self) -> tuple[str, ...]:
        """Services and providers that a letter passes through."""
        return self.settings.known_rides if self.settings.rides_on is None else self.settings.rides_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Somebody elsewhere who notices when we stop."""

    url: str = field(repr=False)
    """Often with a token in it. ``/fail`` behind it means trouble, ``/start`` a start."""
    interval: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """What the configuration says of telling people."""

    ways: tuple[Way, ...] = ()
    routes: tuple[Route, ...] = ()
    heartbeat: Heartbeat | None = None
    check_interval: float = 300.0
    """Seconds between two looks whether a channel would work."""
