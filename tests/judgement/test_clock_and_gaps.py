"""Time that nobody saw, and a wall clock that is set: neither makes an outage, an end or a second that never was."""

from collections import Counter

import pytest

from monitor.domain.words import State, Status
from tests.judgement.court import FINE, STUCK, WORLD, Court, check

CHAT = check("chat", "acme")
WEB = check("web", "acme")


def booked(court: Court, component: str = "chat") -> dict[str, int]:
    """Seconds in each state since this was asked last."""
    sums: Counter[str] = Counter()
    for row in court.judge.settle(court.now):
        if row.component == component:
            for state in ("up", "degraded", "down", "unknown", "planned"):
                sums[state] += round(getattr(row, state))
    return {state: seconds for state, seconds in sums.items() if seconds}


def a_court() -> Court:
    """After five minutes without trouble, all of which are booked."""
    court = Court(CHAT, WEB)
    court.rounds(10)
    booked(court)
    return court


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_a_step_of_the_clock_adds_no_second_of_uptime_and_takes_none(seconds: float) -> None:
    court = a_court()
    court.shift(seconds)
    court.rounds(4)
    assert booked(court) == {"up": 120}


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_a_step_of_the_clock_adds_no_second_of_downtime_and_takes_none(seconds: float) -> None:
    court = a_court()
    court.meet(STUCK, 10)
    booked(court)
    court.shift(seconds)
    court.rounds(4)
    assert booked(court) == {"down": 120}
    assert court.judge.accounts["acme", "chat"].down == 390.0


def test_an_outage_over_a_step_back_ends_when_it_ends_and_never_before_it_began() -> None:
    court = a_court()
    court.meet(STUCK, 10)
    court.shift(-3600.0)
    court.rounds(4)
    court.meet(FINE, 35)
    assert court.window.status is Status.CLOSED
    assert court.window.end is not None
    assert court.window.end >= court.window.start


def test_what_one_network_alone_sees_does_not_wait_longer_because_the_clock_went_back() -> None:
    court = Court(CHAT, vantages=WORLD)
    court.rounds(10)
    court.meet(STUCK, 1, at=["par"])
    court.shift(-3600.0)
    court.rounds(3)
    assert court.window.status is Status.OPEN


@pytest.mark.parametrize("has_recovered", [False, True])
def test_time_in_which_we_slept_is_neither_up_nor_down(has_recovered: bool) -> None:
    court = a_court()
    if has_recovered:
        court.meet(STUCK, 4)
        court.meet(FINE, 10)
        booked(court)
    court.pause(3600.0)
    court.rounds(4)
    spent = booked(court)
    assert 3630 <= spent["unknown"] <= 3640, "from the last attempt to the next one, or to the sitting after it"
    assert spent["up"] == 3720 - spent["unknown"]


def test_a_service_is_not_up_either_while_we_sleep() -> None:
    court = a_court()
    court.pause(3600.0)
    court.rounds(4)
    assert 3630 <= booked(court, "")["unknown"] <= 3640


def test_time_in_which_we_slept_is_no_downtime_although_it_was_down_before_and_after() -> None:
    court = a_court()
    court.meet(STUCK, 10)
    booked(court)
    court.pause(3600.0)
    court.rounds(4)
    spent = booked(court)
    assert 3500 <= spent.pop("unknown") <= 3660
    assert spent["down"] <= 150


def test_what_was_not_seen_for_long_counts_from_when_it_is_seen_again() -> None:
    """Also when a sitting noticed, before the next attempt, that nobody looks."""
    court = a_court()
    court.meet(STUCK, 4)
    court.meet(FINE, 10)
    booked(court)
    court.idle(600.0)
    assert court.state(CHAT) is State.UNKNOWN
    court.rounds(4)
    assert booked(court) == {"unknown": 630, "up": 90}
