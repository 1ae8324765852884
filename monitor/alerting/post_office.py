"""From the outbox to people: in order within a conversation, over another channel when one fails, until it arrives.

What waits is on disk before it comes here, and is marked as sent only after a
channel said that it has it: a crash in between sends the same letter again,
under the same key. Nothing here is ever waited for by probing.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

import structlog

from monitor.alerting.lines import Health, Line, check, hand_over, place_of
from monitor.domain.alert import Detour, Letter, Message, Post, PostState, Route, Way
from monitor.domain.ports import Clock

_T = TypeVar("_T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long what is tried. In seconds."""

    tries: int = 3
    """At one channel, before the next one is taken."""
    first_pause: float = 1.0
    """Between two tries at one channel; then four times as long."""
    longest_wait: float = 10.0
    """That a channel may ask for before the next one is taken."""
    first_check: float = 5.0
    """From the start to the first look whether the channels would work: probing comes first."""
    round_pause: float = 10.0
    """After all channels failed; doubled each time, up to"""
    longest_pause: float = 300.0
    give_up: float = 86400.0
    """After which nobody wants to know any more."""


class Scribe(Protocol):
    """Puts messages into words."""

    def letter(self, post: Post, way: Way, language: str, now: float) -> Letter:
        """What the channel is to hand over."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Where it is written down. Each may raise anything; then it is tried again."""

    waiting: Callable[[], Awaitable[Sequence[Post]]]
    sent: Callable[[str], Awaitable[Sequence[Post]]]
    """What was told in a conversation, oldest first."""
    update: Callable[[Post], Awaitable[None]]


class PostOffice:
    """Delivers. `replace` its routes and lines, `run` it for life, `take` messages that are on disk."""

    def __init__(
        self,
        clock: Clock,
        books: Books,
        scribe: Scribe,
        obstacle: Callable[[Way], str],
        patience: Patience | None = None,
    ) -> None:
        self._clock = clock
        self._books = books
        self._scribe = scribe
        self._obstacle = obstacle
        self._patience = patience or Patience()
        self._routes: dict[str, Route] = {}
        self._lines: dict[str, Line] = {}
        self._queues: dict[str, deque[Post]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._early: list[Post] | None = []
        """What was decided before it was known what the last life left; None from then on."""
        self._told: dict[str, Post] = {}
        """The last post that was sent, of conversations that go on."""
        self._threads: dict[tuple[str, str], str] = {}
        """By conversation and channel."""
        self._room = asyncio.Semaphore(16)
        self.results: Counter[tuple[str, str]] = Counter()
        """By channel and result: sent, failed, passed_over; given_up of none."""
        self.health: dict[str, Health] = {}

    def replace(self, routes: Iterable[Route], lines: Iterable[Line]) -> None:
        """Send by these from now on."""
        self._routes = {route.name: route for route in routes}
        before, self._lines = self._lines, {line.way.name: line for line in lines}
        same = {name for name, line in self._lines.items() if name in before and before[name].way == line.way}
        self.health = {name: health for name, health in self.health.items() if name in same}

    @property
    def waiting(self) -> tuple[Post, ...]:
        """What was not sent yet."""
        queued = (post for queue in self._queues.values() for post in queue)
        return (*queued, *(self._early or ()))

    async def run(self, check_interval: Callable[[], float]) -> None:
        """Send what the last life left, and all that comes, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            left = await self._patiently("outbox not readable", self._books.waiting)
            early, self._early = self._early or (), None
            for post in (*left, *early):  # what the last life left was decided before
                self._queue(post)
            await self._check_for_life(check_interval)

    def take(self, messages: Iterable[Message]) -> None:
        """Send these; they are on disk."""
        for message in messages:
            if self._early is None:
                self._queue(Post(message=message))
            else:
                self._early.append(Post(message=message))

    def _queue(self, post: Post) -> None:
        talk = post.message.talk
        queue = self._queues.get(talk)
        if queue is not None:
            if all(other.message.key != post.message.key for other in queue):
                queue.append(post)
            return
        self._queues[talk] = deque([post])
        if self._tasks is None:
            raise RuntimeError("nobody delivers yet")
        self._tasks.create_task(self._deliver(talk))

    async def _deliver(self, talk: str) -> None:
        queue = self._queues[talk]
        if talk not in self._told:
            for sent in await self._patiently("outbox not readable", partial(self._books.sent, talk)):
                self._remember(sent)
        while queue:
            try:
                post = await self._send(queue)
            except Exception as error:  # noqa: BLE001  # a fault of ours costs this conversation time, and no other
                _log.error("a fault of ours in delivering", error=type(error).__name__, where=place_of(error))
                await asyncio.sleep(self._patience.round_pause)
                continue
            await self._patiently("outbox not writable", partial(self._books.update, post))
            queue.popleft()
        del self._queues[talk]

    async def _send(self, queue: deque[Post]) -> Post:
        """The first of the queue as it ended."""
        patience, pause = self._patience, self._patience.round_pause
        post = queue[0]
        while True:
            if post.message.is_dispensable and len(queue) > 1:
                return replace(post, state=PostState.SUPERSEDED, settled=self._clock.now())
            route = self._routes.get(post.message.route)
            if route is None:
                gone = Detour(channel="", why="the route is no longer configured", at=self._clock.now())
                return self._given_up(replace(post, detours=(gone,)))
            post = await self.once(post, route)
            if post.state is PostState.SENT:
                self._remember(post)
                return post
            if self._clock.now() - post.message.decided > patience.give_up:
                return self._given_up(post)
            queue[0] = post
            await self._patiently("outbox not writable", partial(self._books.update, post))
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  # jitter, no secret
            pause = min(2 * pause, patience.longest_pause)

    def _given_up(self, post: Post) -> Post:
        self.results["", "given_up"] += 1
        _log.error("an alert reached nobody", key=post.message.key, why=[detour.why for detour in post.detours])
        return replace(post, state=PostState.GIVEN_UP, settled=self._clock.now())

    async def once(self, post: Post, route: Route) -> Post:
        """Try the route's channels in their order, one after the other."""
        post = replace(post, detours=(), tries=post.tries + 1)
        for line, obstacle in self.plan(route, post.message.talk):
            if obstacle:
                self.results[line.way.name, "passed_over"] += 1
                post = self._around(post, line, obstacle)
                continue
            thread, why = await self._try(post, line, route.language)
            if not why:
                self.results[line.way.name, "sent"] += 1
                return replace(
                    post, state=PostState.SENT, channel=line.way.name, thread=thread, settled=self._clock.now()
                )
            post = self._around(post, line, why)
        return post

    def _around(self, post: Post, line: Line, why: str) -> Post:
        detour = Detour(channel=line.way.name, why=why, at=self._clock.now())
        return replace(post, detours=(*post.detours, detour))

    def plan(self, route: Route, talk: str) -> list[tuple[Line, str]]:
        """The route's channels in the order in which they are tried, with what speaks against each.

        The one that the conversation took last comes first. When something speaks against every one,
        nothing counts: a letter that may be lost is better than none.
        """
        last = self._told[talk].channel if talk in self._told else ""
        lines = [self._lines[name] for name in route.channels if name in self._lines]
        lines.sort(key=lambda line: line.way.name != last)
        plan = [(line, self._obstacle(line.way) or self._illness(line)) for line in lines]
        return plan if not all(why for _, why in plan) else [(line, "") for line in lines]

    def preview(self, post: Post, route: Route) -> tuple[Post, Way | None]:
        """The post as it would be sent now, and the channel that would be tried first; None when the route has none."""
        for line, obstacle in self.plan(route, post.message.talk):
            if not obstacle:
                return post, line.way
            post = self._around(post, line, obstacle)
        return post, None

    def _illness(self, line: Line) -> str:
        """Why its own check says that it will not take anything, until somebody mends it."""
        health = self.health.get(line.way.name)
        return f"its check failed: {health.why}" if health is not None and health.permanent else ""

    async def _try(self, post: Post, line: Line, language: str) -> tuple[str, str]:
        """The thread, or why this channel does not take it."""
        patience, pause = self._patience, self._patience.first_pause
        known = replace(post, thread=self._threads.get((post.message.talk, line.way.name), ""))
        for number in range(1, patience.tries + 1):
            write = partial(self._scribe.letter, known, line.way, language, self._clock.now())
            async with self._room:
                failure = await hand_over(write, line)
            if isinstance(failure, str):
                return failure, ""
            self.results[line.way.name, "failed"] += 1
            _log.warning("alert not taken", channel=line.way.name, key=post.message.key, why=failure.message)
            wait = pause if failure.retry_after is None else failure.retry_after
            if failure.permanent or number == patience.tries or wait > patience.longest_wait:
                return "", failure.message
            await asyncio.sleep(wait * random.uniform(1.0, 1.2))  # noqa: S311  # jitter, no secret
            pause *= 4
        return "", "not tried"

    def _remember(self, post: Post) -> None:
        talk = post.message.talk
        self._told[talk] = post
        if post.thread:
            self._threads[talk, post.channel] = post.thread
        if post.message.is_last:
            del self._told[talk]
            for place in [place for place in self._threads if place[0] == talk]:
                del self._threads[place]

    async def _check_for_life(self, interval: Callable[[], float]) -> None:
        await asyncio.sleep(self._patience.first_check)
        while True:
            for line in list(self._lines.values()):
                self.health[line.way.name] = await check(line, self._clock)
            await asyncio.sleep(interval())

    async def _patiently(self, what: str, work: Callable[[], Awaitable[_T]]) -> _T:
        pause = 0.5
        while True:
            try:
                return await work()
            except Exception as error:  # noqa: BLE001  # whatever a store can raise: what waits is not lost for it
                _log.warning(f"{what}; will try again", error=str(error), pause=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, 30.0)
