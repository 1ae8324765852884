"""The witnesses: control targets of unrelated networks that say whether this vantage is online at all.

A first form of the vantage's judgement: while none of them answers, a failure
is ours. They run on the schedule like any check, and at once when a failure
wants to know; never more often than every few seconds, however much fails.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.ports import Clock
from monitor.domain.words import Outcome, Reason

SERVICE = "witness"
"""The service name that witness checks carry."""
_FRESH = 5.0
"""Answers of this age (seconds) still speak for the present."""
_CUT_OFF = (Reason.SELF_NETWORK, Reason.SELF_RESOLVER, Reason.VANTAGE_OFFLINE)
"""What a scheduled attempt says when there is no way out. Nothing fails then, so no failure asks the witnesses."""

_log = structlog.get_logger(__name__)


class Witnesses:
    """Knows when a witness answered last, and asks them all when that is not recent enough.

    ``asks`` holds one coroutine function a witness; True means that it answered.
    Without witnesses the vantage counts as online.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asks: Sequence[Callable[[], Awaitable[bool]]] = ()
        self._cut_off: set[str] = set()
        self._answered = float("-inf")
        self._asked = float("-inf")
        self._asking: asyncio.Future[None] | None = None
        self.online = True

    def replace(self, asks: Sequence[Callable[[], Awaitable[bool]]]) -> None:
        """Trust these witnesses from now on."""
        self._asks = tuple(asks)
        self._cut_off.clear()
        self._asked = float("-inf")

    def observe(self, check: Check, attempt: Attempt) -> None:
        """Learn from a scheduled attempt (a Sink)."""
        if check.service != SERVICE:
            return
        if attempt.outcome is Outcome.OK:
            self._note_answer()
        elif attempt.failure is not None and attempt.failure.reason in _CUT_OFF:
            self._cut_off.add(check.id)
            if len(self._cut_off) >= len(self._asks) > 0:
                self._note_silence()

    async def online_since(self, moment: float) -> bool:
        """Whether a witness has answered since ``moment`` (monotonic), or answers now."""
        if not self._asks or self._answered >= moment:
            return True
        if self._asking is not None:
            await asyncio.shield(self._asking)
        elif self._clock.monotonic() - self._asked > _FRESH:
            await self._ask_all()
        return self.online

    async def _ask_all(self) -> None:
        self._asking = asyncio.get_running_loop().create_future()
        try:
            answers = await asyncio.gather(*(ask() for ask in self._asks))
            if any(answers):
                self._note_answer()
            else:
                self._note_silence()
            self._asked = self._clock.monotonic()
        finally:
            self._asking.set_result(None)
            self._asking = None

    def _note_answer(self) -> None:
        self._answered = self._clock.monotonic()
        self._cut_off.clear()
        if not self.online:
            _log.warning("vantage online again: a witness answers")
        self.online = True

    def _note_silence(self) -> None:
        if self.online:
            _log.warning("vantage offline: no witness answers; failures are booked as inconclusive")
        self.online = False
