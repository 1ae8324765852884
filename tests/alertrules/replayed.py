"""A scenario as Prometheus would have scraped it: every vantage is a monitor, with the real judge and metrics."""

from dataclasses import replace
from itertools import groupby

from monitor.domain.outage import Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import Status
from monitor.judgement.judge import Judge
from monitor.metrics.outages import OutageMetrics
from monitor.metrics.states import StateMetrics
from monitor.replay.attempts import check_of
from monitor.replay.run import Replay
from monitor.replay.scenario import Scenario, alone

Series = dict[str, list[str | None]]
"""Name and labels of a series -> its value at each tick, None where a scrape had none."""
_LIVE = (Status.OPEN, Status.RECOVERING)


class _Monitor:
    """One vantage that judges alone, scraped once a tick. At the second ``after`` its clock is at 0, as promtool's."""

    def __init__(self, scenario: Scenario, vantage: str, after: int) -> None:
        self._scenario = replace(alone(scenario, vantage), t0=float(-after))
        self._after = after
        (self._vantage,) = self._scenario.vantages
        targets = self._scenario.targets.values()
        self._checks = [check_of(self._scenario, target) for target in targets if not target.control]
        self._windows: dict[str, Window] = {}
        self._ticks = (self._scenario.duration - after) // self._scenario.pace.interval + 1
        self.series: Series = {}

    def run(self) -> Series:
        Replay(self._scenario, self._appoint).run(self._follow)
        return self.series

    def _appoint(self) -> Judge:
        """A process begins: its counters do so too, and it remembers the windows that last."""
        self._judge = Judge()
        self._states = StateMetrics(self._vantage, self._judge)
        self._outages = OutageMetrics(self._vantage)
        self._states.replace(self._checks)
        self._outages.replace(self._checks)
        self._outages.resume(window for window in self._windows.values() if window.status in _LIVE)
        return self._judge

    def _follow(self, second: float, ruling: Ruling) -> None:
        self._windows.update({window.id: window for window in ruling.windows})
        self._outages.follow(ruling.windows)
        self._judge.settle(second - self._after)
        tick, rest = divmod(second - self._after, self._scenario.pace.interval)
        if tick >= 0 and rest == 0:
            self._scrape(int(tick))

    def _scrape(self, tick: int) -> None:
        labels = f'job="lastseen",instance="{self._vantage.name}:9797"'
        lines = [f"up{{{labels}}} 1"]
        for source in (self._states, self._outages):
            for _ in source.settle():
                pass
            for family in source.families():
                lines += b"".join(family.blocks.values()).decode().splitlines()
        for line in lines:
            name, _, value = line.rpartition(" ")
            if not name.startswith("up{"):
                name = name.replace("{", f"{{{labels},", 1)
            self.series.setdefault(name, [None] * self._ticks)[tick] = value


def scraped(scenario: Scenario, *vantages: str, after: int = 0) -> Series:
    """What Prometheus would have of these vantages from a second on: the series of states and outages, and ``up``."""
    found: Series = {}
    for vantage in vantages:
        found |= _Monitor(scenario, vantage, after).run()
    return found


def notation(values: list[str | None]) -> str:
    """How promtool writes a series: equal values once, with their number; ``stale`` where it ended."""
    words: list[str] = []
    for value, run in groupby(values):
        number = len(list(run))
        if value is not None:
            words.append(f"{value}x{number - 1}")
        elif not words:
            words.append(f"_x{number}")
        else:
            words += ["stale", *([f"_x{number - 1}"] if number > 1 else [])]
    return " ".join(words)
