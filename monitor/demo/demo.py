"""The demo's life: stand-ins, the monitor over them, the story, the verdict."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from rich.console import Console

from monitor.app import App
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.demo.day import Day
from monitor.demo.outages import Told, ask
from monitor.demo.standins import open_all, plan
from monitor.demo.story import Story
from monitor.demo.telling import Teller
from monitor.demo.written import Wishes, write
from monitor.replay.found import Found
from monitor.replay.score import score

_LOOK = 0.25
"""Seconds between two looks at what the monitor says."""
_BLUR = 3.0
"""Real seconds that nobody can see through: one from attempt to attempt, one to confirm, one until the next sitting.
At a hundred times the speed these are five minutes of the day."""
_PATIENCE = aiohttp.ClientTimeout(total=5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants to see."""

    story: Story
    listen: str
    speed: float
    folder: Path
    """Where the store and the configuration are kept; there is none of either yet."""
    stays: bool
    """The page stays up when the story is over, until `Demo.stop`."""


class Demo:
    """Plays one story once."""

    def __init__(self, order: Order, read: Callable[[str], Configuration], console: Console) -> None:
        self._order, self._read = order, read
        self._scenario = order.story.coarser(_BLUR * order.speed)
        self._day = Day(order.story, order.speed, SystemClock())
        self._teller = Teller(console, order.story, self._day)
        self._console = console
        self._url: asyncio.Queue[str] = asyncio.Queue()
        self._stopping = asyncio.Event()
        self._outages: Sequence[Told] = ()
        self.is_right: bool | None = None
        """Whether the outage was found and nothing else; None when it was stopped before that was known."""

    def stop(self) -> None:
        """Begin an orderly stop."""
        self._stopping.set()

    async def run(self) -> None:
        """Play it. Raises, in a group, OSError when the address is taken, StoreError when the store cannot be ours."""
        order = self._order
        async with AsyncExitStack() as stack:
            stand_ins = await open_all(plan(order.story.scenario.targets.values()), self._day.met_by, stack)
            store = f"sqlite:///{order.folder / 'lastseen.db'}"
            text = write(order.story, stand_ins, Wishes(listen=order.listen, store=store, speed=order.speed))
            (order.folder / "monitor.yaml").write_text(text, encoding="utf-8")
            configuration = self._read(text)
            monitor = App(configuration, lambda: configuration)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(monitor.run(self._url.put_nowait))
                try:
                    await self._play(await self._url.get())
                finally:
                    monitor.stop()

    async def _play(self, url: str) -> None:
        self._day.begin()
        self._teller.begin(url)
        async with aiohttp.ClientSession(url, timeout=_PATIENCE) as session:
            with self._teller.counting():
                while not (self._stopping.is_set() or self._is_told()):
                    await self._look(session)
        if self._stopping.is_set():
            return
        verdict = score(self._scenario, Found(windows=tuple(told.window for told in self._outages)))
        self.is_right = verdict.is_right
        self._teller.judge(verdict)
        if self._order.stays:
            self._console.print(f"The page stays up until Ctrl-C: {url}/", highlight=False, soft_wrap=True)
            await self._stopping.wait()

    async def _look(self, session: aiohttp.ClientSession) -> None:
        with suppress(aiohttp.ClientError, TimeoutError):  # then the next look shows it
            self._outages = await ask(session, self._day)
        self._teller.tell(self._outages)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK):
                await self._stopping.wait()

    def _is_told(self) -> bool:
        """The story is over, and what was found is closed, or should have been long ago."""
        if self._day.left:
            return False
        latest = max(window.close_by or 0.0 for window in self._scenario.expected.windows)
        return all(told.is_over for told in self._outages) or self._day.second > latest
