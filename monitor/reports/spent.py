"""How a stretch of time was spent."""

from dataclasses import dataclass, fields, replace
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds; together they are all of the time."""

    up: float = 0.0
    degraded: float = 0.0
    """It answered, but slowly, or in part."""
    down: float = 0.0
    unknown: float = 0.0
    """Watched, and nothing could be told: the vantage was blind, or people said that what it saw was no outage."""
    planned: float = 0.0
    """Not up in a maintenance."""
    unrecorded: float = 0.0
    """Nobody watched: the monitor did not run, or did not know of the service."""

    def __add__(self, other: Self) -> Self:
        sums = {field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        return replace(self, **sums)

    @property
    def answered(self) -> float:
        """It worked, if perhaps not well."""
        return self.up + self.degraded

    @property
    def counted(self) -> float:
        """What availability is a share of."""
        return self.answered + self.down

    @property
    def unseen(self) -> float:
        """What nobody can tell of."""
        return self.unknown + self.unrecorded

    @property
    def total(self) -> float:
        """All of it."""
        return self.counted + self.planned + self.unseen

    @property
    def availability(self) -> float | None:
        """Of the time that counts the share in which it answered, 0 to 1; None when none counts."""
        return self.answered / self.counted if self.counted else None

    @property
    def coverage(self) -> float | None:
        """Of all time the share that was seen, 0 to 1; None when there is none."""
        return (self.total - self.unseen) / self.total if self.total else None
