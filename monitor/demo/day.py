"""The day as it comes again, faster: what time it is in it, and what an attempt meets at that time."""

from dataclasses import replace

from monitor.demo.story import Story
from monitor.domain.ports import Clock
from monitor.replay.simulation import Seen, Simulation

_TICK = 0.15
"""Seconds for which a stand-in stays as it is: less than the pause before a confirmation, which must be a new draw."""


class Day:
    """Goes ``speed`` times as fast as it did. What is met when is the simulation's, as in a replay."""

    def __init__(self, story: Story, speed: float, clock: Clock) -> None:
        self._story, self.speed, self._clock = story, speed, clock
        self._tick = max(1, round(_TICK * speed))
        scenario = story.scenario
        simulation = Simulation(replace(scenario, pace=replace(scenario.pace, interval=self._tick)))
        self._places = {name: index for index, (_, name) in enumerate(simulation.pairs)}
        self._ticks = simulation.ticks()
        self._at, self._seen = next(self._ticks)
        self._began = clock.monotonic()
        self.began_at = clock.now()

    def begin(self) -> None:
        """It is the story's start now."""
        self._began, self.began_at = self._clock.monotonic(), self._clock.now()

    @property
    def second(self) -> float:
        """Seconds after the scenario's t0."""
        return self._story.start + (self._clock.monotonic() - self._began) * self.speed

    @property
    def left(self) -> float:
        """Real seconds until the story has been told."""
        return max(0.0, (self._story.end - self.second) / self.speed)

    def second_of(self, stamp: float) -> float:
        """The second of the day that it was at a Unix time of today."""
        return self._story.start + (stamp - self.began_at) * self.speed

    def met_by(self, target: str) -> Seen:
        """What an attempt at ``service.component`` meets now."""
        while self._at + self._tick <= self.second and (tick := next(self._ticks, None)):
            self._at, self._seen = tick
        return self._seen[self._places[target]]
