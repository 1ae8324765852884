"""Times of day, and the zones whose clocks show them."""

import re
from datetime import time
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field

from monitor.config.nodes import Node, Scalar
from monitor.config.problems import Problems, closest

_TIME = re.compile(r"\d\d:\d\d(?::\d\d)?")
_NO_ZONES = ("right/", "posix/", "posixrules", "localtime")
"""Beside the database's own: these count leap seconds, which Unix time does not, or differ from machine to machine."""


def _parse_time(value: object) -> time:
    if not _TIME.fullmatch(str(value)):
        raise ValueError(f"not a time of day: {value!r}; write hours and minutes, as in 02:00")
    return time.fromisoformat(str(value))


TimeOfDay = Annotated[time, BeforeValidator(_parse_time), Field(json_schema_extra={"type": "string"})]


def find_zone(node: Node | None, problems: Problems) -> ZoneInfo | None:
    """The zone of that name; None, and noted, when there is none."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return None
    zone = _load_zone(node.value)
    if zone is None:
        hint = "" if node.hidden else _near_zone(node.value)
        problems.add(node.mark, f"no time zone {node.show()}; write a name such as Europe/Rome, or UTC", hint)
    return zone


def _load_zone(name: str) -> ZoneInfo | None:
    if name.startswith(_NO_ZONES):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not known; not a name; a folder, or too long for a file
        return None


def _near_zone(name: str) -> str:
    """The zone that was probably meant, by its whole name or by its city."""
    zones = sorted(zone for zone in available_timezones() if not zone.startswith(_NO_ZONES))
    cities = {zone.rpartition("/")[2]: zone for zone in zones}
    return closest(name, zones) or cities.get(closest(name.replace(" ", "_"), cities), "")
