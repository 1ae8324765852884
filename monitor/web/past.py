"""What the web side asks of the past, beside windows: seconds in each state, attempts by the hour."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.domain.outage import Transition


class Seconds(Protocol):
    """Time in which a service, or a part of it, was seen; in seconds."""

    @property
    def service(self) -> str:
        """Its name."""
        ...

    @property
    def up(self) -> float:
        """It answered."""
        ...

    @property
    def degraded(self) -> float:
        """It answered slowly."""
        ...

    @property
    def down(self) -> float:
        """It did not answer."""
        ...

    @property
    def planned(self) -> float:
        """Down or slow as announced."""
        ...


class Stretch(Seconds, Protocol):
    """A day or an hour of a component, or with an empty ``component`` of a whole service."""

    @property
    def begin(self) -> int:
        """Unix time."""
        ...

    @property
    def component(self) -> str:
        """Its name."""
        ...

    @property
    def unknown(self) -> float:
        """Nobody looked, or nobody could."""
        ...


class Hour(Protocol):
    """The attempts of one check in one hour."""

    ok: int
    failed: int
    seconds_ok: float
    """Sum of the durations of those that were ok."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """How to ask. Each may raise one of ``History.errors`` and nothing else, or hang. Times are Unix seconds."""

    days: Callable[[Collection[str], float, float], Awaitable[Iterable[Stretch]]]
    """Of these services as a whole, between two moments, oldest first."""
    parts: Callable[[str, float], Awaitable[Iterable[Stretch]]]
    """Of one service and its components by the day, from a moment on, oldest first."""
    hours: Callable[[str, float, float], Awaitable[Iterable[Stretch]]]
    """Of one service and its components by the hour."""
    pace: Callable[[Collection[str], float, float], Awaitable[Mapping[str, Mapping[int, Hour]]]]
    """By check id and hour."""
    course: Callable[[str], Awaitable[Sequence[Transition]]]
    """How the checks of a window changed their states while it lasted."""
