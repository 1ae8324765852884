"""The feed as two independent parsers read it, and the rules of RFC 4287."""

import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import feedparser  # type: ignore[import-untyped]  # ships no types
from hypothesis import given
from typing_extensions import override

from monitor.domain.words import Status
from monitor.formats.atom import as_feed
from monitor.formats.edition import Edition
from monitor.formats.report import Report, report
from monitor.formats.text import plain
from tests.formats.examples import EDITION, EDITIONS, HOSTILE, realistic
from tests.support.windows import NOW, a_note, signal_open, whatsapp_2022

_ATOM = "{http://www.w3.org/2005/Atom}"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_ONCE = ("id", "title", "updated")


class Tags(HTMLParser):
    """The names of all tags, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs
        self.tags.add(tag)

    @override
    def handle_data(self, data: str) -> None:
        self.text += data


def entries(reports: list[Report], edition: Edition = EDITION) -> list[Any]:
    read = feedparser.parse(as_feed(reports, edition).encode())
    assert not read.bozo, read.bozo_exception
    assert read.version == "atom10"
    return list(read.entries)


def obey(element: ElementTree.Element) -> None:
    """What RFC 4287 4.1.1 and 4.1.2 ask of a feed and of an entry."""
    for name in _ONCE:
        (only,) = element.findall(f"{_ATOM}{name}")
        assert only.text
    for name in ("updated", "published"):
        assert all(_TIME.fullmatch(found.text or "") for found in element.findall(f"{_ATOM}{name}"))
    ids = [found.text or "" for found in element.findall(f"{_ATOM}id")]
    assert ids[0].startswith("urn:uuid:")
    links = [(link.get("rel"), link.get("type")) for link in element.findall(f"{_ATOM}link")]
    assert len(links) == len(set(links))


@given(HOSTILE, EDITIONS)
def test_whatever_servers_and_people_said_the_feed_is_a_feed(reports: list[Report], edition: Edition) -> None:
    feed = ElementTree.fromstring(as_feed(reports, edition).encode())  # noqa: S314  # our own
    obey(feed)
    assert feed.find(f"{_ATOM}author/{_ATOM}name") is not None
    found = feed.findall(f"{_ATOM}entry")
    assert len(found) == len(reports)
    for entry, one in zip(found, reports, strict=True):
        obey(entry)
        content = entry.find(f"{_ATOM}content")
        assert content is not None
        assert content.get("type") == "html"
        body = Tags(content.text or "")
        assert body.tags <= {"p", "br"}
        assert body.text.startswith(plain(one.window.sentence, 1000))
        assert entry.findtext(f"{_ATOM}summary") == plain(one.window.sentence, 1000)


def test_a_reader_sees_what_there_is_to_see() -> None:
    over = entries(realistic())[3]
    assert over.title == "WhatsApp failed on and off for 2 h 55 min"
    assert over.link == "https://status.example/outage/20221025T063500Z-whatsapp"
    assert over.published == "2022-10-25T06:36:06.500Z"
    assert [tag.term for tag in over.tags] == ["whatsapp"]
    assert "<p>Ended between 2022-10-25 09:29:30 and 09:30:00 UTC, after 2 h 55 min.</p>" in over.content[0].value
    assert "on their side.<br />Our campaign" in over.content[0].value


def test_an_entry_keeps_its_id_and_is_updated_whenever_the_window_changes() -> None:
    window = signal_open()
    closed = signal_open(status=Status.CLOSED, end=NOW - 20, closed=NOW + 900)
    history = [
        report(window),
        report(signal_open(status=Status.RECOVERING, end=NOW - 20)),
        report(closed),
        report(closed, [a_note(closed)]),
    ]
    seen = [entries([one])[0] for one in history]
    assert len({entry.id for entry in seen}) == 1
    stamps = [entry.updated for entry in seen]
    assert stamps == sorted(set(stamps))


def test_ids_hold_whatever_address_the_feed_is_read_from() -> None:
    one = report(whatsapp_2022())
    assert entries([one])[0].id == entries([one], Edition(now=NOW, site="fra-1", base="http://[::1]:9797"))[0].id
    assert entries([one])[0].id != entries([one], Edition(now=NOW, site="ams-1", base="http://[::1]:9797"))[0].id


def test_a_feed_without_windows_is_a_feed() -> None:
    assert entries([]) == []
