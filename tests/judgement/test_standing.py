"""How components and services stand at the own vantage, and the time booked for it."""

import pytest

from monitor.domain.outage import StateSeconds
from monitor.domain.words import Reason, Require, State
from tests.judgement.court import (
    ERRORS,
    FINE,
    NO_ROUTE,
    NOBODY,
    SLOW,
    STUCK,
    T0,
    WITNESSES,
    WORLD,
    Court,
    check,
    unsure,
)

CHAT, WEB = check("chat"), check("web")
STATUS = check("status", critical=False)
UP, DEGRADED, DOWN, UNKNOWN = State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN


def states(court: Court) -> dict[str, State]:
    return {component or service: account.state for (service, component), account in court.judge.accounts.items()}


def well(*checks: object) -> Court:
    court = Court(*(checks or (CHAT, WEB, STATUS)))  # type: ignore[arg-type]  # checks
    court.rounds(20)
    return court


def test_before_anything_was_seen_all_is_unknown() -> None:
    assert set(states(Court(CHAT, WEB)).values()) == {UNKNOWN}


def test_a_critical_component_takes_its_service_down() -> None:
    court = well()
    court.meet(STUCK, 2, CHAT)
    assert states(court) == {"whatsapp": DOWN, "chat": DOWN, "web": UP, "status": UP}


def test_a_minor_component_only_degrades_it() -> None:
    court = well()
    court.meet(STUCK, 2, STATUS)
    assert states(court) == {"whatsapp": DEGRADED, "chat": UP, "web": UP, "status": DOWN}


def test_so_does_a_critical_one_that_is_slow() -> None:
    court = well()
    court.meet(SLOW, 15, CHAT)
    assert states(court) == {"whatsapp": DEGRADED, "chat": DEGRADED, "web": UP, "status": UP}


def test_redundant_targets_may_fail_without_it() -> None:
    hosts = [check("chat", target=f"e{number}.example", require=Require.ANY) for number in range(3)]
    court = well(*hosts)
    court.meet(STUCK, 5, *hosts[:2])
    assert states(court) == {"whatsapp": UP, "chat": UP}
    court.meet(STUCK, 5, hosts[2])
    assert states(court) == {"whatsapp": DOWN, "chat": DOWN}


def test_what_nobody_asks_is_unknown_and_the_rest_stays_what_it_is() -> None:
    court = well(CHAT, WEB)
    court.meet(NOBODY, 5, CHAT)
    assert states(court) == {"whatsapp": UP, "chat": UNKNOWN, "web": UP}
    court.meet(NOBODY, 5)
    assert states(court) == {"whatsapp": UNKNOWN, "chat": UNKNOWN, "web": UNKNOWN}


def test_other_vantages_do_not_count() -> None:
    court = Court(CHAT, vantages=WORLD)
    court.rounds(5)
    court.meet(STUCK, 5, at=["mil", "iad", "bom", "sin"])
    assert states(court) == {"whatsapp": UP, "chat": UP}


def seconds(court: Court, component: str = "chat") -> dict[str, float]:
    """All that was booked since the last time."""
    total: dict[str, float] = {}
    names = ("up", "degraded", "down", "unknown", "planned")
    found: tuple[StateSeconds, ...] = court.judge.settle(court.now)
    for each in found:
        if each.component == component:
            for name in names:
                total[name] = total.get(name, 0.0) + getattr(each, name)
    return {name: round(amount, 3) for name, amount in total.items() if amount}


@pytest.mark.parametrize("component", ["chat", ""], ids=["component", "service"])
def test_an_outage_is_booked_from_its_first_failure_to_its_first_fine_attempt(component: str) -> None:
    court = well(CHAT)
    court.meet(STUCK, 10)
    court.meet(FINE, 10)
    assert seconds(court, component) == {"unknown": 10.0, "up": 590.0 + 300.0, "down": 300.0}
    assert court.judge.accounts["whatsapp", component].down == 300.0


def test_while_it_lasts_it_is_booked_up_to_the_last_failure() -> None:
    court = well(CHAT)
    court.meet(STUCK, 10)
    assert seconds(court) == {"unknown": 10.0, "up": 590.0, "down": 270.0}
    court.ask(CHAT)
    court.sit()
    assert seconds(court) == {"down": 30.0}


def test_blind_time_is_unknown_since_the_last_time_that_it_was_seen() -> None:
    court = Court(CHAT, witnesses=WITNESSES)
    court.rounds(20)
    court.meet(NO_ROUTE, 10, CHAT, *WITNESSES)
    court.meet(FINE, 10, CHAT, *WITNESSES)
    booked = seconds(court)
    assert booked.keys() == {"up", "unknown"}
    assert booked["unknown"] == 10.0 + 60.0 + 330.0 + 10.0, (
        "it sees again after two rounds; of the last round it was up"
    )
    assert sum(booked.values()) == court.now - T0


def test_what_is_inconclusive_for_long_is_unknown() -> None:
    court = well(CHAT)
    court.meet(unsure(Reason.RATE_LIMITED), 20)
    assert seconds(court) == {"unknown": 10.0 + 1200.0 - 570.0 - 10.0 + 10.0, "up": 560.0}


def test_an_outage_in_an_announced_maintenance_is_planned() -> None:
    court = well(CHAT)
    court.announce("whatsapp", starts=-60, ends=120)
    court.meet(STUCK, 10)
    court.meet(FINE, 10)
    assert seconds(court) == {"unknown": 10.0, "up": 890.0, "down": 180.0, "planned": 120.0}
    assert court.judge.accounts["whatsapp", "chat"].down == pytest.approx(180.0)


def test_hours_are_those_of_the_clock() -> None:
    court = well(CHAT)
    court.rounds(100)
    court.let(STUCK)
    court.rounds(20)
    court.meet(FINE, 5)
    down = {each.hour: each.down for each in court.judge.settle(court.now) if each.component == "chat" and each.down}
    assert {(hour - T0) / 3600: round(amount) for hour, amount in down.items()} == {1.0: 600}
    court = well(CHAT)
    court.rounds(90)
    court.meet(ERRORS, 20)
    court.meet(FINE, 5)
    down = {each.hour: each.down for each in court.judge.settle(court.now) if each.component == "chat" and each.down}
    assert {(hour - T0) / 3600: round(amount) for hour, amount in down.items()} == {0.0: 300, 1.0: 300}


def test_a_new_component_begins_unknown_and_takes_nothing_from_the_others() -> None:
    court = well(CHAT)
    court.reload(CHAT, WEB)
    court.rounds(2)
    assert seconds(court, "web") == {"unknown": 10.0, "up": 50.0}
    assert seconds(court, "chat") == {}


def test_a_fall_takes_back_only_what_was_up() -> None:
    """Failures from before the first fine attempt may date it."""
    court = Court(CHAT)
    for seen in [NO_ROUTE, FINE] * 5:
        court.let(seen)
        court.tell("fra-1", CHAT)
        court.idle(30.0)
    assert court.state(CHAT) is DOWN
    assert all(each.up >= 0 for each in court.judge.settle(court.now))
