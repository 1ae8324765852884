"""``alerts:`` -> channels and routes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from monitor.config.clocks import TimeOfDay, find_zone
from monitor.config.envelope import Name
from monitor.config.nodes import Items, Node, Scalar, Table
from monitor.config.problems import Problems, closest
from monitor.config.services import Reader
from monitor.config.shapes import keys, known_keys
from monitor.config.validate import fill_secrets, validate
from monitor.domain.alert import Alerts, ChannelSettings, Heartbeat, Hours, Route, Way
from monitor.domain.maintenance import WEEKDAYS
from monitor.domain.settings import Duration, Secret, Settings, Strings, as_tuple
from monitor.domain.words import Breadth, Reach, Severity

Channels = Mapping[str, type[ChannelSettings]]
Language = Literal["en", "fr", "it"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Wide = Literal["component", "service", "provider"]
Far = Literal["global", "regional", "local", "undetermined"]
ESCALATION = "/escalation"
"""Behind a route's name: the route that its escalation becomes."""


def _moments(value: object) -> object:
    """``none`` for never."""
    return None if value == "none" else value


Seldom = Annotated[Duration | None, BeforeValidator(_moments), Field(json_schema_extra={"type": "string"})]
"""A duration, or ``none``."""
Often = Annotated[
    Annotated[Duration, Field(gt=0)] | None, BeforeValidator(_moments), Field(json_schema_extra={"type": "string"})
]
"""Likewise, of what comes again and again: every 0 s would be a flood, and is not ``none``."""


class ChannelHead(Settings):
    """What every channel says, whatever its kind."""

    name: Name
    """What routes call it."""
    channel: str
    """Its kind."""


class HoursSettings(Settings):
    """When a route tells."""

    days: Annotated[tuple[Weekday, ...], BeforeValidator(as_tuple), Field(min_length=1)] | None = None
    """Unset: all."""
    from_: Annotated[TimeOfDay, Field(alias="from")]
    to: TimeOfDay
    """Before ``from``: on the following day."""
    zone: str
    """Whose clocks: a name of the IANA time zone database."""


class EscalationSettings(Settings):
    """Who comes next when nobody acknowledges."""

    after: Duration = 900.0
    channels: Strings


class RouteSettings(Settings):
    """Who is told of what."""

    name: Name
    channels: Annotated[Strings, Field(min_length=1)]
    """In this order: the next is taken while one cannot be used."""
    services: Strings = ("*",)
    """Names, or patterns with ``*``."""
    providers: Strings = ("*",)
    severity: Literal["critical", "major", "minor"] = "minor"
    """At least this bad."""
    breadth: Annotated[tuple[Wide, ...], BeforeValidator(as_tuple)] | None = None
    """Unset: any."""
    reach: (
        Annotated[tuple[Literal["global", "regional", "local", "undetermined"], ...], BeforeValidator(as_tuple)] | None
    ) = None
    """Unset: any. With one vantage every outage is ``undetermined``."""
    hours: HoursSettings | None = None
    after: Duration = 0.0
    """Nothing is told of what lasts shorter."""
    remind: Often = 3600.0
    """How often an open outage is told again; ``none``: never."""
    escalate: EscalationSettings | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 5
    """Openings in ten minutes; what comes beyond is rolled up."""
    blind: Seldom = 120.0
    """A vantage that cannot see for so long is told of; ``none``: never."""
    language: Language | None = None


class HeartbeatSettings(Settings):
    """Somebody elsewhere who notices when we stop."""

    url: Secret
    interval: Duration = 60.0

    @model_validator(mode="after")
    def _check_url(self) -> Self:
        if not self.url.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("url must begin with http:// or https://")
        if self.interval < 1.0:
            raise ValueError("interval must be at least 1s")
        return self


class AlertSettings(Settings):
    """Telling people."""

    channels: Any = None
    routes: Any = None
    language: Language = "en"
    heartbeat: HeartbeatSettings | None = None
    check_interval: Annotated[Duration, Field(ge=10.0)] = 300.0
    """How often it is found out whether a channel would work."""


_WALKED = frozenset(("channels", "routes"))


def read_alerts(node: Node | None, reader: Reader, channels: Channels) -> Alerts:
    """What a file says of telling people. Services must have been read."""
    problems = reader.problems
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return Alerts()
    if not isinstance(node, Table):
        problems.add(node.mark, "must be a mapping, with 'channels' and 'routes' in it")
        return Alerts()
    own = fill_secrets(node.part(_WALKED, inside=False), AlertSettings, problems)
    settings = validate(AlertSettings, own, problems, also=_WALKED) or AlertSettings()
    ways = _read_ways(node.get("channels"), reader, channels)
    names = [name for table in _tables(node.get("channels")) if (name := table.text("name"))]
    routes = _read_routes(node.get("routes"), reader, settings, names)
    heartbeat = settings.heartbeat
    return Alerts(
        ways=ways,
        routes=routes,
        heartbeat=Heartbeat(url=heartbeat.url.get_secret_value(), interval=heartbeat.interval) if heartbeat else None,
        check_interval=settings.check_interval,
    )


def _read_ways(node: Node | None, reader: Reader, channels: Channels) -> tuple[Way, ...]:
    problems, found = reader.problems, dict[str, Way]()
    for table in reader.tables(node, "channels", is_optional=True):
        way = _read_way(table, channels, problems)
        if way is None:
            continue
        if way.name in found:
            problems.add(table.mark, f"channel {way.name!r} is there twice")
        found[way.name] = way
    return tuple(found.values())


def _tables(node: Node | None) -> list[Table]:
    return [item for item in node.items if isinstance(item, Table)] if isinstance(node, Items) else []


def _read_way(table: Table, channels: Channels, problems: Problems) -> Way | None:
    named, ours = table.get("channel"), frozenset(keys(ChannelHead))
    kind = channels.get(table.text("channel") or "")
    if kind is None and isinstance(named, Scalar) and isinstance(named.value, str):
        problems.add(
            named.mark, f"unknown channel {named.show()}", "" if named.hidden else closest(named.value, channels)
        )
    head = validate(ChannelHead, table.part(ours), problems, also=known_keys((kind,)) if kind else ())
    if kind is None:
        return None
    own = fill_secrets(table.part(ours, inside=False), kind, problems)
    settings = validate(kind, own, problems, also=ours)
    return Way(name=head.name, kind=head.channel, settings=settings) if head and settings else None


def _read_routes(node: Node | None, reader: Reader, alerts: AlertSettings, names: list[str]) -> tuple[Route, ...]:
    problems, found = reader.problems, dict[str, Route]()
    for table in reader.tables(node, "routes", is_optional=True):
        settings = validate(RouteSettings, table, problems)
        _check_names(table, names, problems)
        hours = table.get("hours")
        zone = find_zone(hours.get("zone"), problems) if isinstance(hours, Table) else None
        if settings is None:
            continue
        if settings.name in found:
            problems.add(table.mark, f"route {settings.name!r} is there twice")
        route = _route(settings, zone, settings.language or alerts.language)
        found[route.name] = route
        if settings.escalate:
            next_one = _escalation(route, settings.escalate)
            found[next_one.name] = next_one
    return tuple(found.values())


def _check_names(table: Table, names: list[str], problems: Problems) -> None:
    """Routes name channels of this file."""
    escalate = table.get("escalate")
    for node in (table.get("channels"), escalate.get("channels") if isinstance(escalate, Table) else None):
        for item in node.items if isinstance(node, Items) else (node,):
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.value not in names:
                hint = "" if item.hidden else closest(item.value, names)
                problems.add(item.mark, f"no channel {item.show()} in this file", hint)


def _route(settings: RouteSettings, zone: ZoneInfo | None, language: str) -> Route:
    hours = settings.hours
    return Route(
        name=settings.name,
        channels=settings.channels,
        services=settings.services,
        providers=settings.providers,
        severity=Severity(settings.severity),
        breadth=frozenset(map(Breadth, settings.breadth or Breadth)),
        reach=frozenset(map(Reach, settings.reach or Reach)),
        hours=_hours(hours, zone) if hours is not None and zone is not None else None,
        after=settings.after,
        remind=settings.remind,
        limit=settings.limit,
        blind_after=settings.blind,
        language=language,
    )


def _hours(hours: HoursSettings, zone: ZoneInfo) -> Hours:
    return Hours(
        days=frozenset(map(WEEKDAYS.index, hours.days or WEEKDAYS)), begin=hours.from_, end=hours.to, zone=zone
    )


def _escalation(route: Route, settings: EscalationSettings) -> Route:
    """A route of its own: opened when nobody has acknowledged in time, closed with the outage."""
    return replace(
        route,
        name=route.name + ESCALATION,
        channels=settings.channels,
        after=settings.after,
        blind_after=None,
        escalates=True,
    )
