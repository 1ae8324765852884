"""The books: how long what was in which state."""

from collections.abc import Callable
from dataclasses import astuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.maintenance import Announced
from monitor.domain.outage import StateSeconds
from monitor.domain.words import State
from monitor.judgement.ledger import Account, Key, Ledger

CHAT, WEB = ("whatsapp", "chat"), ("whatsapp", "web")
UP, DEGRADED, DOWN, UNKNOWN = State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN
H = 3600.0
HOUR = 1_666_677_600
"""06:00 on 25 October 2022."""


def surely(*_: object) -> float:
    return float("inf")


def until(moment: float) -> Callable[[Key, Account], float]:
    return lambda key, account: HOUR + moment if account.state is DOWN else float("inf")


def a_ledger(state: State = UP) -> Ledger:
    """`CHAT` is in ``state`` since 06:00."""
    ledger = Ledger()
    ledger.keep([CHAT], HOUR)
    if state is not UNKNOWN:
        ledger.change(CHAT, state, HOUR)
    return ledger


def booked(seconds: tuple[StateSeconds, ...]) -> dict[int, dict[str, float]]:
    """Seconds by the hour after 06:00, and state."""
    names = ("up", "degraded", "down", "unknown", "planned")
    return {
        (each.hour - HOUR) // 3600: {name: getattr(each, name) for name in names if getattr(each, name)}
        for each in seconds
    }


@pytest.mark.parametrize("state", State)
def test_time_is_booked_to_the_state_in_which_it_was_spent(state: State) -> None:
    ledger = a_ledger(state)
    assert booked(ledger.settle(HOUR + 100, surely)) == {0: {state: 100.0}}
    assert booked(ledger.settle(HOUR + 150, surely)) == {0: {state: 50.0}}, "once"
    assert ledger.settle(HOUR + 150, surely) == ()


def test_what_is_new_begins_unknown() -> None:
    assert booked(a_ledger(UNKNOWN).settle(HOUR + 60, surely)) == {0: {"unknown": 60.0}}


def test_time_is_split_at_the_hours() -> None:
    assert booked(a_ledger().settle(HOUR + 2.5 * H, surely)) == {0: {"up": H}, 1: {"up": H}, 2: {"up": H / 2}}


def test_what_is_down_is_booked_up_to_its_last_failure() -> None:
    ledger = a_ledger(DOWN)
    assert booked(ledger.settle(HOUR + 100, until(70))) == {0: {"down": 70.0}}
    ledger.change(CHAT, UP, HOUR + 90)
    assert booked(ledger.settle(HOUR + 100, surely)) == {0: {"down": 20.0, "up": 10.0}}


def test_a_fall_takes_back_what_was_taken_for_up() -> None:
    ledger = a_ledger()
    ledger.settle(HOUR + 100, surely)
    ledger.change(CHAT, DOWN, HOUR + 80)
    assert booked(ledger.settle(HOUR + 110, until(110))) == {0: {"up": -20.0, "down": 30.0}}


def test_also_from_the_hour_before() -> None:
    ledger = a_ledger()
    ledger.settle(HOUR + H + 50, surely)
    ledger.change(CHAT, DOWN, HOUR + H - 50)
    assert booked(ledger.settle(HOUR + H + 50, surely)) == {
        0: {"up": -50.0, "down": 50.0},
        1: {"up": -50.0, "down": 50.0},
    }


@pytest.mark.parametrize("state", [DOWN, DEGRADED, UNKNOWN])
def test_nothing_else_is_ever_taken_back(state: State) -> None:
    ledger = a_ledger(state)
    ledger.settle(HOUR + 100, surely)
    ledger.change(CHAT, UP, HOUR + 40)
    assert booked(ledger.settle(HOUR + 130, surely)) == {0: {"up": 30.0}}


def test_the_same_state_again_is_no_change() -> None:
    ledger = a_ledger()
    ledger.change(CHAT, UP, HOUR - 500)
    assert booked(ledger.settle(HOUR + 10, surely)) == {0: {"up": 10.0}}


# maintenance


def announced(starts: float, ends: float, *targets: str) -> Announced:
    return Announced(name="m", targets=targets or ("whatsapp",), starts=HOUR + starts, ends=HOUR + ends)


@pytest.mark.parametrize(
    ("state", "stretches", "wanted"),
    [
        (DOWN, [announced(0, 1000)], {"planned": 100.0}),
        (DOWN, [announced(40, 60)], {"down": 80.0, "planned": 20.0}),
        (DOWN, [announced(-50, 30), announced(20, 60), announced(90, 900)], {"down": 30.0, "planned": 70.0}),
        (DOWN, [announced(0, 1000, "whatsapp.web")], {"down": 100.0}),
        (DOWN, [announced(0, 1000, "whatsapp.c*")], {"planned": 100.0}),
        (DOWN, [announced(200, 300)], {"down": 100.0}),
        (DEGRADED, [announced(0, 50)], {"degraded": 50.0, "planned": 50.0}),
        (UP, [announced(0, 1000)], {"up": 100.0}),
        (UNKNOWN, [announced(0, 1000)], {"unknown": 100.0}),
    ],
)
def test_bad_time_that_was_announced_is_planned(
    state: State, stretches: list[Announced], wanted: dict[str, float]
) -> None:
    ledger = a_ledger(state)
    ledger.announce(tuple(stretches))
    assert booked(ledger.settle(HOUR + 100, surely)) == {0: pytest.approx(wanted)}


def test_planned_time_is_no_downtime() -> None:
    ledger = a_ledger(DOWN)
    ledger.announce((announced(40, 60),))
    ledger.book(HOUR + 100, surely)
    assert ledger.accounts[CHAT].down == pytest.approx(80.0)


# totals


def test_totals_are_those_of_this_process() -> None:
    ledger = a_ledger()
    ledger.change(CHAT, DOWN, HOUR + 100)
    ledger.change(CHAT, UNKNOWN, HOUR + 150)
    ledger.change(CHAT, UP, HOUR + 180)
    ledger.book(HOUR + 500, surely)
    account = ledger.accounts[CHAT]
    assert (account.down, account.unknown) == (50.0, 30.0)
    ledger.settle(HOUR + 600, surely)
    assert (account.down, account.unknown) == (50.0, 30.0), "what is handed out still counts"


def test_what_is_watched_no_more_is_not_booked_and_what_stays_is() -> None:
    ledger = a_ledger(DOWN)
    ledger.book(HOUR + 50, surely)
    ledger.keep([CHAT, WEB], HOUR + 60)
    ledger.keep([WEB], HOUR + 100)
    ledger.settle(HOUR + 100, surely)
    assert booked(ledger.settle(HOUR + 130, surely)) == {0: {"unknown": 30.0}}
    ledger.keep([WEB, CHAT], HOUR + 200)
    assert astuple_of(ledger) == {WEB: (UNKNOWN, 70.0), CHAT: (UNKNOWN, 0.0)}


def astuple_of(ledger: Ledger) -> dict[Key, tuple[State, float]]:
    return {key: (account.state, account.unknown) for key, account in ledger.accounts.items()}


MOVES = st.lists(
    st.tuples(
        st.sampled_from(list(State)),
        st.floats(0, 2 * H),  # seconds after the last move
        st.floats(0, H),  # how far it is dated back
        st.floats(0, 600),  # how long ago it failed last
        st.booleans(),  # whether somebody settles
    ),
    max_size=25,
)
STRETCHES = st.lists(
    st.tuples(st.floats(0, 20 * H), st.floats(0, 2 * H)).map(lambda pair: announced(pair[0], pair[0] + pair[1])),
    max_size=4,
).map(tuple)


@given(moves=MOVES, stretches=STRETCHES)
@settings(max_examples=150)
def test_no_counter_goes_down_and_no_second_is_lost(
    moves: list[tuple[State, float, float, float, bool]], stretches: tuple[Announced, ...]
) -> None:
    ledger = a_ledger(UNKNOWN)
    ledger.announce(stretches)
    now, handed_out = 0.0, 0.0
    totals = (0.0, 0.0)
    for state, later, back, silent, is_settled in moves:
        now += later
        ledger.change(CHAT, state, HOUR + now - back)
        if is_settled:
            handed_out += sum(sum(astuple(each)[3:]) for each in ledger.settle(HOUR + now, until(now - silent)))
        account = ledger.accounts[CHAT]
        assert account.down >= totals[0]
        assert account.unknown >= totals[1]
        totals = account.down, account.unknown
    rest = ledger.settle(HOUR + now, surely)
    handed_out += sum(sum(astuple(each)[3:]) for each in rest)
    assert handed_out == pytest.approx(now, abs=1e-3)
    assert ledger.accounts[CHAT].settled == pytest.approx(HOUR + now)


@given(moves=MOVES)
@settings(max_examples=100)
def test_in_the_end_no_hour_holds_more_than_an_hour_nor_less_than_nothing(
    moves: list[tuple[State, float, float, float, bool]],
) -> None:
    """What is handed out later may take back from what was handed out before; the sums are what is stored."""
    ledger = a_ledger(UNKNOWN)
    now = 0.0
    sums: dict[tuple[int, str], float] = {}

    def add(seconds: tuple[StateSeconds, ...]) -> None:
        for hour, states in booked(seconds).items():
            for state, amount in states.items():
                sums[hour, state] = sums.get((hour, state), 0.0) + amount

    for state, later, back, silent, is_settled in moves:
        now += later
        ledger.change(CHAT, state, HOUR + now - back)
        if is_settled:
            add(ledger.settle(HOUR + now, until(now - silent)))
    add(ledger.settle(HOUR + now, surely))
    assert all(amount >= -1e-3 for amount in sums.values())
    for hour in range(int(now // H)):
        assert sum(amount for (each, _), amount in sums.items() if each == hour) == pytest.approx(H, abs=1e-3)
