"""The outage that is played: a scenario of `lastseen replay`, names for people, and what happened when."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from monitor.config import load_foreign
from monitor.replay.format import Remarked
from monitor.replay.loader import load_scenario
from monitor.replay.scenario import Scenario, alone

_FILE = Path(__file__).parent / "whatsapp.yaml"
_AFTERMATH = 600.0
"""Seconds for which the day goes on after the last thing that happened."""


class Line(Remarked):
    """Something that happened, ``at`` seconds after the scenario's t0."""

    at: float
    says: str


class _DemoFile(Remarked):
    """What a scenario of the demo says besides."""

    titles: Mapping[str, str]
    story: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One outage, ready to be played."""

    scenario: Scenario
    titles: Mapping[str, str]
    lines: tuple[Line, ...]

    @property
    def start(self) -> float:
        """The second after t0 at which it begins."""
        return self.lines[0].at

    @property
    def end(self) -> float:
        """The second after t0 at which it has been told."""
        return self.lines[-1].at + _AFTERMATH

    def coarser(self, seconds: float) -> Scenario:
        """The scenario, its expectations so much later and wider: for somebody who does not look more often."""
        expected = self.scenario.expected
        windows = tuple(
            window.model_copy(
                update={
                    "start_tol": (window.start_tol[0] + seconds, window.start_tol[1] + seconds),
                    "open_by": window.open_by + seconds,
                    "end_tol": (window.end_tol[0] + seconds, window.end_tol[1] + seconds),
                    "close_by": None if window.close_by is None else window.close_by + seconds,
                }
            )
            for window in expected.windows
        )
        return replace(self.scenario, expected=expected.model_copy(update={"windows": windows}))

    def title(self, service: str) -> str:
        """A service's name for people."""
        return self.titles.get(service, service)


def read_story() -> Story:
    """WhatsApp, 25 October 2022. It is our own file: that it is right is for the tests to see."""
    own = load_foreign(_FILE, _DemoFile)
    scenario = load_scenario(_FILE, load_foreign)
    (vantage,) = scenario.vantages
    return Story(scenario=alone(scenario, vantage.name), titles=own.titles, lines=own.story)
