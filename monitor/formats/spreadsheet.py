"""Outage windows as CSV (RFC 4180), one a line, that a spreadsheet may open without danger."""

import csv
from collections.abc import Iterable
from io import StringIO

from monitor.domain.outage import Note
from monitor.formats.edition import Edition
from monitor.formats.report import Report
from monitor.formats.text import NAME, NOTE, SENTENCE, plain
from monitor.formats.times import rfc3339

CONTENT_TYPE = "text/csv; charset=utf-8; header=present"
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001  # the wide forms count in spreadsheets too
"""What a cell must not begin with: https://owasp.org/www-community/attacks/CSV_Injection"""
_TIMES = ("start", "start_after", "end", "end_after", "opened", "closed")
_WORDS = ("breadth", "reach", "kind", "layer", "reason", "cause")
_LISTS = ("services", "components", "vantages", "vantages_fine", "unaffected")
COLUMNS = (
    *("id", "status", "target", "provider", "planned", "outage"),
    *(*_TIMES, "duration_seconds", *_WORDS, *_LISTS, "sentence", "notes", "permalink"),
)


def as_csv(reports: Iterable[Report], edition: Edition) -> str:
    """A header line and one line a window.

    Times are RFC 3339 in UTC, lists are separated by spaces, text is in quotes
    and the duration is a bare number. A text that a spreadsheet would take for
    a formula has an apostrophe before it.
    """
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(_row(report, edition) for report in reports)
    return text.getvalue()


def _row(report: Report, edition: Edition) -> dict[str, str | float]:
    window = report.window
    words = {name: str(getattr(window, name) or "") for name in _WORDS}
    lists = {name: _names(getattr(window, name)) for name in _LISTS}
    times = {name: _time(getattr(window, name)) for name in _TIMES}
    return {
        "id": cell(window.id),
        "status": str(window.status),
        "target": cell(window.target),
        "provider": cell(window.provider),
        **words,
        **lists,
        **times,
        "planned": "yes" if report.is_planned else "no",
        "outage": "yes" if report.is_outage else "no",
        "duration_seconds": round(report.duration(edition.now), 3),
        "sentence": cell(window.sentence, SENTENCE),
        "notes": cell(" | ".join(map(_note, report.notes)), NOTE),
        "permalink": cell(edition.permalink(window.id), NOTE),
    }


def cell(text: str, limit: int = NAME) -> str:
    """Foreign text on one line, which no spreadsheet takes for a formula."""
    shown = plain(text, limit)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _names(names: Iterable[str]) -> str:
    return cell(" ".join(plain(name, NAME) for name in names), NOTE)


def _note(note: Note) -> str:
    return f"{rfc3339(note.at)} {note.author}: {note.text}"


def _time(seconds: float | None) -> str:
    return "" if seconds is None else rfc3339(seconds)
