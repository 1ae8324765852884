"""Numbers as people read them, and what each of them means."""

from collections.abc import Iterator
from math import floor

from monitor.formats.shares import cut
from monitor.formats.times import lasting

NONE = "\u2013"
"""What a table has where there is no number."""


def percent(share: float | None, places: int = 3) -> str:
    """Cut, and never rounded up to 100: a single second must show."""
    if share is None:
        return NONE
    return "100 %" if share >= 1 else f"{cut(share, places):.{places}f} %"


def used(share: float | None) -> str:
    """Of a budget; more than all of it can be."""
    return NONE if share is None else f"{floor(round(share * 1000, 6)) / 10:.1f} %"


def length(seconds: float | None) -> str:
    """``2 h 55 min``; something that is there is never ``0 s``."""
    if seconds is None:
        return NONE
    return "under 1 s" if 0 < seconds < 1 else lasting(seconds)


def count(number: int, one: str, many: str = "") -> str:
    """``1 outage``, ``3 outages``."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def objective(share: float) -> str:
    """``99.9 %``."""
    return f"{share * 100:.6g} %"


def terms(share: float) -> Iterator[tuple[str, str]]:
    """Each word of a report, and how its number is made. ``share``: the objective."""
    yield (
        "Availability",
        "of the time in which the service was seen to answer or not, the share in which it answered. It is down while "
        "a critical component is. Slow or in part counts as answered; planned time and time that nobody saw count "
        "neither way.",
    )
    yield "Coverage", "of all the time of the period so far, the share that was seen at all."
    yield "Down", "the time that availability counts against it, as seen from our own vantage."
    yield (
        "Outages",
        "windows in which a component or the service failed, from wherever it was seen, planned ones and those that "
        "people called none left out. Only the part within the period counts. What was only slow is not among them.",
    )
    yield (
        "In outages",
        "the length of these windows, overlaps counted once. It can be more than the time down: when a minor component "
        "failed, or when it failed on and off; and less, when what failed was too short for a window.",
    )
    yield "MTTR", "mean time to recovery: the mean length of the outages that ended in the period."
    yield (
        "MTBF",
        "mean time between failures: the time in which it was seen to answer, divided by the outages that began in the "
        "period.",
    )
    yield (
        "Error budget",
        f"the time that it may be down with {objective(share)} of the seen time still available. It is overspent "
        "exactly when availability is below the objective.",
    )
    yield (
        "Corrections",
        "are made by notes. What was no outage after all counts as not seen, what had been planned as planned.",
    )
