"""A reader of the feed shows an entry again when its ``updated`` changed: whenever there is news, and else never."""

import re
from collections.abc import Sequence
from dataclasses import replace

from monitor.domain.outage import Note, Window
from monitor.formats.atom import as_feed
from monitor.formats.edition import Edition
from monitor.formats.record import report_as_json
from monitor.formats.report import report
from tests.support.windows import NOW, a_note, signal_open

DECIDED = NOW - 20


def updated(window: Window, notes: Sequence[Note] = (), now: float = NOW) -> str:
    """Of the entry, and of the feed with it."""
    feed = as_feed([report(window, notes)], Edition(now=now, site="x", base="https://x.example"))
    (text,) = set(re.findall("<updated>(.*)</updated>", feed))
    return str(text)


def test_it_is_when_the_window_was_decided_anew_whatever_changed() -> None:
    window = replace(signal_open(), updated=DECIDED)
    assert updated(window) == "2022-10-25T11:59:40.000Z"
    assert updated(replace(window, unaffected=(), updated=DECIDED + 0.5)) == "2022-10-25T11:59:40.500Z"
    assert report_as_json(report(window), Edition(now=NOW, site="x"))["updated"]["epoch_ms"] == DECIDED * 1000


def test_evidence_of_a_clock_that_is_ahead_hides_no_change() -> None:
    window = signal_open()
    ahead = tuple(replace(item, at=NOW + 3600) for item in window.evidence)
    assert updated(replace(window, evidence=ahead, updated=DECIDED)) == "2022-10-25T11:59:40.000Z"


def test_a_note_changes_it_and_time_does_not() -> None:
    window = replace(signal_open(), updated=DECIDED)
    note = a_note(window, at=NOW + 60)
    assert updated(window, now=NOW + 9e6) == updated(window)
    assert updated(window, [note]) == "2022-10-25T12:01:00.000Z"
    assert updated(replace(window, updated=NOW + 90), [note]) == "2022-10-25T12:01:30.000Z"


def test_what_an_earlier_version_stored_has_the_latest_moment_that_it_tells_of() -> None:
    window = signal_open()
    latest = max(window.opened, *(stage.since for stage in window.stages), *(item.at for item in window.evidence))
    assert report(window).updated == latest
    assert report(replace(window, end=latest + 1)).updated == latest + 1
