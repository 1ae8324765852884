"""What witnesses lose now and then."""

import json

import pytest

from monitor.domain.words import Layer, Reason
from monitor.judgement.health import Health
from monitor.judgement.losses import Losses
from tests.judgement.court import FINE, NO_ROUTE, REFUSED, WITNESSES, Seen, attempt, failing


class Line:
    """Three witnesses that are asked every 30 seconds, and what they lose."""

    def __init__(self) -> None:
        self.ways = [Health(witness, "fra-1") for witness in WITNESSES]
        self.losses = Losses()
        self.now = 0.0

    def rounds(self, *rounds: str, is_blind: bool = False) -> "Line":
        """Each a text such as ``.x.``: what the first, second and third witness meet."""
        for each in rounds:
            for way, sign in zip(self.ways, each, strict=True):
                self.ask(way, NO_ROUTE if sign == "x" else FINE, is_blind=is_blind)
            self.now += 30.0
        return self

    def ask(self, way: Health, seen: Seen, *, confirmation: int = 0, is_blind: bool = False) -> None:
        told = attempt(way.check, self.now, seen, confirmation)
        self.losses.note(way, told, is_blind=is_blind)
        way.observe(told)

    @property
    def verdict(self) -> tuple[bool, bool, bool]:
        """Shaky; shared; shared still, had it been so before."""
        shared, still = (self.losses.are_shared(self.ways, was_so=was_so) for was_so in (False, True))
        return self.losses.is_shaky(self.ways), shared, still


@pytest.mark.parametrize(
    ("rounds", "verdict"),
    [
        (["..."] * 10, (False, False, False)),
        (["x..", "..."], (True, False, False)),
        (["x..", "...", ".x."], (True, False, True)),
        (["x..", "x..", "..x"], (True, False, True)),
        (["xx.", "..."], (True, False, True)),
        (["xx.", "...", "xx."], (True, True, True)),
        (["x..", ".x.", "..x", "x.."], (True, True, True)),
        (["x.."] * 7, (True, False, False)),
        (["x.."] * 8, (False, False, False)),
        (["x.."] * 8 + [".x."], (True, False, True)),
        (["xx.", "...", "xx."] + ["..."] * 15, (False, False, False)),
    ],
)
def test_losses_of_two_are_shared_and_losses_of_one_are_its_own(
    rounds: list[str], verdict: tuple[bool, bool, bool]
) -> None:
    assert Line().rounds(*rounds).verdict == verdict


def test_what_is_lost_is_dated() -> None:
    line = Line().rounds("...", "x..", "..x")
    assert [(mark.at, mark.before) for mark in line.losses.recent(line.ways)] == [(30.0, 0.0), (60.0, 30.0)]


@pytest.mark.parametrize("seen", [REFUSED, failing(Layer.DNS, Reason.SERVFAIL), FINE])
def test_an_answer_is_no_loss(seen: Seen) -> None:
    line = Line()
    for way in line.ways:
        line.ask(way, seen)
    assert line.verdict == (False, False, False)


def test_confirmations_are_no_losses_of_their_own() -> None:
    line = Line().rounds("...")
    for way in line.ways[:2]:
        for number in (1, 2, 3):
            line.ask(way, NO_ROUTE, confirmation=number)
    assert line.verdict == (False, False, False)


def test_a_witness_that_is_not_asked_any_more_says_nothing() -> None:
    line = Line().rounds("xx.", "xx.")
    assert line.losses.are_shared(line.ways[1:], was_so=False) is False
    assert line.losses.recent(line.ways[2:]) == []


def test_a_cut_is_no_loss() -> None:
    line = Line().rounds("...", "xxx", "xxx").rounds("xxx", "xxx", is_blind=True)
    line.losses.see_again(30.0)
    assert line.verdict == (False, False, False)


def test_a_cut_through_which_something_comes_now_and_then_is_loss() -> None:
    line = Line().rounds("...", "xxx", "xxx").rounds("xxx", ".xx", "xxx", is_blind=True)
    line.losses.see_again(30.0)
    assert line.verdict == (True, True, True)


def test_what_was_lost_before_the_cut_stays_lost() -> None:
    line = Line().rounds("x..", ".x.", "xxx", "xxx").rounds("xxx", is_blind=True)
    line.losses.see_again(60.0)
    assert [mark.at for mark in line.losses.recent(line.ways)] == [0.0, 30.0]


def test_a_restart_loses_nothing() -> None:
    line = Line().rounds("xx.", "...").rounds(".x.", is_blind=True)
    back = Losses()
    back.recall(json.loads(json.dumps(line.losses.remembered())))
    assert back.remembered() == line.losses.remembered()
    assert back.are_shared(line.ways, was_so=True)


def test_losses_move_with_the_clock() -> None:
    line = Line().rounds("...", "x..")
    line.losses.shift(-3600.0)
    assert [(mark.at, mark.before) for mark in line.losses.recent(line.ways)] == [(-3570.0, -3600.0)]
