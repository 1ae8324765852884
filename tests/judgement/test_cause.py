"""What the pattern of layers, vantages and neighbours says. Each test is a world, and what is broken in it."""

from dataclasses import replace

import pytest

from monitor.domain.check import Check
from monitor.domain.words import Breadth, Cause, Fact, Layer, Reach, Reason, Status
from monitor.judgement.cases import Case
from monitor.judgement.cause import Contemporaries
from monitor.judgement.rules import Rules
from tests.judgement.court import (
    ERRORS,
    FINE,
    HERE,
    NO_ROUTE,
    REFUSED,
    RESET,
    SLOW,
    STUCK,
    T0,
    WORLD,
    Court,
    Seen,
    check,
    failing,
    vantage,
)

CHAT, WEB, MEDIA = check("chat"), check("web"), check("media")
TELEGRAM, SIGNAL = check("chat", "telegram"), check("chat", "signal", provider="signal")
EXPIRED = failing(Layer.TLS, Reason.CERT_EXPIRED)
PINNED = failing(Layer.TLS, Reason.CERT_PIN)
UNTRUSTED = failing(Layer.TLS, Reason.CERT_UNTRUSTED)
REDIRECTED = failing(Layer.HTTP, Reason.REDIRECTS)
DENIED = failing(Layer.HTTP, Reason.DENIED)
REJECTED = failing(Layer.LOGIN, Reason.REJECTED)
NXDOMAIN = failing(Layer.DNS, Reason.NXDOMAIN)
SERVFAIL = failing(Layer.DNS, Reason.SERVFAIL)
UNDELIVERED = failing(Layer.DELIVER)
FORGED = failing(Layer.DNS, Reason.ANSWER)
FOREIGN_ADDRESS = failing(Layer.DNS, Reason.FOREIGN_ADDRESS)
NAME_RESET = failing(Layer.TLS, Reason.NAME_RESET)
CERT_FOREIGN = failing(Layer.TLS, Reason.CERT_FOREIGN)
INJECTED = failing(Layer.HTTP, Reason.INJECTED)
IMPOSTOR = failing(Layer.HANDSHAKE, Reason.SIGNATURE)
SIGNS = (FOREIGN_ADDRESS, NAME_RESET, CERT_FOREIGN, INJECTED, IMPOSTOR)

GABON = (vantage("lbv-1", "af", "GA"), vantage("lbv-2", "af", "GA"), vantage("lbv-3", "af", "GA"))
EUROPE = (vantage("par", "eu", "FR"), vantage("mil", "eu", "IT"), vantage("fra", "eu", "DE"))
FAR = (vantage("iad", "na", "US"), vantage("bom", "as", "IN"))


def world(*checks: Check, vantages: tuple[object, ...] = WORLD) -> Court:
    known = {each.name: each for each in (HERE, *WORLD, *GABON, *EUROPE, *FAR)}
    court = Court(*(checks or (CHAT, WEB, MEDIA, TELEGRAM)), vantages=[v for v in known.values() if v in vantages])
    court.rounds(20)
    return court


def broken(court: Court, seen: Seen, *checks: Check, at: str = "", rounds: int = 6) -> tuple[Cause, Reach]:
    """The cause and reach of the window of the first of ``checks``, after so many rounds."""
    court.meet(seen, rounds, *checks, at=at.split())
    return cause_of(court, checks[0])


def cause_of(court: Court, each: Check) -> tuple[Cause, Reach]:
    (window,) = [w for w in court.windows if f"{each.service}.{each.component}" in w.components]
    return window.cause, window.reach


@pytest.mark.parametrize(
    "seen", [STUCK, ERRORS, REJECTED, failing(Layer.DELIVER), SERVFAIL, NO_ROUTE, REFUSED], ids=str
)
def test_what_fails_alike_everywhere_is_the_provider(seen: Seen) -> None:
    assert broken(world(), seen, CHAT, WEB) == (Cause.PROVIDER, Reach.GLOBAL)


# one vantage cannot know


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (STUCK, Cause.PROVIDER),
        (ERRORS, Cause.PROVIDER),
        (EXPIRED, Cause.PROVIDER),
        (REFUSED, Cause.PROVIDER),
        (NO_ROUTE, Cause.UNDETERMINED),
        (RESET, Cause.UNDETERMINED),
        (NXDOMAIN, Cause.UNDETERMINED),
        *((sign, Cause.UNDETERMINED) for sign in SIGNS),
    ],
    ids=str,
)
def test_from_one_vantage_trouble_on_the_wire_has_no_cause(seen: Seen, cause: Cause) -> None:
    assert broken(world(vantages=(HERE,)), seen, CHAT, WEB) == (cause, Reach.UNDETERMINED)


# on the way


def test_a_way_that_times_out_from_one_network_only_is_a_path() -> None:
    assert broken(world(), NO_ROUTE, CHAT, at="par") == (Cause.PATH, Reach.LOCAL)


@pytest.mark.parametrize("seen", [RESET, NXDOMAIN, FORGED, UNTRUSTED, failing(Layer.TLS, Reason.CERT_NAME)], ids=str)
def test_an_answer_of_somebody_else_is_interference(seen: Seen) -> None:
    assert broken(world(), seen, CHAT, at="par") == (Cause.INTERFERENCE, Reach.LOCAL)


@pytest.mark.parametrize("at", ["par", "par mil"])
@pytest.mark.parametrize("seen", SIGNS, ids=str)
def test_a_sign_of_somebody_on_the_way_is_interference_where_it_is_seen(seen: Seen, at: str) -> None:
    cause, reach = broken(world(), seen, CHAT, at=at)
    assert (cause, reach) == (Cause.INTERFERENCE, Reach.LOCAL if at == "par" else Reach.REGIONAL)


@pytest.mark.parametrize("seen", SIGNS, ids=str)
def test_so_it_is_when_it_is_seen_by_one_of_three_operators(seen: Seen) -> None:
    court = world(vantages=(*GABON, *EUROPE, *FAR))
    court.let(STUCK, CHAT, at=["lbv-1", "lbv-2"])
    assert broken(court, seen, CHAT, at="lbv-3") == (Cause.INTERFERENCE, Reach.LOCAL)


@pytest.mark.parametrize("seen", [EXPIRED, REFUSED], ids=str)
def test_what_only_the_service_does_is_not_laid_to_the_way(seen: Seen) -> None:
    """One of its servers has an old certificate, or its door shut; some networks are led to that one."""
    assert broken(world(), seen, CHAT, at="par mil") == (Cause.PROVIDER, Reach.REGIONAL)


def test_operators_of_one_country_that_fail_differently_interfere() -> None:
    court = world(vantages=(*GABON, *EUROPE, *FAR))
    court.let(NO_ROUTE, CHAT, at=["lbv-1"])
    court.let(failing(Layer.TLS), CHAT, at=["lbv-2"])
    assert broken(court, failing(Layer.DNS), CHAT, at="lbv-3") == (Cause.INTERFERENCE, Reach.LOCAL)


def test_operators_of_one_country_that_fail_alike_are_a_path() -> None:
    court = world(vantages=(*GABON, *EUROPE, *FAR))
    assert broken(court, NO_ROUTE, CHAT, at="lbv-1 lbv-2 lbv-3") == (Cause.PATH, Reach.LOCAL)


def test_several_providers_hit_in_one_country_are_interference() -> None:
    court = world(CHAT, WEB, TELEGRAM, SIGNAL, vantages=(*GABON, *EUROPE, *FAR))
    assert broken(court, NO_ROUTE, CHAT, TELEGRAM, at="lbv-1 lbv-2 lbv-3") == (Cause.INTERFERENCE, Reach.LOCAL)


def test_so_they_are_when_it_is_their_handshakes_that_are_not_answered() -> None:
    court = world(CHAT, WEB, TELEGRAM, SIGNAL, vantages=(*GABON, *EUROPE, *FAR))
    assert broken(court, STUCK, CHAT, TELEGRAM, at="lbv-1 lbv-2 lbv-3") == (Cause.INTERFERENCE, Reach.LOCAL)


def test_one_provider_whose_software_fails_in_one_country_is_that_provider() -> None:
    court = world(vantages=(*GABON, *EUROPE, *FAR))
    assert broken(court, ERRORS, CHAT, at="lbv-1 lbv-2 lbv-3") == (Cause.PROVIDER, Reach.LOCAL)


def test_all_networks_of_a_region_in_several_countries_are_the_provider() -> None:
    court = world(vantages=(*EUROPE, *FAR, *GABON))
    assert broken(court, NO_ROUTE, CHAT, at="par mil fra") == (Cause.PROVIDER, Reach.REGIONAL)


def test_a_region_with_a_hole_is_a_path() -> None:
    """A route that leaked takes some networks of a place with it; a data centre that is gone takes all."""
    court = world(vantages=(*EUROPE, *FAR, *GABON))
    court.let(NO_ROUTE, CHAT, at=["iad"])
    assert broken(court, NO_ROUTE, CHAT, at="par mil") == (Cause.PATH, Reach.REGIONAL)


# what a second resolver says


@pytest.mark.parametrize(
    ("seen", "is_known_elsewhere", "cause"),
    [
        (NXDOMAIN, True, Cause.INTERFERENCE),
        (FORGED, True, Cause.INTERFERENCE),
        (FOREIGN_ADDRESS, True, Cause.INTERFERENCE),
        (SERVFAIL, True, Cause.PATH),
        (failing(Layer.DNS), True, Cause.PATH),
        (NXDOMAIN, False, Cause.PROVIDER),
        (SERVFAIL, False, Cause.PROVIDER),
        (NXDOMAIN, None, Cause.UNDETERMINED),
    ],
    ids=str,
)
def test_a_second_resolver_tells_a_name_that_is_broken_from_one_that_is_hidden(
    seen: Seen, is_known_elsewhere: bool | None, cause: Cause
) -> None:
    facts = () if is_known_elsewhere is None else ((Fact.DNS_ELSEWHERE, is_known_elsewhere),)
    court = world(vantages=(HERE,))
    assert broken(court, replace(seen, facts=facts), CHAT) == (cause, Reach.UNDETERMINED)


def test_what_no_network_can_resolve_is_the_provider_whatever_one_resolver_remembers() -> None:
    """Others answer from memory for a while."""
    facts = ((Fact.DNS_ELSEWHERE, True),)
    assert broken(world(), replace(SERVFAIL, facts=facts), CHAT) == (Cause.PROVIDER, Reach.GLOBAL)


# something shared


def test_unrelated_providers_that_begin_to_fail_together_everywhere_share_something() -> None:
    court = world(CHAT, WEB, MEDIA, TELEGRAM, SIGNAL)
    court.let(ERRORS, TELEGRAM)
    assert broken(court, ERRORS, SIGNAL) == (Cause.DEPENDENCY, Reach.GLOBAL)
    assert cause_of(court, TELEGRAM) == (Cause.DEPENDENCY, Reach.GLOBAL)


def test_services_of_one_provider_share_their_provider() -> None:
    court = world(CHAT, WEB, MEDIA, check("web", "instagram"), check("login", "instagram"), check("x", "instagram"))
    assert broken(court, ERRORS, CHAT, court.checks[3]) == (Cause.PROVIDER, Reach.GLOBAL)


def test_ten_minutes_apart_is_not_together() -> None:
    court = world(CHAT, WEB, MEDIA, TELEGRAM, SIGNAL)
    court.meet(ERRORS, 20, TELEGRAM)
    assert broken(court, ERRORS, SIGNAL) == (Cause.PROVIDER, Reach.GLOBAL)


def test_what_fails_at_another_layer_has_another_cause() -> None:
    """30 September 2021: Slack's names, and an old root certificate, on one day."""
    court = world(CHAT, WEB, MEDIA, TELEGRAM, SIGNAL)
    court.let(SERVFAIL, TELEGRAM)
    assert broken(court, ERRORS, SIGNAL) == (Cause.PROVIDER, Reach.GLOBAL)


# our own prober


@pytest.mark.parametrize(
    "seen", [PINNED, UNTRUSTED, REDIRECTED, DENIED, FOREIGN_ADDRESS, CERT_FOREIGN, INJECTED, IMPOSTOR], ids=str
)
def test_trust_or_a_redirection_in_one_component_everywhere_is_our_own_prober(seen: Seen) -> None:
    court = world()
    assert broken(court, seen, CHAT) == (Cause.PROBE, Reach.GLOBAL)
    assert "check our probe first" in court.window.sentence


def test_names_that_are_cut_everywhere_are_the_provider() -> None:
    assert broken(world(), NAME_RESET, CHAT) == (Cause.PROVIDER, Reach.GLOBAL)


def test_the_same_in_a_whole_service_is_not() -> None:
    assert broken(world(), UNTRUSTED, CHAT, WEB, MEDIA) == (Cause.PROVIDER, Reach.GLOBAL)


def test_nor_when_some_networks_are_served_well() -> None:
    assert broken(world(), REDIRECTED, CHAT, at="par mil iad bom") == (Cause.PROVIDER, Reach.GLOBAL)


def test_nor_when_something_else_fails_as_well() -> None:
    court = world()
    court.let(ERRORS, CHAT, at=["par"])
    assert broken(court, REDIRECTED, CHAT, at="mil iad bom sin") == (Cause.PROVIDER, Reach.GLOBAL)


@pytest.mark.parametrize("seen", [DENIED, REJECTED], ids=str)
def test_who_alone_is_refused_is_banned(seen: Seen) -> None:
    assert broken(world(), seen, CHAT, at="par") == (Cause.PROBE, Reach.LOCAL)


def test_a_login_that_is_refused_everywhere_is_the_provider() -> None:
    """5 March 2024: correct passwords were refused."""
    assert broken(world(), REJECTED, CHAT) == (Cause.PROVIDER, Reach.GLOBAL)


# slowness


def test_slow_everywhere_is_the_provider() -> None:
    assert broken(world(), SLOW, CHAT, rounds=14) == (Cause.PROVIDER, Reach.GLOBAL)


def test_slow_from_one_network_is_its_way_there() -> None:
    assert broken(world(), SLOW, CHAT, at="par", rounds=45) == (Cause.PATH, Reach.LOCAL)


def test_several_providers_slow_from_one_network_are_throttled() -> None:
    court = world(CHAT, WEB, MEDIA, TELEGRAM, SIGNAL, vantages=(*GABON[:1], *EUROPE, *FAR))
    assert broken(court, SLOW, CHAT, SIGNAL, at="lbv-1", rounds=45) == (Cause.INTERFERENCE, Reach.LOCAL)


def test_slow_from_one_vantage_alone_cannot_be_told() -> None:
    assert broken(world(vantages=(HERE,)), SLOW, CHAT, rounds=14) == (Cause.UNDETERMINED, Reach.UNDETERMINED)


def test_the_cause_may_change_while_it_lasts() -> None:
    """First one network, then all: what looked like the way there was the service."""
    court = world()
    assert broken(court, NO_ROUTE, CHAT, at="par") == (Cause.PATH, Reach.LOCAL)
    assert broken(court, NO_ROUTE, CHAT) == (Cause.PROVIDER, Reach.GLOBAL)
    court.meet(FINE, 40, CHAT)
    assert cause_of(court, CHAT) == (Cause.PROVIDER, Reach.GLOBAL), "and stays what it was last"


# those that began together


def a_case(start: float, provider: str) -> Case:
    return Case(
        id=f"{start:08}-{provider}",
        target=provider,
        breadth=Breadth.SERVICE,
        provider=provider,
        rules=Rules(),
        status=Status.OPEN,
        start=T0 + start,
        start_after=None,
        opened=T0 + start,
        width=150.0,
        quiet=900.0,
    )


def test_contemporaries_are_cases_of_other_providers_that_began_within_five_minutes() -> None:
    cases = [a_case(start, provider) for start, provider in ((0, "a"), (299, "b"), (300, "c"), (301, "d"), (10, "a"))]
    near = Contemporaries(reversed(cases), 300.0)
    assert [case.provider for case in near.of(cases[0])] == ["b", "c"]
    assert [case.provider for case in near.of(cases[3])] == ["a", "b", "c"]


def test_a_score_of_them_is_enough_to_tell() -> None:
    cases = [a_case(0, f"p{number:04}") for number in range(2000)]
    assert len(Contemporaries(cases, 300.0).of(cases[7])) == 20
