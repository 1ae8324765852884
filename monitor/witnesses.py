"""The witnesses: control targets of unrelated networks that say whether this vantage sees anything at all.

They run on the schedule like any check, and at once when a failure wants to
know whether it is ours; never more often than every few seconds, however much
fails. This is the gate at the runner, which knows two things: no witness
answers, and no witness is found by its name. What they show together and over
time is for the judgement (docs/decisions/0006).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.endpoints import is_by_address
from monitor.domain.ports import Clock
from monitor.domain.words import Layer, Outcome, Reason

_FRESH = 3.0
"""Answers of this age (seconds) still speak for the present. Less than a check needs to fall by its confirmations (two
pauses of 2 s), so that the last of these asks anew, and more than a busy moment, so that a witness is not flooded."""
_CUT_OFF = (Reason.SELF_NETWORK, Reason.SELF_RESOLVER, Reason.VANTAGE_OFFLINE)
"""What a scheduled attempt says when there is no way out. Nothing fails then, so no failure asks the witnesses."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Witness:
    """A control target, and how to ask it now."""

    check: Check
    ask: Callable[[], Awaitable[Attempt]]
    """One attempt at face value: nobody doubts a witness."""


class Witnesses:
    """Knows when witnesses answered last and were found by name, and asks them all when that is not recent enough.

    Without witnesses the vantage counts as online, and without one that has a
    name, its resolver as sound.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._witnesses: dict[str, Witness] = {}
        self._named: frozenset[str] = frozenset()
        self._cut_off: set[str] = set()
        self._answered = self._resolved = self._asked = float("-inf")
        self._asking: asyncio.Future[None] | None = None
        self.online = True
        self.resolves = True

    def replace(self, witnesses: Iterable[Witness]) -> None:
        """Trust these from now on."""
        self._witnesses = {witness.check.id: witness for witness in witnesses}
        checks = (witness.check for witness in self._witnesses.values())
        self._named = frozenset(check.id for check in checks if not is_by_address(check.settings.endpoint))
        self._cut_off.clear()
        self._asked = float("-inf")

    def observe(self, check: Check, attempt: Attempt) -> None:
        """Learn from a scheduled attempt (a Sink)."""
        if check.id not in self._witnesses:
            return
        if check.id in self._named and is_resolved(attempt):
            self._note_name()
        if attempt.outcome is Outcome.OK:
            self._note_answer()
        elif attempt.failure is not None and attempt.failure.reason in _CUT_OFF:
            self._cut_off.add(check.id)
            if len(self._cut_off) >= len(self._witnesses):
                self._note_silence()

    async def online_since(self, moment: float) -> bool:
        """Whether a witness has answered since ``moment`` (monotonic), or answers now."""
        if not self._witnesses or self._answered >= moment:
            return True
        await self._ask_again()
        return self.online

    async def resolve_since(self, moment: float) -> bool:
        """Whether a witness has been found by its name since ``moment`` (monotonic), or is now."""
        if not self._named or self._resolved >= moment:
            return True
        await self._ask_again()
        return self.resolves

    async def _ask_again(self) -> None:
        if self._asking is not None:
            await asyncio.shield(self._asking)
        elif self._clock.monotonic() - self._asked > _FRESH:
            await self._ask_all()

    async def _ask_all(self) -> None:
        self._asking = asyncio.get_running_loop().create_future()
        try:
            attempts = await asyncio.gather(*(witness.ask() for witness in self._witnesses.values()))
            self._take(attempts)
            self._asked = self._clock.monotonic()
        finally:
            self._asking.set_result(None)
            self._asking = None

    def _take(self, attempts: Iterable[Attempt]) -> None:
        seen = {attempt.check_id: attempt for attempt in attempts}
        if any(attempt.outcome is Outcome.OK for attempt in seen.values()):
            self._note_answer()
        else:
            self._note_silence()
        named = [seen[check_id] for check_id in self._named & seen.keys()]
        if any(is_resolved(attempt) for attempt in named):
            self._note_name()
        elif named and all(_is_lost(attempt) for attempt in named):
            self._note_lost_names()

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

    def _note_name(self) -> None:
        self._resolved = self._clock.monotonic()
        if not self.resolves:
            _log.warning("the resolver works again: a witness is found by its name")
        self.resolves = True

    def _note_lost_names(self) -> None:
        if self.resolves:
            _log.warning("no witness is found by its name; failures to resolve one are booked as inconclusive")
        self.resolves = False


def is_resolved(attempt: Attempt) -> bool:
    """Of a witness with a name: whether that was found, whatever came after."""
    failure = attempt.failure
    return failure is None or failure.layer not in (None, Layer.DNS)


def _is_lost(attempt: Attempt) -> bool:
    failure = attempt.failure
    return failure is not None and (failure.layer is Layer.DNS or failure.reason is Reason.SELF_RESOLVER)
