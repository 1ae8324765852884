"""An attempt: one run of a check, while it is made (`Run`) and after (`Attempt`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.domain.failures import ProbeFailed, ProbeInconclusive
from monitor.domain.words import LAYER_OF_PHASE, Fact, FactValue, Layer, Outcome, Phase, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt did not succeed. ``layer`` is None when the fault is ours."""

    layer: Layer | None
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One finished run of a check. Times in seconds; ``started`` is Unix time."""

    check_id: str
    started: float
    duration: float
    outcome: Outcome
    phases: Mapping[Phase, float]
    """Sum to ``duration``."""
    facts: Mapping[Fact, FactValue]
    failure: Failure | None
    confirmation: int = 0
    """0 for a scheduled run, n for the n-th confirmation after a first failure."""


class Run:
    """The stopwatch and notebook of one attempt.

    Exactly one phase runs at any moment, so the phases sum to the duration by
    construction. The record stays readable when the probe is cut off midway.
    """

    __slots__ = (
        "_began",
        "_mark",
        "_monotonic",
        "answer",
        "excuse",
        "facts",
        "layers",
        "phase",
        "phases",
        "retry",
        "round",
        "session",
    )

    def __init__(
        self,
        monotonic: Callable[[], float],
        layers: Mapping[Phase, Layer] = LAYER_OF_PHASE,
        *,
        round: int = 0,  # noqa: A002  # the word of the manners: one host a round
        retry: int = 0,
    ) -> None:
        self._monotonic = monotonic
        self.layers = layers
        self.round = round
        self.retry = retry
        self.facts: dict[Fact, FactValue] = {}
        self.phases: dict[Phase, float] = {}
        self.phase = Phase.RESOLVE
        self.excuse: ProbeFailed | ProbeInconclusive | None = None
        self.session: Any = None
        """The last TLS session (`ssl.SSLObject`), for whoever wants to know more of it than the facts: /probe."""
        self.answer: Any = None
        """The last whole answer as the probe's protocol has it (an HTTP response, a DNS message), likewise."""
        self._began = self._mark = monotonic()

    def enter(self, phase: Phase) -> None:
        """End the current phase and begin ``phase``. Entering one again adds to it."""
        now = self._monotonic()
        self.phases[self.phase] = self.phases.get(self.phase, 0.0) + now - self._mark
        self.phase = phase
        self._mark = now

    def stop(self) -> float:
        """End the last phase; the whole duration in seconds."""
        self.enter(self.phase)
        return self._mark - self._began

    @property
    def layer(self) -> Layer:
        """The layer that a failure of the current phase belongs to."""
        return self.layers[self.phase]

    def failed(self, reason: Reason, message: str) -> ProbeFailed:
        """The failure to raise for something that went wrong in the current phase."""
        return ProbeFailed(self.layer, reason, message)

    def timed_out(self, message: str) -> ProbeFailed | ProbeInconclusive:
        """What a deadline that strikes now means: the current phase's timeout, or the ``excuse`` that holds.

        The resolve step leaves an excuse while it waits for name servers that have answered nobody lately; who asks
        why something failed leaves that failure.
        """
        return self.excuse or self.failed(Reason.TIMEOUT, message)
