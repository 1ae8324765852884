"""What people said of a window after the fact, as it changes the time that was booked.

Booked rows are never changed: a later note may take it back, and a window may
still be open. So it is worked out row by row whenever somebody asks.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from monitor.domain.amendment import amended_by, is_outage, is_planned
from monitor.domain.words import Kind
from monitor.store.values import Noted


class Claim(NamedTuple):
    """A stretch of a window: as which state it was booked, and as which it counts now."""

    start: float
    end: float
    booked: str
    counts: str

    @property
    def is_amended(self) -> bool:
        """Whether it counts as something else than it was booked as."""
        return self.booked != self.counts

    def within(self, begin: float, end: float) -> int:
        """Milliseconds of it in that time."""
        return max(0, round(1000 * (min(self.end, end) - max(self.start, begin))))


def claims_of(noted: Noted) -> tuple[Claim, ...]:
    """The part of the window in an announced maintenance, and the rest.

    What was no outage after all becomes ``unknown``: that it was down is what
    we do not believe any more, and that it was up nobody saw.
    """
    window, amended = noted.window, amended_by(noted.notes, noted.window)
    was_planned = window.planned_until is not None
    end = float("inf") if window.end is None else window.end
    until = min(max(window.planned_until or window.start, window.start), end)
    in_maintenance, outside = "planned", "down"
    if not is_outage(amended):
        in_maintenance = outside = "unknown"
    elif is_planned(window, amended) and not was_planned:
        outside = "planned"
    elif was_planned and not is_planned(window, amended):
        in_maintenance = "degraded" if window.kind is Kind.DEGRADED else "down"
    found = (Claim(window.start, until, "planned", in_maintenance), Claim(until, end, "down", outside))
    # What is merely slow was not booked as down: it holds on to nothing there.
    slow = window.kind is Kind.DEGRADED
    return tuple(
        one for one in found if one.end > one.start and (one.is_amended or one.booked == "planned" or not slow)
    )


def moves(
    booked: Mapping[str, int], begin: float, end: float, claims: Collection[Claim]
) -> Iterator[tuple[str, str, int]]:
    """From which state to which how many milliseconds of a row go that was booked for that time.

    Never more than there is; and what windows that still count as they were
    booked account for stays, so that a note hides no other outage.
    """
    left = dict(booked)
    for claim in claims:
        if not claim.is_amended:
            left[claim.booked] -= claim.within(begin, end)
    for claim in claims:
        if claim.is_amended:
            amount = min(left[claim.booked], claim.within(begin, end))
            if amount > 0:
                left[claim.booked] -= amount
                yield claim.booked, claim.counts, amount
