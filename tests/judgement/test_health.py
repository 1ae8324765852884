from collections.abc import Iterable
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.attempt import Failure
from monitor.domain.check import Judging
from monitor.domain.words import Layer, Reason, State
from monitor.judgement.health import Health, Mark
from monitor.judgement.tables import Sign
from tests.judgement.court import FINE, NO_ROUTE, REFUSED, RESET, SLOW, STUCK, Seen, attempt, check, unsure

EVERY = 30.0
LIMITED = unsure(Reason.RATE_LIMITED)


class Patient:
    """A check that is asked every 30 seconds, from second 0 on."""

    def __init__(self, **judging: float) -> None:
        self.check = check(interval=EVERY, judging=Judging(**judging))  # type: ignore[arg-type]  # numbers of both kinds
        self.health = Health(self.check, "fra-1")
        self.now = 0.0
        self.signs: list[tuple[float, Sign]] = []

    def meets(self, *seen: Seen, confirmation: int = 0) -> "Patient":
        for each in seen:
            self._learn(each, self.now, confirmation)
            self.now += EVERY
        return self

    def is_confirmed(self, *seen: Seen) -> "Patient":
        """Confirmations of the last attempt, two seconds apart."""
        for number, each in enumerate(seen, 1):
            self._learn(each, self.now - EVERY + 2 * number, number)
        return self

    def _learn(self, seen: Seen, at: float, confirmation: int) -> None:
        sign = self.health.observe(attempt(self.check, at, seen, confirmation))
        if sign is not None:
            self.signs.append((at, sign))

    @property
    def verdict(self) -> State:
        return self.health.verdict

    @property
    def since(self) -> tuple[float, float | None]:
        """The first attempt of its trouble, and the last fine one before it."""
        assert self.health.bad_since is not None
        return self.health.bad_since.at, self.health.bad_since.before


def well(**judging: float) -> Patient:
    """Up, and its usual latency is known: 20 attempts of 0.1 s."""
    return Patient(**judging).meets(*[FINE] * 20)


def test_before_anything_was_seen_it_is_unknown() -> None:
    health = Patient().health
    assert (health.verdict, health.state, health.is_observed, health.is_clean) == (
        State.UNKNOWN,
        State.UNKNOWN,
        False,
        True,
    )


def test_the_first_fine_attempt_makes_it_up() -> None:
    patient = Patient().meets(FINE)
    assert patient.signs == [(0.0, Sign.ANSWERED)]
    assert (patient.health.state, patient.health.run) == (State.UP, [])


# falling


def test_it_falls_by_three_failures_in_a_row() -> None:
    patient = well().meets(STUCK, STUCK)
    assert patient.verdict is State.UP
    patient.meets(STUCK)
    assert patient.signs[-1] == (660.0, Sign.FELL)
    assert patient.since == (600.0, 570.0)


def test_confirmations_count_in_a_row() -> None:
    patient = well().meets(STUCK).is_confirmed(STUCK, REFUSED)
    assert patient.signs[-1] == (604.0, Sign.FELL)
    assert patient.since == (600.0, 570.0)
    assert [mark.failure and mark.failure.reason for mark in patient.health.trouble] == [
        Reason.TIMEOUT,
        Reason.TIMEOUT,
        Reason.REFUSED,
    ]


def test_a_fine_confirmation_breaks_the_row() -> None:
    assert well().meets(STUCK).is_confirmed(STUCK, FINE).meets(STUCK, STUCK).verdict is State.UP


def test_what_was_never_seen_up_can_fall_and_nobody_knows_since_when() -> None:
    patient = Patient().meets(STUCK, STUCK, STUCK)
    assert patient.verdict is State.DOWN
    assert patient.since == (0.0, None)


@pytest.mark.parametrize("fall", [1, 2, 5])
def test_how_many_in_a_row_can_be_set(fall: int) -> None:
    patient = well(fall=fall).meets(*[STUCK] * (fall - 1))
    assert patient.verdict is State.UP
    assert patient.meets(STUCK).verdict is State.DOWN


def test_it_falls_by_five_failures_among_the_last_fifteen() -> None:
    patient = well().meets(*[STUCK, FINE, FINE] * 4)
    assert patient.verdict is State.UP
    assert patient.meets(STUCK).verdict is State.DOWN
    assert patient.since == (600.0, 570.0), "dated by the first of the five"


def test_five_failures_among_sixteen_are_not_enough() -> None:
    assert well().meets(*[STUCK, FINE, FINE] * 4, FINE, FINE, FINE, STUCK).verdict is State.UP


def test_confirmations_do_not_count_among_the_last_fifteen() -> None:
    patient = well()
    for _ in range(4):
        patient.meets(STUCK).is_confirmed(STUCK, FINE).meets(FINE, FINE)
    assert patient.verdict is State.UP


def test_one_in_three_falls_within_seven_minutes() -> None:
    """N in a row never sees it, and it is how some outages look."""
    patient = well().meets(*[FINE, FINE, STUCK] * 5)
    assert patient.verdict is State.DOWN
    assert patient.signs[-1][0] - 600.0 == 14 * EVERY


@pytest.mark.parametrize("seen", [LIMITED, unsure(Reason.SELF_LAG), unsure(Reason.INTERNAL)])
def test_what_is_inconclusive_changes_nothing_while_it_is_up(seen: Seen) -> None:
    patient = well().meets(STUCK, seen, STUCK, seen)
    assert patient.verdict is State.UP
    assert patient.meets(STUCK).verdict is State.DOWN


# rising


def test_it_rises_by_three_fine_ones_in_a_row_and_that_is_dated_by_the_first() -> None:
    patient = well().meets(STUCK, STUCK, STUCK, FINE, FINE)
    assert patient.verdict is State.DOWN
    patient.meets(FINE)
    assert patient.signs[-1] == (750.0, Sign.ROSE)
    assert (patient.health.recovered_at, patient.health.recovered_after) == (690.0, 660.0)
    assert patient.health.bad_since is None


def test_a_failure_among_the_fine_ones_begins_the_count_anew() -> None:
    patient = well().meets(*[STUCK] * 3, FINE, FINE, STUCK, FINE, FINE)
    assert patient.verdict is State.DOWN
    assert patient.meets(FINE).health.recovered_at == 780.0


def test_how_many_fine_ones_it_takes_can_be_set() -> None:
    assert well(rise=1).meets(*[STUCK] * 3, FINE).verdict is State.UP


def test_to_be_asked_to_come_back_later_is_not_to_be_back() -> None:
    patient = well().meets(*[STUCK] * 3, FINE, FINE, LIMITED, FINE, FINE)
    assert patient.verdict is State.DOWN
    assert patient.meets(FINE).health.recovered_at == 780.0


def test_other_troubles_of_ours_do_not_delay_the_return() -> None:
    assert well().meets(*[STUCK] * 3, FINE, FINE, unsure(Reason.SELF_LAG), FINE).verdict is State.UP


# relapses


def test_three_failures_among_fifteen_are_a_relapse_of_what_was_just_down() -> None:
    patient = well().meets(*[STUCK] * 3, *[FINE] * 3).meets(STUCK, FINE, FINE, STUCK, FINE, FINE)
    assert patient.verdict is State.UP
    assert patient.meets(STUCK).verdict is State.DOWN
    assert patient.since == (780.0, 750.0), "the failures before it rose are not its"


def test_after_fifteen_turns_it_takes_five_again() -> None:
    patient = well().meets(*[STUCK] * 3, *[FINE] * 16).meets(*[STUCK, FINE, FINE] * 4)
    assert patient.verdict is State.UP
    assert patient.meets(STUCK).verdict is State.DOWN


# slowness


def test_twelve_slow_ones_among_fifteen_make_it_degraded_since_the_first() -> None:
    patient = well().meets(*[SLOW, SLOW, SLOW, SLOW, FINE] * 2, *[SLOW] * 3)
    assert patient.verdict is State.UP
    patient.meets(SLOW)
    assert patient.signs[-1] == (990.0, Sign.SLOWED)
    assert patient.since == (600.0, 570.0)


def test_eleven_slow_ones_in_fifteen_do_not() -> None:
    assert well().meets(*[SLOW, SLOW, FINE] * 20).verdict is State.UP, "two in three, for half an hour"


def test_it_is_quick_again_after_three_quick_ones() -> None:
    patient = well().meets(*[SLOW] * 12, FINE, FINE)
    assert patient.verdict is State.DEGRADED
    patient.meets(FINE)
    assert patient.signs[-1][1] is Sign.QUICKENED
    assert (patient.health.recovered_at, patient.health.recovered_after) == (960.0, 930.0)


def test_what_is_degraded_can_fall_and_is_dated_by_its_first_slow_attempt() -> None:
    patient = well().meets(*[SLOW] * 12, *[STUCK] * 3)
    assert patient.verdict is State.DOWN
    assert patient.since == (600.0, 570.0)


@pytest.mark.parametrize(("seconds", "is_slow"), [(1.9, False), (2.1, True)])
def test_what_is_slow_can_be_set(seconds: float, is_slow: bool) -> None:
    patient = Patient(slow=2.0).meets(*[Seen(seconds=seconds)] * 15)
    assert (patient.verdict is State.DEGRADED) is is_slow


@pytest.mark.parametrize(
    ("usual", "still_usual", "slow"),
    [(0.05, 0.94, 0.96), (0.2, 1.05, 1.15), (1.0, 3.9, 4.1)],
    ids=["nearly a second more", "a second more", "four times"],
)
def test_slow_is_four_times_the_usual_and_nearly_a_second_more(usual: float, still_usual: float, slow: float) -> None:
    for seconds, verdict in ((still_usual, State.UP), (slow, State.DEGRADED)):
        patient = Patient().meets(*[Seen(seconds=usual)] * 60)
        learned = patient.health.usual
        for _ in range(15):
            patient.health.usual = learned  # what is only a little more would be learned meanwhile
            patient.meets(Seen(seconds=seconds))
        assert patient.verdict is verdict, seconds


def test_before_ten_attempts_nothing_is_slow() -> None:
    patient = Patient().meets(*[FINE] * 9, SLOW)
    assert patient.health.marks == []
    assert Patient().meets(*[FINE] * 10, SLOW).health.marks != []


def test_one_wild_value_hardly_moves_what_is_usual() -> None:
    patient = Patient(slow=100.0).meets(*[FINE] * 50)  # nothing counts as slow, so everything is learned
    patient.meets(Seen(seconds=60.0))
    assert 0.1 < patient.health.usual <= 0.1 * 1.02 + 1e-9, "as if it had been twice the usual"


@given(st.lists(st.floats(0.08, 0.12), min_size=10, max_size=60), st.floats(0.0, 1e6))
def test_no_single_value_moves_the_usual_by_more_than_a_tenth(latencies: list[float], wild: float) -> None:
    patient = Patient(slow=1e9).meets(*[Seen(seconds=each) for each in latencies])
    before = patient.health.usual
    patient.meets(Seen(seconds=wild))
    assert abs(patient.health.usual - before) <= before / 10


def test_what_is_slow_is_never_learned() -> None:
    patient = well()
    usual = patient.health.usual
    patient.meets(*[SLOW] * 500)
    assert patient.health.usual == usual
    assert patient.verdict is State.DEGRADED, "four hours later it is still slow"


def test_what_slowly_becomes_slower_is_the_new_usual() -> None:
    patient = well()
    for step in range(400):
        patient.meets(Seen(seconds=0.1 + step * 0.005))
    assert patient.verdict is State.UP
    assert patient.health.usual > 1.5


def test_slowness_that_may_be_ours_is_neither_held_against_it_nor_learned() -> None:
    patient = well()
    usual = patient.health.usual
    for _ in range(30):
        patient.health.observe(attempt(patient.check, patient.now, SLOW), may_be_slow=False)
        patient.now += EVERY
    assert (patient.verdict, patient.health.marks, patient.health.usual) == (State.UP, [], usual)


def test_confirmations_are_neither_slow_nor_learned() -> None:
    patient = well()
    learned = patient.health.learned
    patient.meets(STUCK).is_confirmed(SLOW, SLOW)
    assert [mark.failure is None for mark in patient.health.marks] == [False]
    assert patient.health.learned == learned


# what was our own fault


def everything(failure: Failure | None) -> bool:
    return True


def time_outs(failure: Failure | None) -> bool:
    return failure is not None and failure.reason is Reason.TIMEOUT


def test_a_fall_that_was_our_fault_is_taken_back() -> None:
    patient = well().meets(STUCK, STUCK, STUCK)
    assert patient.health.void(600.0, everything) is Sign.VOIDED
    assert (patient.verdict, patient.health.marks, patient.health.trouble) == (State.UP, [], [])


def test_so_is_slowness() -> None:
    patient = well().meets(*[SLOW] * 12)
    assert patient.health.void(600.0, everything) is Sign.VOIDED
    assert patient.verdict is State.UP


def test_what_began_before_stays_as_it_is() -> None:
    patient = well().meets(STUCK, STUCK, STUCK, STUCK)
    assert patient.health.void(630.0, everything) is None
    assert patient.verdict is State.DOWN
    assert [mark.at for mark in patient.health.marks] == [600.0]


def test_what_does_not_look_like_our_fault_stays_as_it_is() -> None:
    patient = well().meets(REFUSED, REFUSED, REFUSED)
    assert patient.health.void(600.0, time_outs) is None
    assert patient.verdict is State.DOWN
    assert len(patient.health.marks) == 3


def test_failures_that_were_ours_do_not_count_later() -> None:
    patient = well().meets(STUCK, STUCK)
    patient.health.void(600.0, everything)
    assert patient.meets(STUCK, STUCK).verdict is State.UP


def test_what_was_seen_grows_older_while_nothing_can_be_seen() -> None:
    patient = well().meets(*[STUCK, FINE] * 2, STUCK)
    for _ in range(15):
        patient.health.pass_over()
    assert (patient.health.marks, patient.health.run) == ([], [])


# what it says of itself


@pytest.mark.parametrize(
    ("seen", "is_patchy"),
    [
        ([NO_ROUTE, FINE, FINE, NO_ROUTE], True),
        ([NO_ROUTE] * 5, True),
        ([NO_ROUTE] * 6, False),
        ([NO_ROUTE, FINE] * 7, True),
        ([NO_ROUTE, FINE] * 7 + [NO_ROUTE], False),
        ([NO_ROUTE, RESET], False),
        ([SLOW], False),
        ([], True),
    ],
    ids=["some", "five in a row", "six in a row", "seven in fifteen", "eight in fifteen", "a reset", "slow", "none"],
)
def test_it_is_patchy_while_it_only_wants_an_answer_now_and_then(seen: list[Seen], is_patchy: bool) -> None:
    assert well().meets(*seen).health.is_patchy is is_patchy


def test_shares_are_those_of_the_scheduled_attempts_since_a_moment() -> None:
    patient = well().meets(FINE, STUCK).is_confirmed(STUCK, FINE).meets(SLOW, FINE, STUCK)
    assert patient.health.share_since(600.0) == (4, 2, 1), "from its first bad attempt on"
    assert patient.health.share_since(690.0) == (1, 1, 0)
    assert well().health.share_since(0.0) == (0, 0, 0)


def test_it_is_clean_while_a_restart_could_lose_nothing() -> None:
    patient = well()
    assert patient.health.is_clean
    patient.meets(STUCK)
    assert not patient.health.is_clean
    patient.meets(*[FINE] * 14)
    assert not patient.health.is_clean
    assert patient.meets(FINE).health.is_clean


def test_what_goes_on_failing_is_news_once_a_minute() -> None:
    patient = well().meets(*[STUCK] * 3)
    patient.health.kept_at = patient.health.seen
    news = []
    for _ in range(4):
        patient.meets(STUCK)
        news.append(patient.health.is_news(was_clean=False))
        if news[-1]:
            patient.health.kept_at = patient.health.seen
    assert news == [False, True, False, True]
    patient.meets(FINE)
    assert patient.health.is_news(was_clean=False), "a first fine one is news at once"


def test_forgetting_leaves_only_what_is_usual() -> None:
    patient = well().meets(*[STUCK] * 3)
    usual, learned = patient.health.usual, patient.health.learned
    patient.health.forget()
    assert (patient.health.state, patient.health.bad_since) == (State.UNKNOWN, None)
    assert (patient.health.usual, patient.health.learned) == (usual, learned)


# a clock that is set


def dates(marks: Iterable[Mark]) -> list[tuple[float, float | None]]:
    return [(mark.at, mark.before) for mark in marks]


@pytest.mark.parametrize("seconds", [-3600.0, 7.5])
def test_all_that_is_dated_moves_with_the_clock(seconds: float) -> None:
    seen = [*[STUCK] * 3, *[FINE] * 3, STUCK, SLOW, STUCK, STUCK]
    still, moved = well().meets(*seen).health, well().meets(*seen).health
    moved.shift(seconds)
    for name in ("seen", "fine_since", "quick_since", "recovered_at", "recovered_after", "ok_at", "failed_at"):
        assert getattr(moved, name) == pytest.approx(getattr(still, name) + seconds), name
    for name in ("marks", "run", "trouble"):
        shifted = [(at + seconds, before and before + seconds) for at, before in dates(getattr(still, name))]
        assert dates(getattr(moved, name)) == shifted, name
    assert (moved.verdict, moved.turn, moved.fine, moved.usual) == (still.verdict, still.turn, still.fine, still.usual)


ANYTHING = st.lists(st.sampled_from([FINE, SLOW, STUCK, REFUSED, LIMITED]), max_size=40)


@given(before=ANYTHING, after=ANYTHING)
@settings(max_examples=60)
def test_a_clock_that_is_set_changes_no_decision(before: list[Seen], after: list[Seen]) -> None:
    still, moved = Patient().meets(*before), Patient().meets(*before)
    moved.health.shift(1000.0)
    moved.now += 1000.0
    still.meets(*after)
    moved.meets(*after)
    assert [sign for _, sign in still.signs] == [sign for _, sign in moved.signs]
    assert still.health.failed_at == (None if moved.health.failed_at is None else moved.health.failed_at - 1000.0)


@given(ANYTHING)
@settings(max_examples=60)
def test_whatever_it_meets_its_dates_are_in_order(seen: list[Seen]) -> None:
    patient = Patient()
    for each in seen:
        patient.meets(each)
        health = patient.health
        assert [mark.at for mark in health.marks] == sorted(mark.at for mark in health.marks)
        assert all(mark.before is None or mark.before < mark.at for mark in (*health.marks, *health.run))
        assert not health.is_bad or health.bad_since is not None
        assert not health.trouble or health.verdict is not State.UP
        assert len(health.marks) <= 15
        if health.recovered_after is not None:
            assert health.recovered_after < health.recovered_at


def test_nothing_of_it_grows_without_bound() -> None:
    patient = well().meets(*[STUCK] * 1000)
    sizes = [
        len(getattr(patient.health, each.name))
        for each in fields(Health)
        if isinstance(getattr(patient.health, each.name), list)
    ]
    assert max(sizes) <= 20


def test_layers_are_kept_with_each_failure() -> None:
    patient = well().meets(NO_ROUTE, RESET, STUCK)
    assert [mark.failure and mark.failure.layer for mark in patient.health.trouble] == [
        Layer.TCP,
        Layer.TLS,
        Layer.HANDSHAKE,
    ]
