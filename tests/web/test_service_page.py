"""The page of a service, and a first page of very many services."""

import re
from dataclasses import replace

import pytest

from monitor.domain.attempt import Failure
from monitor.domain.words import Layer, Outcome, Phase, Reason, State
from monitor.store import Tally
from monitor.web.bars import HOUR
from tests.metrics.test_exposition import ok
from tests.support.fakes import a_check
from tests.support.windows import NOW, signal_open, whatsapp_2022
from tests.web.scene import Scene, Share, client, failed
from tests.web.test_pages import look
from tests.web.test_pictures import Stretch, day


def a_scene() -> Scene:
    scene = Scene()
    checks = [
        a_check("g.example:443", service="signal", component="chat", provider="signal"),
        a_check("cdn.example:443", service="signal", component="media", critical=False),
        a_check("other.example", service="other"),
    ]
    scene.board.replace(checks)
    scene.board.observe(
        checks[0], replace(failed("g.example:443", "cert is old"), check_id=checks[0].id, started=NOW - 90)
    )
    took = replace(ok(checks[1]), started=NOW - 5, phases={Phase.CONNECT: 0.02, Phase.TLS: 0.03}, duration=0.05)
    scene.board.observe(checks[1], took)
    scene.states = {("signal", ""): State.DOWN, ("signal", "chat"): State.DOWN, ("signal", "media"): State.UP}
    scene.titles = {"signal": "Signal"}
    scene.shelf.shares = [Share(service="signal", share=0.5, coverage=1.0)]
    scene.shelf.days = [replace(day(2, 7200.0), service="signal"), replace(day(9, 60.0), service="other")]
    scene.shelf.hours = [Stretch(begin=int(NOW) - HOUR, service="signal", component="chat", up=3000, down=600)]
    scene.shelf.paces = {checks[1].id: {int(NOW) - n * HOUR: Tally(9, 0, 0, 0.09 * (n + 1)) for n in range(5)}}
    return scene


async def test_a_service_shows_its_components_their_checks_and_its_windows() -> None:
    scene = a_scene()
    scene.keep((signal_open(), ()), (whatsapp_2022(), ()))
    text = await look(scene, "/service/signal")
    for said in (
        "<title>Signal: down - lastseen</title>",
        "Provider: signal",
        "<b>50\u00a0%</b>",
        'aria-label="Last 90 days: down on 1 day, 2 h in all; most on 2022-10-23, 2 h; nothing is known of 89 days"',
        "<title>2022-10-23: down 2 h</title>",
        "<title>2022-10-25 11:00 UTC: down 10 min</title>",
        "<li>2022-10-23: down 2 h</li>",
        '<th scope="row">g.example:443</th>',
        "tls/cert_expired: cert is old; failing since 2022-10-25 11:58:30 UTC",
        "1 min 30 s ago",
        "connect 20\u00a0ms, tls 30\u00a0ms",
        "last 48 hours: 10\u00a0ms now, from 10\u00a0ms to 50\u00a0ms",
        "<small>minor</small>",
        "Signal chat fails on and off",
        "/api/v1/outages.ics?service=signal",
    ):
        assert said in text, said
    assert "2022-10-16" not in text, "that was another service"
    (query,) = [query for query in scene.shelf.asked if query.service]
    assert (query.service, query.is_open) == ("signal", False)


async def test_strangers_see_components_layers_and_numbers_and_no_target_or_message() -> None:
    scene = a_scene()
    scene.is_public = True
    scene.keep((signal_open(), ()))
    text = await look(scene, "/service/signal")
    assert "g.example" not in text
    assert "cert is old" not in text
    assert '<th scope="row">Check 1</th>' in text
    assert "tls/cert_expired; failing since" in text
    page = await look(scene, f"/outage/{signal_open().id}")
    assert "chat.signal.org" not in page
    assert "expired on" not in page
    assert "<td>signal.chat</td><td><b>tls/cert_expired</b></td>" in page


async def test_a_check_that_could_not_tell_says_so_without_an_end_to_its_failures() -> None:
    scene = a_scene()
    (row, *_) = scene.board.rows()
    ours = Failure(layer=None, reason=Reason.SELF_LAG, message="late by 3 s")
    scene.board.observe(row.check, replace(ok(row.check), outcome=Outcome.INCONCLUSIVE, failure=ours))
    text = await look(scene, "/service/signal")
    assert "self_lag: late by 3 s; failing since" in text


async def test_a_service_of_an_odd_name_has_its_page() -> None:
    scene = Scene()
    scene.board.replace([a_check("a", service="a b/ü?")])
    text = await look(scene)
    (path,) = set(re.findall(r'href="(/service/[^"]+)"', text))
    assert path == "/service/a%20b%2F%C3%BC%3F"
    assert "a b/ü?" in await look(scene, path)


def many(services: int, each: int) -> Scene:
    scene = Scene()
    names = [f"service-number-{number}" for number in range(services)]
    scene.board.replace(
        [a_check(f"host-{n}.example:443", service=name, component=f"c{n}") for name in names for n in range(each)]
    )
    scene.shelf.shares = [Share(service=name, share=0.9991, coverage=0.97) for name in names]
    scene.states = {(name, ""): State.UP for name in names}
    scene.shelf.days = [
        replace(day(ago, 61.25 if (ago * 7 + n) % 25 == 0 else 0.0), service=name)
        for n, name in enumerate(names)
        for ago in range(90)
    ]
    return scene


@pytest.mark.parametrize(("services", "each"), [(100, 10), (1000, 1), (5, 200)])
async def test_the_first_page_of_a_thousand_checks_stays_small(services: int, each: int) -> None:
    scene = many(services, each)
    scene.keep(*((whatsapp_2022(id=f"w{number}"), ()) for number in range(100)))
    text = await look(scene)
    assert len(text.encode()) < 100_000
    assert text.count('<li><a class="name"') == min(100, services)


async def test_very_many_services_come_in_pages_what_fails_first_and_can_be_found() -> None:
    scene = many(250, 1)
    scene.states["service-number-249", ""] = State.DOWN
    text = await look(scene)
    assert re.findall(r'href="/service/([^"]+)"', text)[0] == "service-number-249"
    assert "1 of 3, 250 services" in text
    assert 'rel="next" href="/?page=2"' in text
    last = await look(scene, "/?page=99")
    assert last.count('<li><a class="name"') == 50
    found = await look(scene, "/?find=NUMBER-12")
    assert found.count('<li><a class="name"') == 11
    assert "No service matches &lt;x." in await look(scene, "/?find=%3Cx")
    few = await look(many(3, 1))
    assert '<form class="find"' not in few


async def test_a_layer_is_named_in_the_picture_of_what_each_vantage_saw() -> None:
    scene = a_scene()
    scene.keep((signal_open(), ()))
    text = await look(scene)
    assert f'<span class="note">{Layer.TLS}</span>' in text
    assert re.search(r'aria-label="down from 11:56:40 to now \(tls\)"', text)


async def test_a_page_in_a_frame_or_in_a_cache_has_its_headers() -> None:
    async with client(a_scene()) as http:
        for path in ("/", "/service/signal", "/history"):
            answer = await http.get(path)
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
            assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
            assert "Accept-Language" in answer.headers["Vary"]
