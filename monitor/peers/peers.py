"""All peers of this monitor: each followed by a task of its own, so that none waits for another."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from monitor.domain.check import Check, Vantage
from monitor.domain.ports import Clock
from monitor.domain.vitals import PeerVitals
from monitor.peers.circle import Circle, Ears
from monitor.peers.follower import Follower, Line
from monitor.peers.hearing import Hearing


class Peers:
    """Follows the peers of the configuration, whatever it is at the moment."""

    def __init__(self, clock: Clock, ears: Ears, user_agent: str) -> None:
        self._clock = clock
        self._ears = ears
        self._user_agent = user_agent
        self._circle = Circle(ears)
        self._followers: dict[str, Follower] = {}
        self._following: dict[Follower, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    def replace(self, lines: Sequence[Line], home: Vantage, checks: Iterable[Check]) -> None:
        """Follow these peers, and hear of these checks, witnesses included. What stays keeps its place."""
        by_id = {check.id: check for check in checks}
        old, self._followers = self._followers, {}
        for line in lines:
            known = old.get(line.url)
            hearing = known.hearing if known else Hearing(self._clock, self._ears)
            hearing.replace(by_id)
            is_same = known is not None and known.line == line
            self._followers[line.url] = (
                known if known and is_same else Follower(line, self._circle, hearing, self._clock)
            )
        self._circle.replace([line.url for line in lines], home)
        self._follow_these()

    @property
    def vantages(self) -> tuple[Vantage, ...]:
        """From where they look, as far as they have said so, now or before the last restart."""
        return self._circle.vantages

    def recall(self, memory: Mapping[str, str]) -> None:
        """Know again who was known before the restart."""
        self._circle.recall(memory)

    def shift(self, seconds: float) -> None:
        """Our clock was set by so much."""
        for follower in self._followers.values():
            follower.hearing.shift(seconds)

    def vitals(self) -> tuple[PeerVitals, ...]:
        """How each of them is being heard."""
        return tuple(follower.vitals() for follower in self._followers.values())

    async def follow(self) -> None:
        """Follow them until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            self._follow_these()
            await asyncio.get_running_loop().create_future()

    def _follow_these(self) -> None:
        if self._tasks is None:
            return
        wanted = set(self._followers.values())
        for gone in [follower for follower in self._following if follower not in wanted]:
            self._following.pop(gone).cancel()
        for follower in wanted - self._following.keys():
            self._following[follower] = self._tasks.create_task(follower.follow(self._user_agent))
