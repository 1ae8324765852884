"""The sentence of one look, for what the estates and files of other tests do not come to."""

from typing import Any

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.words import Claim, Fact, FactValue, Layer, Outcome, Reason
from monitor.oneshot import Look, Seen, Verdict, judge
from tests.support.fakes import FakeSettings, a_check

REFUSED, NXDOMAIN = (Layer.TCP, Reason.REFUSED), (Layer.DNS, Reason.NXDOMAIN)


class Claims(FakeSettings):
    """Of a probe that repeats what a provider says."""

    evidence = False


def seen(
    target: str,
    way: tuple[Layer, Reason] | None = None,
    *,
    facts: dict[Fact, FactValue] | None = None,
    seconds: float = 0.1,
    **check: Any,
) -> Seen:
    failure = None if way is None else Failure(layer=way[0], reason=way[1], message="no")
    made = a_check(target, **{"service": "acme", "component": "chat", **check})
    attempt = Attempt(
        check_id=made.id,
        started=0.0,
        duration=seconds,
        outcome=Outcome.OK if failure is None else Outcome.FAILED,
        phases={},
        facts=facts or {},
        failure=failure,
    )
    return Seen(check=made, attempt=attempt)


def claims(claim: Claim | None) -> Seen:
    """What the provider says of itself; None when even that could not be read."""
    settings = Claims(name="status")
    if claim is None:
        return seen("status", REFUSED, component="claims", critical=False, settings=settings)
    return seen("status", facts={Fact.CLAIM: claim}, component="claims", critical=False, settings=settings)


WITNESSES = (seen("w.example:443", service="witness"), seen("192.0.2.1:443", service="witness"))
FINE_WITNESSES = " 2 of 2 witnesses answer, so it is not our own line."


def judged(*targets: Seen, name: str = "acme", witnesses: tuple[Seen, ...] = WITNESSES) -> tuple[Verdict, str]:
    return judge(Look(targets=targets, witnesses=witnesses), name)


def test_one_address_needs_no_name_twice() -> None:
    one = seen("192.0.2.9:25", REFUSED, service="typed", component="addresses")
    sentence = f"192.0.2.9:25 is down from here: connections are refused (tcp/refused).{FINE_WITNESSES}"
    assert judged(one, name="192.0.2.9:25") == (Verdict.DOWN, sentence)


def test_of_several_that_were_asked_for_only_those_that_fail_are_down() -> None:
    targets = (
        seen("a", REFUSED, service="acme"),
        seen("b", service="zeta"),
        seen("192.0.2.9:25", REFUSED, service="typed", component="addresses"),
    )
    _, sentence = judged(*targets, name="acme and zeta and 192.0.2.9:25")
    assert sentence == (
        "acme and 192.0.2.9:25 are down from here: acme chat and 192.0.2.9:25 fail, connections are refused"
        f" (tcp/refused). Fine: zeta chat.{FINE_WITNESSES}"
    )


def test_ways_to_fail_are_told_with_the_most_frequent_first() -> None:
    targets = (seen("a", NXDOMAIN), seen("b", REFUSED), seen("c", REFUSED), seen("d", component="web"))
    assert judged(*targets)[1].startswith(
        "acme is down from here: chat fails, connections are refused (tcp/refused)"
        " and its names are said not to exist (dns/nxdomain). Fine: web."
    )


def test_only_what_is_minor_fails_and_nothing_answers() -> None:
    assert judged(seen("a", REFUSED, critical=False)) == (
        Verdict.UP,
        "acme is up from here, but chat (minor) fails, connections are refused (tcp/refused): 0 of 1 targets answer.",
    )


def test_what_a_provider_says_of_itself_never_counts() -> None:
    up = "acme is up from here: 1 of 1 targets answer (slowest: a, 100 ms)."
    assert judged(seen("a"), claims(None)) == (Verdict.UP, up)
    assert judged(seen("a"), claims(Claim.DOWN)) == (Verdict.UP, up)
    down = "acme is down from here: chat fails, connections are refused (tcp/refused)."
    assert judged(seen("a", REFUSED), claims(None)) == (Verdict.DOWN, f"{down}{FINE_WITNESSES}")
    for claim, words in ((Claim.FINE, "reports no trouble"), (Claim.DOWN, "reports an outage")):
        said = f"{down} The provider itself {words}.{FINE_WITNESSES}"
        assert judged(seen("a", REFUSED), claims(claim)) == (Verdict.DOWN, said)


def test_claims_alone_are_looked_at_as_anything_else() -> None:
    assert judged(claims(Claim.FINE))[0] is Verdict.UP


def test_a_resolver_that_finds_nobody_leaves_what_it_was_not_needed_for() -> None:
    nameless = (seen("w.example:443", NXDOMAIN, service="witness"), seen("192.0.2.1:443", service="witness"))
    assert judged(seen("a", NXDOMAIN), witnesses=nameless)[0] is Verdict.INCONCLUSIVE
    verdict, sentence = judged(seen("a", NXDOMAIN), seen("b", REFUSED), witnesses=nameless)
    assert verdict is Verdict.DOWN
    assert "chat fails on 1 of 2 targets, connections are refused (tcp/refused)." in sentence


def test_a_sign_of_tampering_is_said_to_be_one() -> None:
    for way in ((Layer.TLS, Reason.NAME_RESET), (Layer.HTTP, Reason.INJECTED), (Layer.HANDSHAKE, Reason.KEY)):
        assert judged(seen("a", way))[1].endswith(
            "It looks as if somebody interferes on the way: a look from another network would tell."
        )
    assert "interferes" not in judged(seen("a", (Layer.TLS, Reason.RESET)))[1]
