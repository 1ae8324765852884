"""Peers over real HTTP, told by servers on the loopback."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from monitor.clock import SystemClock
from monitor.domain.check import Check
from monitor.domain.vitals import Ignored, PeerTrouble, PeerVitals
from monitor.formats.feed import LARGEST
from monitor.peers import Line, Peers, follower
from tests.peers.telling import AWAY, CHECK, HOME, Heard, Teller, made
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.servers import free_port
from tests.support.waiting import until

now = SystemClock.now


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a second and more are made short; that they grow is told by their own test."""
    monkeypatch.setattr(follower, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(follower, "_LAST_PAUSE", 0.1)


class Scene:
    """Peers that are followed, and what was heard of them."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.peers = Peers(SystemClock(), self.heard.ears(), "lastseen/test")

    def follow(self, *urls: str, checks: Sequence[Check] = (CHECK,), **settings: Any) -> None:
        self.peers.replace([Line(**{"url": url, "interval": 0.05, **settings}) for url in urls], HOME, checks)

    def vitals(self, place: int = 0) -> PeerVitals:
        return self.peers.vitals()[place]

    async def until_heard(self, number: int) -> None:
        await until(lambda: len(self.heard.attempts) >= number)

    async def until_trouble(self, trouble: PeerTrouble, times: int = 1) -> None:
        await until(lambda: self.vitals().troubles.get(trouble, 0) >= times)
        assert not self.vitals().is_up


@asynccontextmanager
async def following() -> AsyncIterator[Scene]:
    scene = Scene()
    task = asyncio.ensure_future(scene.peers.follow())
    try:
        yield scene
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def telling(teller: Teller, port: int = 0, **settings: Any) -> AsyncIterator[str]:
    """The URL where it tells."""
    server = TestServer(teller.application(), port=port or None, **settings)
    await server.start_server(ssl=settings.get("ssl"))
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


async def met(scene: Scene, place: int = 0) -> None:
    """The first answer is there: what comes now is news."""
    await until(lambda: scene.vitals(place).is_up)


async def test_attempts_are_heard_as_they_are_made_over_one_connection() -> None:
    teller = Teller(now)
    async with telling(teller) as url, following() as scene:
        scene.follow(url)
        await met(scene)
        for number in range(3):
            teller.tell(made(now() - 1 + number / 10))
            await scene.until_heard(number + 1)
        await until(lambda: teller.requests[-1].query.get("after") == "3")
        vitals = scene.vitals()
    assert [(vantage, check) for vantage, check, _ in scene.heard.attempts] == [("away", CHECK)] * 3
    assert scene.peers.vantages == (AWAY,)
    assert scene.heard.met == 1
    assert (vitals.url, vitals.vantage, vitals.taken) == (url, "away", 3)
    assert vitals.answered == pytest.approx(now(), abs=5)
    assert 0 < vitals.lag < 5
    assert {request.path for request in teller.requests} == {"/api/v1/attempts"}
    assert {request.headers["User-Agent"] for request in teller.requests} == {"lastseen/test"}
    assert len(teller.callers) == 1
    assert "after" not in teller.requests[0].query


async def test_a_url_may_have_a_path() -> None:
    teller = Teller(now)
    async with telling(teller) as url, following() as scene:
        scene.follow(f"{url}/lastseen")
        await met(scene)
    assert teller.requests[0].path == "/lastseen/api/v1/attempts"


async def test_what_does_not_fit_on_a_page_is_asked_for_at_once() -> None:
    teller = Teller(now)
    teller.page_size = 10
    async with telling(teller) as url, following() as scene:
        scene.follow(url, interval=60.0)
        await met(scene)
        scene.follow(url, interval=59.0)  # what is changed is followed anew, at once, from where it was
        teller.tell(*(made(now() - 1 + number / 1000) for number in range(95)))
        await scene.until_heard(95)
    assert scene.heard.begins == sorted(scene.heard.begins)


async def test_a_peer_that_never_comes_to_an_end_gets_no_more_than_its_turn() -> None:
    teller = Teller(now)
    teller.page_size = 1
    async with telling(teller) as url, following() as scene:
        scene.follow(url)
        await met(scene)
        teller.tell(*(made(now() - 5 + number / 1000) for number in range(100)))
        scene.follow(url, interval=60.0)
        await scene.until_heard(20)
        await asyncio.sleep(0.2)
    assert len(scene.heard.attempts) <= 40


@pytest.mark.parametrize(
    ("settings", "header"),
    [
        ({"token": "t0k"}, "Bearer t0k"),
        ({"username": "fra", "password": "pä:ss"}, "Basic " + base64.b64encode("fra:pä:ss".encode()).decode()),
        ({}, None),
    ],
)
async def test_a_peer_is_shown_what_it_wants_to_see(settings: dict[str, Any], header: str | None) -> None:
    teller = Teller(now)
    async with telling(teller) as url, following() as scene:
        scene.follow(url, **settings)
        await met(scene)
    assert teller.requests[0].headers.get("Authorization") == header


def test_the_secrets_of_a_peer_do_not_show() -> None:
    shown = repr(Line(url="http://a", interval=1, token="hunter1", username="u", password="hunter2"))
    assert "hunter" not in shown


async def test_a_peer_with_a_certificate_is_heard_and_one_with_another_is_not(tmp_path: Path) -> None:
    ours, rogue = CertificateAuthority(tmp_path / "ours"), CertificateAuthority(tmp_path / "rogue")
    teller = Teller(now)
    context = server_context(ours.leaf())
    async with telling(teller, scheme="https", ssl=context) as url, following() as scene:
        for ca_file in (str(rogue.ca_path), "", str(tmp_path / "missing")):
            scene.follow(url, ca_file=ca_file)
            await scene.until_trouble(PeerTrouble.UNREACHABLE)
            scene.follow()
        assert teller.requests == []
        scene.follow(url, ca_file=str(ours.ca_path), token="t0k")
        await met(scene)


async def test_a_redirection_is_not_followed_with_our_token_in_hand() -> None:
    elsewhere, teller = Teller(now), Teller(now)
    async with telling(elsewhere) as other, telling(teller) as url, following() as scene:

        async def redirect(_: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(f"{other}/api/v1/attempts")

        teller.answer = redirect
        scene.follow(url, token="t0k")
        await scene.until_trouble(PeerTrouble.STATUS)
    assert elsewhere.requests == []


async def hangs(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError


async def no_json(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>")


async def too_large(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with suppress(ConnectionError):
        for _ in range(LARGEST // 10_000 * 50):
            await response.write(b" " * 10_000)
    return response


async def bomb(_: web.Request) -> web.StreamResponse:
    response = web.Response(body=b" " * (LARGEST - 1))
    response.enable_compression(web.ContentCoding.gzip)
    response.headers["Content-Encoding"] = "gzip"
    return response


async def teapot(_: web.Request) -> web.StreamResponse:
    return web.Response(status=418)


async def breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_length = 1000
    await response.prepare(request)
    await response.write(b"{")
    assert request.transport is not None
    request.transport.abort()
    return response


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (no_json, PeerTrouble.MALFORMED),
        (too_large, PeerTrouble.MALFORMED),
        (bomb, PeerTrouble.MALFORMED),
        (breaks_off, PeerTrouble.MALFORMED),
        (teapot, PeerTrouble.STATUS),
        (hangs, PeerTrouble.UNREACHABLE),
    ],
)
async def test_a_peer_that_answers_nonsense_or_not_is_tried_again_until_it_comes_round(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
    trouble: PeerTrouble,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follower, "_WAIT", 0)
    monkeypatch.setattr(follower, "_PATIENCE", 0.3)
    teller = Teller(now)
    teller.answer = answer
    async with telling(teller) as url, following() as scene:
        scene.follow(url)
        await scene.until_trouble(trouble, 2)
        assert scene.peers.vantages == ()
        assert PeerTrouble.INTERNAL not in scene.vitals().troubles
        teller.answer = None
        await met(scene)
        teller.tell(made(now()))
        await scene.until_heard(1)


async def test_what_a_peer_did_while_it_could_not_be_reached_is_made_up_for() -> None:
    teller, port = Teller(now), free_port()
    async with following() as scene:
        async with telling(teller, port) as url:
            scene.follow(url)
            await met(scene)
            teller.tell(made(now() - 5))
            await scene.until_heard(1)
        await scene.until_trouble(PeerTrouble.UNREACHABLE)
        teller.tell(made(now() - 3), made(now() - 2))
        async with telling(teller, port):
            await scene.until_heard(3)
    assert scene.vitals().lost == 0


async def test_what_a_peer_did_since_its_restart_is_heard_though_we_were_late() -> None:
    teller = Teller(now)
    async with telling(teller) as url, following() as scene:
        scene.follow(url)
        await met(scene)
        teller.tell(*(made(now() - 9 + number / 10) for number in range(9)))
        await scene.until_heard(9)
        teller.start_anew(made(now() - 2), made(now() - 1))
        await scene.until_heard(11)
    assert scene.vitals().taken == 11


async def test_one_that_speaks_for_us_or_for_another_is_not_heard() -> None:
    honest, liar, mirror = Teller(now), Teller(now), Teller(now, HOME)
    async with telling(honest) as first, telling(liar) as second, telling(mirror) as third, following() as scene:
        scene.follow(first)
        await met(scene)
        scene.follow(first, second, third)
        await until(lambda: all(scene.vitals(place).troubles.get(PeerTrouble.NAME, 0) >= 2 for place in (1, 2)))
        for teller in (liar, mirror, honest):
            teller.tell(made(now()))
        await scene.until_heard(1)
        assert [vantage for vantage, _, _ in scene.heard.attempts] == ["away"]
        assert scene.peers.vantages == (AWAY,)
        liar.vantage = replace(AWAY, name="liar")
        liar.tell(made(now()))
        await until(lambda: scene.vitals(1).is_up)
    assert [vantage.name for vantage in scene.peers.vantages] == ["away", "liar"]


async def test_a_peer_that_is_taken_out_of_the_configuration_is_not_asked_any_more() -> None:
    first, second = Teller(now), Teller(now, replace(AWAY, name="other"))
    async with telling(first) as one, telling(second) as two, following() as scene:
        scene.follow(one, two)
        await met(scene, 0)
        await met(scene, 1)
        scene.follow(two)
        await asyncio.sleep(0.1)
        asked = len(first.requests)
        second.tell(made(now()))
        await scene.until_heard(1)
        assert len(first.requests) == asked
        assert [vantage.name for vantage in scene.peers.vantages] == ["other"]


async def test_attempts_of_checks_that_are_not_ours_are_counted_by_reason() -> None:
    teller = Teller(now)
    async with telling(teller) as url, following() as scene:
        scene.follow(url)
        await met(scene)
        teller.tell(made(now() - 3, "s/c/other/fake"), made(now() - 900), made(now() - 1))
        await scene.until_heard(1)
    assert scene.vitals().ignored == {Ignored.NOT_WATCHED: 1, Ignored.UNTIMELY: 1}


async def test_the_log_names_a_trouble_once_and_says_when_it_is_over() -> None:
    teller = Teller(now)
    teller.answer = teapot
    with capture_logs() as logs:
        async with telling(teller) as url, following() as scene:
            scene.follow(url, token="hunter2")
            await scene.until_trouble(PeerTrouble.STATUS, 4)
            teller.answer = None
            await met(scene)
    said = [(entry["log_level"], entry["event"]) for entry in logs]
    assert said == [("warning", "peer not heard; will try again"), ("info", "peer answers")]
    assert "418" in logs[0]["why"]
    assert "hunter2" not in str(logs)


async def test_pauses_grow_while_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "_LAST_PAUSE", 60.0)
    async with following() as scene:
        began = now()
        scene.follow(f"http://127.0.0.1:{free_port()}")
        await scene.until_trouble(PeerTrouble.UNREACHABLE, 5)
        took = now() - began
    assert took >= (0.05 * (2 + 4 + 8 + 16)) / 2, "0.1, 0.2, 0.4 and 0.8 s, of each a half at least"


async def test_a_bug_in_following_one_peer_costs_neither_the_others_nor_the_monitor(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    good, bad = Teller(now), Teller(now, replace(AWAY, name="bad"))
    async with telling(good) as one, telling(bad) as two, following() as scene:
        scene.follow(one, two)
        await met(scene, 1)

        def breaks(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(scene.peers._followers[two].hearing, "take", breaks)
        bad.tell(made(now()))
        await until(lambda: scene.vitals(1).troubles.get(PeerTrouble.INTERNAL, 0) >= 1)
        good.tell(made(now()))
        await scene.until_heard(1)
    assert scene.vitals(0).troubles == {}
