"""How far it reaches among the components of a service and the services of a provider."""

import pytest

from monitor.domain.words import Breadth, Status
from tests.judgement.court import FINE, NOBODY, STUCK, T0, WORLD, Court, check

CHAT, WEB, MEDIA, CALLS = (check(name) for name in ("chat", "web", "media", "calls"))
INSTAGRAM = [check(name, "instagram") for name in ("web", "login")]
FACEBOOK = check("web", "facebook")
TELEGRAM = check("chat", "telegram")
ACME = [check("homeserver", "acme"), check("mqtt", "acme")]


def breadths(court: Court) -> dict[str, Breadth]:
    return {window.target: window.breadth for window in court.windows}


@pytest.mark.parametrize(
    ("failing", "target"),
    [
        ([CHAT], "whatsapp.chat"),
        ([CHAT, WEB], None),
        ([CHAT, WEB, MEDIA], "whatsapp"),
        ([CHAT, WEB, MEDIA, CALLS], "whatsapp"),
    ],
    ids=["one of four", "two of four", "three of four", "all"],
)
def test_more_than_half_of_the_components_are_the_service(failing: list[object], target: str | None) -> None:
    checks = (CHAT, WEB, MEDIA, CALLS)
    court = Court(*checks, TELEGRAM)
    court.rounds(5)
    court.meet(STUCK, 4, *(each for each in checks if each in failing))
    assert breadths(court) == (
        {target: Breadth.SERVICE if target == "whatsapp" else Breadth.COMPONENT}
        if target
        else {"whatsapp.chat": Breadth.COMPONENT, "whatsapp.web": Breadth.COMPONENT}
    )


def test_the_only_component_is_the_service() -> None:
    court = Court(CHAT)
    court.rounds(5)
    court.meet(STUCK, 2)
    assert breadths(court) == {"whatsapp": Breadth.SERVICE}


def test_a_window_grows_and_keeps_its_name_and_start() -> None:
    court = Court(CHAT, WEB, MEDIA, CALLS)
    court.rounds(5)
    court.meet(STUCK, 4, CHAT)
    name = court.window.id
    court.meet(STUCK, 4, WEB)
    assert len(court.windows) == 2
    court.meet(STUCK, 4, MEDIA)
    assert (court.window.id, court.window.target, court.window.start) == (name, "whatsapp", T0 + 150)
    assert court.window.components == ("whatsapp.chat", "whatsapp.web", "whatsapp.media")
    absorbed = [window for window in court.kept.windows.values() if window.status is Status.ABSORBED]
    assert [(window.target, window.absorbed_by) for window in absorbed] == [("whatsapp.web", name)]


def test_what_is_known_of_too_few_components_is_not_the_service() -> None:
    """Three of four are not asked: who could say that they fail?"""
    court = Court(CHAT, WEB, MEDIA, CALLS)
    court.rounds(5)
    court.let(NOBODY, WEB, MEDIA, CALLS)
    court.rounds(5)
    court.meet(STUCK, 4, CHAT)
    assert breadths(court) == {"whatsapp.chat": Breadth.COMPONENT}


def test_one_component_more_may_still_be_about_to_fall() -> None:
    """Web has failed twice in a row when chat and media are known to be down: it is the whole service at once."""
    court = Court(CHAT, WEB, MEDIA)
    court.rounds(5)
    court.let(STUCK)
    for each in (CHAT, WEB, MEDIA):
        court.tell("fra-1", each)
        court.tell("fra-1", each, 2.0, 1)
    court.tell("fra-1", CHAT, 4.0, 2)
    court.idle(10.0)
    assert breadths(court) == {"whatsapp": Breadth.SERVICE}
    assert court.window.components == ("whatsapp.chat",)


def test_all_services_of_a_provider_are_the_provider() -> None:
    court = Court(CHAT, WEB, *INSTAGRAM, FACEBOOK, TELEGRAM, vantages=WORLD)
    court.rounds(5)
    court.meet(STUCK, 4, CHAT, WEB, *INSTAGRAM, FACEBOOK)
    assert breadths(court) == {"provider:meta": Breadth.PROVIDER}
    assert court.window.services == ("facebook", "instagram", "whatsapp")
    assert court.window.provider == "meta"
    assert len(court.kept.windows) == 1, "it was one from its first sitting"


def test_all_services_but_one_are_not_the_provider() -> None:
    court = Court(CHAT, WEB, *INSTAGRAM, FACEBOOK)
    court.rounds(5)
    court.meet(STUCK, 4, CHAT, WEB, *INSTAGRAM)
    assert breadths(court) == {"whatsapp": Breadth.SERVICE, "instagram": Breadth.SERVICE}
    assert {window.unaffected for window in court.windows} == {("facebook",)}


def test_a_service_that_is_only_hurt_keeps_the_provider_from_being_down() -> None:
    court = Court(CHAT, WEB, MEDIA, CALLS, *INSTAGRAM, FACEBOOK)
    court.rounds(5)
    court.meet(STUCK, 4, CHAT, *INSTAGRAM, FACEBOOK)
    assert breadths(court) == {
        "whatsapp.chat": Breadth.COMPONENT,
        "instagram": Breadth.SERVICE,
        "facebook": Breadth.SERVICE,
    }


def test_a_provider_of_one_service_is_that_service() -> None:
    court = Court(TELEGRAM)
    court.rounds(5)
    court.meet(STUCK, 4)
    assert breadths(court) == {"telegram": Breadth.SERVICE}


def test_services_without_a_provider_have_nothing_in_common() -> None:
    court = Court(*ACME, check("web", "acme"), check("c", "other", provider=""))
    court.rounds(5)
    court.meet(STUCK, 4)
    assert breadths(court) == {"acme": Breadth.SERVICE, "other": Breadth.SERVICE}


def test_what_comes_back_alone_does_not_make_the_window_smaller() -> None:
    court = Court(CHAT, WEB, MEDIA)
    court.rounds(5)
    court.meet(STUCK, 4)
    court.meet(FINE, 5, CHAT, WEB)
    assert breadths(court) == {"whatsapp": Breadth.SERVICE}
    assert court.window.end is None


def test_two_networks_that_see_different_components_fail_see_no_whole_service() -> None:
    """Half of the vantages concerned is not most of them."""
    court = Court(CHAT, WEB, MEDIA, vantages=WORLD[:2])
    court.rounds(5)
    court.let(STUCK, CHAT)
    court.let(STUCK, WEB, at=["par"])
    court.rounds(2)
    assert breadths(court)["whatsapp.chat"] is Breadth.COMPONENT
