"""Which window that was found answers which one that was expected.

A found window *concerns* an expected one when all of these hold:

- both mean a common target, names and patterns expanded to components;
- their times overlap, the expected one made longer by its tolerances;
- where the expected one names its vantages, both have a vantage in common;
- where the expected cause is ``probe``, the found one says so too.

It *answers* it when, besides, its breadth is not wider than the expected one
and the accepted ones. What answers something claims no more than is right.

Each expected window is scored by one found window, and no found window scores
two: of all ways to share them out, the one with the most points.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf

from monitor.replay.format import WindowPart
from monitor.replay.found import FoundWindow
from monitor.replay.scenario import Scenario

_PROBE = "probe"
_WIDTH = {"component": 0, "service": 1, "provider": 2}


def concerns(scenario: Scenario, found: FoundWindow, expected: WindowPart) -> bool:
    """Whether they are about the same thing, at the same time, seen from a common place."""
    longest = (
        expected.start - expected.start_tol[0],
        None if expected.end is None else expected.end + expected.end_tol[1],
    )
    return (
        have_common_target(scenario, found, expected.target)
        and overlap((found.start, found.end), longest)
        and ("all" in expected.where or not set(expected.where).isdisjoint(found.vantages))
        and (expected.cause != _PROBE or found.cause == _PROBE)
    )


def answers(scenario: Scenario, found: FoundWindow, expected: WindowPart) -> bool:
    """Whether it concerns the expected one and is not wider than right."""
    widest = max(_WIDTH.get(breadth, 0) for breadth in right(expected, "breadth"))
    return _WIDTH[found.breadth] <= widest and concerns(scenario, found, expected)


def blames_another(scenario: Scenario, found: FoundWindow, expected: WindowPart) -> bool:
    """Whether it would concern a window of which our own probe is the cause, had it said so."""
    return expected.cause == _PROBE != found.cause and concerns(scenario, replace(found, cause=_PROBE), expected)


def have_common_target(scenario: Scenario, found: FoundWindow, patterns: Sequence[str]) -> bool:
    """Whether the window's target and the patterns mean a common component."""
    return not set(scenario.expand((found.target,))).isdisjoint(scenario.expand(patterns))


def right(expected: WindowPart, field: str) -> tuple[str, ...]:
    """All values of ``breadth``, ``reach`` or ``kind`` that are right."""
    return (getattr(expected, field), *expected.accept.get(field, ()))


def overlap(one: tuple[float, float | None], other: tuple[float, float | None]) -> bool:
    """Whether two times have a moment in common; None is for ever."""
    ends = [inf if end is None else end for _, end in (one, other)]
    return max(one[0], other[0]) < min(ends)


def share_out(
    expected: Sequence[WindowPart],
    found: Sequence[FoundWindow],
    points: Callable[[WindowPart, FoundWindow], float],
) -> list[FoundWindow | None]:
    """One found window, or None, for each expected one, with the greatest sum of points. Points of 0: no match."""
    table = [[points(wanted, given) for given in found] for wanted in expected]
    # Beyond a few best ones a candidate cannot matter: each of the others takes at most one of them away.
    best = [
        sorted(range(len(found)), key=lambda index, row=row: -row[index])[: len(expected)]  # type: ignore[misc]  # mypy cannot infer the lambda
        for row in table
    ]

    def solve(position: int, taken: frozenset[int]) -> tuple[float, tuple[int | None, ...]]:
        if position == len(expected):
            return 0.0, ()
        total, rest = solve(position + 1, taken)
        result: tuple[float, tuple[int | None, ...]] = (total, (None, *rest))
        for index in best[position]:
            if index not in taken and table[position][index] > 0:
                total, rest = solve(position + 1, taken | {index})
                if total + table[position][index] > result[0]:
                    result = (total + table[position][index], (index, *rest))
        return result

    return [None if index is None else found[index] for index in solve(0, frozenset())[1]]
