"""The HTML as a parser reads it: nothing that was put in becomes markup, nothing comes from elsewhere."""

import re
from html.parser import HTMLParser
from itertools import pairwise

from hypothesis import given, settings
from typing_extensions import override

from monitor.formats.text import SENTENCE, plain, prose
from monitor.languages.words import words_in
from monitor.reports.findings import Findings
from monitor.reports.page import as_page
from monitor.reports.paper import paper
from tests.reports.papers import EVIL, HOSTILE_FINDINGS, eventful

EN = words_in("en")
_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "article", "figure", "figcaption"),
    *("h1", "h2", "h3", "p", "ul", "li", "i", "div", "span", "strong", "small", "abbr", "blockquote", "dl", "dt", "dd"),
    *("table", "thead", "tbody", "tr", "th", "td", "svg", "g", "rect", "polygon", "polyline", "line"),
}
_VOID = {"meta"}


class Read(HTMLParser):
    """Tags, attributes and text; every tag is closed in the order in which it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self._open.append(tag)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        if self._open:
            self.text.setdefault(self._open[-1], []).append(data)


def assert_harmless(read: Read) -> None:
    assert read.tags <= _TAGS
    names = {name for name, _ in read.attributes}
    assert not any(name.startswith("on") for name in names)
    assert not names & {"src", "href", "action", "srcset", "background", "xlink:href"}
    for name, value in read.attributes:
        if name == "style":
            assert re.fullmatch(r"left: [\d.]+%", value)


def test_text_of_others_is_text() -> None:
    read = Read(as_page(eventful(), EN))
    assert_harmless(read)
    assert f"S was down, {EVIL}" in read.text["p"]
    assert f"{EVIL}\nand the next line" in read.text["p"]
    assert f"S {EVIL}" in read.text["strong"]
    assert f"S was down, {EVIL}" in read.text["title"], "of the picture"


@given(HOSTILE_FINDINGS)
@settings(max_examples=40)
def test_whatever_servers_and_people_said_it_stays_text(findings: Findings) -> None:
    text = as_page(findings, EN)
    text.encode()
    read = Read(text)
    assert_harmless(read)
    for part in findings.parts:
        sentence = plain(part.report.window.sentence, SENTENCE)
        assert not sentence or sentence in read.text["p"]
        for note in part.report.notes:
            said = prose(note.text, 4000)
            assert not said or said in read.text["p"]


def test_it_needs_nothing_else_and_forbids_it() -> None:
    text = as_page(eventful(), EN)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in Read(text).attributes
    assert not re.search(r"url\(|@import|https?:", text)
    assert len(text) < 60_000


def test_it_says_what_the_paper_says() -> None:
    read, made = Read(as_page(eventful(), EN)), paper(eventful(), EN)
    assert read.text["h1"] == [made.title]
    assert " ".join(made.summary) in read.text["p"]
    headings = ["Outages", "Only slow", "Planned", "Taken back"]
    assert [heading for heading in read.text["h2"] if heading in headings] == headings
    cells = read.text["td"]
    for entry in made.entries:
        for number in (entry.numbers.availability, entry.numbers.to_recover, entry.left, entry.share):
            assert number in cells
    assert {*made.unseen} <= {*read.text["li"]}


def test_pictures_have_words_for_who_cannot_see_them() -> None:
    attributes = Read(as_page(eventful(), EN)).attributes
    labels = [label for role, (_, label) in pairwise(attributes) if role == ("role", "img")]
    assert labels[0].endswith(
        "day by day. Down on 2026-10-04 (30 min), 2026-10-25 (2 h 55 min) and 2026-10-31 (30 min)."
    )
    assert labels[1] == "T, day by day. Never seen down."
    assert labels[2].endswith(": 529.8\u00a0% of the budget used")
