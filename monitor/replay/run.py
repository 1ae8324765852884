"""One scenario in virtual time: attempts go in, windows come out. The judgement is the one that runs live."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check, Vantage
from monitor.domain.maintenance import Announced
from monitor.domain.outage import Span, Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import Status, VantageState
from monitor.replay.attempts import attempt_of, check_of
from monitor.replay.format import EventPart
from monitor.replay.scenario import Scenario
from monitor.replay.simulation import Seen, Simulation

_SITTING = 60
"""Seconds between two sittings at most, so that a closing is not put off by a long interval."""
_LIVE = (Status.PLANNED, Status.OPEN, Status.RECOVERING)


class Judge(Protocol):
    """What a replay needs of the judgement."""

    def replace(
        self, checks: Iterable[Check], witnesses: Iterable[Check], vantages: Iterable[Vantage], now: float
    ) -> None:
        """Judge these from now on."""
        ...

    def announce(self, announced: Sequence[Announced]) -> None:
        """Know of these maintenances, and of no others."""
        ...

    def observe(self, vantage: str, check: Check, attempt: Attempt) -> None:
        """Take note of one attempt."""
        ...

    def sit(self, now: float) -> Ruling:
        """Decide."""
        ...

    def resume(self, windows: Iterable[Window], spans: Iterable[Span], memory: Mapping[str, str], now: float) -> None:
        """Go on from what was stored."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What was decided in the end. Times are Unix seconds."""

    windows: tuple[Window, ...]
    """Those that people were told of, by their start."""
    planned: tuple[Window, ...]
    """Those that never left an announced maintenance."""
    spans: tuple[Span, ...]
    """When a vantage was not online."""


class Store:
    """Keeps what was ruled, as a store does, in memory."""

    def __init__(self) -> None:
        self._windows: dict[str, Window] = {}
        self._told: set[str] = set()
        self._spans: dict[tuple[str, float], Span] = {}
        self._memory: dict[str, str] = {}

    def keep(self, ruling: Ruling) -> None:
        """Put what was ruled in place of what was there."""
        for window in ruling.windows:
            self._windows[window.id] = window
            if window.status in (Status.OPEN, Status.RECOVERING):
                self._told.add(window.id)
        self._spans.update(((span.vantage, span.start), span) for span in ruling.spans)
        for key, text in ruling.memory:
            if text:
                self._memory[key] = text
            else:
                self._memory.pop(key, None)

    def hand_back(self, judge: Judge, now: float) -> None:
        """Let a new judge go on where the last one was lost."""
        windows = [window for window in self._windows.values() if window.status in _LIVE]
        spans = [span for span in self._spans.values() if span.end is None]
        judge.resume(windows, spans, dict(self._memory), now)

    def outcomes(self) -> Outcomes:
        """Everything but what was absorbed by something wider."""
        windows = sorted(self._windows.values(), key=lambda window: (window.start, window.target))
        whole = [window for window in windows if window.status is not Status.ABSORBED]
        return Outcomes(
            windows=tuple(window for window in whole if window.id in self._told),
            planned=tuple(window for window in whole if window.id not in self._told),
            spans=tuple(span for _, span in sorted(self._spans.items()) if span.state is not VantageState.ONLINE),
        )


class Replay:
    """Runs one scenario once."""

    def __init__(self, scenario: Scenario, make_judge: Callable[[], Judge]) -> None:
        self._scenario = scenario
        self._make_judge = make_judge
        self._simulation = Simulation(scenario)
        checks = {target.name: check_of(scenario, target) for target in scenario.targets.values()}
        self._witnesses = [checks[target.name] for target in scenario.targets.values() if target.control]
        self._checks = [checks[target.name] for target in scenario.targets.values() if not target.control]
        places = [(vantage, checks[name], index) for index, (vantage, name) in enumerate(self._simulation.pairs)]
        self._order = sorted(places, key=lambda place: place[1] not in self._witnesses)
        self._store = Store()
        self._judge = self._appoint(scenario.t0)
        self._known: list[EventPart] = []

    def _appoint(self, now: float) -> Judge:
        judge = self._make_judge()
        judge.replace(self._checks, self._witnesses, self._scenario.vantages, now)
        return judge

    def run(self, on_sitting: Callable[[float, Ruling], None] = lambda *_: None) -> Outcomes:
        """Run to the end. ``on_sitting`` gets the second after t0 and what was ruled in it."""
        before = -1.0
        for second, seen in self._moments():
            now = self._scenario.t0 + second
            if any(before < end <= second for end in self._restarts()):
                self._judge = self._appoint(now)
                self._store.hand_back(self._judge, now)
                self._known = []
            before = second
            self._announce(second)
            for vantage, check, index in self._order if seen else ():
                self._judge.observe(vantage, check, attempt_of(check, now, seen[index]))
            ruling = self._judge.sit(now)
            self._store.keep(ruling)
            on_sitting(second, ruling)
        return self._store.outcomes()

    def _moments(self) -> Iterator[tuple[int, Sequence[Seen]]]:
        """Every tick with what was seen, and sittings without anything new where ticks are far apart."""
        last: int | None = None
        for second, seen in self._simulation.ticks():
            if last is not None:
                yield from self._sittings(last, second)
            last = second
            yield second, seen
        if last is not None:
            yield from self._sittings(last, self._scenario.duration + 1)

    def _sittings(self, after: int, until: int) -> Iterator[tuple[int, Sequence[Seen]]]:
        gaps = self._scenario.gaps
        for second in range(after + _SITTING, until, _SITTING):
            if not any(start <= second < end for start, end in gaps):
                yield second, ()

    def _restarts(self) -> list[float]:
        return [event.at + (event.seconds or 0) for event in self._scenario.events if event.event == "restart"]

    def _announce(self, second: float) -> None:
        maintenances = [event for event in self._scenario.events if event.event == "maintenance"]
        known = [event for event in maintenances if event.at <= second]
        if known != self._known:
            self._known = known
            self._judge.announce([self._announced(event) for event in known])

    def _announced(self, event: EventPart) -> Announced:
        t0 = self._scenario.t0
        targets: list[str] = []
        for pattern in event.targets:  # a provider has no pattern of its own there
            targets += self._scenario.expand((pattern,)) if ":" in pattern else (pattern,)
        return Announced(
            name="announced", targets=tuple(targets), starts=t0 + (event.start or 0), ends=t0 + (event.to or 0)
        )
