"""What providers say of themselves, beside what we find: on the pages, at the API, and for strangers."""

import re
from dataclasses import replace
from html import unescape
from typing import Any, ClassVar

import pytest

from monitor.domain.check import Check
from monitor.domain.claim import Said
from monitor.domain.words import Claim, State
from monitor.store import Tally
from monitor.web.events import picture
from tests.support.fakes import FakeSettings, a_check
from tests.support.windows import NOW, at, meta_2021, signal_open, whatsapp_2022
from tests.web.scene import Scene, client
from tests.web.test_pages import Elements, look

WHATSAPP = whatsapp_2022()
SIGNAL = signal_open()


class SaidSettings(FakeSettings):
    """Of a probe that reads a status page."""

    evidence: ClassVar[bool] = False


def a_source(service: str) -> Check:
    return a_check("status.example", service=service, component="claims", kind="statuspage", settings=SaidSettings())


def said(claim: Claim, when: float, text: str = "", **changes: Any) -> Said:
    service = changes.pop("service", "whatsapp")
    values: dict[str, Any] = {"source": a_source(service).id, "since": None, **changes}
    return Said(service=service, at=when, claim=claim, text=text, **values)


def a_scene(*claims: Said, reads: bool = True) -> Scene:
    """WhatsApp's outage is over, Signal's goes on; both have a status page. It ``reads`` them at every hour."""
    scene = Scene()
    scene.keep((WHATSAPP, ()), (SIGNAL, ()))
    watched = [a_check(f"{name}.example", service=name, component="chat") for name in ("whatsapp", "signal")]
    sources = [a_source(name) for name in ("whatsapp", "signal")]
    scene.board.replace([*watched, *sources])
    scene.titles = {"whatsapp": "WhatsApp", "signal": "Signal"}
    scene.states = {("whatsapp", ""): State.UP, ("signal", ""): State.DOWN}
    scene.shelf.claims = list(claims)
    if reads:
        scene.shelf.paces = {source.id: {int(NOW) // 3600 * 3600: Tally(1, 0, 0, 0.1)} for source in sources}
    return scene


def events(text: str) -> list[str]:
    """What the course of a window tells, without its marks."""
    found = re.findall(r"<time datetime=.*?</time> <span>.*?</span></li>", text)
    return [unescape(re.sub(r"<[^>]+>", "", each)) for each in found]


def acknowledged(text: str) -> str | None:
    found = re.search(r"<dt>Provider acknowledged</dt><dd>(.*?)</dd>", text)
    return found[1] if found else None


async def test_the_course_of_an_outage_tells_when_the_provider_began_to_say_what() -> None:
    scene = a_scene(
        said(Claim.DEGRADED, WHATSAPP.start + 23 * 60, "We are aware of a problem"),
        said(Claim.DOWN, WHATSAPP.start + 3600, since=WHATSAPP.start + 2400),
        said(Claim.FINE, (WHATSAPP.end or 0) + 720),
    )
    text = await look(scene, f"/outage/{WHATSAPP.id}")
    told = events(text)
    assert [each for each in told if "provider" in each] == [
        "2022-10-25 06:58:00 UTC the provider says: degraded, 23 min after it began (when we first read it) "
        "We are aware of a problem",
        "2022-10-25 07:15:00 UTC the provider says: down, 40 min after it began (by its own date)",
        "2022-10-25 09:42:00 UTC the provider says: fine, 12 min after it ended (when we first read it)",
    ]
    assert told == sorted(told)
    assert '<q lang="">We are aware of a problem</q>' in text, "in whatever language"
    assert acknowledged(text) == "after 23 min"


@pytest.mark.parametrize(
    ("claims", "reads", "line"),
    [
        ((), True, "no"),
        ((), False, None),
        ((said(Claim.FINE, WHATSAPP.start + 60),), True, "no"),
        ((said(Claim.MAINTENANCE, WHATSAPP.start - 600),), True, "10 min before it began"),
        ((said(Claim.DOWN, WHATSAPP.start + 600, since=WHATSAPP.start - 120),), True, "2 min before it began"),
        ((said(Claim.DOWN, WHATSAPP.start + 600, since=WHATSAPP.start - 90_000),), True, "after 10 min"),
        ((said(Claim.DOWN, WHATSAPP.start + 600, since=WHATSAPP.start + 9000),), True, "after 10 min"),
        ((said(Claim.DEGRADED, WHATSAPP.start - 86400),), True, "before it began"),
        ((said(Claim.DOWN, WHATSAPP.start - 86400), said(Claim.FINE, WHATSAPP.start - 7200)), True, "no"),
        ((said(Claim.DOWN, (WHATSAPP.closed or 0) + 3700),), True, "no"),
        ((said(Claim.DOWN, WHATSAPP.start + 60, service="signal"),), True, "no"),
    ],
    ids=range(11),
)
async def test_how_long_the_provider_took(claims: tuple[Said, ...], reads: bool, line: str | None) -> None:
    assert acknowledged(await look(a_scene(*claims, reads=reads), f"/outage/{WHATSAPP.id}")) == line


async def test_an_outage_that_goes_on_is_not_acknowledged_so_far_until_it_is() -> None:
    scene = a_scene(reads=False)
    path = f"/outage/{SIGNAL.id}"
    assert acknowledged(await look(scene, path)) is None, "nobody has read the status page yet"
    scene.claims = [said(Claim.FINE, NOW - 9000, service="signal")]
    assert acknowledged(await look(scene, path)) == "not so far"
    now = said(Claim.DOWN, SIGNAL.start + 120, service="signal")
    scene.claims = [now]
    text = await look(scene, path)
    assert acknowledged(text) == "after 2 min", "before the store has it"
    scene.shelf.claims = [now]
    scene.claims = [replace(now, at=now.at + 60)]
    told = [each for each in events(await look(scene, path)) if "provider" in each]
    assert len(told) == 1, "heard again after a restart: no news"


async def test_of_several_services_each_is_named() -> None:
    window = meta_2021()
    scene = a_scene(said(Claim.DOWN, window.start + 60))
    scene.keep((window, ()))
    text = await look(scene, f"/outage/{window.id}")
    assert "the provider says of WhatsApp: down, 1 min after it began" in text


def sayings(text: str) -> list[str]:
    found = re.findall(r'<(?:p|span) class="saying">(.*?)</(?:p|span)>', text)
    return [unescape(re.sub(r"<[^>]+>", "", each)) for each in found]


@pytest.mark.parametrize(
    ("state", "claims", "line"),
    [
        (State.UP, (Claim.FINE,), []),
        (State.UNKNOWN, (Claim.FINE,), []),
        (State.DOWN, (), []),
        (State.DOWN, (Claim.FINE,), ["The provider says: fine"]),
        (State.DEGRADED, (Claim.FINE,), ["The provider says: fine"]),
        (State.UP, (Claim.MAINTENANCE,), ["The provider says: maintenance"]),
        (State.UP, (Claim.FINE, Claim.DOWN, Claim.DEGRADED), ["The provider says: down"]),
    ],
    ids=str,
)
async def test_a_service_whose_provider_says_something_else_has_that_beside_it(
    state: State, claims: tuple[Claim, ...], line: list[str]
) -> None:
    scene = a_scene()
    scene.keep()
    scene.states["signal", ""] = state
    scene.claims = [said(claim, NOW - 60, service="signal", source=f"s/{n}") for n, claim in enumerate(claims)]
    assert sayings(await look(scene, "/service/signal")) == line
    assert sayings(await look(scene)) == line
    assert await look(scene, "/card/signal") != ""
    assert (line[:1] == []) is ("The provider says" not in await look(scene, "/card/signal"))
    assert sayings(await look(scene, "/service/whatsapp")) == []


async def test_what_is_open_has_the_contrast_on_its_card() -> None:
    scene = a_scene()
    scene.claims = [said(Claim.FINE, NOW - 60, "All good", service="signal")]
    text = await look(scene)
    card = text.partition('<article class="card')[2].partition("</article>")[0]
    assert sayings(card) == ["The provider says: fine All good"]
    assert sayings(text.partition("</article>")[2]) == ["The provider says: fine"]
    scene.claims = [said(Claim.DOWN, NOW - 60, service="signal", since=at("2022-10-25T11:00:00"))]
    assert sayings(await look(scene, "/service/signal")) == [
        "The provider says: down, since 2022-10-25 11:00:00 UTC",
    ]
    assert sayings(await look(scene, "/service/signal", {"Accept-Language": "it"})) == [
        "Il fornitore dice: guasto, dal 2022-10-25 11:00:00 UTC",
    ]


async def test_the_api_tells_what_is_said_now_and_what_was_said_then() -> None:
    claim = said(Claim.DEGRADED, WHATSAPP.start + 60, "Looking", since=WHATSAPP.start + 30)
    scene = a_scene(said(Claim.DOWN, WHATSAPP.start - 7200), claim)
    scene.claims = [said(Claim.FINE, NOW - 60, service="signal")]
    async with client(scene) as http:
        services = (await (await http.get("/api/v1/services")).json())["services"]
        window = await (await http.get(f"/api/v1/outages/{WHATSAPP.id}")).json()
    claims = {service["name"]: [one["claim"] for one in service["claims"]] for service in services}
    assert claims == {"whatsapp": [], "signal": ["fine"]}
    (one,) = window["claims"]
    assert one == {
        "service": "whatsapp",
        "source": "whatsapp/claims/status.example/statuspage",
        "claim": "degraded",
        "since": {"rfc3339": "2022-10-25T06:35:30.000Z", "epoch_ms": (WHATSAPP.start + 30) * 1000},
        "at": {"rfc3339": "2022-10-25T06:36:00.000Z", "epoch_ms": (WHATSAPP.start + 60) * 1000},
        "text": "Looking",
    }


async def test_strangers_may_know_what_a_provider_says_and_not_which_check_read_it() -> None:
    scene = a_scene(said(Claim.DOWN, WHATSAPP.start + 60, "Looking"))
    scene.claims = [said(Claim.DEGRADED, NOW - 60, service="signal")]
    scene.is_public = True
    async with client(scene) as http:
        for path, source in (("services", "signal/claims"), (f"outages/{WHATSAPP.id}", "whatsapp/claims")):
            text = await (await http.get(f"/api/v1/{path}")).text()
            assert f'"source": "{source}"' in text
            assert "status.example" not in text
    assert "<q" in await look(scene, f"/outage/{WHATSAPP.id}")


async def test_pages_show_something_else_when_a_claim_changes() -> None:
    scene = a_scene()
    backend = scene.backend()
    before = picture(backend)
    assert picture(backend) == before
    scene.claims = [said(Claim.DOWN, NOW, service="signal")]
    assert picture(backend) != before


async def test_what_a_provider_says_cannot_become_markup() -> None:
    nasty = '</q><script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="x'
    scene = a_scene(said(Claim.DOWN, SIGNAL.start + 60, nasty, service="signal"))
    scene.claims = scene.shelf.claims
    for path in ("/", f"/outage/{SIGNAL.id}", "/service/signal", "/card/signal"):
        tags = [tag for tag, _ in Elements(await look(scene, path)).found]
        assert "img" not in tags
        assert tags.count("script") <= 1


async def test_a_store_that_cannot_be_read_leaves_what_is_said_now() -> None:
    scene = a_scene()
    scene.claims = [said(Claim.DOWN, NOW - 60, service="signal")]
    scene.shelf.problem = "gone"
    assert sayings(await look(scene, "/service/signal")) == ["The provider says: down"]
