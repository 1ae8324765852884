"""Every scenario, through the judgement as it runs live: what must be found is found, and nothing is invented."""

from pathlib import Path
from statistics import fmean

import pytest

from monitor.judgement.judge import Judge
from monitor.replay.found import found_in
from monitor.replay.run import Replay
from monitor.replay.scenario import Scenario, alone
from monitor.replay.score import Verdict, score
from tests.replay.making import FILES, load


def verdict_of(scenario: Scenario) -> Verdict:
    return score(scenario, found_in(scenario, Replay(scenario, Judge).run()))


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    return {path.stem: verdict_of(load(path)) for path in FILES}


def test_no_window_is_missed_and_none_invented(verdicts: dict[str, Verdict]) -> None:
    assert [name for name, verdict in verdicts.items() if not verdict.is_right] == []


def test_the_score_is_what_was_promised(verdicts: dict[str, Verdict]) -> None:
    assert fmean(verdict.points for name, verdict in verdicts.items() if name[0] in "hlm") >= 95
    assert {name: verdict.points for name, verdict in verdicts.items() if name[0] == "n" and verdict.points < 100} == {}


def test_the_states_of_vantages_are_told(verdicts: dict[str, Verdict]) -> None:
    missed = [(name, state.vantage) for name, verdict in verdicts.items() for state, span in verdict.states if not span]
    assert missed == []


@pytest.mark.parametrize("path", [path for path in FILES if path.stem[0] in "hln"], ids=lambda path: path.stem)
def test_one_vantage_alone_raises_no_false_alarm(path: Path) -> None:
    scenario = load(path)
    for vantage in {scenario.vantages[0].name, "eu-par"}:
        assert verdict_of(alone(scenario, vantage)).false == ()
