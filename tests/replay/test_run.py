"""Virtual time: what a judge is told, in which order, and what a restart leaves of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check, Vantage
from monitor.domain.maintenance import Announced
from monitor.domain.outage import Span, Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import Breadth, Cause, Kind, Reach, Status, VantageState
from monitor.judgement.judge import Judge
from monitor.replay.found import as_json, found_in
from monitor.replay.run import Outcomes, Replay
from monitor.replay.scenario import Scenario
from tests.replay.making import FOLDER, load, made

ONE = {"vantages": [{"id": "here"}], "services": ["facebook", "control"], "noise": 0}


class Recorder:
    """A judge that writes down what it is told, and rules what a test gave it."""

    def __init__(self, rulings: Mapping[float, Ruling] | None = None) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.rulings = rulings or {}

    def replace(
        self, checks: Iterable[Check], witnesses: Iterable[Check], vantages: Iterable[Vantage], now: float
    ) -> None:
        self.told.append(("replace", len(list(checks)), len(list(witnesses)), len(list(vantages)), now))

    def announce(self, announced: Sequence[Announced]) -> None:
        self.told.append(("announce", *announced))

    def observe(self, vantage: str, check: Check, attempt: Attempt) -> None:
        self.told.append(("observe", vantage, check.service, attempt.started))

    def sit(self, now: float) -> Ruling:
        self.told.append(("sit", now))
        return self.rulings.get(now, Ruling(at=now))

    def resume(self, windows: Iterable[Window], spans: Iterable[Span], memory: Mapping[str, str], now: float) -> None:
        self.told.append(("resume", [window.id for window in windows], list(spans), dict(memory), now))

    def all(self, kind: str) -> list[Any]:
        return [entry[1] for entry in self.told if entry[0] == kind]


def run(scenario: Scenario, rulings: Mapping[int, Ruling] | None = None) -> tuple[list[Recorder], Outcomes]:
    judges: list[Recorder] = []

    def appoint() -> Recorder:
        judges.append(Recorder({scenario.t0 + second: ruling for second, ruling in (rulings or {}).items()}))
        return judges[-1]

    return judges, Replay(scenario, appoint).run()


def sittings(scenario: Scenario, judge: Recorder) -> list[float]:
    return [now - scenario.t0 for now in judge.all("sit")]


def test_in_a_tick_witnesses_speak_first_and_then_the_judge_sits(tmp_path: Path) -> None:
    scenario = made(tmp_path, **ONE)
    (judge,), _ = run(scenario)
    first = judge.told[: judge.told.index(("sit", scenario.t0)) + 1]
    assert first[0] == ("replace", 3, 3, 1, scenario.t0)
    assert [entry[2] for entry in first[1:-1]] == ["witness"] * 3 + ["facebook"] * 3
    assert {entry[3] for entry in first[1:-1]} == {scenario.t0}


def test_the_judge_sits_each_minute_though_ticks_are_rare(tmp_path: Path) -> None:
    scenario = made(tmp_path, **ONE, probe={"interval": 150}, duration=600)
    (judge,), _ = run(scenario)
    assert sittings(scenario, judge) == [0, 60, 120, 150, 210, 270, 300, 360, 420, 450, 510, 570]
    assert len(judge.all("observe")) == 4 * 6


def test_nothing_happens_during_a_pause(tmp_path: Path) -> None:
    pause = {"event": "pause", "at": 100, "seconds": 300}
    scenario = made(tmp_path, **ONE, prober=[pause], duration=600, probe={"interval": 120})
    (judge,), _ = run(scenario)
    assert sittings(scenario, judge) == [0, 60, 420, 480, 540, 600]


def test_a_restart_makes_a_new_judge_that_goes_on_from_what_was_stored(tmp_path: Path) -> None:
    scenario = made(tmp_path, **ONE, prober=[{"event": "restart", "at": 130, "seconds": 20}], duration=600)
    past = Span(vantage="here", state=VantageState.OFFLINE, start=scenario.t0, end=scenario.t0 + 60)
    present = Span(vantage="here", state=VantageState.ONLINE, start=scenario.t0 + 60, end=None)
    rulings = {
        0: Ruling(at=0, spans=(replace(past, end=None),), memory=(("a", "1"), ("b", "2"))),
        60: Ruling(
            at=60,
            windows=(outage("one", Status.OPEN), outage("two", Status.CLOSED)),
            spans=(past, present),
            memory=(("a", ""), ("b", "3")),
        ),
    }
    (old, new), outcomes = run(scenario, rulings)
    assert sittings(scenario, old) == [0, 60, 120]
    now = scenario.t0 + 180
    assert new.told[:2] == [("replace", 3, 3, 1, now), ("resume", ["one"], [present], {"b": "3"}, now)]
    assert sittings(scenario, new)[0] == 180
    assert [span.state for span in outcomes.spans] == [VantageState.OFFLINE]


def test_maintenance_is_told_when_it_is_announced_and_again_after_a_restart(tmp_path: Path) -> None:
    maintenance = {"event": "maintenance", "at": 90, "targets": ["telegram.*", "meta:*"], "from": 200, "to": 300}
    restart = {"event": "restart", "at": 300, "seconds": 1}
    scenario = made(
        tmp_path,
        vantages=[{"id": "here"}],
        services=["facebook", "telegram", "control"],
        prober=[maintenance, restart],
        duration=600,
    )
    (old, new), _ = run(scenario)
    announced = Announced(
        name="announced",
        targets=("telegram.*", "facebook.web", "facebook.login", "facebook.media"),
        starts=scenario.t0 + 200,
        ends=scenario.t0 + 300,
    )
    assert old.all("announce") == new.all("announce") == [announced]
    assert old.told[old.told.index(("announce", announced)) - 1] == ("sit", scenario.t0 + 60)


def outage(name: str, status: Status) -> Window:
    return Window(
        id=name,
        target="facebook",
        provider="meta",
        services=("facebook",),
        components=("facebook.web",),
        breadth=Breadth.SERVICE,
        reach=Reach.UNDETERMINED,
        kind=Kind.TOTAL,
        layer=None,
        reason=None,
        cause=Cause.PROVIDER,
        status=status,
        start=1_666_677_660.0,
        start_after=None,
        end=None,
        end_after=None,
        opened=1_666_677_720.5,
        closed=None,
        vantages=("here",),
        vantages_fine=(),
        unaffected=(),
        stages=(),
        evidence=(),
        planned_until=None,
        absorbed_by="",
        sentence="facebook is down",
    )


def test_what_was_told_is_apart_from_what_stayed_planned_or_was_absorbed(tmp_path: Path) -> None:
    scenario = made(tmp_path, **ONE, duration=600)
    rulings = {
        0: Ruling(at=0, windows=(outage("told", Status.OPEN), outage("planned", Status.PLANNED))),
        60: Ruling(at=60, windows=(outage("gone", Status.OPEN), outage("planned", Status.CLOSED))),
        120: Ruling(at=120, windows=(outage("gone", Status.ABSORBED), outage("told", Status.CLOSED))),
    }
    _, outcomes = run(scenario, rulings)
    assert [window.id for window in outcomes.windows] == ["told"]
    assert [window.id for window in outcomes.planned] == ["planned"]


def test_the_json_has_seconds_after_t0_and_null_while_open(tmp_path: Path) -> None:
    scenario = made(tmp_path, **ONE, duration=120)
    span = Span(vantage="here", state=VantageState.CAPTIVE, start=scenario.t0 + 60, end=None)
    _, outcomes = run(scenario, {60: Ruling(at=60, windows=(outage("told", Status.OPEN),), spans=(span,))})
    assert as_json("made", 97.5, found_in(scenario, outcomes)) == {
        "scenario": "made",
        "score": 97.5,
        "windows": [
            {
                "target": "facebook",
                "breadth": "service",
                "reach": "undetermined",
                "kind": "total",
                "layer": None,
                "cause": "provider",
                "start": 60,
                "end": None,
                "decided_open": 120.5,
                "decided_closed": None,
                "vantages": ("here",),
                "sentence": "facebook is down",
            }
        ],
        "vantage_states": [{"vantage": "here", "state": "captive", "start": 60, "end": None}],
        "planned": [],
    }


def test_a_restart_in_the_middle_of_an_outage_changes_nothing_about_its_window() -> None:
    disturbed = load(FOLDER / "n04d_monitor_restart_mid_outage.yaml")
    windows = [
        found_in(scenario, Replay(scenario, Judge).run()).windows
        for scenario in (disturbed, replace(disturbed, events=()))
    ]
    assert windows[0] == windows[1]
    assert len(windows[0]) == 1
