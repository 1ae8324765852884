"""What the status feeds of providers say, each format as one claim. See `monitor.wire` for the promise of a codec.

A feed that says nothing of trouble claims that all is fine. Of several claims the worst counts, and of equally
bad ones the oldest. The shapes are told with each format.
"""

import html
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from monitor.wire import document

FINE, MAINTENANCE, DEGRADED, DOWN = LEVELS = ("fine", "maintenance", "degraded", "down")
_LONGEST = 500
_TAG = re.compile(r"<[^<>]*>")
_JSONP = re.compile(rb"[A-Za-z_$][\w$.]*\((.*)\)", re.DOTALL)
_LATEST = 1e11  # what is larger are milliseconds: in seconds it would be the year 5138

_ATLASSIAN_PAGE = {"none": FINE, "maintenance": MAINTENANCE, "minor": DEGRADED, "major": DEGRADED, "critical": DOWN}
_ATLASSIAN_COMPONENT = {
    "operational": FINE,
    "under_maintenance": MAINTENANCE,
    "degraded_performance": DEGRADED,
    "partial_outage": DEGRADED,
    "major_outage": DOWN,
}
_OVER = ("resolved", "postmortem", "completed", "scheduled")
_SLACK = {"notice": FINE, "maintenance": MAINTENANCE, "incident": DEGRADED, "outage": DOWN}
_GOOGLE = {"SERVICE_OUTAGE": DOWN}
_APPLE = {"maintenance": MAINTENANCE, "outage": DOWN}
_MICROSOFT = {
    "available": FINE,
    "operational": FINE,
    "serviceoperational": FINE,
    "servicerestored": FINE,
    "falsepositive": FINE,
    "postincidentreviewpublished": FINE,
    "serviceinterruption": DOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What a provider says of itself."""

    level: str
    """One of `LEVELS`."""
    text: str = ""
    """Its own words, plain text of one line and at most 500 characters; may be empty."""
    since: float | None = None
    """When it says that it began, Unix seconds; None when it does not say, or all is fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of a feed counts: all of it, or what goes by these names or ids, whatever their case."""

    product: str | None = None
    component: str | None = None


def read(form: str, data: bytes, wanted: Wanted) -> Claimed:
    """The claim of a feed in one of `FORMATS`. Raises ValueError for what is none, or does not know what is wanted."""
    # Stripped, not matched: two expressions that both take blanks would try all ways to share a million of them.
    unwrapped = _JSONP.fullmatch(data.strip().removesuffix(b";").rstrip()) if form == "apple" else None
    feed = document.parse(unwrapped[1] if unwrapped else data)
    try:
        claim = _worst(FORMATS[form](feed, wanted))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a status feed as {form} has it") from error
    return replace(claim, since=None) if claim.level == FINE else claim


def _worst(claims: Iterable[Claimed]) -> Claimed:
    def badness(claim: Claimed) -> tuple[int, float]:
        return LEVELS.index(claim.level), -(math.inf if claim.since is None else claim.since)

    return max(claims, key=badness, default=Claimed(level=FINE))


def _atlassian(feed: Any, wanted: Wanted) -> Iterable[Claimed]:
    """Atlassian Statuspage, /api/v2/summary.json: the page's indicator or the component's status, told by incidents.

    Source: the API page that every Statuspage has under /api; statuscheck 3.11.
    """
    name = wanted.component
    if name is not None:
        listed = _known([part for part in feed["components"] if _is_named(part, name)], name)
        level = _worst(Claimed(level=_ATLASSIAN_COMPONENT.get(part["status"], DEGRADED)) for part in listed).level
        said = str(listed[0]["status"]).replace("_", " ")
    else:
        level, said = _ATLASSIAN_PAGE.get(feed["status"]["indicator"], DEGRADED), feed["status"]["description"]
    told = [
        item
        for item in _list(feed, "incidents") + _list(feed, "scheduled_maintenances")
        if item["status"] not in _OVER
        and (name is None or any(_is_named(part, name) for part in _list(item, "components")))
    ]
    since = [moment for item in told if (moment := _moment(item.get("started_at") or item["created_at"])) is not None]
    text = _sentences(told[0]["name"], _latest(told[0], "incident_updates", "body")) if told else _plain(said)
    return [Claimed(level=level, text=text, since=min(since, default=None))]


def _slack(feed: Any, wanted: Wanted) -> Iterable[Claimed]:
    """Slack, /api/v2.0.0/current. Source: docs.slack.dev, Slack status API."""
    if feed["status"] not in ("ok", "active"):
        raise ValueError("a status that Slack does not have")
    return [
        Claimed(
            level=_SLACK.get(item["type"], DEGRADED),
            text=_sentences(item["title"], _latest(item, "notes", "body")),
            since=_moment(item["date_created"]),
        )
        for item in feed["active_incidents"]
        if item["status"] == "active" and _is_among(wanted.component, _list(item, "services"))
    ]


def _google(feed: Any, wanted: Wanted) -> Iterable[Claimed]:
    """Google Workspace, incidents.json: those without an end. Source: its incidents.schema.json."""
    return [
        Claimed(
            level=_GOOGLE.get(item["status_impact"], DEGRADED),
            text=_plain(item["external_desc"]),
            since=_moment(item["begin"]),
        )
        for item in _sequence(feed)
        if not item.get("end") and _is_affected(item, wanted.product)
    ]


def _meta(feed: Any, wanted: Wanted) -> Iterable[Claimed]:
    """Meta's business products, /data/orgs.json: products (orgs) with services. Undescribed: as its readers do."""
    orgs = [org for org in _sequence(feed) if wanted.product is None or _is_named(org, wanted.product)]
    services = [service for org in _known(orgs, wanted.product) for service in org["services"]]
    if wanted.component is not None:
        services = [service for service in services if _is_named(service, wanted.component)]
    return [
        Claimed(
            level=_meta_level(service["status"].lower()),
            text=_plain(f"{service['name']}: {service['status']}"),
            since=_moment(service.get("time")),
        )
        for service in _known(services, wanted.component)
    ]


def _meta_level(said: str) -> str:
    if "no known issues" in said or "resolved" in said:
        return FINE
    return DOWN if "high" in said or "major" in said else DEGRADED


def _apple(feed: Any, wanted: Wanted) -> Iterable[Claimed]:
    """Apple, system_status_en_US.js, JSON or JSONP: services with events. Undescribed: as its readers do."""
    services = [item for item in feed["services"] if _is_among(wanted.product, [item["serviceName"]])]
    return [
        Claimed(
            level=_APPLE.get(str(event["statusType"]).lower(), DEGRADED),
            text=_plain(f"{service['serviceName']}: {event['message']}"),
            since=_moment(event["epochStartDate"]),
        )
        for service in _known(services, wanted.product)
        for event in service["events"]
        if event["eventStatus"] == "ongoing"
    ]


def _microsoft(feed: Any, wanted: Wanted) -> Iterable[Claimed]:
    """Microsoft, status.cloud.microsoft/api/posts/NAME: one post or a list. Undescribed: as its readers do.

    The time of a post's last update is that of the request; when it was written tells more.
    """
    posts = [{name.lower(): value for name, value in post.items()} for post in _sequence(feed, one=True)]
    posts = [post for post in posts if _is_among(wanted.product, [post.get("servicedisplayname", "")])]
    return [
        Claimed(
            level=level,
            text="" if level == FINE else _sentences(post["title"] or "", post["message"] or ""),
            since=None if level == FINE else _moment(post.get("authoreddatetime")),
        )
        for post in _known(posts, wanted.product)
        for level in [_microsoft_level(post["status"].replace(" ", "").lower())]
    ]


def _microsoft_level(said: str) -> str:
    if said == "unknown":
        raise ValueError("a feed that does not know itself")
    return _MICROSOFT.get(said, DEGRADED)


def _sequence(value: Any, *, one: bool = False) -> Sequence[Any]:
    """``value`` when it is a list; with ``one``, an object as a list of it."""
    if one and isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise TypeError
    return value


def _list(value: Mapping[str, Any], name: str) -> list[Any]:
    """The list under ``name``, empty where there is none."""
    return list(_sequence(value.get(name) or []))


def _known(found: Sequence[Any], name: str | None) -> Sequence[Any]:
    """``found`` unless it is empty though something was asked for by name."""
    if name is not None and not found:
        raise ValueError("the feed does not know the product or component that is asked for")
    return found


def _is_named(item: Mapping[str, Any], name: str) -> bool:
    return name.lower() in (str(item.get("name")).lower(), str(item.get("id")).lower())


def _is_among(name: str | None, names: Iterable[Any]) -> bool:
    return name is None or name.lower() in (str(other).lower() for other in names)


def _is_affected(item: Mapping[str, Any], product: str | None) -> bool:
    """Whether an incident of Google's affects a product, named by its title or its id."""
    affected = [name for part in _list(item, "affected_products") for name in (part["title"], part["id"])]
    return _is_among(product, [item.get("service_name"), *affected])


def _latest(item: Mapping[str, Any], name: str, field: str) -> str:
    """The text of what was said last; the newest stands first."""
    said = _list(item, name)
    return str(said[0][field] or "") if said else ""


def _sentences(*texts: str) -> str:
    return _plain(": ".join(text for text in texts if text))


def _plain(text: str) -> str:
    """One line without tags and control characters."""
    untagged = html.unescape(_TAG.sub(" ", text[: 4 * _LONGEST]))
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in untagged).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def _moment(value: Any) -> float | None:
    """Unix seconds of an ISO 8601 date and time, or of seconds or milliseconds since 1970; None for anything else."""
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            return None
        value = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() if parsed.year > 1970 else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1000 * _LATEST:
        return None
    return float(value / 1000 if value > _LATEST else value)


FORMATS: Mapping[str, Callable[[Any, Wanted], Iterable[Claimed]]] = {
    "apple": _apple,
    "atlassian": _atlassian,
    "google": _google,
    "meta": _meta,
    "microsoft": _microsoft,
    "slack": _slack,
}
"""By name: what reads a feed. May raise ValueError, AttributeError, KeyError, TypeError."""
