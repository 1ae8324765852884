"""The seams: what the layers above may hand to those below."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from monitor.domain.alert import ChannelSettings, Letter
from monitor.domain.attempt import Attempt, Run
from monitor.domain.check import Check
from monitor.domain.settings import ProbeSettings
from monitor.domain.words import Layer, Phase


class Clock(Protocol):
    """Two clocks: stamps and durations never mix."""

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump."""
        ...


class Probe(Protocol):
    """One duty: attempt, then return, or raise `ProbeFailed` or `ProbeInconclusive`.

    Deadline, stopwatch, verdict, log and metric are the runner's.
    """

    settings_type: ClassVar[type[ProbeSettings]]
    layers: ClassVar[Mapping[Phase, Layer]]
    """The layer that a failure of each phase belongs to; usually `LAYER_OF_PHASE` as it is."""

    def __init__(self, settings: Any, network: Any) -> None:
        """Take settings of `settings_type`, and the `monitor.net.network.Network` to climb with."""
        ...

    async def attempt(self, run: Run) -> None:
        """Ask the target once, noting phases and facts in ``run``."""
        ...


@runtime_checkable
class Sink(Protocol):
    """Something that wants every finished attempt. Must not block; may not fail another sink."""

    def observe(self, check: Check, attempt: Attempt) -> None:
        """Take note of one attempt."""
        ...


class Channel(Protocol):
    """A way to people. One duty: hand over one letter, or say why not.

    Order, retries, failover and the record of what was sent are the outbox's.
    """

    settings_type: ClassVar[type[ChannelSettings]]

    def __init__(self, settings: Any, session: Any) -> None:
        """Take settings of `settings_type`, and the `aiohttp.ClientSession` that channels share."""
        ...

    async def send(self, letter: Letter) -> str:
        """Hand the letter over; return only when the other side has taken it.

        Returns what later letters of the conversation need to join it (`Letter.thread`), or nothing.
        Raises `ChannelFailed` only.
        """
        ...

    async def check(self) -> None:
        """Whether a letter would probably be taken now, found out without sending one. Raises `ChannelFailed`."""
        ...
