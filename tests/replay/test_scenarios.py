"""Every scenario, through the judgement as it runs live: what must be found is found, and nothing is invented."""

from functools import cache
from pathlib import Path
from statistics import fmean

import pytest

from monitor.commands.letters import Letters
from monitor.domain.words import Event, Reach
from monitor.judgement.judge import Judge
from monitor.replay.found import found_in
from monitor.replay.run import Replay
from monitor.replay.scenario import alone
from monitor.replay.score import Verdict, score
from tests.replay.making import FILES, load

ALONE = [path for path in FILES if path.stem[0] in "hln"]
"""The quiet week takes long, and one vantage sees no less quiet in it than in the quiet day."""


@cache
def played(path: Path) -> tuple[Verdict, Letters]:
    """The verdict, and what people would have been told meanwhile."""
    scenario, letters = load(path), Letters()
    return score(scenario, found_in(scenario, Replay(scenario, Judge).run(letters.follow))), letters


def verdict_on(path: Path) -> Verdict:
    return played(path)[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_must_be_found_is_found_and_nothing_is_invented(path: Path) -> None:
    verdict = verdict_on(path)
    assert not verdict.false
    assert not verdict.excess
    assert not [answer.expected.id for answer in verdict.answers if answer.is_missed]
    assert verdict.points == 100 or path.stem[0] != "n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_states_of_vantages_are_told(path: Path) -> None:
    assert [(state.vantage, state.state) for state, span in verdict_on(path).states if span is None] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_trap_tells_nobody_anything_and_an_outage_is_one_conversation_that_ends(path: Path) -> None:
    """Of a vantage that is blind people are told, as what it is: no outage of anybody."""
    verdict, letters = played(path)
    talks: dict[str, list[Event]] = {}
    for message in letters.messages:
        talks.setdefault(message.talk, []).append(message.event)
    about = {talk: events for talk, events in talks.items() if "/blind:" not in talk}
    assert bool(about) is any(answer.found is not None for answer in verdict.answers)
    for events in talks.values():
        assert (events[0], events.count(Event.OPENED)) == (Event.OPENED, 1)
        assert Event.CLOSED not in events[:-1]


def test_the_mean_score_of_real_and_mixed_scenarios_is_95_or_more() -> None:
    assert fmean(verdict_on(path).points for path in FILES if path.stem[0] in "hlmx") >= 95


@pytest.mark.parametrize("path", ALONE, ids=lambda path: path.stem)
def test_one_vantage_alone_raises_no_false_alarm_and_claims_no_reach(path: Path) -> None:
    scenario = load(path)
    scenario = alone(scenario, scenario.vantages[0].name)
    found = found_in(scenario, Replay(scenario, Judge).run())
    assert score(scenario, found).false == ()
    assert {window.reach for window in found.windows} <= {Reach.UNDETERMINED}
