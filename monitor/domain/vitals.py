"""The monitor's own numbers, as one snapshot: what watches the watcher."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique

from monitor.domain.claim import Said

_LAG = 1.0
_SHED = 0.1
_UNJUDGED = 30.0
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds in seconds for our own lateness; the goal is p99 < 10 ms."""


@unique
class Skip(StrEnum):
    """Why a run that was due did not start."""

    OVERRUN = "overrun"
    """The run before it had not ended."""
    CAPACITY = "capacity"
    """As many attempts as allowed were in flight."""
    OVERLOAD = "overload"
    """This machine cannot keep up; skipped evenly over all checks."""
    BACKOFF = "backoff"
    """The network asked us to come back later."""
    GAP = "gap"
    """The monitor was stopped or suspended when it was due."""
    STOPPING = "stopping"


@dataclass(slots=True)
class Histogram:
    """A classic histogram with `BOUNDS`; ``buckets`` has one more place for what lies above."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def observe(self, value: float) -> None:
        """Count one value, in seconds."""
        self.buckets[bisect_left(BOUNDS, value)] += 1
        self.total += value


@unique
class Ignored(StrEnum):
    """Why an attempt that another monitor told of was not judged."""

    NOT_WATCHED = "not_watched"
    """It is of a check or a witness that this configuration does not have."""
    UNTIMELY = "untimely"
    """It began too long ago, in the future, or before one of the same check that came earlier."""
    UNKNOWN_WORD = "unknown_word"
    """An outcome, a layer or a reason that this version does not know."""
    MALFORMED = "malformed"


@unique
class PeerTrouble(StrEnum):
    """Why an answer of another monitor, or none, was of no use."""

    UNREACHABLE = "unreachable"
    """No connection, or it broke, or took too long."""
    STATUS = "status"
    """Another answer than 200: it does not know us, or is no monitor of this version."""
    MALFORMED = "malformed"
    NAME = "name"
    """It calls itself what we, or another peer, are called."""
    INTERNAL = "internal"
    """A bug of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerVitals:
    """How another monitor is being heard. Times in seconds."""

    url: str
    vantage: str
    """What it is called; empty before its first answer."""
    is_up: bool
    """The last time that it was asked it answered."""
    answered: float
    """Unix time of the last answer; 0 for never."""
    taken: int
    ignored: Mapping[Ignored, int]
    troubles: Mapping[PeerTrouble, int]
    lost: int
    """Times that it had forgotten attempts before we asked for them."""
    lag: float
    """The longest time between the end of an attempt and its hearing here, in the last answer that had any."""
    skew: float
    """How much our clock is ahead of its, as far as that can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertVitals:
    """How telling people goes. Times in seconds."""

    waiting: int = 0
    """Messages that reached nobody yet."""
    oldest: float = 0.0
    """Age of the oldest of them."""
    results: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By channel and result: sent, failed, passed_over; given_up of the empty channel."""
    channels: Mapping[str, bool] = field(default_factory=dict)
    """Whether each channel would have worked when it was checked last."""
    heartbeats: Mapping[str, int] = field(default_factory=dict)
    """By result: ok, fail, error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """A snapshot for /metrics and the pages. Times in seconds."""

    checks: int
    in_flight: int
    max_in_flight: int
    skipped: Mapping[Skip, int]
    lateness: Histogram
    shed_ratio: float
    loop_lag: float
    gaps: int
    gap_seconds: float
    unjudged: float
    """Since the judge sat last."""
    internal_errors: int
    sink_errors: Mapping[str, int]
    store_pending: int
    """Rows that wait to be written."""
    store_errors: int
    store_damaged: bool
    """The file is not whole, and no longer written."""
    reload_ok: bool
    reload_time: float
    """Unix time of the last configuration that was taken."""
    started: float
    peers: tuple[PeerVitals, ...] = ()
    alerts: AlertVitals = AlertVitals()
    claims: tuple[Said, ...] = ()
    """What providers say of themselves now."""


def why_not_ready(vitals: Vitals) -> str | None:
    """None when the schedule runs on time, else a sentence. Can come and go."""
    if not vitals.started:
        return "the schedule has not started yet"
    if vitals.loop_lag > _LAG:
        return f"the event loop stood still for {vitals.loop_lag:.1f} s within the last 15 s"
    if vitals.shed_ratio > _SHED:
        return f"overloaded: {vitals.shed_ratio:.0%} of the runs are being skipped"
    if vitals.unjudged > _UNJUDGED:
        return f"nothing has been judged for {vitals.unjudged:.0f} s"
    return None
