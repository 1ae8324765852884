"""``maintenance:`` -> what is announced, dated or recurring."""

import re
from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field

from monitor.config.clocks import TimeOfDay, find_zone
from monitor.config.envelope import Line
from monitor.config.nodes import Items, Node, Scalar, Table
from monitor.config.problems import Problems, closest
from monitor.config.services import Reader
from monitor.config.validate import validate
from monitor.domain.maintenance import WEEKDAYS, Dated, Maintenance, Monthly, Recurring, Weekly, instant
from monitor.domain.settings import Duration, Settings, Strings, as_tuple

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?")
_DAY = 86400.0
_SHORTEST_MONTH = 28 * _DAY
_DATED = ("from", "to")
_RECURRING = ("every", "day", "at", "for")


def _parse_moment(value: object) -> datetime:
    """A date and a time by RFC 3339 section 5.6, the offset left out where a zone says it."""
    text = str(value).upper()
    if not _MOMENT.fullmatch(text):
        raise ValueError(f"not a date and time: {value!r}; write 2026-12-24 22:00 and a zone, or 2026-12-24T22:00:00Z")
    moment = datetime.fromisoformat(text)  # a date that no calendar has is a ValueError as well
    if not 1970 <= moment.year < 3000:
        raise ValueError("must be between the years 1970 and 3000")
    return moment


Moment = Annotated[datetime, BeforeValidator(_parse_moment), Field(json_schema_extra={"type": "string"})]
Days = Literal["day", "month", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class MaintenanceSettings(Settings):
    """One announcement: ``from`` and ``to``, or ``every`` (with ``day`` for a month), ``at`` and ``for``."""

    name: Line
    targets: Annotated[Strings, Field(min_length=1)]
    """Services, or components as ``service.component``; ``*`` and ``?`` stand for any text, any character."""
    from_: Moment | None = Field(default=None, alias="from")
    to: Moment | None = None
    every: Annotated[tuple[Days, ...], BeforeValidator(as_tuple), Field(min_length=1)] | None = None
    """``day``, ``month``, or one or more days of the week."""
    day: Annotated[int, Field(ge=1, le=31)] | Literal["last"] | None = None
    """Of the month. A month that has no such day is left out."""
    at: TimeOfDay | None = None
    for_: Duration | None = Field(default=None, alias="for")
    """Elapsed time, whatever the clocks do meanwhile."""
    zone: str | None = None
    """Whose clocks: a name of the IANA time zone database."""


def read_maintenance(node: Node | None, reader: Reader) -> tuple[Maintenance, ...]:
    """What a file announces. Services must have been read: ``targets`` are looked up among them."""
    found = [_read(table, reader) for table in reader.tables(node, "maintenance", is_optional=True)]
    return tuple(maintenance for maintenance in found if maintenance is not None)


def _read(table: Table, reader: Reader) -> Maintenance | None:
    problems = reader.problems
    settings = validate(MaintenanceSettings, table, problems)
    _check_targets(table.get("targets"), reader)
    zone = find_zone(table.get("zone"), problems)
    is_dated = _is_dated(table, problems)
    if settings is None or is_dated is None:
        return None
    when = _dated(settings, zone, table, problems) if is_dated else _recurring(settings, zone, table, problems)
    return Maintenance(name=settings.name, targets=settings.targets, when=when) if when is not None else None


def _check_targets(node: Node | None, reader: Reader) -> None:
    for item in node.items if isinstance(node, Items) else (node,):
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            continue
        if not any(fnmatchcase(name, item.value) for name in reader.names):
            hint = "" if item.hidden else closest(item.value, sorted(reader.names))
            reader.problems.add(item.mark, f"no service or component {item.show()} in this file", hint)


def _is_dated(table: Table, problems: Problems) -> bool | None:
    """Which of the two forms was written; None, and noted, when that cannot be told or something is missing."""
    given = [key for key in (*_DATED, *_RECURRING) if table.get(key) is not None]
    if not given:
        problems.add(table.mark, "say when: 'from' and 'to', or 'every', 'at' and 'for'")
        return None
    is_dated = given[0] in _DATED
    strange = [key for key in given if is_dated and key in _RECURRING]
    for key in strange:
        problems.add(table.entries[key].key, f"{key!r} and {given[0]!r} exclude each other")
    needed = _DATED if is_dated else ("every", "at", "for", "zone")
    missing = [key for key in needed if table.get(key) is None]
    for key in missing:
        problems.add(table.mark, f"{key!r} is missing")
    return None if strange or missing else is_dated


def _dated(settings: MaintenanceSettings, zone: ZoneInfo | None, table: Table, problems: Problems) -> Dated | None:
    starts, ends = settings.from_, settings.to
    if starts is None or ends is None:
        return None
    floating = [moment for moment in (starts, ends) if moment.tzinfo is None]
    if settings.zone is None and floating:
        problems.add(table.mark, "'zone' is missing: a time without an offset is one of a zone's clocks")
    elif settings.zone is not None and not floating:
        problems.add(table.entries["zone"].key, "'zone' changes nothing: both times have an offset of their own")
    elif zone is not None or not floating:
        dated = Dated(starts=_instant(starts, zone), ends=_instant(ends, zone))
        if dated.ends > dated.starts:
            return dated
        problems.add(table.entries["to"].node.mark, "the end must be after the start")
    return None


def _instant(moment: datetime, zone: ZoneInfo | None) -> float:
    return instant(moment, zone) if moment.tzinfo is None and zone is not None else moment.timestamp()


def _recurring(
    settings: MaintenanceSettings, zone: ZoneInfo | None, table: Table, problems: Problems
) -> Recurring | None:
    days = _days(settings, table, problems)
    if days is None or settings.for_ is None:
        return None
    longest = min(_distances(days))
    if not 0 < settings.for_ <= longest:
        message = f"must be more than 0s, and at most the {longest / _DAY:g}d to the next"
        problems.add(table.entries["for"].node.mark, message)
        return None
    if zone is None or settings.at is None:
        return None
    return Recurring(days=days, at=settings.at, duration=settings.for_, zone=zone)


def _days(settings: MaintenanceSettings, table: Table, problems: Problems) -> Weekly | Monthly | None:
    every = settings.every or ()
    node = table.entries["every"].node
    if len(every) > 1 and {"day", "month"}.intersection(every):
        problems.add(node.mark, "'day' and 'month' stand alone")
    elif every != ("month",) and settings.day is not None:
        problems.add(table.entries["day"].key, "'day' goes with 'every: month'")
    elif every == ("month",) and settings.day is None:
        problems.add(node.mark, "'day' is missing: 1 to 31, or last")
    elif every == ("month",):
        return Monthly(day=settings.day if isinstance(settings.day, int) else None)
    else:
        words = WEEKDAYS if every == ("day",) else every
        return Weekly(weekdays=frozenset(WEEKDAYS.index(word) for word in words))
    return None


def _distances(days: Weekly | Monthly) -> Iterator[float]:
    """Seconds from each of these days to the next, as if every month were the shortest."""
    if isinstance(days, Monthly):
        yield _SHORTEST_MONTH
    else:
        inside = sorted(days.weekdays)
        for day, following in pairwise((*inside, inside[0] + 7)):
            yield (following - day) * _DAY
