"""Whatever happens to a few checks, their vantages and the monitor itself: what holds of windows all the same.

The same examples each time, so that a failure is a change of ours. To look for new ones, for as long as one likes:
`EXAMPLES=2000 pytest tests/judgement/test_machine.py`.
"""

import os
from collections.abc import Callable, Iterable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from monitor.domain.check import Check
from monitor.domain.outage import Window
from monitor.domain.words import Layer, Reason, Status
from monitor.judgement.ledger import Key
from monitor.judgement.tables import WINDOW
from tests.judgement.court import (
    ERRORS,
    FINE,
    LIVE,
    NO_ROUTE,
    NOBODY,
    RESET,
    SLOW,
    STUCK,
    WITNESSES,
    WORLD,
    Court,
    Seen,
    check,
    failing,
    unsure,
)

CHECKS = {
    "chat": check("chat"),
    "web": check("web"),
    "instagram": check("web", "instagram"),
    "telegram": check("chat", "telegram"),
}
BAD = {"stuck": STUCK, "slow": SLOW, "reset": RESET, "no route": NO_ROUTE, "errors": ERRORS}
UNTOLD = {"lag": unsure(Reason.SELF_LAG), "limited": unsure(Reason.RATE_LIMITED), "nobody": NOBODY}
BLINDNESS = {"cut": NO_ROUTE, "no names": failing(Layer.DNS), "wrong names": failing(Layer.DNS, Reason.SERVFAIL)}
STEPS = {(before, after) for (before, _), after in WINDOW.items()}

some_checks = st.sets(st.sampled_from(sorted(CHECKS)), min_size=1).map(sorted)
somewhere = st.sets(st.integers(0, 2)).map(sorted)
rounds = st.sampled_from([1, 2, 3, 5, 12])


class World(RuleBasedStateMachine):
    """What happens, to every court alike."""

    def __init__(self) -> None:
        super().__init__()
        self.courts: list[Court] = []

    def court_kinds(self) -> Iterable[type[Court]]:
        return (Court,)

    @initialize(number=st.sampled_from([1, 3]))
    def begin(self, number: int) -> None:
        """One vantage, or three regions."""
        vantages = (WORLD[0], WORLD[2], WORLD[3])[:number]
        self.courts = [kind(*CHECKS.values(), vantages=vantages, witnesses=WITNESSES) for kind in self.court_kinds()]
        self.each(lambda court: court.rounds(12))

    def each(self, act: Callable[[Court], object]) -> None:
        for court in self.courts:
            act(court)

    def meet(self, seen: Seen | None, number: int, checks: Iterable[Check], at: Iterable[str] = ()) -> None:
        checks, at = tuple(checks), tuple(at)
        self.each(lambda court: court.meet(seen, number, *checks, at=at))

    def places(self, numbers: list[int]) -> list[str]:
        """Names of vantages; all when there are none of these numbers."""
        names = [vantage.name for vantage in self.courts[0].vantages]
        return [names[number] for number in numbers if number < len(names)]

    @rule(bad=st.sampled_from(sorted(BAD)), which=some_checks, where=somewhere, number=rounds)
    def break_down(self, bad: str, which: list[str], where: list[int], number: int) -> None:
        self.meet(BAD[bad], number, (CHECKS[name] for name in which), self.places(where))

    @rule(which=some_checks, number=rounds)
    def come_back(self, which: list[str], number: int) -> None:
        self.meet(FINE, number, (CHECKS[name] for name in which))

    @rule(bad=st.sampled_from(sorted(BAD)), which=some_checks, beats=st.lists(st.booleans(), min_size=3, max_size=12))
    def flap(self, bad: str, which: list[str], beats: list[bool]) -> None:
        checks = [CHECKS[name] for name in which]
        for beat in beats:
            self.meet(BAD[bad] if beat else FINE, 1, checks)

    @rule(how=st.sampled_from(sorted(BLINDNESS)), where=st.integers(0, 2), is_whole=st.booleans(), number=rounds)
    def go_blind(self, how: str, where: int, is_whole: bool, number: int) -> None:
        """The witnesses of one vantage fail, and all else from there as well, or nothing else."""
        checks = [*WITNESSES, *(CHECKS.values() if is_whole else ())]
        self.meet(BLINDNESS[how], number, checks, self.places([where]) or self.places([0]))

    @rule(number=st.sampled_from([3, 20, 34]))
    def all_well(self, number: int) -> None:
        self.meet(FINE, number, (*WITNESSES, *CHECKS.values()))

    @rule(seconds=st.sampled_from([45.0, 200.0, 1000.0]))
    def pause(self, seconds: float) -> None:
        self.each(lambda court: court.pause(seconds))
        self.each(lambda court: court.rounds(1))

    @invariant()
    def every_window_holds(self) -> None:
        for court in self.courts:
            assert {window.id for window in court.judge.windows} == {w.id for w in court.windows if w.status in LIVE}
            for window in court.kept.versions:
                holds(window)
            follow_the_table(court.kept.versions)
            lie_apart(court.windows)
            for window in court.kept.windows.values():
                assert (window.status is Status.ABSORBED) == (window.absorbed_by in court.kept.windows)


def holds(window: Window) -> None:
    assert window.start <= window.opened
    assert window.start_after is None or window.start_after < window.start
    if window.end is not None:
        assert window.start <= window.end
        assert window.end_after is None or window.start <= window.end_after < window.end
    assert window.closed is None or (window.end is not None and window.end <= window.closed)
    assert window.components
    assert window.vantages
    assert window.sentence
    assert window.stages[0].since == window.start


def follow_the_table(versions: list[Window]) -> None:
    last: dict[str, Window] = {}
    for window in versions:
        before = last.get(window.id)
        if before is None:
            assert window.status in (Status.PLANNED, Status.OPEN)
        elif before.status is not window.status:
            is_withdrawn = window.status is Status.CLOSED and window.end == window.closed
            assert is_withdrawn or (before.status, window.status) in STEPS, f"{before.status} -> {window.status}"
        last[window.id] = window


def lie_apart(windows: list[Window]) -> None:
    last: dict[str, Window] = {}
    for window in windows:
        before = last.get(window.target)
        if before is not None:
            assert before.end is not None
            assert before.end <= window.start, f"{before.id} and {window.id}"
        last[window.target] = window


class Anything(World):
    """Also what no two judges see alike: of what told nothing lately, a new judge only knows that it was well."""

    def __init__(self) -> None:
        super().__init__()
        self.booked: dict[Key, tuple[float, float]] = {}

    @rule(how=st.sampled_from(sorted(UNTOLD)), which=some_checks, where=somewhere, number=rounds)
    def tell_nothing(self, how: str, which: list[str], where: list[int], number: int) -> None:
        self.meet(UNTOLD[how], number, (CHECKS[name] for name in which), self.places(where))

    @rule(where=st.integers(0, 2), number=rounds)
    def be_slow(self, where: int, number: int) -> None:
        """The line of one vantage."""
        self.meet(SLOW, number, WITNESSES, self.places([where]) or self.places([0]))

    @rule()
    def restart(self) -> None:
        self.each(lambda court: court.restart())
        self.booked = {}

    @invariant()
    def no_counter_goes_down(self) -> None:
        for court in self.courts:
            booked = {key: (account.down, account.unknown) for key, account in court.judge.accounts.items()}
            for key, (down, unknown) in booked.items():
                assert down >= self.booked.get(key, (0.0, 0.0))[0]
                assert unknown >= self.booked.get(key, (0.0, 0.0))[1]
            self.booked = booked


EXAMPLES = os.environ.get("EXAMPLES")
HOW = settings(
    max_examples=int(EXAMPLES or 25),
    stateful_step_count=12,
    derandomize=EXAMPLES is None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

TestAnything = Anything.TestCase
TestAnything.settings = HOW
