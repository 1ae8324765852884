"""The table as an independent parser of Markdown reads it (markdown-it, with GitHub's tables and strike-through)."""

from html.parser import HTMLParser

from hypothesis import given
from markdown_it import MarkdownIt
from typing_extensions import override

from monitor.formats.edition import Edition
from monitor.formats.markdown import as_markdown
from monitor.formats.report import Report, report
from monitor.formats.text import plain
from tests.formats.examples import EDITION, EDITIONS, HOSTILE, realistic
from tests.support.windows import NOW, whatsapp_2022

_WIDTH = 9


class Table(HTMLParser):
    """Rows of cells, and every tag and address that there is."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    @override
    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and data.strip("\n"):
            self.rows[-1][-1] += data


@given(HOSTILE, EDITIONS)
def test_whatever_servers_and_people_said_it_stays_in_its_cell_and_is_text(
    reports: list[Report], edition: Edition
) -> None:
    table = Table(as_markdown(reports, edition))
    assert table.tags <= {"table", "thead", "tbody", "tr", "th", "td", "a", "br"}
    assert all(address.startswith("https://status.example/outage/") for address in table.addresses)
    assert len(table.addresses) == len(reports)
    assert len(table.rows) == len(reports) + 1
    for row, one in zip(table.rows[1:], reports, strict=True):
        assert len(row) == _WIDTH
        assert row[7] == plain(one.window.sentence, 1000)


def test_a_table_for_people() -> None:
    table = Table(as_markdown(realistic(), EDITION))
    assert table.rows[4][:7] == [
        "WhatsApp failed on and off for 2 h 55 min",
        "2022-10-25 06:35:00 - 09:30:00 UTC",
        "2 h 55 min",
        "intermittent",
        "global",
        "handshake/timeout",
        "provider",
    ]
    assert table.rows[2][1:3] == ["since 2022-10-25 11:56:40 UTC", "3 min 20 s so far"]


def test_without_pages_there_are_no_links() -> None:
    assert Table(as_markdown([report(whatsapp_2022())], Edition(now=NOW, site="x"))).addresses == []


def test_bare_addresses_do_not_become_links() -> None:
    window = whatsapp_2022(sentence="see http://evil.example www.evil.example a@evil.example")
    text = as_markdown([report(window)], EDITION)
    assert r"see http\://evil.example www\.evil.example a\@evil.example" in text
