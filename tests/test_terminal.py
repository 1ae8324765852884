"""Outages on a terminal: what servers and people said cannot steer it."""

import io
import re

from hypothesis import given
from rich.console import Console

from monitor.formats.edition import Edition
from monitor.formats.report import Report
from monitor.terminal import show_outage, show_outages
from tests.formats.examples import EDITION, EDITIONS, HOSTILE, realistic


def printed(reports: list[Report], edition: Edition) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    show_outages(console, reports, edition)
    for report in reports:
        show_outage(console, report, edition)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@given(HOSTILE, EDITIONS)
def test_no_control_character_reaches_the_terminal(reports: list[Report], edition: Edition) -> None:
    text = printed(reports, edition)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    text.encode()


def test_a_row_has_when_how_long_and_what() -> None:
    text = printed(realistic(), EDITION)
    assert re.search(
        r"2022-10-25 06:35:00 +2 h 55 min +WhatsApp failed on and off for 2 h 55 min *\n +- 09:30:00", text
    )
    assert re.search(r"2022-10-25 11:56:40 +3 min 20 s +signal chat fails on and off *\nopen ", text)
    assert "20211004T154000Z-provider:meta" in text


def test_nothing_is_said_to_be_nothing() -> None:
    assert printed([], EDITION) == "No outage is known.\n"
