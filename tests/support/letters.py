"""A letter as the monitor writes it, about the outage of 25 October 2022."""

from typing import Any

from monitor.domain.alert import Letter
from monitor.domain.outage import Window
from monitor.domain.words import Event, Severity
from monitor.formats.edition import Edition
from monitor.formats.record import report_as_json
from monitor.formats.report import report
from monitor.formats.times import stamp_as_json
from tests.support.windows import whatsapp_2022

TITLE = "WhatsApp is down, since 06:35 UTC"
TEXT = f"{TITLE}\n\nFails at the handshake, as seen from Paris & Mumbai <both>.\nNot affected: Messenger, Instagram."
LINK = "https://status.example/outage/20221025T063500Z-whatsapp"


def a_letter(number: int = 1, **changes: Any) -> Letter:
    """The letter of this number; ``changes`` are fields of it."""
    window: Window = whatsapp_2022()
    event: Event = changes.get("event", Event.OPENED)
    values: dict[str, Any] = {
        "key": f"oncall/{window.id}/{number}/{window.opened:.3f}",
        "conversation": f"oncall/{window.id}",
        "event": event,
        "severity": Severity.CRITICAL,
        "title": TITLE,
        "text": TEXT,
        "html": "<p><strong>WhatsApp is down</strong>, seen from Paris &amp; Mumbai</p>",
        "link": LINK,
        "labels": {"service": "whatsapp", "provider": "meta", "breadth": "service", "reach": "global"},
        "decided": window.opened,
        "started": window.start,
        "ended": window.end if event is Event.CLOSED else None,
        **changes,
    }
    return Letter(document=values.pop("document", None) or _document(values, window), **values)


def _document(values: dict[str, Any], window: Window) -> dict[str, Any]:
    edition = Edition(now=window.opened, site="fra-1", base="https://status.example", titles={"whatsapp": "WhatsApp"})
    plain = ("key", "conversation", "event", "severity", "title", "text", "labels")
    return {
        "version": 1,
        **{name: values[name] for name in plain},
        "link": values["link"] or None,
        "decided": stamp_as_json(values["decided"]),
        "started": stamp_as_json(values["started"]),
        "ended": stamp_as_json(values["ended"]),
        "outages": [report_as_json(report(window), edition)],
        "blind": None,
        "channel": {"name": "hook", "passed_over": []},
    }
