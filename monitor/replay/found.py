"""What a replay found, in seconds after the scenario's t0: the form in which it is scored and printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.domain.outage import Span, Window
from monitor.replay.run import Outcomes
from monitor.replay.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundWindow:
    """One outage window; an ``end`` of None means: still open."""

    target: str
    breadth: str
    reach: str
    kind: str
    layer: str | None
    cause: str
    start: float
    end: float | None
    decided_open: float
    decided_closed: float | None
    vantages: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSpan:
    """A time in which a vantage was not online."""

    vantage: str
    state: str
    start: float
    end: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Everything that one replay found."""

    windows: tuple[FoundWindow, ...]
    planned: tuple[FoundWindow, ...] = ()
    vantage_states: tuple[FoundSpan, ...] = ()


def found_in(scenario: Scenario, outcomes: Outcomes) -> Found:
    """The outcomes of a replay, counted from its t0."""
    return Found(
        windows=tuple(_window(scenario.t0, window) for window in outcomes.windows),
        planned=tuple(_window(scenario.t0, window) for window in outcomes.planned),
        vantage_states=tuple(_span(scenario.t0, span) for span in outcomes.spans),
    )


def as_json(scenario_id: str, points: float, found: Found) -> dict[str, Any]:
    """The object that ``lastseen replay --json`` prints for a scenario."""
    return {
        "scenario": scenario_id,
        "score": _number(points),
        "windows": [_fields(window) for window in found.windows],
        "vantage_states": [_fields(span) for span in found.vantage_states],
        "planned": [_fields(window) for window in found.planned],
    }


def _window(t0: float, window: Window) -> FoundWindow:
    return FoundWindow(
        target=window.target,
        breadth=window.breadth,
        reach=window.reach,
        kind=window.kind,
        layer=window.layer,
        cause=window.cause,
        start=_after(t0, window.start),
        end=None if window.end is None else _after(t0, window.end),
        decided_open=_after(t0, window.opened),
        decided_closed=None if window.closed is None else _after(t0, window.closed),
        vantages=window.vantages,
        sentence=window.sentence,
    )


def _span(t0: float, span: Span) -> FoundSpan:
    return FoundSpan(
        vantage=span.vantage,
        state=span.state,
        start=_after(t0, span.start),
        end=None if span.end is None else _after(t0, span.end),
    )


def _after(t0: float, moment: float) -> float:
    return round(moment - t0, 3)


def _fields(value: FoundWindow | FoundSpan) -> Mapping[str, Any]:
    values = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {name: _number(given) if isinstance(given, float) else given for name, given in values.items()}


def _number(value: float) -> float:
    return int(value) if value == int(value) else value
