"""The score of one scenario, as the format suggests it.

A scenario with windows that must be found starts at 0 and earns, the windows
counted alike:

====================================================================  ==
found: decided by ``open_by``                                         30
start within its tolerance                                            10
end within its tolerance and closed by ``close_by``                   15
breadth right                                                         10
reach right                                                           10
kind right                                                             5
layer right                                                            5
no false window (counted once for the scenario)                       15
====================================================================  ==

and each false window costs 10 besides; below zero counts. A scenario in which
no window must be found starts at 100, and each false window costs 25.

Where an expected window lists several targets, the 30 points are shared among
them: each must be concerned by a window decided in time. An ``end`` of None is
right when the found window is open too. What ``accept`` names is right as
well; an expected window without ``layer`` takes any. Optional windows earn and
cost nothing.

False are windows in a silence, or those above ``max_windows``, whichever are
more. A window is in a silence when they have a target, and a time, in common,
and it has one of the ``vantages``, ``layers`` and ``kinds`` if those are given.
A window that answers an expected one (see `matching`) is in a silence only

- when that names vantages, layers or kinds, and it has one of them; or
- when that is for a part of the scenario only, and the window was decided in it.

With ``alerts_only`` it is always the moment of the decision that must not be
in the silence. Where a window with the cause ``probe`` is expected, there is
silence for windows that say something else.

The states of vantages are told beside the score, not in it: right are those
whose start and end are within ``tol``.
"""

from dataclasses import dataclass
from math import inf

from monitor.replay.format import SilencePart, VantageStatePart, WindowPart
from monitor.replay.found import Found, FoundSpan, FoundWindow
from monitor.replay.matching import answers, blames_another, concerns, have_common_target, overlap, right, share_out
from monitor.replay.scenario import Scenario

_LINES = {"found": 30, "start": 10, "end": 15, "breadth": 10, "reach": 10, "kind": 5, "layer": 5}
_NO_FALSE = 15
_FALSE = 10
_FALSE_IN_QUIET = 25
_WEIGHT_OF_OPTIONAL = 0.001
"""A window goes to one that must be found before it goes to an optional one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An expected window and what was found of it."""

    expected: WindowPart
    found: FoundWindow | None
    points: dict[str, float]
    """Line of the score -> points; empty when nothing was found."""

    @property
    def is_missed(self) -> bool:
        """It had to be found, and was not, or not all of it, or too late."""
        return not self.expected.optional and self.points.get("found", 0) < _LINES["found"]

    @property
    def lost(self) -> list[str]:
        """The lines that were not earned in full."""
        return [line for line, full in _LINES.items() if self.points.get(line, 0) < full]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The score of a scenario, and why."""

    points: float
    answers: tuple[Answer, ...]
    false: tuple[FoundWindow, ...]
    """Those in a silence."""
    excess: int
    """How many more windows there are than ``max_windows``."""
    states: tuple[tuple[VantageStatePart, FoundSpan | None], ...]

    @property
    def is_right(self) -> bool:
        """No window was missed, none invented."""
        return not self.false_count and not any(answer.is_missed for answer in self.answers)

    @property
    def false_count(self) -> int:
        """The number of false windows; one in a silence may be one too many as well, and counts once."""
        return max(len(self.false), self.excess)


def score(scenario: Scenario, found: Found) -> Verdict:
    """How well what was found fits what is expected."""
    expected = scenario.expected
    given = _Given(scenario, found.windows)
    answered = given.answers()
    false = tuple(window for window in found.windows if given.is_false(window))
    excess = max(0, len(found.windows) - expected.max_windows)
    wanted = [sum(answer.points.values()) for answer in answered if not answer.expected.optional]
    count = max(len(false), excess)
    if wanted:
        points = sum(wanted) / len(wanted) + (0 if count else _NO_FALSE) - _FALSE * count
    else:
        points = 100.0 - _FALSE_IN_QUIET * count
    return Verdict(
        points=round(points, 1),
        answers=answered,
        false=false,
        excess=excess,
        states=tuple((state, _span_for(state, found)) for state in expected.vantage_states),
    )


class _Given:
    """The found windows held against what is expected."""

    def __init__(self, scenario: Scenario, windows: tuple[FoundWindow, ...]) -> None:
        self._scenario = scenario
        self._windows = windows

    def answers(self) -> tuple[Answer, ...]:
        """One for each expected window."""
        expected = self._scenario.expected.windows
        chosen = share_out(expected, self._windows, self._weight)
        return tuple(
            Answer(expected=wanted, found=window, points={} if window is None else self._points(wanted, window))
            for wanted, window in zip(expected, chosen, strict=True)
        )

    def _weight(self, wanted: WindowPart, window: FoundWindow) -> float:
        points = sum(self._points(wanted, window).values())
        return points * _WEIGHT_OF_OPTIONAL if wanted.optional else points

    def _points(self, wanted: WindowPart, window: FoundWindow) -> dict[str, float]:
        if not concerns(self._scenario, window, wanted):
            return {}
        earned = {
            "found": self._share_found(wanted),
            "start": _is_near(window.start, wanted.start, wanted.start_tol),
            "end": _is_end_right(wanted, window),
            "breadth": window.breadth in right(wanted, "breadth"),
            "reach": window.reach in right(wanted, "reach"),
            "kind": window.kind in right(wanted, "kind"),
            "layer": not wanted.layer or window.layer in wanted.layer,
        }
        return {line: _LINES[line] * share for line, share in earned.items()}

    def _share_found(self, wanted: WindowPart) -> float:
        """How many of the targets some window was decided for in time."""
        scenario = self._scenario
        about = [w for w in self._windows if w.decided_open <= wanted.open_by and concerns(scenario, w, wanted)]
        found = [any(have_common_target(scenario, window, (name,)) for window in about) for name in wanted.target]
        return sum(found) / len(found)

    def is_false(self, window: FoundWindow) -> bool:
        """Whether a window is a false alarm."""
        expected, scenario = self._scenario.expected, self._scenario
        if any(blames_another(scenario, window, wanted) for wanted in expected.windows):
            return True
        is_answer = any(answers(scenario, window, wanted) for wanted in expected.windows)
        return any(self._is_in(silence, window, is_answer=is_answer) for silence in expected.silence)

    def _is_in(self, silence: SilencePart, window: FoundWindow, *, is_answer: bool) -> bool:
        limits = [
            not set(allowed).isdisjoint(given)
            for allowed, given in (
                (silence.vantages, window.vantages),
                (silence.layers, (window.layer,)),
                (silence.kinds, (window.kind,)),
            )
            if allowed
        ]
        if not all(limits) or not have_common_target(self._scenario, window, silence.targets):
            return False
        is_decided_in = silence.start <= window.decided_open < (inf if silence.to is None else silence.to)
        if silence.alerts_only:
            return is_decided_in
        if is_answer and not limits:
            return is_decided_in and (silence.start > 0 or silence.to is not None)
        return overlap((window.start, window.end), (silence.start, silence.to))


def _is_near(given: float, wanted: float, tolerance: tuple[float, float]) -> bool:
    return wanted - tolerance[0] <= given <= wanted + tolerance[1]


def _is_end_right(wanted: WindowPart, window: FoundWindow) -> bool:
    if wanted.end is None or window.end is None:
        return wanted.end is window.end
    in_time = window.decided_closed is not None and window.decided_closed <= (wanted.close_by or inf)
    return in_time and _is_near(window.end, wanted.end, wanted.end_tol)


def _span_for(state: VantageStatePart, found: Found) -> FoundSpan | None:
    for span in found.vantage_states:
        is_same = (span.vantage, span.state) == (state.vantage, state.state)
        if is_same and _is_within(span.start, state.start, state.tol) and _is_within(span.end, state.end, state.tol):
            return span
    return None


def _is_within(given: float | None, wanted: float | None, tolerance: float) -> bool:
    if given is None or wanted is None:
        return given is wanted
    return abs(given - wanted) <= tolerance
