"""Scenario file -> scenario, or all of its mistakes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from monitor.domain.check import Vantage
from monitor.domain.words import Layer
from monitor.replay.format import (
    FaultPart,
    ProbePart,
    ScenarioFile,
    ServicePart,
    SharedFile,
    VantagePart,
    WindowPart,
)
from monitor.replay.scenario import Fault, Pace, Scenario, Target, expand

ReadFile = Callable[[Path, type[Any]], Any]
"""Reads a YAML file as a settings class, or raises with every mistake: the reader of configurations."""
_BASE = "base.yml"
_PARAMS = {
    "http_5xx": {"code"},
    "http_4xx": {"code"},
    "http_slow": {"seconds"},
    "delivery_delay": {"seconds"},
    "packet_loss": {"fraction"},
    "http_redirect": {"location"},
}
_NEEDS = {"pause": ("seconds",), "restart": ("seconds",), "clock_step": (), "maintenance": ("start", "to", "targets")}
"""Event of the monitor -> what it must say. Other events are passed over, and told."""


class ScenarioError(Exception):
    """A scenario whose names, times or effects do not fit together; one line a mistake."""

    def __init__(self, path: Path, mistakes: Iterable[str]) -> None:
        super().__init__("\n".join(f"{path}: {mistake}" for mistake in mistakes))


def load_scenario(path: Path, read: ReadFile) -> Scenario:
    """The scenario in a file, with the sets of a ``base.yml`` beside it, else of our own.

    Raises ScenarioError, and whatever ``read`` raises.
    """
    written: ScenarioFile = read(path, ScenarioFile)
    beside = path.parent / _BASE
    shared: SharedFile = read(beside if beside.exists() else Path(__file__).parent / _BASE, SharedFile)
    names = _Names(written, shared)
    scenario = names.scenario()
    if names.mistakes:
        raise ScenarioError(path, names.mistakes)
    return scenario


class _Names:
    """Resolves the names of one file, and collects what is wrong with them."""

    def __init__(self, written: ScenarioFile, shared: SharedFile) -> None:
        self._written = written
        self._shared = shared
        self.mistakes: dict[str, None] = {}
        self._vantages = self._resolve_vantages()
        self._ids = [part.id for part in self._vantages]
        self._services = self._resolve_services()
        self._targets = {target.name: target for target in self._resolve_targets()}

    def _wrong(self, place: str, message: str) -> None:
        self.mistakes[f"{place}: {message}"] = None

    def scenario(self) -> Scenario:
        """The scenario; of no use when there are mistakes."""
        written = self._written
        self._check_events()
        self._check_expected()
        return Scenario(
            id=written.id,
            title=written.title,
            t0=self._unix_time(written.t0),
            duration=written.duration,
            pace=self._pace(),
            vantages=tuple(_as_vantage(part) for part in self._vantages),
            targets=self._targets,
            faults=tuple(self._fault(part) for part in written.faults),
            events=written.prober,
            expected=written.expected,
            notices=tuple(self._notices()),
        )

    def _unix_time(self, text: str) -> float:
        with suppress(ValueError):
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return moment.timestamp()
        self._wrong("t0", f"{text!r} is not a time with its zone, as in 2022-10-25T06:00:00Z")
        return 0.0

    def _pace(self) -> Pace:
        base, own = self._shared.probe, self._written.probe
        values = {
            name: getattr(own, name) if getattr(own, name) is not None else getattr(base, name)
            for name in ProbePart.model_fields
        }
        for name in [name for name, value in values.items() if value is None]:
            self._wrong(f"probe.{name}", "missing here and in the shared sets")
            values[name] = 1
        return Pace(**values, noise=self._shared.noise if self._written.noise is None else self._written.noise)

    def _resolve_vantages(self) -> Sequence[VantagePart]:
        named = self._written.vantages
        if not isinstance(named, str):
            return named
        if named not in self._shared.vantage_sets:
            self._wrong("vantages", f"no shared set {named!r}; there are {_list(self._shared.vantage_sets)}")
        return self._shared.vantage_sets.get(named, ())

    def _resolve_services(self) -> Mapping[str, ServicePart]:
        named, known = self._written.services, self._shared.services
        if isinstance(named, Mapping):
            return named
        for name in [name for name in named if name not in known]:
            self._wrong("services", f"no shared service {name!r}; there are {_list(known)}")
        return {name: known[name] for name in named if name in known}

    def _resolve_targets(self) -> Iterator[Target]:
        for service, part in self._services.items():
            for component, named in part.components.items():
                name = f"{service}.{component}"
                chain = self._chain(name, named)
                yield Target(
                    name=name,
                    service=service,
                    component=component,
                    provider=part.provider,
                    control=part.control,
                    chain=chain,
                    kind=self._kind(chain),
                )

    def _chain(self, name: str, named: str | tuple[str, ...]) -> tuple[Layer, ...]:
        chains = self._shared.layer_chains
        layers = chains.get(named, ()) if isinstance(named, str) else named
        if not layers or set(layers) - set(Layer):
            self._wrong(f"services.{name}", f"{named!r} is no layer chain: name one of {_list(chains)}, or list layers")
            return (Layer.DNS,)
        return tuple(Layer(layer) for layer in layers)

    def _kind(self, chain: tuple[Layer, ...]) -> str:
        names = [name for name, layers in self._shared.layer_chains.items() if tuple(layers) == chain]
        return names[0] if names else str(chain[-1])

    def _fault(self, part: FaultPart) -> Fault:
        place = f"faults.{part.id}"
        end = self._written.duration if part.to is None else part.to
        if not part.start < end <= self._written.duration:
            self._wrong(place, f"from {part.start:g} to {end:g} is not a time within 0 to {self._written.duration}")
        params = part.params.model_dump(exclude_none=True).keys()
        if params != (wanted := _PARAMS.get(part.effect, set())):
            self._wrong(place, f"{part.effect} takes {_list(wanted) or 'no params'}, not {_list(params) or 'none'}")
        return Fault(
            id=str(part.id),
            start=part.start,
            end=end,
            vantages=self._known_vantages(place, part.vantages),
            targets=self._hit_targets(place, part),
            effect=part.effect,
            rate=part.rate,
            fraction=1.0 if part.params.fraction is None else part.params.fraction,
            code=part.params.code,
            seconds=part.params.seconds or 0.0,
            every=(part.every.of, part.every.hit) if part.every else None,
            pattern=(part.pattern.period, part.pattern.active) if part.pattern else None,
        )

    def _known_vantages(self, place: str, named: Sequence[str]) -> tuple[str, ...]:
        for name in [name for name in named if name not in (*self._ids, "all")]:
            self._wrong(place, f"no vantage {name!r}; there are {_list(self._ids)}")
        return tuple(name for name in self._ids if "all" in named or name in named)

    def _known_targets(self, place: str, patterns: Sequence[str]) -> tuple[str, ...]:
        for pattern in [pattern for pattern in patterns if not expand(self._targets, (pattern,))]:
            self._wrong(place, f"no target matches {pattern!r}")
        return expand(self._targets, patterns)

    def _hit_targets(self, place: str, part: FaultPart) -> tuple[str, ...]:
        names = self._known_targets(place, part.targets)
        for name in names:
            # A pattern may also catch targets that an effect cannot show at; naming one is a mistake.
            if name in part.targets and self._targets[name].layer_of(part.effect) is None:
                self._wrong(place, f"{part.effect} cannot hit {name}, which has no such layer")
        return names

    def _check_events(self) -> None:
        for index, event in enumerate(self._written.prober):
            place = f"prober.{index} ({event.event})"
            for name in _NEEDS.get(event.event, ()):
                if getattr(event, name) in (None, ()):
                    self._wrong(place, f"{'from' if name == 'start' else name!s} is missing")
            self._known_targets(place, event.targets)
            self._known_vantages(place, (event.vantage,) if event.vantage else ())

    def _check_expected(self) -> None:
        expected = self._written.expected
        for window in expected.windows:
            self._check_window(f"expected.windows.{window.id}", window)
        for index, silence in enumerate(expected.silence):
            place = f"expected.silence.{index}"
            self._known_targets(place, silence.targets)
            self._known_vantages(place, silence.vantages)
        for index, state in enumerate(expected.vantage_states):
            self._known_vantages(f"expected.vantage_states.{index}", (state.vantage,))

    def _check_window(self, place: str, window: WindowPart) -> None:
        self._known_targets(place, window.target)
        self._known_vantages(place, (*window.where, *window.where_until))
        if not 0 <= window.start <= window.open_by <= self._written.duration:
            self._wrong(place, "start, open_by and duration are not in this order")
        end, close_by = window.end, window.close_by or -1.0
        if end is not None and not window.start < end <= close_by <= self._written.duration:
            self._wrong(place, "start, end, close_by and duration are not in this order")

    def _notices(self) -> Iterator[str]:
        written = self._written
        for index, event in enumerate(written.prober):
            if event.event not in _NEEDS:
                yield f"prober.{index}: event {event.event!r} is not known and passed over"
        parts: list[tuple[str, BaseModel]] = [("probe", written.probe)]
        parts += [(f"faults.{fault.id}", fault) for fault in written.faults]
        parts += [(f"prober.{index}", event) for index, event in enumerate(written.prober)]
        for place, part in parts:
            for key in part.model_extra or ():
                yield f"{place}: key {key!r} is not known and passed over"


def _as_vantage(part: VantagePart) -> Vantage:
    return Vantage(name=part.id, region=part.region, country=part.country, network=part.network, resolver=part.resolver)


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
