from dataclasses import replace

import pytest

from monitor.peers.circle import Circle, Impostor
from tests.peers.telling import AWAY, HOME, Heard

A, B = "http://a", "http://b"
OTHER = replace(AWAY, name="other")


def circle(heard: Heard, *urls: str) -> Circle:
    made = Circle(heard.ears())
    made.replace(urls or (A, B), HOME)
    return made


def test_a_vantage_is_known_from_its_first_answer_on_and_told_once() -> None:
    heard = Heard()
    known = circle(heard)
    assert not known.vantages
    known.admit(A, AWAY)
    known.admit(A, AWAY)
    assert known.vantages == (AWAY,)
    assert (known.name(A), known.name(B), known.name("http://c")) == ("away", "", "")
    assert heard.met == 1


def test_vantages_come_in_the_order_of_the_configuration_whoever_answered_first() -> None:
    known = circle(Heard())
    known.admit(B, OTHER)
    known.admit(A, AWAY)
    assert known.vantages == (AWAY, OTHER)


def test_nobody_speaks_for_us() -> None:
    heard = Heard()
    known = circle(heard)
    with pytest.raises(Impostor, match="calls itself home, which is our own name"):
        known.admit(A, replace(AWAY, name="home"))
    assert known.vantages == ()
    assert (heard.met, heard.memory) == (0, {})


def test_nobody_speaks_for_another_peer() -> None:
    known = circle(Heard())
    known.admit(A, AWAY)
    with pytest.raises(Impostor, match="calls itself away, which is the name of another peer"):
        known.admit(B, replace(AWAY, network="AS3"))
    assert known.vantages == (AWAY,)


def test_a_peer_may_move_and_may_be_renamed() -> None:
    heard = Heard()
    known = circle(heard)
    known.admit(A, AWAY)
    known.admit(A, replace(AWAY, network="AS3"))
    known.admit(A, OTHER)
    known.admit(B, AWAY)
    assert known.vantages == (OTHER, AWAY)
    assert heard.met == 4


def test_two_that_swap_their_names_both_come_through() -> None:
    known = circle(Heard())
    known.admit(A, AWAY)
    known.admit(B, OTHER)
    with pytest.raises(Impostor):
        known.admit(A, OTHER)
    known.admit(B, AWAY)
    known.admit(A, OTHER)
    assert known.vantages == (OTHER, AWAY)


def test_who_was_known_is_known_again_after_a_restart() -> None:
    heard = Heard()
    known = circle(heard)
    known.admit(A, AWAY)
    known.admit(B, OTHER)
    later = Heard()
    again = circle(later)
    again.recall({**heard.memory, "h|away|s/c/a/fake": "{}"})
    assert again.vantages == (AWAY, OTHER)
    assert later.met == 1
    with pytest.raises(Impostor):
        again.admit(B, AWAY)


def test_who_has_answered_since_the_restart_has_the_last_word() -> None:
    heard = Heard()
    circle(heard).admit(A, AWAY)
    again = circle(Heard())
    again.admit(A, OTHER)
    again.recall(heard.memory)
    assert again.vantages == (OTHER,)


def test_who_is_no_peer_any_more_is_forgotten() -> None:
    heard = Heard()
    known = circle(heard)
    known.admit(A, AWAY)
    known.admit(B, OTHER)
    known.replace([B], HOME)
    assert known.vantages == (OTHER,)
    assert heard.memory[f"peer|{A}"] == ""
    later = Heard()
    again = circle(later, A)
    again.recall({f"peer|{A}": "", f"peer|{B}": heard.memory[f"peer|{B}"]})
    assert again.vantages == ()
    assert later.memory == {f"peer|{B}": ""}
    assert later.met == 0


@pytest.mark.parametrize("text", ["{", "[]", '{"name": ""}', '{"name": "home"}'])
def test_a_memory_of_no_use_is_passed_over(text: str) -> None:
    heard = Heard()
    again = circle(heard)
    again.recall({f"peer|{A}": text})
    assert again.vantages == ()
    assert heard.met == 0
