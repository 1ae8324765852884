"""The system's clocks, and our own pulse: is this process running on time?"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from monitor.domain.ports import Clock

_BEAT = 0.05
_NOTABLE = 0.02
"""Lateness below this is remembered by nobody: it is the timer's own grain."""
_GAP = 2.0
"""The loop stood still for this long: stopped, suspended or starved. Nothing was observed meanwhile."""
_STEP = 0.5
"""A jump of the wall clock against the monotonic one that is no slewing of NTP (which is at most 500 ppm)."""
_MEMORY = 600.0


class SystemClock:
    """The clock of this machine."""

    now = staticmethod(time.time)
    """Unix time in seconds."""
    monotonic = staticmethod(time.monotonic)
    """Seconds that never jump; they stand still while the machine is suspended."""


@dataclass(frozen=True, slots=True)
class _Late:
    at: float
    by: float


class Pulse:
    """Beats twenty times a second and remembers when a beat came late.

    A deadline that fired late, or a connection that died while we stood still,
    says nothing about the target: `late_since` lets the runner ask.
    """

    def __init__(
        self, clock: Clock, on_step: Callable[[float], None], on_jump: Callable[[], None] = lambda: None
    ) -> None:
        """``on_step`` learns by how much the wall clock was set; ``on_jump`` that it was, or went on while we slept."""
        self._clock = clock
        self._on_step = on_step
        self._on_jump = on_jump
        self._late: deque[_Late] = deque()
        self._last = clock.monotonic()
        self._offset = clock.now() - self._last
        self._asleep = _asleep()
        self._slept = 0.0
        self.gaps = 0
        self.gap_seconds = 0.0

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            self._last = self._clock.monotonic()
            await asyncio.sleep(_BEAT)
            self.take()

    def take(self) -> None:
        """Take note of one beat: lateness, suspension, a step of the wall clock."""
        now = self._clock.monotonic()
        late = now - self._last - _BEAT
        self.mind()
        slept, self._slept = self._slept, 0.0
        if late > _NOTABLE:
            self._late.append(_Late(now, late))
        while self._late and self._late[0].at < now - _MEMORY:
            self._late.popleft()
        if late + slept > _GAP:
            self.gaps += 1
            self.gap_seconds += late + slept

    def mind(self) -> None:
        """Tell of a jump of the wall clock now: for whoever is about to count on it, and might before the next beat."""
        slept = _asleep() - self._asleep
        self._asleep += slept
        self._slept += slept
        step = self._clock.now() - self._clock.monotonic() - self._offset
        self._offset += step
        if abs(step) > _STEP:
            self._on_jump()
        if abs(step - slept) > _STEP:
            self._on_step(step - slept)

    def late_since(self, moment: float) -> float:
        """The longest that the loop stood still since ``moment`` (monotonic), in seconds."""
        running = self._clock.monotonic() - self._last - _BEAT
        worst = max(running, 0.0)
        for late in reversed(self._late):
            if late.at < moment:
                break
            worst = max(worst, late.by)
        return worst


def _asleep() -> float:
    """Seconds this machine has been suspended since boot."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
