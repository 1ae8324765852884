"""Titles, notes and what servers said come out as text wherever they are shown; every answer carries its headers."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import feedparser  # type: ignore[import-untyped]  # ships no types
import icalendar
import pytest
from typing_extensions import override

from monitor.domain.outage import Evidence
from monitor.domain.words import Layer, Reason, State, Status
from monitor.web.badge import svg
from tests.support.fakes import a_check
from tests.support.windows import NOW, a_note, signal_open
from tests.web.scene import Scene, client, failed

NASTY = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>\"' onload='x' &amp; ]]>"
FORMULAS = ("=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1")  # noqa: RUF001  # the wide one counts too


class Tags(HTMLParser):
    """What a browser would make of a page: its elements and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def a_scene(text: str = NASTY) -> Scene:
    """Everything that people or servers can name or say is ``text``."""
    scene = Scene()
    check = a_check("a", service="signal", component="chat")
    scene.board.replace([check])
    scene.board.observe(check, replace(failed("a", text), check_id=check.id))
    scene.states = {("signal", ""): State.DOWN, ("signal", "chat"): State.DOWN}
    scene.titles = {"signal": text}
    evidence = Evidence(
        vantage=text, check_id=f"signal/chat/{text}/tcp", at=NOW, layer=Layer.TLS, reason=Reason.CERT_NAME, message=text
    )
    window = signal_open(
        sentence=text,
        evidence=(evidence,),
        vantages=(text,),
        vantages_fine=(text,),
        unaffected=(text,),
        provider=text,
        components=(f"signal.{text}",),
    )
    closed = replace(window, id=f"w2-{text}", target=text, status=Status.CLOSED, end=NOW, closed=NOW)
    note = a_note(window, author=text, text=text, changes=((text, text),))
    scene.keep((window, (note,)), (closed, (note,)))
    return scene


async def fetch(scene: Scene, path: str) -> str:
    async with client(scene) as http:
        answer = await http.get(path)
        assert answer.status == 200
        return await answer.text()


@pytest.mark.parametrize("path", ["/", "/service/signal", f"/outage/{signal_open().id}", "/history", "/card/signal"])
async def test_a_page_holds_no_element_and_no_attribute_that_somebody_else_wrote(path: str) -> None:
    text = await fetch(a_scene(), path)
    assert "&lt;script&gt;alert(1)" in text
    for tag, attributes in Tags(text).found:
        assert tag not in ("img", "style", "iframe", "object", "embed", "base")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert tag != "script" or attributes["src"] == "/static/live.js"


async def test_a_badge_is_a_picture_of_text() -> None:
    for path in ("/badge/signal.svg", "/badge/signal.svg?label=%3C/text%3E%3Cscript%3Ealert(1)%3C/script%3E"):
        root = ElementTree.fromstring(await fetch(a_scene(), path))  # noqa: S314  # it is ours
        kinds = [element.tag.rpartition("}")[2] for element in root.iter()]
        assert kinds == ["svg", "title", "rect", "path", "g", "text", "text"]
        assert all(not name.startswith("on") for element in root.iter() for name in element.attrib)
        assert "<script>" in "".join(root.itertext())


async def test_what_a_badge_says() -> None:
    scene = a_scene("Signal")
    async with client(scene) as http:
        answer = await http.get("/badge/signal.svg")
        assert (answer.status, answer.content_type) == (200, "image/svg+xml")
        assert 'aria-label="Signal: down"' in await answer.text()
        assert answer.headers["Cache-Control"] == "public, no-cache"
        labelled = await (await http.get("/badge/signal.svg?label=chat%20%C3%A0%20nous")).text()
        assert "<title>chat à nous: down</title>" in labelled
        missing = await http.get("/badge/other.svg")
        assert (missing.status, "no such service" in await missing.text()) == (404, True)
        scene.keep((signal_open(status=Status.PLANNED, planned_until=NOW + 60), ()))
        scene.clock.advance(2.0)
        assert "Signal: maintenance" in await (await http.get("/badge/signal.svg")).text()


def test_a_badge_is_as_wide_as_its_words() -> None:
    root = ElementTree.fromstring(svg("WhatsApp", "down"))  # noqa: S314  # it is ours
    label, word = root.iter("{http://www.w3.org/2000/svg}text")
    assert int(root.attrib["width"]) == int(label.attrib["textLength"]) + int(word.attrib["textLength"]) + 28
    assert int(svg("i", "up").split('width="')[1].split('"')[0]) < int(svg("W", "up").split('width="')[1].split('"')[0])


async def test_the_feed_and_the_calendar_are_well_formed_and_hold_text() -> None:
    feed = feedparser.parse((await fetch(a_scene(), "/feed.atom")).encode())
    assert not feed.bozo
    assert "<script>" not in "".join(entry.content[0].value for entry in feed.entries)
    text = await fetch(a_scene(), "/api/v1/outages.ics")
    (event, *_) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert "<script>alert(1)</script>" in str(event["DESCRIPTION"])
    scene = a_scene("x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:forged; a,b\\n")
    text = await fetch(scene, "/api/v1/outages.ics")
    assert len(icalendar.Calendar.from_ical(text).walk("VEVENT")) == 2
    assert not [line for line in text.split("\r\n") if line.startswith("SUMMARY:forged")]


@pytest.mark.parametrize("formula", FORMULAS)
async def test_no_cell_of_the_list_for_spreadsheets_is_a_formula(formula: str) -> None:
    rows = list(csv.reader(io.StringIO(await fetch(a_scene(formula), "/api/v1/outages.csv"))))
    assert len(rows) == 3
    for cell in (cell for row in rows[1:] for cell in row):
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝")), cell  # noqa: RUF001  # as above


async def test_json_is_no_page() -> None:
    async with client(a_scene()) as http:
        for path in ("/api/v1/outages", "/api/v1/services", "/api/v1/checks"):
            answer = await http.get(path)
            assert answer.content_type == "application/json"
            assert NASTY[:30] in json.dumps(await answer.json()).replace("\\", "") or path.endswith("checks")


def _paths() -> Iterator[tuple[str, int]]:
    window = signal_open().id
    for path in ("/", "/history", "/service/signal", f"/outage/{window}", "/card/signal", "/badge/signal.svg"):
        yield path, 200
    for path in ("/feed.atom", "/api/v1/outages", "/api/v1/outages.csv", "/api/v1/outages.ics", "/api/v1/services"):
        yield path, 200
    for path in ("/api/v1/checks", "/api/v1/attempts", "/metrics", "/healthz", "/readyz", "/static/style.css"):
        yield path, 200
    for path in ("/static/live.js", "/static/icon.svg", f"/api/v1/outages/{window}", "/events"):
        yield path, 200
    for path in ("/nothing", "/service/none", "/outage/none", "/card/none", "/badge/none.svg", "/static/none.css"):
        yield path, 404
    yield from (("/static/../server.py", 404), ("/static/%2e%2e%2fserver.py", 404), ("/-/reload", 405))
    yield "/api/v1/outages?limit=many", 400


@pytest.mark.parametrize(("path", "status"), [*_paths()])
async def test_every_answer_carries_its_headers(path: str, status: int) -> None:
    async with client(a_scene("Signal")) as http:
        answer = await http.get(path)
        assert answer.status == status
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        framed = "*" if path == "/card/signal" else "'none'"
        assert f"frame-ancestors {framed};" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Server"] == "lastseen"


async def test_a_mistake_of_our_own_carries_them_too(caplog: pytest.LogCaptureFixture) -> None:
    scene = a_scene()
    backend = replace(scene.backend(), vitals=lambda: 1 / 0)  # type: ignore[arg-type,return-value]  # it breaks
    scene.backend = lambda: backend  # type: ignore[method-assign]  # the same scene, broken
    async with client(scene) as http:
        answer = await http.get("/readyz", headers={"Accept": "text/html"})
        assert answer.status == 500
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "ZeroDivisionError" not in await answer.text()
    assert "ZeroDivisionError" in caplog.text


async def test_style_and_script_are_sent_compressed_and_kept_for_a_while() -> None:
    async with client(Scene()) as http:
        for name, kind in (("style.css", "text/css"), ("live.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
            answer = await http.get(f"/static/{name}", headers={"Accept-Encoding": "gzip"})
            assert (answer.content_type, answer.headers["Content-Encoding"]) == (kind, "gzip")
            assert answer.headers["Cache-Control"] == "max-age=300"
            again = await http.get(f"/static/{name}", headers={"If-None-Match": answer.headers["ETag"]})
            assert again.status == 304
