"""A window in one line of English, as a person would say it to another at three in the morning."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from monitor.domain.outage import Window
from monitor.domain.words import Breadth, Cause, Kind, Layer, Reach, Reason, Status

_STUCK: Mapping[Layer, str] = {
    Layer.DNS: "its names do not resolve",
    Layer.ROUTE: "packets do not get there",
    Layer.TCP: "connections fail",
    Layer.TLS: "TLS fails",
    Layer.HTTP: "its web servers answer with errors",
    Layer.HANDSHAKE: "stuck at the handshake",
    Layer.LOGIN: "logins fail",
    Layer.SEND: "messages are not accepted",
    Layer.DELIVER: "messages are accepted and do not arrive",
}
_EXACTLY: Mapping[tuple[Layer, Reason], str] = {
    (Layer.DNS, Reason.NXDOMAIN): "its names are said not to exist",
    (Layer.DNS, Reason.SERVFAIL): "its names fail to resolve",
    (Layer.DNS, Reason.ANSWER): "its names resolve to foreign addresses",
    (Layer.DNS, Reason.FOREIGN_ADDRESS): "its names lead to addresses that are not the provider's",
    (Layer.TCP, Reason.REFUSED): "connections are refused",
    (Layer.TCP, Reason.RESET): "connections are reset",
    (Layer.TCP, Reason.TIMEOUT): "connections are not answered",
    (Layer.TLS, Reason.CERT_EXPIRED): "its certificate has expired",
    (Layer.TLS, Reason.CERT_UNTRUSTED): "its certificate is not trusted",
    (Layer.TLS, Reason.CERT_NAME): "its certificate is for another name",
    (Layer.TLS, Reason.CERT_FOREIGN): "its certificate is of an issuer that the provider does not use",
    (Layer.TLS, Reason.TIMEOUT): "the TLS handshake is not answered",
    (Layer.TLS, Reason.RESET): "connections are reset at the TLS handshake",
    (Layer.TLS, Reason.NAME_RESET): "connections that name it are cut, others are not",
    (Layer.HTTP, Reason.TIMEOUT): "its web servers do not answer",
    (Layer.HTTP, Reason.REDIRECTS): "it redirects elsewhere",
    (Layer.HTTP, Reason.INJECTED): "pages come that are not the provider's",
    (Layer.HANDSHAKE, Reason.KEY): "who answers does not prove to be it",
    (Layer.HANDSHAKE, Reason.SIGNATURE): "who answers does not prove to be it",
    (Layer.HANDSHAKE, Reason.ALTERED): "what answers is not it, or was changed on the way",
    (Layer.DELIVER, Reason.LATE): "messages arrive too late",
}
_CAUSES: Mapping[Cause, str] = {
    Cause.DEPENDENCY: "others that it has nothing to do with failed at the same time: perhaps something they share",
    Cause.PATH: "the way there seems broken, not the service",
    Cause.INTERFERENCE: "it looks as if somebody interferes on the way",
    Cause.PROBE: "people may well not notice: check our probe first",
}
_NAMES_SHOWN = 4


def say(window: Window, titles: Mapping[str, str]) -> str:
    """The window in one line. ``titles`` are names for people, by service."""
    parts = [_how_much(window), _where(window), _when(window)]
    parts.append(stuck(window.layer, window.reason))
    line = f"{_subject(window, titles)} {_verb(window, titles)}, {', '.join(part for part in parts if part)}"
    fine = [titles.get(name, name) for name in window.unaffected]
    more = [f"{listed(fine)} fine"] if fine else []
    if window.cause in _CAUSES:
        more.append(_CAUSES[window.cause])
    if window.status is Status.PLANNED:
        more.append(f"announced maintenance until {_time(window.planned_until or 0.0, window.start)}")
    return "; ".join([line, *more])


def _subject(window: Window, titles: Mapping[str, str]) -> str:
    service = titles.get(window.services[0], window.services[0])
    if window.breadth is Breadth.COMPONENT:
        return f"{service}: {window.target.partition('.')[2]}"
    return window.provider if window.breadth is Breadth.PROVIDER else service


def _verb(window: Window, titles: Mapping[str, str]) -> str:
    be = "was" if window.status in (Status.RECOVERING, Status.CLOSED) else "is"
    what = "slow" if window.kind is Kind.DEGRADED else "down"
    if window.breadth is not Breadth.PROVIDER:
        return f"{be} {what}"
    return f"{be} {what} ({listed(titles.get(name, name) for name in window.services)})"


def _how_much(window: Window) -> str:
    if window.kind is Kind.TOTAL:
        return "total"
    return "now and then" if window.kind is Kind.INTERMITTENT else ""


def _where(window: Window) -> str:
    if window.reach is Reach.GLOBAL:
        return "everywhere we look"
    if window.reach is Reach.UNDETERMINED:
        return f"seen from {listed(window.vantages)} alone" if len(window.vantages) == 1 else ""
    rest = f", not from {listed(window.vantages_fine)}" if window.vantages_fine else ""
    return f"seen from {listed(window.vantages)}{rest}"


def _when(window: Window) -> str:
    start = f"since {_time(window.start)} UTC"
    bracket = ""
    if window.start_after is not None:
        bracket = f" (between {_exact(window.start_after, window.start)} and {_exact(window.start, window.start)})"
    if window.end is None:
        return start + bracket
    over = f"from {_time(window.start)} to {_time(window.end, window.start)} UTC"
    return over if window.status is Status.CLOSED else f"{over}, and is being watched"


def stuck(layer: Layer | None, reason: Reason | None) -> str:
    """Where and why something failed, in words; nothing when it is slow, or the fault is ours."""
    if layer is None:
        return ""
    return _STUCK[layer] if reason is None else _EXACTLY.get((layer, reason), _STUCK[layer])


def listed(names: Iterable[str]) -> str:
    """At least one name, with commas and an "and"; of many, the first."""
    shown: Sequence[str] = tuple(names)
    if len(shown) > _NAMES_SHOWN + 1:
        shown = (*shown[:_NAMES_SHOWN], f"{len(shown) - _NAMES_SHOWN} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _time(stamp: float, day_of: float | None = None) -> str:
    """Hours and minutes, with the date where it is another day than ``day_of``."""
    moment = datetime.fromtimestamp(stamp, UTC)
    same_day = day_of is not None and datetime.fromtimestamp(day_of, UTC).date() == moment.date()
    return f"{moment:%H:%M}" if same_day else f"{moment:%H:%M}" if day_of is None else f"{moment:%-d %b %H:%M}"


def _exact(stamp: float, day_of: float) -> str:
    moment = datetime.fromtimestamp(stamp, UTC)
    same_day = datetime.fromtimestamp(day_of, UTC).date() == moment.date()
    return f"{moment:%H:%M:%S}" if same_day else f"{moment:%-d %b %H:%M:%S}"
