"""Is it down, or is it me? Three witnesses, two by name and one by address, are asked every 30 seconds."""

import pytest

from monitor.domain.attempt import Failure
from monitor.domain.check import Check, Vantage
from monitor.domain.words import Layer, Reason, State, VantageState
from monitor.judgement.vantages import BLIND, VantageWatch
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
    failing,
    unsure,
    vantage,
    witness,
)

ONE, TWO, ADDRESS = WITNESSES
CHAT, WEB, TELEGRAM = check("chat"), check("web"), check("chat", "telegram")
MUTE_RESOLVER = failing(Layer.DNS)
NO_SUCH_NAME = failing(Layer.DNS, Reason.NXDOMAIN)
UNTRUSTED = failing(Layer.TLS, Reason.CERT_UNTRUSTED)
EXPIRED = failing(Layer.TLS, Reason.CERT_EXPIRED)
NOT_YET = failing(Layer.TLS, Reason.CERT_NOT_YET_VALID)
REDIRECTED = failing(Layer.HTTP, Reason.REDIRECTS)

VS = VantageState


def watching(*witnesses: Check, vantages: tuple[Vantage, ...] = (HERE,)) -> Court:
    """Ten rounds in which all is well: the next attempts are at 300 s."""
    court = Court(CHAT, WEB, vantages=vantages, witnesses=witnesses or WITNESSES)
    court.rounds(10)
    return court


def now_at(court: Court, name: str = "fra-1") -> tuple[VantageState, float | None]:
    """The state and since how many seconds after `T0`."""
    state, since = court.judge.vantage_states[name]
    return state, None if since is None else since - T0


def spans(court: Court, name: str = "fra-1") -> list[tuple[VantageState, float, float | None]]:
    kept = sorted((span.start, span) for (at, _), span in court.kept.spans.items() if at == name)
    return [(span.state, start - T0, None if span.end is None else span.end - T0) for start, span in kept]


def test_before_anything_is_wrong_it_is_online_since_we_look() -> None:
    assert now_at(watching()) == (VS.ONLINE, None)
    assert spans(watching()) == []


# each state: entered, dated, left


@pytest.mark.parametrize(
    ("meets", "state"),
    [
        ([NO_ROUTE] * 3, VS.OFFLINE),
        ([unsure(Reason.SELF_NETWORK)] * 3, VS.OFFLINE),
        ([MUTE_RESOLVER, MUTE_RESOLVER, NO_ROUTE], VS.OFFLINE),
        ([NO_ROUTE, UNTRUSTED, NO_ROUTE], VS.OFFLINE),
        ([MUTE_RESOLVER, MUTE_RESOLVER, FINE], VS.RESOLVER_BROKEN),
        ([NO_SUCH_NAME, failing(Layer.DNS, Reason.SERVFAIL), FINE], VS.RESOLVER_BROKEN),
        ([unsure(Reason.SELF_RESOLVER)] * 2 + [FINE], VS.RESOLVER_BROKEN),
        ([EXPIRED] * 3, VS.CLOCK_WRONG),
        ([NOT_YET, NOT_YET, EXPIRED], VS.CLOCK_WRONG),
        ([UNTRUSTED] * 3, VS.CAPTIVE),
        ([REDIRECTED, UNTRUSTED, failing(Layer.TLS, Reason.CERT_NAME)], VS.CAPTIVE),
    ],
)
def test_it_is_blind_from_the_second_round_and_sees_again_when_witnesses_answer(
    meets: list[Seen], state: VantageState
) -> None:
    court = watching()
    for each, seen in zip(WITNESSES, meets, strict=True):
        court.let(seen, each)
    court.rounds(1)
    assert now_at(court) == (VS.ONLINE, None), "once is chance"
    court.rounds(3)
    assert now_at(court) == (state, 300.0), "dated by the first failure"
    court.meet(FINE, 2, *WITNESSES)
    assert now_at(court) == (VS.ONLINE, 420.0), "dated by the first that answered"
    assert spans(court) == [(state, 300.0, 420.0), (VS.ONLINE, 420.0, None)]


def test_one_certificate_that_is_not_trusted_here_means_an_old_trust_store() -> None:
    court = watching()
    court.meet(UNTRUSTED, 1, ONE)
    assert now_at(court) == (VS.TRUST_STORE_OLD, 300.0), "confirmed at once"
    court.meet(FINE, 1, ONE)
    assert now_at(court)[0] is VS.ONLINE


def test_two_slow_witnesses_mean_a_slow_line() -> None:
    court = watching()
    court.meet(SLOW, 2, ONE, ADDRESS)
    assert now_at(court) == (VS.DEGRADED, 300.0)
    court.meet(FINE, 8, ONE, ADDRESS)
    assert now_at(court)[0] is VS.DEGRADED, "a line that was bad takes ten good attempts"
    court.rounds(2)
    assert now_at(court)[0] is VS.ONLINE


def test_one_slow_witness_is_only_itself() -> None:
    court = watching()
    court.meet(SLOW, 20, ONE)
    assert now_at(court) == (VS.ONLINE, None)


@pytest.mark.parametrize("each", WITNESSES, ids=["a name", "another", "the address"])
@pytest.mark.parametrize("seen", [NO_ROUTE, REFUSED, MUTE_RESOLVER, EXPIRED, REDIRECTED], ids=str)
def test_a_single_witness_that_fails_is_only_itself(each: Check, seen: Seen) -> None:
    court = watching()
    court.meet(seen, 20, each)
    assert now_at(court) == (VS.ONLINE, None)


def test_losses_of_witnesses_that_have_nothing_in_common_are_the_line() -> None:
    court = watching()
    for loser in (ONE, TWO, ONE, TWO):
        assert now_at(court)[0] is VS.ONLINE
        court.let(NO_ROUTE, loser)
        court.ask(*WITNESSES)
        court.let(FINE, loser)
        court.idle(30.0)
        court.rounds(1)
    assert now_at(court) == (VS.DEGRADED, 300.0)
    court.rounds(20)
    assert now_at(court)[0] is VS.ONLINE


def test_what_fails_only_by_name_cannot_tell_the_line_from_the_resolver() -> None:
    """Without a witness by address silence of the resolver may be the silence of everything."""
    court = watching(ONE, TWO)
    court.meet(MUTE_RESOLVER, 3, ONE, TWO)
    assert now_at(court) == (VS.OFFLINE, 300.0)
    court = watching(ONE, TWO)
    court.meet(NO_SUCH_NAME, 3, ONE, TWO)
    assert now_at(court) == (VS.RESOLVER_BROKEN, 300.0), "a wrong answer proves the way to the resolver"


def test_an_answer_of_the_resolver_is_no_proof_of_the_way_out() -> None:
    court = watching(witness("one.example", kind="dns"), TWO, ADDRESS)
    court.meet(NO_ROUTE, 3, TWO, ADDRESS)
    assert now_at(court) == (VS.OFFLINE, 300.0)


def test_why_it_is_blind_may_become_clear_later() -> None:
    court = watching()
    court.meet(NO_ROUTE, 3, *WITNESSES)
    assert now_at(court) == (VS.OFFLINE, 300.0)
    court.meet(UNTRUSTED, 2, *WITNESSES)
    assert now_at(court) == (VS.CAPTIVE, 300.0), "blind since the same moment"


def test_where_packets_are_lost_anyway_only_a_row_of_losses_is_a_cut() -> None:
    court = watching()
    court.meet(SLOW, 3, *WITNESSES)
    court.meet(NO_ROUTE, 2, *WITNESSES)
    assert now_at(court)[0] is VS.OFFLINE, "with confirmations that is a row of four"
    court = watching()
    court.meet(SLOW, 3, *WITNESSES)
    for _ in range(2):  # the same without
        for each in WITNESSES:
            court.judge.observe("fra-1", each, attempt(each, court.now, NO_ROUTE))
        court.idle(30.0)
    assert now_at(court)[0] is VS.DEGRADED


def test_without_witnesses_it_always_counts_as_online() -> None:
    court = Court(CHAT)
    court.rounds(3)
    court.meet(NO_ROUTE, 5)
    assert now_at(court) == (VS.ONLINE, None)
    assert court.window.start


# witnesses that fail by themselves


def test_a_witness_that_no_network_reaches_is_dropped() -> None:
    court = watching(vantages=WORLD)
    court.meet(UNTRUSTED, 5, ONE)
    assert {state for state, _ in court.judge.vantage_states.values()} == {VS.ONLINE}
    court.meet(NO_SUCH_NAME, 3, TWO, at=["bom"])
    assert now_at(court, "bom")[0] is VS.RESOLVER_BROKEN, "the others decide"
    assert now_at(court, "par")[0] is VS.ONLINE


def test_a_witness_that_some_network_reaches_is_not_dropped() -> None:
    court = watching(vantages=WORLD)
    court.meet(UNTRUSTED, 5, ONE, at=["par", "mil", "iad", "bom"])
    assert [state for state, _ in court.judge.vantage_states.values()] == [VS.TRUST_STORE_OLD] * 4 + [VS.ONLINE]


def test_two_vantages_in_one_network_are_one_witness_of_it() -> None:
    twins = (vantage("a", network="same"), vantage("b", network="same"))
    court = watching(vantages=twins)
    court.meet(UNTRUSTED, 5, ONE)
    assert {state for state, _ in court.judge.vantage_states.values()} == {VS.TRUST_STORE_OLD}


def test_witnesses_that_most_targets_contradict_are_not_believed() -> None:
    """Somebody blocks the witnesses: what two providers answer cannot come through a line that is cut."""
    court = Court(CHAT, WEB, TELEGRAM, witnesses=WITNESSES)
    court.rounds(10)
    court.meet(NO_ROUTE, 20, *WITNESSES)
    assert now_at(court) == (VS.ONLINE, None)
    court.meet(STUCK, 5, CHAT)
    assert court.state(CHAT) is State.DOWN


def test_the_answers_of_one_provider_do_not_contradict() -> None:
    """A provider's own cache may stand inside the network that is cut off."""
    court = watching()
    court.meet(NO_ROUTE, 5, *WITNESSES)
    assert now_at(court)[0] is VS.OFFLINE


# resolvers that vantages share


@pytest.mark.parametrize(
    ("resolvers", "networks", "state"),
    [
        (("big", "big"), ("n1", "n2"), VS.RESOLVER_BROKEN),
        (("big", "other"), ("n1", "n2"), VS.OFFLINE),
        (("isp", "isp"), ("n1", "n2"), VS.OFFLINE),
        (("", ""), ("n1", "n2"), VS.OFFLINE),
        (("big", "big"), ("n1", "n1"), VS.OFFLINE),
    ],
    ids=["shared", "two", "each its own", "unnamed", "one network"],
)
def test_a_silent_resolver_is_to_blame_when_networks_have_only_that_in_common(
    resolvers: tuple[str, str], networks: tuple[str, str], state: VantageState
) -> None:
    pair = [vantage(n, resolver=r, network=w) for n, r, w in zip("ab", resolvers, networks, strict=True)]
    court = watching(ONE, TWO, vantages=(*pair, vantage("c", resolver="isp")))
    court.meet(MUTE_RESOLVER, 4, ONE, TWO, at="ab")
    assert [now_at(court, name)[0] for name in "abc"] == [state, state, VS.ONLINE]


# what it means for the targets


FAILURES = {
    "slow": None,
    "timeout": Failure(layer=Layer.TCP, reason=Reason.TIMEOUT, message=""),
    "reset": Failure(layer=Layer.TLS, reason=Reason.RESET, message=""),
    "untrusted": Failure(layer=Layer.TLS, reason=Reason.CERT_UNTRUSTED, message=""),
    "no such name": Failure(layer=Layer.DNS, reason=Reason.NXDOMAIN, message=""),
}


@pytest.mark.parametrize(
    ("state", "held"),
    [
        *((state, set(FAILURES)) for state in sorted(BLIND)),
        (VS.DEGRADED, {"slow", "timeout"}),
        (VS.TRUST_STORE_OLD, {"untrusted"}),
        (VS.ONLINE, set()),
    ],
)
def test_each_state_holds_back_what_it_explains(state: VantageState, held: set[str]) -> None:
    watch = VantageWatch(HERE)
    watch.state = state
    assert {name for name, failure in FAILURES.items() if watch.holds(failure)} == held
    assert watch.is_blind is (state in BLIND)
    assert watch.is_steady is (state is not VS.DEGRADED)


@pytest.mark.parametrize(("seen", "is_held"), [(MUTE_RESOLVER, True), (NO_ROUTE, False)], ids=["at dns", "elsewhere"])
def test_names_that_fail_for_all_are_held_back_before_anything_is_certain(seen: Seen, is_held: bool) -> None:
    court = watching()
    court.let(MUTE_RESOLVER, ONE, TWO)
    court.let(seen, CHAT)
    court.rounds(1)
    assert now_at(court) == (VS.ONLINE, None)
    assert (court.state(CHAT) is State.UP) is is_held


def test_failures_are_held_back_while_all_witnesses_fail() -> None:
    court = watching()
    court.meet(NO_ROUTE, 1, *WITNESSES, CHAT, WEB)
    assert (now_at(court), court.state(CHAT)) == ((VS.ONLINE, None), State.UP)
    court.rounds(10)
    assert (now_at(court), court.state(CHAT)) == ((VS.OFFLINE, 300.0), State.UNKNOWN)
    assert court.windows == []


def test_what_failed_before_the_witnesses_noticed_is_taken_back() -> None:
    court = watching()
    court.let(NO_ROUTE, *WITNESSES, CHAT)
    court.ask(CHAT)  # its turn came before theirs
    court.idle(30.0)
    assert court.state(CHAT) is State.DOWN
    court.rounds(3)
    assert court.state(CHAT) is State.UNKNOWN
    assert court.judge.windows == ()
    assert court.window.closed is not None, "it was told, and is withdrawn"
    court.meet(FINE, 3, *WITNESSES, CHAT)
    assert court.state(CHAT) is State.UP
    assert len(court.windows) == 1


def test_what_was_down_before_the_vantage_went_blind_stays_down() -> None:
    court = watching()
    court.meet(STUCK, 5, CHAT)
    court.meet(NO_ROUTE, 5, *WITNESSES)
    assert court.state(CHAT) is State.UNKNOWN
    assert court.window.status == "open"
    court.meet(FINE, 3, *WITNESSES)
    assert court.state(CHAT) is State.DOWN


def test_a_slow_line_makes_nothing_slow() -> None:
    court = watching()
    court.meet(SLOW, 3, *WITNESSES)
    court.meet(SLOW, 30, CHAT)
    assert court.state(CHAT) is State.UP
    court.meet(RESET, 2, CHAT)
    assert court.state(CHAT) is State.DOWN, "a reset is no matter of a slow line"


def test_an_old_trust_store_makes_no_outage() -> None:
    court = watching()
    court.meet(UNTRUSTED, 3, ONE)
    court.meet(UNTRUSTED, 30, CHAT)
    assert (court.state(CHAT), court.windows) == (State.UNKNOWN, [])
    court.meet(EXPIRED, 3, CHAT)
    assert court.state(CHAT) is State.DOWN
