"""What the store hands out that is not the judgement's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from monitor.domain.attempt import Attempt
from monitor.domain.outage import Note, Span, Window
from monitor.domain.words import Outcome

HOUR = 3600
DAY = 86400


@dataclass(slots=True)
class Tally:
    """The attempts of one check in some time."""

    ok: int = 0
    failed: int = 0
    inconclusive: int = 0
    seconds_ok: float = 0.0
    """Sum of the durations of those that were ok."""

    def count(self, attempt: Attempt) -> None:
        """Add one attempt."""
        if attempt.outcome is Outcome.OK:
            self.ok += 1
            self.seconds_ok += attempt.duration
        elif attempt.outcome is Outcome.FAILED:
            self.failed += 1
        else:
            self.inconclusive += 1

    def add(self, other: "Tally") -> None:
        """Add all of another tally."""
        self.ok += other.ok
        self.failed += other.failed
        self.inconclusive += other.inconclusive
        self.seconds_ok += other.seconds_ok


class Noted(NamedTuple):
    """A window as the judgement left it, and what people said of it afterwards, oldest first."""

    window: Window
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What a judgement needs to go on where the last one was stopped."""

    windows: tuple[Window, ...]
    """Those that are not over, oldest first."""
    spans: tuple[Span, ...]
    """The last one of each vantage."""
    memory: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """How long a component, or with an empty ``component`` a whole service, was in which state. In seconds."""

    begin: int
    """Unix time from which on they are counted."""
    service: str
    component: str
    up: float
    degraded: float
    down: float
    unknown: float
    planned: float

    @property
    def share(self) -> float | None:
        """Of the time that counts, the part in which it answered, 0 to 1; None when none counts."""
        answered = self.up + self.degraded
        counted = answered + self.down
        return answered / counted if counted else None

    @property
    def coverage(self) -> float | None:
        """Of all time that was judged, the part that was seen, 0 to 1; None when none was judged."""
        seen = self.up + self.degraded + self.down + self.planned
        total = seen + self.unknown
        return seen / total if total else None


class Stretch(NamedTuple):
    """What `Availability` tells, made six times as fast: a picture needs ten thousand of them."""

    begin: int
    service: str
    component: str
    up: float
    degraded: float
    down: float
    unknown: float
    planned: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """For how many days what is kept."""

    rollups: int = 2 * 365
    hours: int = 100
    """Seconds in each state by the hour; before that, by the day (UTC)."""
    transitions: int = 365
    windows: int = 10 * 365
    """Windows with their notes, spans of vantages, seconds in each state by the day."""
