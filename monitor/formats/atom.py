"""Outage windows as an Atom feed (RFC 4287)."""

from collections.abc import Iterator, Sequence
from html import escape

from monitor.formats.account import account
from monitor.formats.edition import Edition
from monitor.formats.report import Report, title
from monitor.formats.text import NAME, SENTENCE, plain
from monitor.formats.times import rfc3339

CONTENT_TYPE = "application/atom+xml; charset=utf-8"


def as_feed(reports: Sequence[Report], edition: Edition) -> str:
    """A feed with one entry a window, each with its permalink. The edition must have a base.

    An entry's id never changes; its ``updated`` does whenever the window does, so that readers show it again.
    """
    name = plain(edition.site, NAME)
    updated = max((report.updated for report in reports), default=edition.now)
    base = escape(edition.base)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">',
        f"<id>{edition.identity().urn}</id>",
        f"<title>{escape(f'Outages seen from {name}')}</title>",
        f"<updated>{rfc3339(updated)}</updated>",
        f"<author><name>{escape(f'lastseen at {name}')}</name></author>",
        "<generator>lastseen</generator>",
        f'<link rel="self" type="application/atom+xml" href="{base}/feed.atom"/>',
        f'<link rel="alternate" type="text/html" href="{base}/"/>',
    ]
    for report in reports:
        lines += _entry(report, edition)
    return "\n".join([*lines, "</feed>", ""])


def _entry(report: Report, edition: Edition) -> Iterator[str]:
    window = report.window
    yield "<entry>"
    yield f"<id>{edition.identity(window.id).urn}</id>"
    yield f"<title>{escape(title(report, edition))}</title>"
    yield f"<published>{rfc3339(window.opened)}</published>"
    yield f"<updated>{rfc3339(report.updated)}</updated>"
    yield f'<link rel="alternate" type="text/html" href="{escape(edition.permalink(window.id))}"/>'
    yield from (f'<category term="{escape(plain(name, NAME))}"/>' for name in window.services)
    yield f"<summary>{escape(plain(window.sentence, SENTENCE))}</summary>"
    # Markup inside text: escaped once for HTML and once more for XML (3.1.1.2).
    body = "".join(_paragraph(line) for line in account(report))
    yield f'<content type="html">{escape(body)}</content>'
    yield "</entry>"


def _paragraph(line: str) -> str:
    return f"<p>{escape(line).replace(chr(10), '<br/>')}</p>"
