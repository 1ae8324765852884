"""Redundant targets, and votes by network."""

from collections.abc import Sequence

import pytest

from monitor.domain.check import Vantage
from monitor.domain.words import Reach, Require, State
from monitor.judgement.health import Health
from monitor.judgement.places import Networks, Place, Vote
from tests.judgement.court import FINE, SLOW, STUCK, T0, Seen, attempt, check, vantage

ALL, MAJORITY, ANY = Require.ALL, Require.MAJORITY, Require.ANY
UP, DEGRADED, DOWN, UNKNOWN = State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN


def a_health(*seen: Seen, at: str = "here", interval: float = 30.0) -> Health:
    """Twenty fine attempts, then these."""
    health = Health(check(interval=interval), at)
    for number, each in enumerate([*[FINE] * 20, *seen]):
        health.observe(attempt(health.check, T0 + number * interval, each))
    return health


def unseen() -> Health:
    health = a_health()
    health.is_observed = False
    return health


KINDS = {"u": (), "d": [STUCK] * 3, "s": [SLOW] * 12, "f": [STUCK], "ff": [STUCK] * 2}


def a_place(require: Require, targets: Sequence[str], at: str = "here") -> Place:
    """Targets that are up, down, slow, have failed once or twice; ``?`` is not seen."""
    return place_of([unseen() if kind == "?" else a_health(*KINDS[kind], at=at) for kind in targets], require, at)


def place_of(healths: list[Health], require: Require = ALL, at: str = "here") -> Place:
    return Place(
        service="whatsapp", name="chat", provider="meta", is_critical=True, require=require, checks={at: healths}
    )


@pytest.mark.parametrize(
    ("require", "targets", "state"),
    [
        (ALL, "uuu", UP),
        (ALL, "uud", DOWN),
        (ALL, "uus", DEGRADED),
        (ALL, "usd", DOWN),
        (ALL, "uu?", UP),
        (ALL, "u?d", DOWN),
        (MAJORITY, "uud", UP),
        (MAJORITY, "udd", DOWN),
        (MAJORITY, "ud", DOWN),
        (MAJORITY, "uds", DEGRADED),
        (MAJORITY, "?ud", DOWN),
        (MAJORITY, "uss", DEGRADED),
        (ANY, "udd", UP),
        (ANY, "ddd", DOWN),
        (ANY, "sdd", DEGRADED),
        (ANY, "?dd", DOWN),
        (ANY, "?uu", UP),
        (ANY, "???", UNKNOWN),
        (ALL, "", UNKNOWN),
    ],
)
def test_a_component_is_what_its_targets_make_it(require: Require, targets: str, state: State) -> None:
    place = a_place(require, targets)
    assert place.state_at("here") is state
    assert place.state_at("elsewhere") is UNKNOWN


def test_more_than_half_must_answer_for_a_majority() -> None:
    """`Require.MAJORITY` is more than half, so one of two is not enough."""
    assert a_place(MAJORITY, "ud").state_at("here") is DOWN
    assert a_place(MAJORITY, "uudd").state_at("here") is DOWN
    assert a_place(MAJORITY, "uuudd").state_at("here") is UP


def test_what_never_answered_nor_failed_for_certain_is_unknown() -> None:
    health = Health(check(), "here")
    health.observe(attempt(health.check, T0, STUCK))
    assert place_of([health]).state_at("here") is UNKNOWN


@pytest.mark.parametrize(("require", "number"), [(ALL, 1), (MAJORITY, 0), (ANY, 0)])
def test_checks_that_redundancy_makes_up_for_are_not_bad(require: Require, number: int) -> None:
    place = a_place(require, "uud")
    assert len(place.bad_at("here")) == number
    assert place.bad_at("elsewhere") == []


@pytest.mark.parametrize(
    ("require", "targets", "is_failing"),
    [
        (ALL, ["u"], False),
        (ALL, ["f"], None),
        (ALL, ["ff"], True),
        (ALL, ["d"], True),
        (ALL, ["u", "f"], None),
        (ANY, ["u", "ff"], False),
        (ANY, ["f", "ff"], None),
        (ANY, ["d", "ff"], True),
        (MAJORITY, ["u", "u", "ff"], False),
        (MAJORITY, ["u", "f", "ff"], None),
        (ALL, ["?"], None),
    ],
)
def test_one_first_failure_is_no_evidence_in_either_direction(
    require: Require, targets: list[str], is_failing: bool | None
) -> None:
    assert a_place(require, targets).is_failing_at("here", T0) is is_failing


def test_what_was_seen_before_the_moment_in_question_says_nothing() -> None:
    place = a_place(ALL, "u")
    assert place.is_failing_at("here", T0 + 570) is False
    assert place.is_failing_at("here", T0 + 571) is None
    assert place.is_failing_at("elsewhere", T0) is None


def test_it_is_dated_by_its_checks() -> None:
    place = a_place(ALL, "ud")
    assert place.since_at("here", DOWN) == T0 + 600
    assert place.failed_at("here") == T0 + 660
    assert place.since_at("here", UNKNOWN) == T0 + 660, "the last that was seen of it"
    assert place.since_at("here", UP) is None, "never back from anything"
    assert place.since_at("elsewhere", UNKNOWN) is None
    assert place.failed_at("elsewhere") == 0.0
    back = place_of([a_health(*[STUCK] * 3, *[FINE] * 3)])
    assert back.since_at("here", UP) == T0 + 690


# votes


def test_two_vantages_in_one_network_have_one_vote() -> None:
    networks = Networks([vantage("a", network="n1"), vantage("b", network="n1"), vantage("c", network="n2")])
    assert networks.vote(["a", "b"], ["c"]) == Vote(frozenset({"n1"}), frozenset({"n2"}))
    assert networks.vote(["a"], ["b", "c"]) == Vote(frozenset({"n1"}), frozenset({"n2"})), "half of it is bad"
    assert networks.vote(["a", "a", "a"], []) == Vote(frozenset({"n1"}), frozenset())


def test_most_of_the_vantages_of_a_network_decide_for_it() -> None:
    networks = Networks([vantage(name, network="n1") for name in "abc"])
    assert networks.vote("a", "bc") == Vote(frozenset(), frozenset({"n1"}))
    assert networks.vote("ab", "c") == Vote(frozenset({"n1"}), frozenset())


def test_a_vantage_that_names_no_network_is_its_own() -> None:
    networks = Networks([Vantage(name="a"), Vantage(name="b")])
    assert networks.vote("ab", "") == Vote(frozenset("ab"), frozenset())


def test_countries_are_those_that_are_told() -> None:
    networks = Networks([vantage("a", country="DE"), vantage("b", country=""), vantage("c", country="FR")])
    assert networks.countries(["net-a", "net-b"]) == {"DE"}


# reach: name of a vantage, its region and country; upper case ones are bad


WORLDS = {
    "p": ("eu", "FR"),
    "q": ("eu", "FR"),
    "m": ("eu", "IT"),
    "g": ("af", "GA"),
    "i": ("na", "US"),
    "b": ("as", "IN"),
    "s": ("as", "SG"),
}


def reach(names: str) -> Reach:
    world = [vantage(name, *WORLDS[name]) for name in names.lower()]
    networks = Networks(world)
    bad = [name.lower() for name in names if name.isupper()]
    return networks.reach(networks.vote(bad, [name for name in names if name.islower()]))


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("P", Reach.UNDETERMINED),
        ("PM", Reach.UNDETERMINED),
        ("PMib", Reach.REGIONAL),
        ("PMqib", Reach.REGIONAL),
        ("PQmib", Reach.LOCAL),
        ("PQib", Reach.LOCAL),
        ("Pmib", Reach.LOCAL),
        ("Pi", Reach.LOCAL),
        ("PI", Reach.GLOBAL),
        ("PMI", Reach.GLOBAL),
        ("PMIB", Reach.GLOBAL),
        ("PMIBg", Reach.GLOBAL),
        ("PMIbs", Reach.GLOBAL),
        ("PMGbsi", Reach.REGIONAL),
        ("PMQGbsi", Reach.REGIONAL),
        ("Ggpib", Reach.LOCAL),
    ],
)
def test_reach_counts_networks_and_regions(names: str, wanted: Reach) -> None:
    if names == "Ggpib":  # a second operator of the same country
        networks = Networks([vantage("G", "af", "GA"), vantage("g", "af", "GA"), vantage("p", "eu", "FR")])
        assert networks.reach(networks.vote(["G"], ["g", "p"])) is wanted
        return
    assert reach(names) is wanted


def test_two_vantages_in_one_network_cannot_tell_how_far_it_reaches() -> None:
    networks = Networks([vantage("a", network="n"), vantage("b", "na", "US", network="n")])
    assert networks.reach(networks.vote("ab", "")) is Reach.UNDETERMINED


def test_an_outage_of_one_country_is_local_however_many_operators_it_has() -> None:
    networks = Networks(
        [*(vantage(name, "eu", "TR") for name in "abc"), vantage("d", "eu", "DE"), vantage("e", "na", "US")]
    )
    assert networks.reach(networks.vote("abc", "de")) is Reach.LOCAL
    assert networks.reach(networks.vote("abcd", "e")) is Reach.REGIONAL
