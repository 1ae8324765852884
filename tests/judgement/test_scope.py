"""Each window covers what it says: maintenance no more than was announced, a provider no service of another one."""

from dataclasses import replace

import pytest

from monitor.domain.words import Breadth, Status
from tests.judgement.court import FINE, STUCK, T0, Court, check

PARTS = A, B, C = tuple(check(name, "acme") for name in ("a", "b", "c"))
META = tuple(check("chat", service) for service in ("whatsapp", "messenger", "instagram"))


def under_maintenance(seconds: float = 900.0) -> Court:
    """One part of three is down because it was announced."""
    court = Court(*PARTS)
    court.rounds(10)
    court.announce("acme.a", starts=0, ends=seconds)
    court.meet(STUCK, 5, A)
    assert court.window.status is Status.PLANNED
    return court


def test_what_fails_beside_a_maintenance_is_told_and_not_part_of_it() -> None:
    court = under_maintenance()
    court.meet(STUCK, 5, B)
    planned, other = court.windows
    assert (planned.target, planned.status) == ("acme.a", Status.PLANNED)
    assert other.status is Status.OPEN
    assert "acme.b" in other.components


def test_a_maintenance_is_no_wider_than_announced_although_more_of_the_service_is_about_to_fail() -> None:
    court = under_maintenance()
    court.let(STUCK, B)
    for after, number in ((0.0, 0), (2.0, 1)):
        court.tell("fra-1", B, after, number)
    court.idle(60.0)  # two failures: about to fail, which is no window yet
    assert court.window.target == "acme.a"


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_maintenance_inside_an_outage_of_the_service_ends_too(is_restarted: bool) -> None:
    court = under_maintenance()
    court.meet(STUCK, 5, B, C)
    if is_restarted:
        court.restart()
    court.meet(FINE, 60)
    assert [window.status for window in court.windows] == [Status.CLOSED, Status.CLOSED]
    assert not court.judge.windows


def test_an_outage_after_that_is_dated_to_itself() -> None:
    court = under_maintenance()
    court.meet(STUCK, 5, B, C)
    court.meet(FINE, 200)
    began = court.now
    court.meet(STUCK, 5, A)
    assert court.windows[-1].start == began
    assert court.windows[-1].status is Status.OPEN


def test_a_maintenance_inside_an_outage_that_outlasts_its_announcement_becomes_part_of_it() -> None:
    court = under_maintenance(400.0)
    court.meet(STUCK, 20, B, C)
    assert [window.breadth for window in court.windows if window.status is Status.OPEN] == [Breadth.SERVICE]
    court.meet(FINE, 60)
    assert not court.judge.windows


def test_a_maintenance_of_the_whole_service_is_one_window() -> None:
    court = Court(*PARTS)
    court.rounds(10)
    court.announce("acme", starts=0, ends=900)
    court.meet(STUCK, 5)
    assert (court.window.target, court.window.status) == ("acme", Status.PLANNED)
    court.meet(FINE, 60)
    assert court.window.status is Status.CLOSED


def test_what_failed_before_the_maintenance_of_its_service_stays_apart_and_ends() -> None:
    court = Court(*PARTS)
    court.rounds(10)
    court.meet(STUCK, 5, B)
    court.announce("acme", starts=0, ends=900)
    court.meet(STUCK, 5, A, C)
    assert {window.status for window in court.windows} == {Status.OPEN, Status.PLANNED}
    court.meet(FINE, 60)
    assert {window.status for window in court.windows} == {Status.CLOSED}
    assert not court.judge.windows


def test_an_outage_goes_on_under_its_providers_new_name() -> None:
    court = Court(*META)
    court.rounds(10)
    court.meet(STUCK, 10)
    assert court.window.target == "provider:meta"
    renamed = [replace(each, provider="fleet") for each in META]
    court.reload(*renamed)
    court.rounds(10)
    (now,) = (window for window in court.windows if window.status is Status.OPEN)
    assert (now.target, now.start) == ("provider:fleet", T0 + 300)
    court.meet(FINE, 60)
    assert {window.status for window in court.windows} == {Status.CLOSED}
    assert not court.judge.windows


def test_an_outage_goes_on_under_its_providers_new_name_after_a_restart() -> None:
    court = Court(*META)
    court.rounds(10)
    court.meet(STUCK, 10)
    court.checks = tuple(replace(each, provider="fleet") for each in META)
    court.restart()
    court.rounds(10)
    assert [window.target for window in court.windows if window.status is Status.OPEN] == ["provider:fleet"]
    court.meet(FINE, 60)
    assert not court.judge.windows


def test_a_check_that_moved_to_another_service_takes_no_window_there() -> None:
    court = Court(A, B)
    court.rounds(10)
    court.meet(STUCK, 5, A)
    moved = check("a", "acme2", target=A.target)
    court.reload(moved, B)
    began = court.now
    court.meet(STUCK, 5, moved)
    old, new = court.windows
    assert (old.target, old.status) == ("acme.a", Status.CLOSED)
    assert (new.target, new.status, new.start) == ("acme2", Status.OPEN, began)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_what_is_no_longer_watched_is_over_and_nothing_else_suffers(is_restarted: bool) -> None:
    court = Court(*PARTS, META[0])
    court.rounds(10)
    court.meet(STUCK, 5, A)
    if is_restarted:
        court.checks = (B, C, META[0])
        court.restart()
    else:
        court.reload(B, C, META[0])
    court.meet(STUCK, 5, META[0])
    gone, other = court.windows
    assert (gone.components, gone.status) == (("acme.a",), Status.CLOSED)
    assert other.status is Status.OPEN


def test_what_is_no_longer_watched_is_over_when_its_whole_service_is_gone() -> None:
    court = Court(*PARTS, META[0])
    court.rounds(10)
    court.meet(STUCK, 5, *PARTS)
    court.reload(META[0])
    court.rounds(3)
    assert (court.window.services, court.window.status) == (("acme",), Status.CLOSED)
    assert not court.judge.windows
