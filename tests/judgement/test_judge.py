"""From attempts to windows: the life of an outage as whoever stores and tells it sees it."""

from itertools import pairwise

import pytest

from monitor.domain.outage import Transition, Window
from monitor.domain.words import Breadth, Kind, Layer, Reach, Reason, State, Status
from monitor.judgement.judge import Judge
from monitor.judgement.rules import Rules
from tests.judgement.court import (
    ERRORS,
    FINE,
    HERE,
    NO_ROUTE,
    NOBODY,
    REFUSED,
    SLOW,
    STUCK,
    T0,
    WITNESSES,
    WORLD,
    Court,
    attempt,
    check,
    unsure,
)

CHAT, WEB, MEDIA = check("chat"), check("web"), check("media")
QUIET = Rules().quiet


def well() -> Court:
    """Twenty rounds without trouble: the next attempts are at 600 s."""
    court = Court(CHAT, WEB, MEDIA)
    court.rounds(20)
    return court


def life(court: Court) -> list[Status]:
    """What its only window was, one after the other."""
    (name,) = {window.id for window in court.kept.versions}
    seen = [window.status for window in court.kept.versions if window.id == name]
    return [status for index, status in enumerate(seen) if index == 0 or status is not seen[index - 1]]


def status(court: Court) -> Status:
    """Of its only window, now."""
    return court.window.status


def extent(court: Court) -> tuple[Kind, Reach]:
    """Of its only window, now."""
    return court.window.kind, court.window.reach


def at(moment: float | None) -> float | None:
    """Seconds after `T0`."""
    return None if moment is None else moment - T0


# a plain outage


def test_nothing_happens_while_all_is_well() -> None:
    court = well()
    court.rounds(100)
    assert (court.windows, court.kept.transitions, court.judge.windows) == ([], [], ())


def test_an_outage_opens_recovers_and_closes() -> None:
    court = well()
    court.meet(STUCK, 10, CHAT)
    assert (status(court), at(court.window.start), at(court.window.start_after)) == (Status.OPEN, 600, 570)
    assert (at(court.window.opened), court.window.end, court.window.closed) == (610, None, None)
    court.meet(FINE, 3, CHAT)
    assert (status(court), at(court.window.end), at(court.window.end_after)) == (Status.RECOVERING, 900, 870)
    assert court.window.closed is None
    court.meet(FINE, 40, CHAT)
    assert status(court) is Status.CLOSED
    assert court.window.closed is not None
    assert 0 <= court.window.closed - (T0 + 900) - QUIET <= 150
    assert (at(court.window.start), at(court.window.end)) == (600, 900), "dated by the attempts, not by the deciding"
    assert life(court) == [Status.OPEN, Status.RECOVERING, Status.CLOSED]
    assert court.judge.windows == ()


def test_it_says_what_is_broken_where_and_how() -> None:
    court = well()
    court.meet(REFUSED, 10, CHAT)
    window = court.window
    assert window.id == "20221025T061000Z-whatsapp.chat"
    assert (window.target, window.provider) == ("whatsapp.chat", "meta")
    assert (window.services, window.components) == (("whatsapp",), ("whatsapp.chat",))
    assert (window.breadth, window.reach, window.kind) == (Breadth.COMPONENT, Reach.UNDETERMINED, Kind.TOTAL)
    assert (window.layer, window.reason) == (Layer.TCP, Reason.REFUSED)
    assert (window.vantages, window.vantages_fine) == (("fra-1",), ())
    assert [evidence.at - T0 for evidence in window.evidence] == [600, 602, 604]
    assert {evidence.message for evidence in window.evidence} == {"as told"}


def test_the_layer_is_the_one_at_which_most_broke() -> None:
    court = well()
    court.meet(NO_ROUTE, 2, CHAT)
    court.meet(STUCK, 20, CHAT)
    assert court.window.layer is Layer.HANDSHAKE
    assert len(court.windows) == 1, "a layer that moves does not make another window"


def test_what_a_minor_component_says_of_the_layer_weighs_less() -> None:
    minor = [check(name, critical=False) for name in ("a", "b", "c")]
    court = Court(CHAT, *minor)
    court.rounds(20)
    court.let(NO_ROUTE, *minor)
    court.meet(STUCK, 10, CHAT)
    assert (court.window.breadth, court.window.layer) == (Breadth.SERVICE, Layer.HANDSHAKE)


def test_slowness_is_an_outage_of_its_own_kind() -> None:
    court = well()
    court.meet(SLOW, 20, CHAT)
    assert (court.window.kind, court.window.layer, at(court.window.start)) == (Kind.DEGRADED, None, 600)
    assert court.window.evidence[0].message == "much slower than usual"
    court.meet(FINE, 50, CHAT)
    assert (status(court), at(court.window.end)) == (Status.CLOSED, 1200)


@pytest.mark.parametrize(
    ("beat", "kind"),
    [([STUCK], Kind.TOTAL), ([STUCK, STUCK, FINE], Kind.INTERMITTENT), ([FINE, FINE, STUCK], Kind.INTERMITTENT)],
    ids=["all", "two of three", "one of three"],
)
def test_how_much_fails_is_its_kind(beat: list[object], kind: Kind) -> None:
    court = well()
    for _ in range(60 // len(beat)):
        for seen in beat:
            court.meet(seen, 1, CHAT)  # type: ignore[arg-type]  # a Seen
    assert (len(court.windows), court.window.kind, court.window.status) == (1, kind, Status.OPEN)


def test_the_worst_that_lasted_is_its_kind() -> None:
    court = well()
    for _ in range(30):
        court.meet(STUCK, 1, CHAT)
        court.meet(FINE, 1, CHAT)
    court.meet(STUCK, 10, CHAT)
    assert extent(court)[0] is Kind.INTERMITTENT, "half an hour of it, and five minutes of everything"
    court.meet(STUCK, 15, CHAT)
    assert extent(court)[0] is Kind.TOTAL
    kinds = [stage.kind for stage in court.window.stages]
    assert (kinds[0], kinds[-1]) == (Kind.TOTAL, Kind.TOTAL)
    assert Kind.INTERMITTENT in kinds


# not over yet


def test_a_relapse_is_the_same_outage() -> None:
    court = well()
    for _ in range(4):
        court.meet(STUCK, 4, CHAT)
        court.meet(FINE, 10, CHAT)
    assert at(court.window.start) == 600
    assert life(court) == [Status.OPEN, Status.RECOVERING] * 4
    court.meet(FINE, 40, CHAT)
    assert at(court.window.end) == 600 + 3 * 14 * 30 + 4 * 30, "it ends with the last recovery"


def test_while_it_is_open_again_it_has_no_end() -> None:
    court = well()
    court.meet(STUCK, 4, CHAT)
    court.meet(FINE, 10, CHAT)
    assert at(court.window.end) == 720
    court.meet(STUCK, 4, CHAT)
    window = court.window
    assert (window.end, window.end_after, window.closed) == (None, None, None)


def test_two_outages_that_far_apart_are_two() -> None:
    court = well()
    court.meet(STUCK, 4, CHAT)
    court.meet(FINE, 45, CHAT)
    court.meet(STUCK, 4, CHAT)
    assert [window.status for window in court.windows] == [Status.CLOSED, Status.OPEN]
    for first, second in pairwise(court.windows):
        assert first.end is not None
        assert first.end < second.start


def test_what_fails_now_and_then_is_not_over() -> None:
    """Too seldom to be down, too often to be well."""
    court = well()
    court.meet(STUCK, 4, CHAT)
    court.meet(FINE, 16, CHAT)
    for _ in range(10):
        court.tell("fra-1", CHAT)
        court.let(STUCK, CHAT)
        court.tell("fra-1", CHAT)  # one failure in six, never confirmed
        court.let(FINE, CHAT)
        court.idle(30.0)
        court.rounds(4)
    assert status(court) is Status.RECOVERING
    court.rounds(40)
    assert status(court) is Status.CLOSED


def test_a_single_failure_in_the_quiet_period_is_chance() -> None:
    court = well()
    court.meet(STUCK, 4, CHAT)
    court.meet(FINE, 10, CHAT)
    court.let(STUCK, CHAT)
    court.tell("fra-1", CHAT)
    court.let(FINE, CHAT)
    court.idle(30.0)
    court.meet(FINE, 28, CHAT)
    assert status(court) is Status.CLOSED


# wider


def test_components_that_follow_become_parts_of_one_window() -> None:
    court = well()
    court.meet(STUCK, 4, CHAT)
    court.meet(STUCK, 4, WEB)
    assert (court.window.target, at(court.window.start)) == ("whatsapp", 600)
    court.meet(FINE, 5, CHAT)
    assert status(court) is Status.OPEN, "web is not back"
    court.meet(FINE, 40, WEB)
    assert status(court) is Status.CLOSED
    assert at(court.window.end) == 600 + 30 * 13, "when the last of them was back"


def test_a_part_that_fell_earlier_dates_the_whole() -> None:
    court = Court(CHAT, WEB, MEDIA, check("calls"))
    court.rounds(20)
    court.meet(STUCK, 4, CHAT)
    court.meet(STUCK, 4, WEB)
    assert len(court.windows) == 2
    court.meet(STUCK, 4, MEDIA)
    assert at(court.window.start) == 600
    absorbed = [window for window in court.kept.windows.values() if window.status is Status.ABSORBED]
    assert [(window.target, window.absorbed_by) for window in absorbed] == [("whatsapp.web", court.window.id)]
    assert {window.id for window in court.judge.windows} == {court.window.id}


def test_what_it_reaches_may_grow_and_is_told_by_stages() -> None:
    court = Court(CHAT, WEB, MEDIA, vantages=WORLD)
    court.rounds(20)
    court.meet(STUCK, 6, CHAT, at=["par"])
    assert extent(court)[1] is Reach.LOCAL
    court.meet(STUCK, 6, CHAT)
    assert extent(court)[1] is Reach.GLOBAL
    court.meet(FINE, 6, CHAT, at=["iad", "bom", "sin"])
    assert extent(court)[1] is Reach.GLOBAL, "what it was at its widest"
    reaches = [stage.reach for stage in court.window.stages]
    assert reaches[0] is Reach.LOCAL
    assert Reach.GLOBAL in reaches
    assert reaches[-1] is Reach.REGIONAL


def test_services_of_the_provider_that_answer_are_told() -> None:
    court = Court(CHAT, WEB, MEDIA, check("web", "instagram"), check("chat", "telegram"))
    court.rounds(20)
    court.meet(STUCK, 4, CHAT)
    assert court.window.unaffected == ("instagram",)


# maintenance


def test_a_planned_window_is_not_told_and_closes() -> None:
    court = well()
    court.announce("whatsapp.chat", starts=0, ends=3600)
    court.meet(STUCK, 10, CHAT)
    court.meet(FINE, 40, CHAT)
    assert life(court) == [Status.PLANNED, Status.CLOSED]
    assert (at(court.window.start), at(court.window.end)) == (600, 900)


def test_what_still_fails_after_the_maintenance_is_open_from_then_on() -> None:
    court = well()
    court.announce("whatsapp.chat", starts=0, ends=310)
    court.meet(STUCK, 15, CHAT)
    assert life(court) == [Status.PLANNED, Status.OPEN]
    assert (at(court.window.start), at(court.window.opened)) == (600, 940), (
        "its true start; told after the first failure"
    )
    court.meet(FINE, 40, CHAT)
    assert life(court) == [Status.PLANNED, Status.OPEN, Status.RECOVERING, Status.CLOSED]


def test_what_is_over_before_the_maintenance_is_never_told() -> None:
    court = well()
    court.announce("whatsapp.chat", starts=0, ends=310)
    court.meet(STUCK, 9, CHAT)
    court.meet(FINE, 60, CHAT)
    assert life(court) == [Status.PLANNED, Status.CLOSED]


# our own trouble, and time in which nobody looks


def test_a_window_that_was_our_own_fault_is_withdrawn() -> None:
    court = Court(CHAT, WEB, witnesses=WITNESSES)
    court.rounds(20)
    court.let(NO_ROUTE, *WITNESSES, CHAT)
    court.ask(CHAT)
    court.idle(30.0)
    assert status(court) is Status.OPEN
    court.rounds(3)
    assert status(court) is Status.CLOSED
    assert court.window.closed == court.window.end
    assert court.judge.windows == ()


@pytest.mark.parametrize("seen", [NOBODY, unsure(Reason.RATE_LIMITED)], ids=["not asked", "inconclusive"])
def test_after_three_intervals_without_an_attempt_a_check_is_unknown(seen: object) -> None:
    court = well()
    court.meet(seen, 2, CHAT)  # type: ignore[arg-type]  # a Seen, or none
    assert court.state(CHAT) is State.UP
    court.rounds(2)
    assert court.state(CHAT) is State.UNKNOWN
    assert court.state(WEB) is State.UP
    court.meet(FINE, 1, CHAT)
    assert court.state(CHAT) is State.UP


def test_an_outage_that_nobody_looks_at_any_more_stays_open() -> None:
    court = well()
    court.meet(STUCK, 4, CHAT)
    court.meet(NOBODY, 200, CHAT)
    assert (status(court), court.state(CHAT)) == (Status.OPEN, State.UNKNOWN)
    court.meet(FINE, 3, CHAT)
    assert status(court) is Status.RECOVERING
    assert (at(court.window.end), at(court.window.end_after)) == (600 + 204 * 30, 690), "that is all that anybody knows"


def test_what_somebody_watched_dates_the_end_rather_than_what_nobody_did() -> None:
    court = well()
    court.meet(STUCK, 4, CHAT, WEB)
    court.let(NOBODY, WEB)
    court.meet(FINE, 20, CHAT)
    court.meet(FINE, 4, WEB)
    court.meet(FINE, 40)
    assert at(court.window.end) == 720


def test_a_pause_of_the_monitor_is_nobodys_outage() -> None:
    court = well()
    court.pause(3600.0)
    court.rounds(5)
    assert court.windows == []


# what it is told of, and tells


def test_a_reload_keeps_what_stays() -> None:
    court = well()
    court.meet(STUCK, 4, CHAT)
    window = court.window
    court.reload(CHAT, WEB, check("calls"))
    assert (court.state(CHAT), court.state(WEB), court.state(MEDIA)) == (State.DOWN, State.UP, State.UNKNOWN)
    assert court.state(check("calls")) is State.UNKNOWN
    court.rounds(2)
    assert (court.window.id, court.window.status, court.window.start) == (window.id, Status.OPEN, window.start)
    court.meet(FINE, 45)
    assert status(court) is Status.CLOSED


def test_a_reload_may_judge_a_check_by_other_numbers() -> None:
    court = well()
    from_now_on = check("chat", interval=30.0, timeout=3.0)
    court.reload(from_now_on, WEB, MEDIA)
    court.meet(STUCK, 1, from_now_on)
    assert court.state(CHAT) is State.DOWN


def test_attempts_of_what_is_not_watched_are_ignored() -> None:
    court = well()
    court.judge.observe("fra-1", check("calls"), attempt(check("calls"), court.now, STUCK))
    court.judge.observe("nowhere", CHAT, attempt(CHAT, court.now, STUCK))
    court.judge.observe("nowhere", WITNESSES[0], attempt(WITNESSES[0], court.now, STUCK))
    court.rounds(1)
    assert court.windows == []


def test_transitions_of_a_check_are_dated_and_bracketed() -> None:
    court = well()
    court.meet(ERRORS, 4, CHAT)
    court.meet(FINE, 4, CHAT)
    fall, rise = court.kept.transitions
    assert fall == Transition(
        check_id=CHAT.id,
        vantage="fra-1",
        at=T0 + 600,
        after=T0 + 570,
        decided=T0 + 604,
        before=State.UP,
        state=State.DOWN,
        layer=Layer.HTTP,
        reason=Reason.STATUS,
    )
    assert (rise.before, rise.state) == (State.DOWN, State.UP)
    assert (at(rise.at), at(rise.after), at(rise.decided)) == (720, 690, 780)


def test_a_sitting_without_news_has_nothing_to_store_but_now_and_then_its_memory() -> None:
    court = well()
    court.rounds(20)
    quiet = [court.judge.sit(court.now + tenth / 10) for tenth in range(1, 100)]
    assert not any(ruling.windows or ruling.transitions or ruling.spans for ruling in quiet)
    assert {key for ruling in quiet for key, _ in ruling.memory} <= {"sat"}


def test_without_vantages_or_checks_it_has_nothing_to_say() -> None:
    judge = Judge()
    assert not judge.sit(T0).windows
    judge.replace((), (), (HERE,), T0)
    assert judge.sit(T0 + 60).windows == ()
    assert judge.settle(T0 + 60) == ()


# restarts


def outcome(court: Court) -> list[tuple[object, ...]]:
    def key(window: Window) -> tuple[object, ...]:
        return window.id, window.status, window.start, window.end, window.kind, window.breadth, window.closed

    return [key(window) for window in court.windows]


@pytest.mark.parametrize("moment", [0, 1, 2, 3, 5, 8, 13, 20, 30, 45])
def test_a_restart_at_any_moment_changes_nothing(moment: int) -> None:
    """The last fine attempt before the first failure is not remembered of a check that was clean."""
    courts = []
    for is_restarted in (False, True):
        court = well()
        beats = [*[STUCK] * 3, FINE, STUCK, *[FINE] * 8, *[STUCK] * 2, *[FINE] * 40]
        for number, seen in enumerate(beats):
            if is_restarted and number == moment:
                court.restart()
            court.meet(seen, 1, CHAT)
        courts.append(outcome(court))
    assert courts[0] == courts[1]
    assert len(courts[0]) == 1


def test_after_a_short_restart_what_was_well_still_is() -> None:
    court = well()
    court.restart()
    court.sit()
    assert (court.state(CHAT), court.windows) == (State.UP, [])


def test_after_a_long_one_nobody_knows() -> None:
    court = well()
    court.pause(3600.0)
    court.restart()
    court.sit()
    assert court.state(CHAT) is State.UNKNOWN
    court.rounds(1)
    assert court.state(CHAT) is State.UP


def test_an_outage_that_ended_while_the_monitor_was_off_ends_when_it_looks_again() -> None:
    court = well()
    court.meet(STUCK, 4, CHAT)
    court.pause(3600.0)
    court.restart()
    court.meet(FINE, 3, CHAT)
    assert (status(court), at(court.window.end), at(court.window.end_after)) == (Status.RECOVERING, 4320, 690)


def test_an_outage_that_goes_on_over_a_restart_is_one() -> None:
    court = well()
    court.meet(STUCK, 4, CHAT)
    court.pause(3600.0)
    court.restart()
    court.rounds(4)
    court.meet(FINE, 45, CHAT)
    assert (at(court.window.start), at(court.window.end), len(court.windows)) == (600, 4440, 1)


def test_after_a_restart_a_vantage_that_has_not_spoken_yet_is_not_forgotten() -> None:
    court = Court(CHAT, WEB, vantages=WORLD)
    court.rounds(20)
    court.meet(STUCK, 6, CHAT, at=["par"])
    before = court.window
    assert (before.reach, set(before.vantages_fine)) == (Reach.LOCAL, {place.name for place in WORLD} - {"par"})
    court.pause(600.0)
    court.restart()
    court.meet(NOBODY, 4, CHAT, WEB, at=[place.name for place in WORLD[1:] if place.name != "par"])
    assert (court.window.reach, set(court.window.vantages_fine)) == (before.reach, set(before.vantages_fine))
