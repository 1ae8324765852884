"""What the witnesses of a vantage lose now and then: packets on our own way out, which is all they have in common."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.words import Layer, Reason
from monitor.judgement.health import Health, Mark

_WIDE = 15
"""Attempts of each witness that are looked at together."""


class Losses:
    """Attempts of witnesses that got no answer lately."""

    def __init__(self) -> None:
        self._losses: list[tuple[str, Mark]] = []
        self._was_patchy = False
        """Something came through while the vantage was blind, and then nothing again."""

    def note(self, health: Health, attempt: Attempt, *, is_blind: bool) -> None:
        """Remember an attempt that got no answer; ``health`` is its witness, before the attempt."""
        failure = attempt.failure
        if failure is None or failure.reason is not Reason.TIMEOUT or attempt.confirmation:
            return
        self._losses.append((health.check.id, Mark(health.turn + 1, attempt.started, health.ok_at, failure)))
        if is_blind and health.fine:
            self._was_patchy = True

    def see_again(self, since: float) -> None:
        """The vantage was blind since ``since``: a cut is not a loss, unless something came through in between."""
        if not self._was_patchy:
            self._losses = [loss for loss in self._losses if loss[1].at < since]
        self._was_patchy = False

    def are_shared(self, witnesses: Collection[Health], *, was_so: bool) -> bool:
        """Whether witnesses that have nothing in common fail now and then; ``was_so``: less is enough to go on."""
        rest, total = self._beside_worst(witnesses)
        return rest >= 1 and total >= 2 if was_so else rest >= 2 and total >= 4

    def is_shaky(self, witnesses: Collection[Health]) -> bool:
        """Something was lost. A witness that lost most is down, which says nothing of us; then it takes a second."""
        rest, total = self._beside_worst(witnesses)
        return rest >= 1 or 0 < 2 * total < _WIDE

    def recent(self, witnesses: Collection[Health]) -> list[Mark]:
        """The losses of these witnesses among their last attempts."""
        return [loss for _, loss in self._recent(witnesses)]

    def _beside_worst(self, witnesses: Collection[Health]) -> tuple[int, int]:
        """How often all witnesses but the worst failed lately, and all of them. The worst may be down by itself."""
        counts = Counter(witness for witness, _ in self._recent(witnesses))
        return counts.total() - max(counts.values(), default=0), counts.total()

    def _recent(self, witnesses: Collection[Health]) -> list[tuple[str, Mark]]:
        oldest = {way.check.id: way.turn - _WIDE for way in witnesses}
        self._losses = [loss for loss in self._losses if loss[1].turn > oldest.get(loss[0], 0)]
        return [loss for loss in self._losses if loss[0] in oldest]

    def shift(self, seconds: float) -> None:
        """The wall clock was set."""
        self._losses = [(name, mark.shifted(seconds)) for name, mark in self._losses]

    def remembered(self) -> list[Any]:
        """What a restart must not lose, as JSON has it."""
        return [self._was_patchy, [[name, mark.turn, mark.at, mark.before] for name, mark in self._losses]]

    def recall(self, known: list[Any]) -> None:
        """Take up what was remembered."""
        was_patchy, losses = known
        lost = Failure(layer=Layer.ROUTE, reason=Reason.TIMEOUT, message="no answer")
        self._losses = [(name, Mark(turn, at, before, lost)) for name, turn, at, before in losses]
        self._was_patchy = was_patchy
