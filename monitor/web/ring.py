"""The newest attempts made here, for other monitors that want to hear of them."""

import asyncio
import secrets
from collections import deque
from contextlib import suppress
from itertools import islice

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.formats.feed import Made

_KEPT = 10_000
"""Attempts: some minutes of most monitors, twenty seconds of the largest, and 5 MB."""
_WAITING = 100
"""Readers that may wait at the same time; whoever comes then gets an answer at once."""


class Ring:
    """A Sink that numbers attempts from 1 on and forgets the oldest. ``run`` is another one after every start."""

    def __init__(self, kept: int = _KEPT) -> None:
        self.run = secrets.token_hex(8)
        self.newest = 0
        """Number of the newest; 0 before the first."""
        self._kept: deque[Made] = deque(maxlen=kept)
        self._waiting: list[asyncio.Future[None]] = []

    def observe(self, check: Check, attempt: Attempt) -> None:
        """Keep what the feed tells of it."""
        self._kept.append(
            (
                check.id,
                attempt.started,
                attempt.duration,
                attempt.outcome,
                attempt.confirmation,
                attempt.failure,
            )
        )
        self.newest += 1
        if self._waiting:
            self.wake()

    @property
    def oldest(self) -> int:
        """Number of the oldest that is still kept, or of the first one to come."""
        return self.newest - len(self._kept) + 1

    def since(self, first: int) -> list[Made]:
        """All from the number ``first`` on, which is not below `oldest`."""
        return list(islice(self._kept, first - self.oldest, None))

    async def news(self, seconds: float) -> None:
        """Return at the next attempt, after so many seconds at the latest."""
        if len(self._waiting) >= _WAITING:
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waiting
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    def wake(self) -> None:
        """Let nobody wait any longer."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)
