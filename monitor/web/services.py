"""Services and components as they stand: state, open windows, availability and coverage."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

from monitor.domain.claim import Said
from monitor.domain.outage import Window
from monitor.domain.words import State, Status
from monitor.formats.claims import claim_as_json
from monitor.formats.report import Report
from monitor.web.backend import Availability, Backend
from monitor.web.board import Row
from monitor.web.reading import Unreadable, read

PERIODS: Mapping[str, float] = {"24h": 86400.0, "7d": 7 * 86400.0, "90d": 90 * 86400.0}
_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of one period, from 0 to 1."""

    share: float | None
    """Of the time that was seen, the part in which it answered; None when none was seen."""
    coverage: float
    """Of the whole period, the part that was seen: before the monitor's first day there was nobody to see."""


Shares = Mapping[str, Seen]
"""By period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One part of a service."""

    name: str
    critical: bool
    state: State
    is_planned: bool
    """What is wrong with it was announced, all of it."""
    open: tuple[str, ...]
    """The ids of the windows that it is in and that are not over."""
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service and its parts, in the order of the configuration."""

    name: str
    title: str
    provider: str
    state: State
    is_planned: bool
    open: tuple[str, ...]
    availability: Shares
    claims: tuple[Said, ...]
    """What its provider says of it now, one of each status page that is read."""
    components: tuple[Component, ...]

    @property
    def rows(self) -> list[Row]:
        """Of all of its parts."""
        return [row for component in self.components for row in component.rows]


async def shares(backend: Backend) -> Mapping[str, Shares]:
    """Of each service, as stored. Nothing is known while the store cannot be read."""
    now, history = backend.clock.now(), backend.history
    found: defaultdict[str, dict[str, Seen]] = defaultdict(dict)
    try:
        for period, seconds in PERIODS.items():
            for one in await read(history, history.availability(now - seconds, now)):
                found[one.service][period] = _seen(one, now - (now - seconds) // _HOUR * _HOUR)
    except Unreadable:
        return {}
    return found


def _seen(one: Availability, whole: float) -> Seen:
    """``whole``: the seconds of all hours that lie at least partly in the period."""
    return Seen(share=one.share, coverage=min(1.0, (one.up + one.degraded + one.down + one.planned) / whole))


def services(backend: Backend, alive: Iterable[Report], known: Mapping[str, Shares]) -> list[Service]:
    """All of them as they stand now."""
    by_service: defaultdict[str, defaultdict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in backend.board.watched():
        by_service[row.check.service][row.check.component].append(row)
    windows, titles, state = [one.window for one in alive], backend.titles(), backend.judged.state
    claims = backend.claims()
    return [
        Service(
            name=name,
            title=titles.get(name, name),
            provider=next(iter(parts.values()))[0].check.provider,
            state=state(name, ""),
            is_planned=is_planned(window for window in windows if name in window.services),
            open=tuple(window.id for window in windows if name in window.services),
            availability=known.get(name, {}),
            claims=tuple(said for said in claims if said.service == name),
            components=tuple(
                Component(
                    name=part,
                    critical=rows[0].check.critical,
                    state=state(name, part),
                    is_planned=is_planned(window for window in windows if f"{name}.{part}" in window.components),
                    open=tuple(window.id for window in windows if f"{name}.{part}" in window.components),
                    rows=rows,
                )
                for part, rows in parts.items()
            ),
        )
        for name, parts in by_service.items()
    ]


def is_planned(windows: Iterable[Window]) -> bool:
    """Whether of these, which are not over, one was announced and none came unannounced."""
    found = {window.status for window in windows}
    return Status.PLANNED in found and Status.OPEN not in found


def service_as_json(service: Service) -> dict[str, Any]:
    """One service for /api/v1/services. Shares are from 0 to 1, cut after six places: never rounded up to 1."""
    return {
        "name": service.name,
        "title": service.title,
        "provider": service.provider,
        "state": service.state,
        "open": service.open,
        "claims": [claim_as_json(said) for said in service.claims],
        "availability": {period: _share_as_json(service.availability.get(period)) for period in PERIODS},
        "components": [
            {
                "name": component.name,
                "critical": component.critical,
                "state": component.state,
                "open": component.open,
            }
            for component in service.components
        ],
    }


def _share_as_json(known: Seen | None) -> dict[str, Any]:
    return {"availability": _cut(known.share if known else None), "coverage": _cut(known.coverage if known else None)}


def _cut(share: float | None) -> float | None:
    return None if share is None else floor(share * 1e6) / 1e6
