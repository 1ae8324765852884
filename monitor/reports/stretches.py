"""Arithmetic of stretches of time."""

from collections.abc import Iterable

from monitor.reports.period import Stretch


def union(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """The same time without overlaps, in order."""
    joined: list[Stretch] = []
    for begin, end in sorted(stretches):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return tuple(joined)


def total(stretches: Iterable[Stretch]) -> float:
    """Seconds, overlaps counted once."""
    return sum(end - begin for begin, end in union(stretches))
