"""Who was told, who looks after it, what is silenced: over the API, on the page, and by a signed link."""

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientResponse, FormData
from aiohttp.test_utils import TestClient
from yarl import URL

from monitor.domain.alert import Acknowledgement, Blindness, Detour, PostState, Silence
from monitor.domain.outage import Window
from monitor.domain.words import Event, Status, VantageState
from monitor.formats.edition import path_of
from monitor.languages.words import LANGUAGES, words_in
from tests.support.windows import NOW, acme_planned, signal_open, telegram_recovering, whatsapp_2022
from tests.web.outbox import a_post, sign
from tests.web.scene import OPEN, Scene, StoreDown, client
from tests.web.test_escaping import NASTY, Tags

Http = TestClient[Any, Any]
WINDOW = signal_open()
PAGE, ACK, LINK = f"/outage/{WINDOW.id}", f"/api/v1/outages/{WINDOW.id}/ack", f"/ack/{WINDOW.id}"
SIGNED = f"{LINK}?sign={sign(WINDOW.id)}"
KNOWN = replace(OPEN, username="ada", password="p", token="t0k")
ADA = {"Authorization": f"Basic {base64.b64encode(b'ada:p').decode()}"}
SILENCES = "/api/v1/silences"
ADDED = {"service": "whats*", "duration": "2h", "author": "Ada", "comment": "we know"}


def a_scene(*windows: Window) -> Scene:
    scene = Scene()
    scene.keep(*((window, ()) for window in windows or (WINDOW,)))
    return scene


def noted(scene: Scene) -> list[tuple[str, str]]:
    return [(note.window_id, note.author) for note in scene.outbox.notes]


async def text_of(http: Http, path: str, headers: Mapping[str, str] | None = None) -> str:
    answer = await http.get(path, headers=headers)
    assert answer.status == 200, path
    return await answer.text()


async def error_of(answer: ClientResponse) -> str:
    assert answer.content_type == "application/json"
    found: str = (await answer.json())["error"]
    return found


# -- acknowledging over the API -------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers", "name"),
    [
        ('{"author": "Grace"}', {}, "Grace"),
        ('{"author": "Grace"}', ADA, "Grace"),
        ("", ADA, "ada"),
        ("{}", {}, "api"),
        ("", {"Authorization": "Bearer t0k"}, "api"),
        ('{"author": " \\u202e\\n Grace\\u0000"}', {}, "\\u202e Grace\\x00"),
    ],
)
async def test_an_outage_is_acknowledged_in_the_name_of_who_says_so(
    body: str, headers: dict[str, str], name: str
) -> None:
    scene = a_scene()
    async with client(scene) as http:
        answer = await http.post(ACK, data=body, headers=headers)
        at = {"rfc3339": "2022-10-25T12:00:00.000Z", "epoch_ms": NOW * 1000}
        said = {"by": name, "at": at}
        assert (answer.status, await answer.json()) == (200, {"outage": WINDOW.id, "acknowledged": said})
        assert noted(scene) == [(WINDOW.id, name)]
        assert (await (await http.get(f"/api/v1/outages/{WINDOW.id}")).json())["acknowledged"] == said


async def test_the_first_to_say_so_looks_after_it() -> None:
    scene = a_scene()
    async with client(scene) as http:
        for name in ("Ada", "Grace"):
            answer = await http.post(ACK, json={"author": name})
            assert (answer.status, (await answer.json())["acknowledged"]["by"]) == (200, "Ada")
    assert noted(scene) == [(WINDOW.id, "Ada")]


@pytest.mark.parametrize("window", [whatsapp_2022(), acme_planned()])
async def test_what_is_over_or_announced_needs_nobody(window: Window) -> None:
    scene = a_scene(window)
    async with client(scene) as http:
        answer = await http.post(f"/api/v1/outages/{window.id}/ack")
        assert (answer.status, "nobody needs to look after it" in await error_of(answer)) == (409, True)
        assert (await (await http.get(f"/api/v1/outages/{window.id}")).json())["acknowledged"] is None
    assert noted(scene) == []


async def test_who_acknowledges_a_part_looks_after_the_wider_outage_that_it_became_a_part_of() -> None:
    part = replace(WINDOW, status=Status.ABSORBED, absorbed_by="mid", end=None)
    mid = replace(WINDOW, id="mid", status=Status.ABSORBED, absorbed_by="wide")
    scene = a_scene(part, mid, replace(WINDOW, id="wide"))
    async with client(scene) as http:
        assert (await (await http.post(ACK)).json())["outage"] == "wide"
    assert noted(scene) == [("wide", "api")]


async def test_windows_that_are_parts_of_each_other_are_asked_for_no_more_than_a_few_times() -> None:
    scene = a_scene(replace(WINDOW, status=Status.ABSORBED, absorbed_by=WINDOW.id))
    async with client(scene) as http:
        assert (await http.post(ACK)).status == 409


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("{", "the body is no JSON object of texts"),
        ("[]", "the body is no JSON object of texts"),
        ("[" * 5000, "the body is no JSON object of texts"),
        ('{"author": 1}', "the body is no JSON object of texts"),
        ('{"author": null}', "the body is no JSON object of texts"),
        (json.dumps({"author": "x" * 1001}), "at most 1000 characters"),
        ('{"auhtor": "x"}', "there is no key 'auhtor': say author"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b" " * 20_000, "more than 16384 bytes"),
    ],
)
async def test_a_body_that_says_something_else_changes_nothing(body: str | bytes, complaint: str) -> None:
    scene = a_scene()
    async with client(scene) as http:
        answer = await http.post(ACK, data=body)
        assert answer.status == 400
        assert complaint in await error_of(answer)
    assert noted(scene) == []


async def test_what_is_not_there_is_404_and_what_cannot_be_written_503_without_the_stores_own_words() -> None:
    scene = a_scene()
    async with client(scene) as http:
        for path in ("/api/v1/outages/no-such/ack", f"/api/v1/outages/{'x' * 600}/ack"):
            answer = await http.post(path)
            assert (answer.status, await error_of(answer)) == (404, "there is no such outage")
        scene.shelf.problem = "disk I/O error at /var/secret"
        for answer in (
            await http.post(ACK),
            await http.post(SILENCES, json=ADDED),
            await http.get(SILENCES),
            await http.delete(f"{SILENCES}/x"),
            await http.get("/api/v1/alerts"),
        ):
            assert (answer.status, "secret" in await error_of(answer)) == (503, False)


FOREIGN = ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"})


@pytest.mark.parametrize("headers", [*FOREIGN, {"Origin": "null"}])
async def test_no_page_of_another_site_says_it_for_somebody(headers: dict[str, str]) -> None:
    scene = a_scene()
    scene.outbox.quiet = {"s": Silence(id="s", service="*", since=NOW, until=NOW + 9, author="a", comment="")}
    async with client(scene) as http:
        for answer in (
            await http.post(ACK, headers=headers),
            await http.post(SILENCES, json=ADDED, headers=headers),
            await http.delete(f"{SILENCES}/s", headers=headers),
            await http.post("/-/reload", headers=headers),
        ):
            assert answer.status == 403
    assert (noted(scene), scene.reloads, [one.until for one in scene.outbox.quiet.values()]) == ([], 0, [NOW + 9])


async def test_a_script_of_our_own_origin_may_wherever_the_pages_are_reached() -> None:
    scene = a_scene()
    scene.url = "https://status.example"
    async with client(scene) as http:
        origins = ({"Origin": scene.url}, {"Origin": "http://inside:1", "Host": "inside:1"})
        for headers in (*origins, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}):
            assert (await http.post(ACK, headers=headers)).status == 200


# -- strangers ------------------------------------------------------------------

INNER = (
    ("POST", ACK),
    ("POST", f"{PAGE}/ack"),
    ("GET", "/api/v1/alerts"),
    ("GET", SILENCES),
    ("POST", SILENCES),
    ("DELETE", f"{SILENCES}/x"),
)


@pytest.mark.parametrize(("method", "path"), INNER)
async def test_on_a_public_monitor_none_of_it_is_for_strangers(method: str, path: str) -> None:
    scene = a_scene()
    scene.is_public = True
    async with client(scene) as http:
        assert (await http.request(method, path, data={"sign": sign(WINDOW.id)})).status == 404
    async with client(scene, KNOWN) as http:
        assert (await http.request(method, path, data={"sign": sign(WINDOW.id)})).status == 401
        assert (await http.request(method, path, headers=ADA)).status not in (401, 405)
    assert scene.outbox.quiet == {}


async def test_a_public_page_tells_neither_who_was_told_nor_who_looks_after_it() -> None:
    scene = told_scene()
    scene.is_public = True
    async with client(scene, KNOWN) as http:
        for path in (PAGE, f"/api/v1/outages/{WINDOW.id}", "/", "/history"):
            text = await text_of(http, path, ADA)
            for word in ("Grace", "oncall", "backup", "passed over", "acknowledge", sign(WINDOW.id)):
                assert word not in text.lower(), (path, word)


# -- by a link ------------------------------------------------------------------


async def test_a_link_shows_a_button_and_only_the_button_acknowledges() -> None:
    scene = a_scene()
    async with client(scene, KNOWN) as http:
        answer = await http.get(SIGNED)
        text = await answer.text()
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        assert (await http.head(SIGNED)).status == 200
        assert "<title>signal chat fails on and off - lastseen</title>" in text
        assert WINDOW.sentence in text
        assert noted(scene) == []
        form = FormData({"author": "Grace", "sign": sign(WINDOW.id)})
        answer = await http.post(LINK, data=form, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, SIGNED)
        assert noted(scene) == [(WINDOW.id, "Grace")]
        text = await text_of(http, SIGNED)
        assert "Grace looks after it, since 2022-10-25 12:00:00 UTC." in text
        assert "<form" not in text


async def test_the_page_of_a_link_asks_for_nothing_that_wants_a_password() -> None:
    async with client(a_scene(), KNOWN) as http:
        text = await text_of(http, SIGNED)
        own = re.findall(r'(?:src|href)="(/[^"]+)"', "".join(re.findall(r"<(?:link|script|img)[^>]*>", text)))
        assert len(own) == 2
        for path in own:
            assert path.startswith("/ack/static/")
            assert (await http.get(path)).status == 200
        assert "<script" not in text
        assert (await http.get("/static/style.css")).status == 401
        assert (await http.get(PAGE)).status == 401


async def test_a_link_holds_on_a_public_monitor_too() -> None:
    scene = a_scene()
    scene.is_public = True
    async with client(scene) as http:
        assert "<form" in await text_of(http, SIGNED)
        answer = await http.post(LINK, data={"sign": sign(WINDOW.id), "author": "Grace"})
        assert (answer.status, "Grace looks after it" in await answer.text()) == (200, True)
        assert (await http.get(f"{LINK}?sign=x")).status == 403
    assert noted(scene) == [(WINDOW.id, "Grace")]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_of_a_link_speaks_the_readers_language(language: str) -> None:
    async with client(a_scene()) as http:
        text = await text_of(http, SIGNED, {"Accept-Language": language})
    assert f'<html lang="{language}">' in text
    assert f">{words_in(language)('letter.ack')}</button>" in text


WRONG = ("", sign("another"), sign(WINDOW.id)[:-1], sign(WINDOW.id) + "0", "é" * 32, "%ff%00", sign(WINDOW.id).upper())


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_signature_opens_nothing(wrong: str) -> None:
    scene = a_scene()
    async with client(scene, KNOWN) as http:
        for answer in (
            await http.get(LINK, params={"sign": wrong}),
            await http.get(LINK),
            await http.post(LINK, data={"sign": wrong}),
            await http.post(LINK),
            await http.post(f"{PAGE}/ack", data={"sign": wrong}, headers=ADA),
            await http.get("/ack/no-such-outage", params={"sign": wrong}),
        ):
            assert answer.status == 403
            assert WINDOW.sentence not in await answer.text()
            assert "signal chat" not in await answer.text()
    assert noted(scene) == []


async def test_a_link_to_what_is_over_or_gone_or_cannot_be_read() -> None:
    over = whatsapp_2022()
    scene = a_scene(over)
    async with client(scene) as http:
        path = f"/ack/{over.id}"
        text = await text_of(http, f"{path}?sign={sign(over.id)}")
        assert "there is nothing to look after" in text
        assert "<form" not in text
        answer = await http.post(path, data={"sign": sign(over.id)}, allow_redirects=False)
        assert (answer.status, noted(scene)) == (303, [])
        assert (await http.get(SIGNED)).status == 404
        assert (await http.post(LINK, data={"sign": sign(WINDOW.id)})).status == 404
        scene.shelf.problem = "disk"
        assert (await http.get(SIGNED)).status == 503
        assert (await http.post(LINK, data={"sign": sign(WINDOW.id)})).status == 503


async def test_a_form_that_is_too_long_is_refused() -> None:
    scene = a_scene()
    async with client(scene) as http:
        assert (await http.post(LINK, data=f"sign={sign(WINDOW.id)}&author={'x' * 20_000}")).status == 400
        assert (await http.post(LINK, data="&".join(f"a{n}=1" for n in range(50)))).status == 400
        answer = await http.post(LINK, data=f"sign={sign(WINDOW.id)}&author={'x' * 5000}", allow_redirects=False)
        assert answer.status == 303
    assert [len(name) for _, name in noted(scene)] == [200]


# -- the page -------------------------------------------------------------------


def told_scene() -> Scene:
    """Told over the second channel, reminded in vain, escalating, and looked after by Grace."""
    scene = a_scene()
    detour = Detour(channel="chat", why="it rides on signal, which is down", at=NOW - 100)
    gone = Detour(channel="", why="the route is no longer configured", at=NOW - 10)
    scene.outbox.kept = [
        a_post(WINDOW, NOW - 150, channel="backup", detours=(detour,), settled=NOW - 20),
        a_post(WINDOW, NOW - 140, PostState.SUPERSEDED, event=Event.REMINDER),
        a_post(WINDOW, NOW - 130, PostState.GIVEN_UP, event=Event.CHANGED, detours=(gone,), settled=NOW - 10),
        a_post(WINDOW, NOW - 90, PostState.WAITING, event=Event.ESCALATED, route="oncall/escalation", tries=3),
        a_post(WINDOW, NOW - 80, windows=(WINDOW, whatsapp_2022())),
        a_post(whatsapp_2022(), NOW - 70, route="elsewhere"),
    ]
    scene.outbox.notes = [Acknowledgement(window_id=WINDOW.id, at=NOW - 60, author="Grace")]
    return scene


def plain_rows(text: str) -> list[str]:
    table = re.search(r'<table class="evidence posts">.*?</table>', text, re.DOTALL)
    assert table
    rows = re.findall(r"<tr>(.*?)</tr>", table[0], re.DOTALL)[1:]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


async def test_the_page_tells_who_was_told_when_by_which_way_and_who_looks_after_it() -> None:
    async with client(told_scene()) as http:
        text = await text_of(http, PAGE)
    assert plain_rows(text) == [
        "2022-10-25 11:57:30 UTC it began oncall sent by backup, 2 min 10 s late "
        "chat was passed over: it rides on signal, which is down",
        "2022-10-25 11:57:40 UTC still the same oncall not sent: what came after it made it pointless",
        "2022-10-25 11:57:50 UTC wider than before oncall given up after 2 min: it reached nobody "
        "the route is no longer configured",
        "2022-10-25 11:58:30 UTC nobody had acknowledged it oncall/escalation waiting for 1 min 30 s, tried 3 times",
        "2022-10-25 11:58:40 UTC it began, with 1 other outage oncall sent by chat",
    ]
    assert "Grace looks after it, since 2022-10-25 11:59:00 UTC." in text
    assert "Grace looks after it from here on" in text
    assert "<form" not in text


async def test_why_a_channel_was_not_used_is_said_in_the_readers_language_where_it_is_known() -> None:
    scene = a_scene()
    known = Detour(channel="chat", why="Signal is down itself since 11:20 UTC", at=NOW - 100)
    unknown = Detour(channel="mail", why="as an older version said it", at=NOW - 90)
    scene.outbox.kept = [a_post(WINDOW, NOW - 150, channel="backup", detours=(known, unknown), settled=NOW - 120)]
    async with client(scene) as http:
        text = await text_of(http, PAGE, {"Accept-Language": "fr"})
        (post,) = (await (await http.get("/api/v1/alerts")).json())["alerts"]
    assert '<span lang="fr">Signal est lui-même en panne depuis 11:20 UTC</span>' in text
    assert '<span lang="en">as an older version said it</span>' in text
    assert [one["why"] for one in post["detours"]] == [known.why, unknown.why]


async def test_of_many_messages_the_latest_are_shown_and_the_others_counted() -> None:
    scene = a_scene()
    scene.outbox.kept = [a_post(WINDOW, NOW - 1000 + n, number=n) for n in range(61)]
    async with client(scene) as http:
        text = await text_of(http, PAGE)
    assert len(plain_rows(text)) == 50
    assert "11 earlier messages are not shown." in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_event_and_state_has_its_words(language: str) -> None:
    scene = a_scene()
    states = [*PostState] * 2
    scene.outbox.kept = [
        a_post(WINDOW, NOW - 600 + n, states[n], event=event, windows=(WINDOW,) * (1 + n % 3), tries=n)
        for n, event in enumerate(Event)
    ]
    async with client(scene) as http:
        text = await text_of(http, PAGE, {"Accept-Language": language})
    words = words_in(language)
    assert len(plain_rows(text)) == len(Event)
    assert all(words(f"told.event.{event}").replace("'", "&#39;") in text for event in Event)


@pytest.mark.parametrize(("window", "has_form"), [(WINDOW, True), (whatsapp_2022(), False), (acme_planned(), False)])
async def test_there_is_a_button_where_somebody_should_look_after_it(window: Window, *, has_form: bool) -> None:
    async with client(a_scene(window)) as http:
        text = await text_of(http, f"/outage/{window.id}")
    assert ("<form" in text) is has_form
    assert "Who was told" not in text, "nobody was"


async def test_the_button_acknowledges_and_the_page_that_follows_says_so() -> None:
    scene = a_scene(telegram_recovering())
    window = telegram_recovering()
    path = f"/outage/{window.id}"
    async with client(scene, KNOWN) as http:
        text = await text_of(http, path, ADA)
        (action,) = re.findall(r'<form[^>]* action="([^"]+)"', text)
        (proof,) = re.findall(r'name="sign" value="([^"]+)"', text)
        answer = await http.post(action, data={"sign": proof, "author": ""}, headers=ADA, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, path)
        assert "ada looks after it, since" in await text_of(http, path, ADA), "at once, without waiting for a look"
    assert noted(scene) == [(window.id, "ada")]


@pytest.mark.parametrize(("path", "name"), [(f"{PAGE}/ack", "web"), (LINK, "link")])
async def test_who_gives_no_name_is_called_by_the_way_he_came(path: str, name: str) -> None:
    scene = a_scene()
    async with client(scene) as http:
        await http.post(path, data={"sign": sign(WINDOW.id), "author": " \n"}, allow_redirects=False)
    assert noted(scene) == [(WINDOW.id, name)]


async def news(stream: ClientResponse) -> None:
    """Until the next event."""
    async with asyncio.timeout(5):
        while not (await stream.content.readuntil(b"\n\n")).startswith(b"event: news\n"):
            pass


async def test_a_message_that_comes_further_renews_the_page_and_wakes_who_reads_it() -> None:
    scene = a_scene()
    async with client(scene) as http:
        stream = await http.get("/events")
        assert "waiting" not in (await text_of(http, PAGE)).split("<main", 1)[1]
        scene.outbox.kept = [a_post(WINDOW, NOW - 5, PostState.WAITING)]
        await news(stream)
        assert "waiting for 5 s" in await text_of(http, PAGE)
        assert (await http.post(ACK, json={"author": "Grace"})).status == 200
        await news(stream)
        assert "Grace looks after it" in await text_of(http, PAGE)


async def test_a_page_whose_messages_cannot_be_read_says_so_and_stands() -> None:
    def fail() -> None:
        raise StoreDown("no such table: outbox")

    scene = told_scene()
    scene.outbox.fail = fail
    async with client(scene) as http:
        text = await text_of(http, PAGE)
    assert "The store cannot be read at the moment." in text
    assert "<form" not in text


# -- markup ---------------------------------------------------------------------


async def test_names_comments_and_reasons_full_of_markup_come_out_as_text() -> None:
    nasty = replace(WINDOW, sentence=NASTY)
    scene = a_scene(nasty)
    detour = Detour(channel=NASTY, why=NASTY, at=NOW)
    scene.outbox.kept = [
        a_post(nasty, NOW - 100, channel=NASTY, route=NASTY, detours=(detour,)),
        a_post(nasty, NOW - 90, PostState.GIVEN_UP, detours=(detour,)),
    ]
    async with client(scene) as http:
        pages = [await text_of(http, SIGNED)]
        assert (await http.post(LINK, data={"sign": sign(WINDOW.id), "author": NASTY})).status == 200
        pages += [await text_of(http, SIGNED), await text_of(http, PAGE)]
        silence = await http.post(SILENCES, json={**ADDED, "comment": NASTY, "author": NASTY, "service": "*"})
        answers = [silence, await http.get(SILENCES), await http.get("/api/v1/alerts"), await http.post(ACK)]
        for answer in answers:
            assert (answer.status in (200, 201), answer.content_type) == (True, "application/json")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for text in pages:
        assert "&lt;script&gt;alert(1)" in text
        for tag, attributes in Tags(text).found:
            assert tag not in ("img", "style", "iframe", "object", "embed", "base")
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            assert tag != "script" or attributes["src"] == "/static/live.js"


async def test_an_id_full_of_markup_stays_in_its_attribute() -> None:
    window = replace(WINDOW, id=f'a/b?c#d"><script>{NASTY}')
    async with client(a_scene(window)) as http:
        answer = await http.get(URL(path_of(window.id), encoded=True))
        (action,) = re.findall(r'<form[^>]* action="([^"]+)"', await answer.text())
        assert action.startswith("/outage/a%2Fb%3Fc%23d%22%3E%3Cscript")
        answer = await http.post(URL(action, encoded=True), data={"sign": sign(window.id)}, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, path_of(window.id))


# -- alerts and silences --------------------------------------------------------


async def test_the_newest_messages_are_listed() -> None:
    scene = told_scene()
    blind = Blindness(vantage="fra-1", state=VantageState.OFFLINE, start=NOW - 300, end=None)
    post = a_post(WINDOW, NOW - 1, windows=())
    scene.outbox.kept.append(replace(post, message=replace(post.message, blind=blind)))
    async with client(scene) as http:
        everything = (await (await http.get("/api/v1/alerts")).json())["alerts"]
        assert len(everything) == 7
        assert (everything[0]["blind"], everything[0]["outages"]) == ("fra-1", [])
        (_, one) = (await (await http.get("/api/v1/alerts?limit=2")).json())["alerts"]
        assert [outage["id"] for outage in one["outages"]] == [whatsapp_2022().id]
        first = everything[-1]
    assert first == {
        "key": f"oncall/{WINDOW.id}/1/{NOW - 150:.3f}",
        "conversation": f"oncall/{WINDOW.id}",
        "event": "opened",
        "severity": "major",
        "outages": [{"id": WINDOW.id, "permalink": first["outages"][0]["permalink"], "sentence": WINDOW.sentence}],
        "blind": None,
        "route": "oncall",
        "state": "sent",
        "channel": "backup",
        "tries": 1,
        "detours": [
            {
                "channel": "chat",
                "why": "it rides on signal, which is down",
                "at": {"rfc3339": "2022-10-25T11:58:20.000Z", "epoch_ms": (NOW - 100) * 1000},
            }
        ],
        "decided": {"rfc3339": "2022-10-25T11:57:30.000Z", "epoch_ms": (NOW - 150) * 1000},
        "settled": {"rfc3339": "2022-10-25T11:59:40.000Z", "epoch_ms": (NOW - 20) * 1000},
    }


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "since=1d"])
async def test_other_lists_are_not_given(query: str) -> None:
    async with client(a_scene()) as http:
        answer = await http.get(f"/api/v1/alerts?{query}")
        assert (answer.status, bool(await error_of(answer))) == (400, True)


async def test_a_silence_is_made_listed_and_ended() -> None:
    scene = a_scene()
    async with client(scene) as http:
        answer = await http.post(SILENCES, json=ADDED)
        made = await answer.json()
        assert answer.status == 201
        assert made == {
            "id": made["id"],
            "service": "whats*",
            "since": {"rfc3339": "2022-10-25T12:00:00.000Z", "epoch_ms": NOW * 1000},
            "until": {"rfc3339": "2022-10-25T14:00:00.000Z", "epoch_ms": (NOW + 7200) * 1000},
            "author": "Ada",
            "comment": "we know",
        }
        (kept,) = scene.outbox.quiet.values()
        assert (kept.service, kept.since, kept.until, kept.author) == ("whats*", NOW, NOW + 7200, "Ada")
        assert (await (await http.get(SILENCES)).json()) == {"silences": [made]}
        answer = await http.delete(f"{SILENCES}/{made['id']}")
        assert (answer.status, await answer.text()) == (204, "")
        assert (await (await http.get(SILENCES)).json()) == {"silences": []}
        answer = await http.delete(f"{SILENCES}/no-such")
        assert (answer.status, await error_of(answer)) == (404, "there is no such silence")


async def test_a_silence_may_begin_and_end_at_moments() -> None:
    async with client(a_scene()) as http:
        times = {"since": "2022-10-26", "until": "2022-10-27T06:00:00+02:00"}
        answer = await http.post(SILENCES, json={"service": "signal", **times}, headers=ADA)
        made = await answer.json()
    assert (made["since"]["rfc3339"], made["until"]["rfc3339"]) == (
        "2022-10-26T00:00:00.000Z",
        "2022-10-27T04:00:00.000Z",
    )
    assert (made["author"], made["comment"]) == ("ada", "")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"service": ""}, "neither the name of a service nor a pattern"),
        ({"service": "x" * 201}, "neither the name of a service nor a pattern"),
        ({"service": "a\nb"}, "neither the name of a service nor a pattern"),
        ({"service": " a"}, "neither the name of a service nor a pattern"),
        ({"duration": "2"}, "not a duration"),
        ({"duration": "0s"}, "it must end after"),
        ({"duration": "400d"}, "last 366 days at most"),
        ({"duration": "9" * 400 + "d"}, "longer than ten years"),
        ({"until": "2022-10-26"}, "either duration or until"),
        ({"duration": None}, "either duration or until"),
        ({"duration": None, "until": "2022-10-24"}, "it must end after now"),
        ({"duration": None, "until": "soon"}, "until: 'soon' is no time"),
        ({"since": "12:00"}, "since: '12:00' is no time"),
        ({"since": "2d"}, "it must end after now"),
        ({"comment": "x" * 1001}, "at most 1000 characters"),
        ({"reason": "x"}, "there is no key 'reason'"),
    ],
)
async def test_a_silence_that_cannot_be_meant_is_refused(changes: dict[str, str | None], complaint: str) -> None:
    scene = a_scene()
    asked = {key: text for key, text in {**ADDED, **changes}.items() if text is not None}
    async with client(scene) as http:
        answer = await http.post(SILENCES, json=asked)
        assert answer.status == 400
        assert complaint in await error_of(answer)
    assert scene.outbox.quiet == {}


async def test_there_are_only_so_many_silences() -> None:
    scene = a_scene()
    quiet = Silence(id="", service="x", since=NOW, until=NOW + 60, author="a", comment="")
    scene.outbox.quiet = {str(number): replace(quiet, id=str(number)) for number in range(500)}
    async with client(scene) as http:
        answer = await http.post(SILENCES, json=ADDED)
        assert (answer.status, "end some first" in await error_of(answer)) == (409, True)
        scene.clock.advance(61)
        assert (await http.post(SILENCES, json=ADDED)).status == 201
