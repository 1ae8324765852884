"""Outage windows made by hand, after outages that happened, for everything that shows windows."""

from datetime import datetime
from typing import Any

from monitor.domain.outage import Evidence, Note, Stage, Window
from monitor.domain.words import Breadth, Cause, Kind, Layer, Reach, Reason, Status


def at(text: str) -> float:
    """``2022-10-25T06:35:00`` in UTC as Unix seconds."""
    return datetime.fromisoformat(f"{text}+00:00").timestamp()


NOW = at("2022-10-25T12:00:00")


def whatsapp_2022(**changes: Any) -> Window:
    """25 October 2022: groups first, then all of WhatsApp, two hours, a soft landing. Closed."""
    start, total, end = at("2022-10-25T06:35:00"), at("2022-10-25T07:25:00"), at("2022-10-25T09:30:00")
    values: dict[str, Any] = {
        "id": "20221025T063500Z-whatsapp",
        "target": "whatsapp",
        "provider": "meta",
        "services": ("whatsapp",),
        "components": ("whatsapp.groups", "whatsapp.chat", "whatsapp.web"),
        "breadth": Breadth.SERVICE,
        "reach": Reach.GLOBAL,
        "kind": Kind.TOTAL,
        "layer": Layer.HANDSHAKE,
        "reason": Reason.TIMEOUT,
        "cause": Cause.PROVIDER,
        "status": Status.CLOSED,
        "start": start,
        "start_after": start - 30,
        "end": end,
        "end_after": end - 30,
        "opened": start + 66.5,
        "closed": end + 900,
        "vantages": ("eu-par", "in-bom"),
        "vantages_fine": (),
        "unaffected": ("messenger", "instagram", "facebook"),
        "stages": (
            Stage(since=start, kind=Kind.INTERMITTENT, reach=Reach.REGIONAL, status=Status.OPEN),
            Stage(since=total, kind=Kind.TOTAL, reach=Reach.GLOBAL, status=Status.OPEN),
            Stage(since=end, kind=Kind.TOTAL, reach=Reach.GLOBAL, status=Status.RECOVERING),
            Stage(since=end + 900, kind=Kind.TOTAL, reach=Reach.GLOBAL, status=Status.CLOSED),
        ),
        "evidence": (
            Evidence(
                vantage="eu-par",
                check_id="whatsapp/chat/g.whatsapp.net:443/whatsapp",
                at=start,
                layer=Layer.HANDSHAKE,
                reason=Reason.TIMEOUT,
                message="no ServerHello within 10 s",
            ),
            Evidence(
                vantage="in-bom",
                check_id="whatsapp/web/web.whatsapp.com/https",
                at=start + 41.25,
                layer=Layer.HTTP,
                reason=Reason.STATUS,
                message="status is 503, not 200",
            ),
        ),
        "planned_until": None,
        "absorbed_by": "",
        "sentence": "WhatsApp: it was down, total, everywhere we look, from 06:35 to 09:30 UTC, "
        "stuck at the handshake; Messenger, Instagram and Facebook fine",
    }
    return Window(**{**values, **changes})


def meta_2021(**changes: Any) -> Window:
    """4 October 2021: the whole provider vanished from DNS. Closed."""
    start, end = at("2021-10-04T15:40:00"), at("2021-10-04T22:28:00")
    values: dict[str, Any] = {
        "id": "20211004T154000Z-provider:meta",
        "target": "provider:meta",
        "services": ("whatsapp", "messenger", "instagram", "facebook"),
        "components": ("whatsapp.chat", "messenger.web", "instagram.web", "facebook.web"),
        "breadth": Breadth.PROVIDER,
        "layer": Layer.DNS,
        "reason": Reason.SERVFAIL,
        "start": start,
        "start_after": None,
        "end": end,
        "end_after": end - 45.75,
        "opened": start + 12,
        "closed": end + 900,
        "unaffected": (),
        "stages": (Stage(since=start, kind=Kind.TOTAL, reach=Reach.GLOBAL, status=Status.OPEN),),
        "evidence": (),
        "sentence": "meta (WhatsApp, Messenger, Instagram and Facebook): it was down, total, everywhere we look, "
        "from 15:40 to 22:28 UTC, its name servers cannot be asked",
    }
    return whatsapp_2022(**{**values, **changes})


def signal_open(now: float = NOW, **changes: Any) -> Window:
    """A component that is down now, since 200 s, seen from one place alone."""
    start = now - 200
    values: dict[str, Any] = {
        "id": "20221025T115640Z-signal.chat",
        "target": "signal.chat",
        "provider": "signal",
        "services": ("signal",),
        "components": ("signal.chat",),
        "breadth": Breadth.COMPONENT,
        "reach": Reach.UNDETERMINED,
        "kind": Kind.INTERMITTENT,
        "layer": Layer.TLS,
        "reason": Reason.CERT_EXPIRED,
        "cause": Cause.UNDETERMINED,
        "status": Status.OPEN,
        "start": start,
        "start_after": start - 60,
        "end": None,
        "end_after": None,
        "opened": start + 6,
        "closed": None,
        "vantages": ("eu-par",),
        "unaffected": (),
        "stages": (Stage(since=start, kind=Kind.INTERMITTENT, reach=Reach.UNDETERMINED, status=Status.OPEN),),
        "evidence": (
            Evidence(
                vantage="eu-par",
                check_id="signal/chat/chat.signal.org:443/websocket",
                at=start,
                layer=Layer.TLS,
                reason=Reason.CERT_EXPIRED,
                message="the certificate expired on 2022-10-25",
            ),
        ),
        "sentence": "Signal: chat is down, now and then, seen from eu-par alone, since 11:56 UTC, "
        "its certificate has expired",
    }
    return whatsapp_2022(**{**values, **changes})


def telegram_recovering(now: float = NOW, **changes: Any) -> Window:
    """Answers again since five minutes, and is being watched."""
    start, end = now - 2400, now - 300
    values: dict[str, Any] = {
        "id": "20221025T112000Z-telegram",
        "target": "telegram",
        "provider": "telegram",
        "services": ("telegram",),
        "components": ("telegram.api",),
        "kind": Kind.DEGRADED,
        "layer": None,
        "reason": None,
        "status": Status.RECOVERING,
        "start": start,
        "start_after": start - 60,
        "end": end,
        "end_after": end - 60,
        "opened": start + 70,
        "closed": None,
        "vantages_fine": ("us-nyc",),
        "unaffected": (),
        "stages": (
            Stage(since=start, kind=Kind.DEGRADED, reach=Reach.GLOBAL, status=Status.OPEN),
            Stage(since=end, kind=Kind.DEGRADED, reach=Reach.GLOBAL, status=Status.RECOVERING),
        ),
        "evidence": (),
        "sentence": "Telegram: it was slow, everywhere we look, from 11:20 to 11:55 UTC, and is being watched",
    }
    return whatsapp_2022(**{**values, **changes})


def acme_planned(now: float = NOW, **changes: Any) -> Window:
    """Down in an announced maintenance, which has ten minutes left."""
    start = now - 900
    values: dict[str, Any] = {
        "id": "20221025T114500Z-acme-chat.mqtt",
        "target": "acme-chat.mqtt",
        "provider": "acme",
        "services": ("acme-chat",),
        "components": ("acme-chat.mqtt",),
        "breadth": Breadth.COMPONENT,
        "layer": Layer.TCP,
        "reason": Reason.REFUSED,
        "status": Status.PLANNED,
        "planned_until": now + 600,
        "start": start,
        "start_after": start - 10,
        "end": None,
        "end_after": None,
        "opened": start + 6,
        "closed": None,
        "unaffected": (),
        "stages": (Stage(since=start, kind=Kind.TOTAL, reach=Reach.GLOBAL, status=Status.PLANNED),),
        "evidence": (),
        "sentence": "Acme: mqtt is down, total, everywhere we look, since 11:45 UTC, connections are refused; "
        "announced maintenance until 12:10",
    }
    return whatsapp_2022(**{**values, **changes})


def a_note(window: Window, **changes: Any) -> Note:
    """What somebody said of a window a day later."""
    values: dict[str, Any] = {
        "window_id": window.id,
        "at": at("2022-10-26T08:00:00"),
        "author": "ines",
        "text": "Meta says: a technical error on their side.\nOur campaign was put off by a day.",
        "changes": (),
    }
    return Note(**{**values, **changes})
