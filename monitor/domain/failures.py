"""The two ways an attempt can end early.

A probe returns, or raises one of these. Any other exception that leaves a
probe is a bug of ours and is booked as ``inconclusive/internal``.
"""

from monitor.domain.words import Layer, Reason


class ProbeError(Exception):
    """What both ways have in common: a bounded reason and a message for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class ProbeFailed(ProbeError):
    """The target did not do what it should.

    ``retry_after`` is set (seconds, 0 when the server named no time) when the
    answer was a plea to come back later: towards a network that is not ours
    that is no outage but our own rate.
    """

    def __init__(self, layer: Layer, reason: Reason, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason, message)
        self.layer = layer
        self.retry_after = retry_after


class ProbeInconclusive(ProbeError):
    """We could not ask: descriptors, ports, permissions, our own network."""
