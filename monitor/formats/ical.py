"""Outage windows as a calendar (RFC 5545, with the name and refresh interval of RFC 7986)."""

from collections.abc import Iterable, Iterator
from math import ceil, floor

from monitor.domain.words import Status
from monitor.formats.account import account
from monitor.formats.edition import Edition
from monitor.formats.report import Report, title
from monitor.formats.text import NAME, plain
from monitor.formats.times import utc

CONTENT_TYPE = "text/calendar; charset=utf-8"
_OCTETS = 75
_EMPTY = (
    *("BEGIN:VTIMEZONE", "TZID:Etc/UTC", "BEGIN:STANDARD", "DTSTART:19700101T000000"),
    *("TZOFFSETFROM:+0000", "TZOFFSETTO:+0000", "END:STANDARD", "END:VTIMEZONE"),
)
"""A calendar must hold something (3.6), also when nothing was ever down."""
_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


def as_calendar(reports: Iterable[Report], edition: Edition) -> bytes:
    """A calendar with one event a window.

    A window that is not over has no end; one that answers again has a tentative
    one; one that was no outage after all is cancelled.
    """
    name = _text(f"Outages seen from {plain(edition.site, NAME)}")
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//lastseen//outages//EN",
        "CALSCALE:GREGORIAN",
        f"NAME:{name}",
        f"X-WR-CALNAME:{name}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT5M",
    ]
    events = [line for report in reports for line in _event(report, edition)]
    return b"".join(_folded(line) for line in [*lines, *(events or _EMPTY), "END:VCALENDAR"])


def _event(report: Report, edition: Edition) -> Iterator[str]:
    window = report.window
    updated = _time(floor(report.updated))
    yield "BEGIN:VEVENT"
    yield f"UID:{edition.identity(window.id)}"
    # Without a METHOD, DTSTAMP says when the event was last revised (3.8.7.2).
    yield f"DTSTAMP:{updated}"
    yield f"LAST-MODIFIED:{updated}"
    yield f"CREATED:{_time(floor(window.opened))}"
    start, end = floor(window.start), None if window.end is None else ceil(window.end)
    yield f"DTSTART:{_time(start)}"
    if end is not None and end > start:
        yield f"DTEND:{_time(end)}"
    yield f"SUMMARY:{_text(title(report, edition))}"
    yield f"DESCRIPTION:{_text(chr(10).join(account(report)))}"
    yield f"STATUS:{_status(report)}"
    yield "TRANSP:TRANSPARENT"
    if window.services:
        yield f"CATEGORIES:{','.join(_text(plain(name, NAME)) for name in window.services)}"
    if edition.base:
        yield f"URL:{edition.permalink(window.id)}"
    yield "END:VEVENT"


def _status(report: Report) -> str:
    if not report.is_outage:
        return "CANCELLED"
    return "TENTATIVE" if report.window.status is Status.RECOVERING else "CONFIRMED"


def _text(text: str) -> str:
    return text.translate(_ESCAPES)


def _time(seconds: int) -> str:
    return f"{utc(seconds):%Y%m%dT%H%M%SZ}"


def _folded(line: str) -> bytes:
    """Content lines of at most 75 octets without their CRLF, never cut within a character (3.1)."""
    pieces: list[bytes] = []
    rest = line.encode()
    while len(rest) > (room := _OCTETS - bool(pieces)):
        cut = room
        while rest[cut] & 0xC0 == 0x80:
            cut -= 1
        pieces.append(rest[:cut])
        rest = rest[cut:]
    return b"\r\n ".join([*pieces, rest]) + b"\r\n"
