"""When trouble of a component is enough for a window, and what the window is at its beginning."""

import pytest

from monitor.domain.check import Judging, Vantage
from monitor.domain.outage import Window
from monitor.domain.words import Kind, Reach, Status
from monitor.judgement.opening import Opening
from monitor.judgement.rules import Rules
from tests.judgement.court import (
    FINE,
    HERE,
    NO_ROUTE,
    REFUSED,
    RESET,
    SLOW,
    STUCK,
    T0,
    WITNESSES,
    WORLD,
    Court,
    Seen,
    attempt,
    check,
    vantage,
)

CHAT, WEB, TELEGRAM = check("chat"), check("web"), check("chat", "telegram")
TWINS = (vantage("a", network="same"), vantage("b", network="same"), vantage("c"))


def well(*vantages: Vantage) -> Court:
    """Twenty rounds without trouble: the next attempts are at 600 s."""
    court = Court(CHAT, WEB, TELEGRAM, vantages=vantages or (HERE,), witnesses=WITNESSES)
    court.rounds(20)
    return court


def opened(court: Court) -> float:
    """Seconds from the first failure, at 600 s, to the telling."""
    return court.window.opened - T0 - 600


def test_one_vantage_tells_at_its_first_sitting_after_the_fall() -> None:
    court = well()
    court.meet(STUCK, 1, CHAT)
    assert opened(court) == 10.0
    assert (court.window.start, court.window.start_after) == (T0 + 600, T0 + 570)


def test_two_networks_tell_at_once() -> None:
    court = well(*WORLD)
    court.meet(STUCK, 1, CHAT, at=["par", "bom"])
    assert opened(court) == 10.0


def test_one_network_waits_two_rounds_while_others_see_it_work() -> None:
    court = well(*WORLD)
    court.meet(STUCK, 5, CHAT, at=["par"])
    assert opened(court) == 10.0 + 2 * 30.0
    assert court.window.start == T0 + 600, "dated by the first failure all the same"


def test_it_does_not_wait_when_nobody_else_looks() -> None:
    court = well(*WORLD[:2])
    court.meet(NO_ROUTE, 5, *WITNESSES, CHAT, WEB, TELEGRAM, at=["mil"])
    court.meet(STUCK, 1, CHAT, at=["par"])
    assert court.window.opened == court.now - 20.0


def test_two_vantages_in_one_network_are_one() -> None:
    court = well(*TWINS)
    court.meet(STUCK, 5, CHAT, at=["a", "b"])
    assert opened(court) == 10.0 + 2 * 30.0


def test_a_network_of_which_most_see_it_work_does_not_speak() -> None:
    court = well(*(vantage(name, network="same") for name in "abc"))
    court.meet(STUCK, 30, CHAT, at=["a"])
    assert court.windows == []


def test_what_is_slow_from_one_network_waits_fifteen_rounds() -> None:
    court = well(*WORLD)
    court.meet(SLOW, 40, CHAT, at=["par"])
    assert opened(court) == 11 * 30 + 10.0 + 15 * 30
    assert (court.window.kind, court.window.reach) == (Kind.DEGRADED, Reach.LOCAL)


def test_what_is_slow_from_two_networks_does_not_wait() -> None:
    court = well(*WORLD)
    court.meet(SLOW, 14, CHAT, at=["par", "bom"])
    assert opened(court) == 11 * 30 + 10.0


def test_a_longer_interval_waits_longer() -> None:
    rare = check("chat", interval=120.0)
    court = Court(rare, WEB, vantages=WORLD)
    for _ in range(20):
        court.ask(rare)
        court.idle(120.0)
    start = court.now
    court.let(STUCK, rare, at=["par"])
    for _ in range(4):
        court.ask(rare)
        court.idle(120.0)
    assert court.window.opened - start == 10.0 + 2 * 120.0


# a line that loses packets


def losing(court: Court) -> None:
    """One packet of one witness is lost in Paris: too little for a finding, enough to doubt."""
    court.judge.observe("par", WITNESSES[0], attempt(WITNESSES[0], court.now, NO_ROUTE))
    court.idle(30.0)


def test_silence_that_only_a_shaky_vantage_meets_is_doubted() -> None:
    court = well(*WORLD)
    losing(court)
    court.meet(NO_ROUTE, 1, CHAT, at=["par"])
    court.meet(FINE, 1, CHAT, at=["par"])
    for _ in range(3):  # one in three
        court.meet(NO_ROUTE, 1, CHAT, at=["par"])
        court.meet(FINE, 2, CHAT, at=["par"])
    assert court.windows == []


@pytest.mark.parametrize("seen", [REFUSED, RESET], ids=str)
def test_an_answer_that_a_shaky_vantage_meets_is_believed(seen: Seen) -> None:
    court = well(*WORLD)
    losing(court)
    court.meet(seen, 4, CHAT, at=["par"])
    assert court.window.vantages == ("par",)


def test_silence_that_lasts_is_believed() -> None:
    court = well(*WORLD)
    losing(court)
    court.meet(NO_ROUTE, 12, CHAT, at=["par"])
    assert court.window.vantages == ("par",)


def test_silence_that_two_networks_meet_is_believed_at_once() -> None:
    court = well(*WORLD)
    losing(court)
    start = court.now
    court.meet(NO_ROUTE, 1, CHAT, at=["par", "bom"])
    assert court.window.opened == start + 10.0


# maintenance


def test_what_fails_in_an_announced_maintenance_is_planned() -> None:
    court = well()
    court.announce("whatsapp.chat", starts=-10, ends=600)
    court.meet(STUCK, 2, CHAT)
    assert (court.window.status, court.window.planned_until) == (Status.PLANNED, T0 + 1200)


def test_what_had_failed_before_it_is_not() -> None:
    court = well()
    court.announce("whatsapp.chat", starts=1, ends=600)
    court.meet(STUCK, 2, CHAT)
    assert (court.window.status, court.window.planned_until) == (Status.OPEN, None)


def test_the_longest_of_several_counts() -> None:
    court = well()
    for ends in (300, 900, 600):
        court.announce("whatsapp", starts=0, ends=ends)
    court.meet(STUCK, 2, CHAT)
    assert court.window.planned_until == T0 + 1500


# what comes back


def quiet_of(window: Window) -> float:
    """The quiet period that it was given: it closes up to one look at the kind later."""
    assert window.end is not None
    assert window.closed is not None
    late = (window.closed - window.end) % 900.0
    assert late <= 150.0
    return window.closed - window.end - late


def fails_again_after(minutes: float) -> Court:
    """An outage of two minutes, one over for so long that it was closed, and another."""
    court = well()
    court.meet(STUCK, 4, CHAT)
    court.meet(FINE, int(minutes * 2), CHAT)
    court.meet(STUCK, 4, CHAT)
    return court


def test_what_comes_back_soon_is_watched_for_twice_as_long() -> None:
    court = fails_again_after(25)
    first, second = court.windows
    assert first.closed is not None
    assert second.start > first.closed
    court.meet(FINE, 58, CHAT)
    assert court.windows[1].status is Status.RECOVERING
    court.meet(FINE, 8, CHAT)
    assert quiet_of(court.windows[1]) == 1800.0


def test_what_comes_back_much_later_is_not() -> None:
    court = fails_again_after(32)
    court.meet(FINE, 36, CHAT)
    assert quiet_of(court.windows[1]) == 900.0


def test_it_doubles_up_to_an_hour() -> None:
    court = well()
    for pause in (36, 66, 126, 126, 126):
        court.meet(STUCK, 4, CHAT)
        court.meet(FINE, pause, CHAT)
    assert [quiet_of(window) for window in court.windows] == [900.0, 1800.0, 3600.0, 3600.0, 3600.0]


def test_it_does_so_also_over_a_restart() -> None:
    court = well()
    court.meet(STUCK, 4, CHAT)
    court.meet(FINE, 50, CHAT)
    court.restart()
    court.meet(STUCK, 4, CHAT)
    court.meet(FINE, 40, CHAT)
    assert court.windows[1].status is Status.RECOVERING


# over a restart


def test_what_waits_to_be_believed_goes_on_waiting() -> None:
    court = well(*WORLD)
    court.let(STUCK, CHAT, at=["par"])
    court.rounds(1)
    court.restart()
    court.rounds(3)
    assert opened(court) == 10.0 + 2 * 30.0


def test_nothing_is_remembered_of_what_is_long_over() -> None:
    opening = Opening(Rules())
    court = well()
    court.meet(STUCK, 4, CHAT)
    court.meet(FINE, 40, CHAT)
    opening.resume(court.kept.memory)
    assert dict(opening.memory(court.now)) == {}, "as it was written"
    assert dict(opening.memory(court.now + 7200)) == {"p": ""}


def test_the_look_at_the_kind_takes_five_rounds_and_never_most_of_the_quiet_period() -> None:
    for interval, width in ((10.0, 50.0), (30.0, 150.0), (600.0, 300.0)):
        rare = check("chat", interval=interval, judging=Judging(fall=1))
        court = Court(rare)
        court.let(STUCK)
        court.ask(rare)
        court.sit()
        (case,) = court.judge._docket.cases.values()
        assert case.width == width
