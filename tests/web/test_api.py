"""The API over HTTP: filters, pages, formats, and what it says when it cannot answer."""

import asyncio
import csv
import io
from dataclasses import replace
from typing import Any

import feedparser  # type: ignore[import-untyped]  # ships no types
import icalendar
import pytest

from monitor.domain.outage import OutageQuery, Span
from monitor.domain.words import State, Status, VantageState
from tests.support.fakes import a_check
from tests.support.windows import NOW, a_note, meta_2021, signal_open, telegram_recovering, whatsapp_2022
from tests.web.scene import Scene, Share, client

_LISTS = ("/api/v1/outages", "/api/v1/outages.csv", "/api/v1/outages.ics")


def with_history() -> Scene:
    scene = Scene()
    past = whatsapp_2022()
    scene.keep((signal_open(), ()), (telegram_recovering(), ()), (past, (a_note(past),)), (meta_2021(), ()))
    return scene


async def get(scene: Scene, path: str, **headers: str) -> tuple[int, Any, Any]:
    async with client(scene) as http:
        answer = await http.get(path, headers=headers)
        is_json = answer.content_type == "application/json"
        return answer.status, answer.headers, (await answer.json() if is_json else await answer.text())


async def test_outages_are_listed_with_their_notes_and_permalinks_that_work() -> None:
    scene = with_history()
    _, _, document = await get(scene, "/api/v1/outages", Host="status.example:8080")
    assert [one["id"] for one in document["outages"]] == [window.id for window, _ in scene.shelf.kept]
    assert document["next"] is None
    over = document["outages"][2]
    assert over["permalink"] == "http://status.example:8080/outage/20221025T063500Z-whatsapp"
    assert over["notes"][0]["author"] == "ines"
    provider = document["outages"][3]
    async with client(scene) as http:
        path = provider["permalink"].removeprefix("http://status.example:8080")
        assert (await http.get(path)).status == 200
        one = await http.get(path.replace("/outage/", "/api/v1/outages/"))
        assert (await one.json())["id"] == "20211004T154000Z-provider:meta"


async def test_filters_reach_the_store_and_one_more_is_asked_for_to_know_of_a_next_page() -> None:
    scene = with_history()
    status, _, _ = await get(scene, "/api/v1/outages?since=7d&service=signal&open=true&limit=10&offset=1")
    assert status == 200
    wanted = OutageQuery(since=NOW - 7 * 86400, service="signal", is_open=True, limit=11, offset=1)
    assert scene.shelf.asked == [wanted]


async def test_pages_follow_each_other_until_there_is_no_next() -> None:
    scene = with_history()
    path, seen = "/api/v1/outages?limit=3", []
    while path:
        _, headers, document = await get(scene, path)
        seen += [one["id"] for one in document["outages"]]
        assert headers.get("Link") == (document["next"] and f'<{document["next"]}>; rel="next"')
        path = document["next"]
    assert seen == [window.id for window, _ in scene.shelf.kept]


@pytest.mark.parametrize("path", _LISTS)
async def test_what_cannot_be_asked_is_a_400_with_a_sentence_in_every_format(path: str) -> None:
    status, headers, document = await get(with_history(), f"{path}?limit=many")
    assert status == 400
    assert document == {"error": "limit: 'many' is no whole number from 1 to 1000"}
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_the_other_formats_hold_the_same_windows() -> None:
    scene = with_history()
    ids = [window.id for window, _ in scene.shelf.kept]
    _, headers, text = await get(scene, "/api/v1/outages.csv")
    assert headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert [row["id"] for row in csv.DictReader(io.StringIO(text))] == ids
    _, headers, text = await get(scene, "/api/v1/outages.ics")
    assert headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert len(icalendar.Calendar.from_ical(text).walk("VEVENT")) == len(ids)
    _, headers, text = await get(scene, "/feed.atom", Host="status.example")
    assert headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = feedparser.parse(text.encode())
    assert len(feed.entries) == len(ids)
    assert feed.feed.links[0]["href"] == "http://status.example/feed.atom"
    assert all(entry.link.startswith("http://status.example/outage/") for entry in feed.entries)


@pytest.mark.parametrize("host", ["a b", 'x"><b>', "a/b", "a@b", "[::1", "a:b", "\u00e9.example"])
async def test_no_host_is_believed_that_is_none(host: str) -> None:
    status, _, document = await get(with_history(), "/api/v1/outages", Host=host)
    assert status == 400
    assert document == {"error": "the Host header is missing, or is no host"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9797", "[::1]:9797", "xn--bcher-kva.example"])
async def test_links_lead_to_the_host_that_was_asked(host: str) -> None:
    _, _, document = await get(with_history(), "/api/v1/outages", Host=host)
    assert document["outages"][0]["permalink"].startswith(f"http://{host}/outage/")


@pytest.mark.parametrize("path", ["/api/v1/outages/no-such", "/api/v1/outages/" + "x" * 2000])
async def test_an_outage_that_is_not_there_is_a_404(path: str) -> None:
    status, _, document = await get(with_history(), path)
    assert (status, document) == (404, {"error": "there is no such outage"})


@pytest.mark.parametrize("path", [*_LISTS, "/feed.atom", f"/api/v1/outages/{signal_open().id}"])
async def test_a_store_that_cannot_be_read_is_a_503_that_keeps_its_secrets(path: str) -> None:
    scene = with_history()
    scene.shelf.problem = "/var/lib/lastseen/lastseen.db is damaged"
    status, _, document = await get(scene, path)
    assert (status, document) == (503, {"error": "The store cannot be read at the moment."})


async def test_a_store_that_hangs_keeps_nobody_waiting_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.web.reading._PATIENCE", 0.05)
    scene = with_history()
    never = asyncio.Event()

    async def hang(_: OutageQuery) -> list[Any]:
        await never.wait()
        return []

    backend = scene.backend()
    backend = replace(backend, history=replace(backend.history, windows=hang))
    scene.backend = lambda: backend  # type: ignore[method-assign]  # the same scene, over a store that hangs
    status, _, document = await get(scene, "/api/v1/outages")
    assert (status, document) == (503, {"error": "The store does not answer at the moment."})


async def test_services_say_how_they_stand() -> None:
    scene = with_history()
    checks = [
        a_check("a", service="signal", component="chat", provider="signal"),
        a_check("b", service="signal", component="api", provider="signal", critical=False),
        a_check("c", service="matrix", component="homeserver"),
    ]
    scene.board.replace(checks)
    scene.titles = {"signal": "Signal"}
    scene.states = {("signal", ""): State.DOWN, ("signal", "chat"): State.DOWN, ("signal", "api"): State.UP}
    scene.standing = Span(vantage="fra-1", state=VantageState.DEGRADED, start=NOW - 60, end=None)
    scene.shelf.shares = [Share(service="signal", share=0.9999999, coverage=0.5)]
    _, _, document = await get(scene, "/api/v1/services")
    assert document["vantage"]["state"] == "degraded"
    assert document["vantage"]["since"]["epoch_ms"] == (NOW - 60) * 1000
    signal, matrix = document["services"]
    assert (signal["title"], signal["state"], signal["open"]) == ("Signal", "down", [signal_open().id])
    assert signal["availability"]["24h"] == {"availability": 0.999999, "coverage": 0.5}
    assert set(signal["availability"]) == {"24h", "7d", "90d"}
    chat, api = signal["components"]
    assert (chat["state"], chat["open"], chat["critical"]) == ("down", [signal_open().id], True)
    assert (api["state"], api["open"], api["critical"]) == ("up", [], False)
    assert matrix["availability"]["90d"] == {"availability": None, "coverage": None}
    assert (matrix["state"], matrix["open"]) == ("unknown", [])


async def test_without_the_store_the_judgement_still_says_what_is_open() -> None:
    scene = with_history()
    scene.board.replace([a_check("a", service="signal", component="chat")])
    scene.shelf.problem = "gone"
    status, _, document = await get(scene, "/api/v1/services")
    assert status == 200
    assert document["services"][0]["open"] == [signal_open().id]
    assert document["services"][0]["availability"]["24h"] == {"availability": None, "coverage": None}


async def test_what_closed_since_it_was_stored_is_not_called_open() -> None:
    scene = with_history()
    scene.board.replace([a_check("a", service="signal", component="chat")])
    scene.keep((signal_open(status=Status.CLOSED, end=NOW, closed=NOW), ()))
    _, _, document = await get(scene, "/api/v1/services")
    assert document["services"][0]["open"] == []
