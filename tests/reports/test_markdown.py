"""The Markdown as an independent parser reads it (markdown-it, with GitHub's tables and strike-through)."""

from dataclasses import replace

from hypothesis import given, settings
from markdown_it import MarkdownIt

from monitor.formats.text import SENTENCE, plain
from monitor.languages.words import words_in
from monitor.reports.findings import Findings
from monitor.reports.markdown import as_markdown
from tests.formats.test_markdown import Table
from tests.reports.papers import EVIL, HOSTILE_FINDINGS, eventful

EN = words_in("en")
_TAGS = {
    *("h1", "h2", "h3", "p", "strong", "ul", "li", "br", "blockquote"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}


def texts(findings: Findings) -> list[str]:
    """The text of every paragraph, heading, cell and item, as it reads."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(as_markdown(findings, EN))
    inline = [token.children or [] for token in tokens if token.type == "inline"]
    return ["".join("\n" if each.type == "hardbreak" else each.content for each in children) for children in inline]


@given(HOSTILE_FINDINGS)
@settings(max_examples=40)
def test_whatever_servers_and_people_said_it_is_text(findings: Findings) -> None:
    read = Table(as_markdown(findings, EN))
    assert read.tags <= _TAGS
    assert read.addresses == []
    found = texts(findings)
    for part in findings.parts:
        sentence = plain(part.report.window.sentence, SENTENCE)
        assert not sentence or sentence in found
    assert all(len(row) in (6, 10, 11) for row in read.rows)


def test_tables_have_the_numbers_and_chapters_the_windows() -> None:
    rows = Table(as_markdown(eventful(), EN)).rows
    assert rows[1][0] == f"S {EVIL}"
    assert rows[1][1:9] == [
        *("99.470\u00a0%", "99.76\u00a0%", "3 h 55 min", "3", "3 h 55 min", "2 h 55 min", "1 h 42 min", "10 d 5 h"),
    ]
    assert rows[2][1:4] == ["100\u00a0%", "93.38\u00a0%", "0 s"]
    found = texts(eventful())
    assert f"S was down, {EVIL}" in found
    assert "It ended after the period. Counted: 30 min." in found
    assert f"{EVIL}\nand the next line" in found


def test_what_would_begin_a_list_or_a_heading_does_not() -> None:
    for evil in ("1. one", "1) one", "- one", "+ one", "=====", "---", "# one", "> one", "2026-10-01: one", "    one"):
        made = eventful()
        first = made.parts[0]
        shown = replace(first, report=replace(first.report, window=replace(first.report.window, sentence=evil)))
        assert plain(evil, SENTENCE) in texts(replace(made, parts=(shown,))), evil
    assert "\\-" not in as_markdown(eventful(), EN), "dates are left as they are"
