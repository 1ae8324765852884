"""What every probe of a scenario sees: the same on every machine, as all chance is a hash of its place.

A draw is BLAKE2b (RFC 7693) over the words of its place with a bar between
them, 48 bits of it as a number from 0 up to 1. The words of a fault's draw are
the seed, the fault, the vantage, the target and the number of the tick, so
that one change in a file changes nothing else.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from math import ceil, inf
from typing import NamedTuple

from monitor.domain.words import Layer
from monitor.replay.scenario import Fault, Pace, Scenario, Target

_BYTES = 6
_RANGE = 2**48
_SLOW = frozenset(("dns_timeout", "route_blackhole", "packet_loss", "app_handshake_timeout", "accepted_not_delivered"))
"""Effects that a probe only learns of when its deadline strikes."""


class Seen(NamedTuple):
    """What one attempt met: nothing (``layer`` is None), or ``error`` at a layer. ``latency`` in seconds."""

    layer: Layer | None
    error: str
    latency: float


class Simulation:
    """All attempts of a scenario, tick by tick."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._cells = [
            _Cell(scenario, vantage.name, target)
            for vantage in scenario.vantages
            for target in scenario.targets.values()
        ]
        self.pairs = [(cell.vantage, cell.target) for cell in self._cells]
        """``(vantage, target)`` of each attempt of a tick, in its order."""

    def ticks(self) -> Iterator[tuple[int, Sequence[Seen]]]:
        """The second, and what each of `pairs` saw then; nothing while the monitor does not run."""
        gaps = self._scenario.gaps
        for number, second in enumerate(range(0, self._scenario.duration, self._scenario.pace.interval)):
            if not any(start <= second < end for start, end in gaps):
                word = str(number).encode()
                yield second, [cell.look(second, number, word) for cell in self._cells]


def _words(*words: object) -> bytes:
    """The beginning of a draw, to which the number of the tick is added."""
    return "".join(f"{word}|" for word in words).encode()


def _draw(words: bytes) -> float:
    return int.from_bytes(blake2b(words, digest_size=_BYTES).digest(), "big") / _RANGE


class _Cell:
    """One target seen from one vantage: everything that does not change from tick to tick, worked out once."""

    def __init__(self, scenario: Scenario, vantage: str, target: Target) -> None:
        pace, name = scenario.pace, target.name
        self.vantage, self.target = vantage, name
        self._words = _words(pace.seed, vantage, name)
        self._base = 0.05 + 0.25 * _draw(self._words[:-1])
        self._noise_words = _words(pace.seed, "noise", vantage, name)
        self._noise = _threshold(pace.noise)
        self._lost = Seen(Layer.TCP if Layer.TCP in target.chain else Layer.DNS, "timeout", pace.timeout)
        hits = [
            _Hit(fault, layer, pace, _words(pace.seed, fault.id, vantage, name))
            for fault in scenario.faults
            if vantage in fault.vantages and name in fault.targets and (layer := target.layer_of(fault.effect))
        ]
        self._hits = sorted(hits, key=lambda hit: target.chain.index(hit.layer))

    def look(self, second: int, number: int, word: bytes) -> Seen:
        """What the attempt of this tick meets; the lowest layer that fails wins."""
        latency = self._base + 0.05 * _draw(self._words + word)
        if self._noise and blake2b(self._noise_words + word, digest_size=_BYTES).digest() < self._noise:
            return self._lost
        for hit in self._hits:
            if hit.start <= second < hit.end and hit.strikes(second, number, word):
                latency += hit.slower
                if latency > hit.limit:
                    return Seen(hit.layer, hit.error, latency if hit.told_after is None else hit.told_after)
        return Seen(None, "", latency)


class _Hit:
    """One fault as it concerns one cell. Makes an attempt ``slower``; above ``limit`` it has failed with ``error``."""

    def __init__(self, fault: Fault, layer: Layer, pace: Pace, words: bytes) -> None:
        self.layer, self.start, self.end = layer, fault.start, fault.end
        self._fault = fault
        self._words = words
        self._offset = int(_draw(words[:-1]) * fault.every[0]) if fault.every else 0
        self.slower, self.limit = 0.0, -1.0
        self.error = fault.effect if fault.code is None else f"http_{fault.code}"
        self.told_after: float | None = pace.timeout if fault.effect in _SLOW else None
        if fault.effect == "http_slow":
            self.slower, self.limit = fault.seconds, pace.timeout
            self.error, self.told_after = "timeout", pace.timeout
        elif fault.effect == "delivery_delay" and fault.seconds <= pace.deliver_timeout:
            self.slower, self.limit = fault.seconds, inf
        elif fault.effect == "delivery_delay":
            self.error, self.told_after = "late", fault.seconds

    def strikes(self, second: int, number: int, word: bytes) -> bool:
        """Whether the attempt of this tick is one of those that are hit."""
        fault = self._fault
        if fault.pattern and (second - fault.start) % fault.pattern[0] >= fault.pattern[1]:
            return False
        if fault.every and (number + self._offset) % fault.every[0] >= fault.every[1]:
            return False
        share = fault.rate
        if isinstance(share, tuple):
            share = share[0] + (share[1] - share[0]) * (second - fault.start) / (fault.end - fault.start)
        share *= fault.fraction
        return share >= 1 or (share > 0 and _draw(self._words + word) < share)


def _threshold(share: float) -> bytes:
    """The bytes below which a draw is less than ``share``; none for 0."""
    number = ceil(share * _RANGE)
    return b"\xff" * (_BYTES + 1) if number >= _RANGE else number.to_bytes(_BYTES, "big") if number else b""
