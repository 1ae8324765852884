"""The calendar as an independent library reads it (icalendar), and by the letters of RFC 5545."""

import re

import icalendar
from hypothesis import given

from monitor.domain.words import Status
from monitor.formats.edition import Edition
from monitor.formats.ical import as_calendar
from monitor.formats.report import Report, report
from monitor.formats.text import plain
from tests.formats.examples import EDITION, EDITIONS, HOSTILE, realistic
from tests.support.windows import NOW, a_note, signal_open, whatsapp_2022

_LINE = re.compile(r"(?:BEGIN|END):[A-Z]+|[A-Z][A-Z-]*(?:;[A-Z]+=[A-Z]+)?:[^\x00-\x08\x0a-\x1f\x7f]*")


def events(reports: list[Report], edition: Edition = EDITION) -> list[icalendar.Event]:
    calendar = icalendar.Calendar.from_ical(as_calendar(reports, edition))
    assert isinstance(calendar, icalendar.Calendar)
    assert not calendar.errors
    found = list(calendar.walk("VEVENT"))
    assert all(isinstance(event, icalendar.Event) and not event.errors for event in found)
    return [event for event in found if isinstance(event, icalendar.Event)]


def lines(written: bytes) -> list[str]:
    """The content lines, unfolded."""
    assert written.endswith(b"\r\n")
    return written.decode().replace("\r\n ", "").split("\r\n")[:-1]


@given(HOSTILE, EDITIONS)
def test_whatever_servers_and_people_said_the_letters_of_the_rfc_hold(reports: list[Report], edition: Edition) -> None:
    written = as_calendar(reports, edition)
    for line in written.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()  # no character is cut
    for unfolded in lines(written):
        assert _LINE.fullmatch(unfolded), unfolded
    found = events(reports, edition)
    assert len(found) == len(reports)
    for event, one in zip(found, reports, strict=True):
        assert str(event["DESCRIPTION"]).startswith(plain(one.window.sentence, 1000))
        assert event.categories == [plain(name, 200) for name in one.window.services]
        assert str(event["UID"]) == str(edition.identity(one.window.id))


def test_a_window_that_is_over_has_an_end_and_one_that_is_not_has_none() -> None:
    planned, is_open, recovering, over, _ = events(realistic())
    assert "DTEND" not in planned
    assert "DTEND" not in is_open
    assert "DURATION" not in is_open
    assert recovering["STATUS"] == "TENTATIVE"
    assert recovering.end.isoformat() == "2022-10-25T11:55:00+00:00"
    assert (over.start.isoformat(), over.end.isoformat()) == ("2022-10-25T06:35:00+00:00", "2022-10-25T09:30:00+00:00")
    assert over["STATUS"] == "CONFIRMED"
    assert over["SUMMARY"] == "WhatsApp failed on and off for 2 h 55 min"
    assert over["URL"] == "https://status.example/outage/20221025T063500Z-whatsapp"


def test_an_event_keeps_its_uid_while_its_window_changes_and_its_stamp_moves() -> None:
    window = signal_open()
    (before,) = events([report(window)])
    closed = signal_open(status=Status.CLOSED, end=NOW, closed=NOW + 900)
    (after,) = events([report(closed)], Edition(now=NOW + 7200, site="fra-1"))
    assert before["UID"] == after["UID"]
    assert before.DTSTAMP < after.DTSTAMP
    (elsewhere,) = events([report(window)], Edition(now=NOW, site="ams-1"))
    assert before["UID"] != elsewhere["UID"]


def test_what_was_no_outage_after_all_is_cancelled() -> None:
    window = whatsapp_2022()
    (event,) = events([report(window, [a_note(window, changes=(("outage", "no"),))])])
    assert event["STATUS"] == "CANCELLED"
    assert event["SUMMARY"] == "WhatsApp: no outage after all"


def test_a_window_shorter_than_a_second_still_has_an_end_after_its_start() -> None:
    (event,) = events([report(whatsapp_2022(end=whatsapp_2022().start + 0.2))])
    assert event.end > event.start


def test_a_calendar_without_windows_still_holds_a_component() -> None:
    calendar = icalendar.Calendar.from_ical(as_calendar([], EDITION))
    assert [part.name for part in calendar.subcomponents] == ["VTIMEZONE"]
    assert calendar["VERSION"] == "2.0"
