"""Outage windows as a Markdown table, for tickets, wikis and reports after the fact."""

import re
from collections.abc import Iterable, Iterator

from monitor.formats.account import layer_of
from monitor.formats.edition import Edition
from monitor.formats.report import Report, title
from monitor.formats.text import NOTE, SENTENCE, plain
from monitor.formats.times import lasting, span

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&!#]|:(?=//)|(?<=w)\.|@)")
"""What means something within a cell; and the three signs from which GitHub's Markdown makes a link of bare text."""
_HEADINGS = ("Outage", "When", "Lasted", "Kind", "Reach", "Layer", "Cause", "In a sentence", "Notes")


def as_markdown(reports: Iterable[Report], edition: Edition) -> str:
    """A table of GitHub's Markdown, one row a window; where there are pages, the first cell leads to its own."""
    lines = [_row(_HEADINGS), _row("---" for _ in _HEADINGS)]
    lines += [_row(_cells(report, edition)) for report in reports]
    return "\n".join([*lines, ""])


def _cells(report: Report, edition: Edition) -> Iterator[str]:
    window = report.window
    name = escaped(title(report, edition), SENTENCE)
    yield f"[{name}](<{edition.permalink(window.id)}>)" if edition.base else name
    yield span(window.start, window.end)
    yield f"{lasting(report.duration(edition.now))}{' so far' if window.end is None else ''}"
    yield from (str(window.kind), str(window.reach), layer_of(window), str(window.cause))
    yield escaped(window.sentence, SENTENCE)
    yield "<br>".join(escaped(f"{note.author}: {note.text}", NOTE) for note in report.notes)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escaped(text: str, limit: int) -> str:
    """Foreign text on one line, without any of the signs that Markdown or GitHub make something of."""
    return _SPECIAL.sub(r"\\\1", plain(text, limit))
