"""All vantages and their witnesses: which of them can be believed."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check, Vantage
from monitor.domain.outage import Span
from monitor.domain.words import VantageState
from monitor.judgement.health import Health
from monitor.judgement.memory import recall_witness, remember_witness
from monitor.judgement.places import Networks
from monitor.judgement.vantages import Finding, VantageWatch

_OWN_RESOLVER = ("", "isp")
"""Resolvers that stand inside the own network: two vantages that have one have nothing in common."""


class News(NamedTuple):
    """A vantage changed its state."""

    watch: VantageWatch
    finding: Finding
    spans: tuple[Span, ...]


class Watchtower:
    """The watches of all vantages."""

    def __init__(self) -> None:
        self.watches: dict[str, VantageWatch] = {}
        self._witness_ids: frozenset[str] = frozenset()
        self._stirred: dict[VantageWatch, None] = {}
        self._asked: dict[Health, None] = {}

    def replace(self, witnesses: Iterable[Check], vantages: Iterable[Vantage]) -> None:
        """Watch these vantages by these witnesses. What stays keeps its history."""
        witnesses = tuple(witnesses)
        self._witness_ids = frozenset(witness.id for witness in witnesses)
        old, self.watches = self.watches, {}
        for vantage in vantages:
            watch = self.watches[vantage.name] = old.get(vantage.name) or VantageWatch(vantage)
            watch.vantage = vantage
            watch.replace(witnesses)

    def observe(self, vantage: str, check: Check, attempt: Attempt) -> bool:
        """Learn from an attempt of a witness; False when it is none."""
        if check.id not in self._witness_ids:
            return False
        watch = self.watches.get(vantage)
        if watch is not None:
            watch.observe(check, attempt)
            self._asked[watch.witnesses[check.id]] = None
            self._stirred[watch] = None
        return True

    def judge(self, now: float, networks: Networks, is_contradicted: Callable[[VantageWatch], bool]) -> list[News]:
        """What changed since the last time.

        ``is_contradicted`` tells that most targets answer a vantage whose witnesses do not.
        """
        if not any(watch in self._stirred for watch in self.watches.values()):
            return []
        dropped = frozenset(witness for witness in self._witness_ids if self._is_lost(witness, networks))
        silent = [watch for watch in self.watches.values() if watch.has_silent_resolver]
        news = []
        for watch in self.watches.values():
            others = {networks.of(other.vantage.name) for other in silent if _share_resolver(watch, other)}
            others.discard(networks.of(watch.vantage.name))
            before, start = watch.state, watch.since
            finding = watch.judge(
                dropped,
                is_resolver_shared=watch in silent and bool(others),
                is_contradicted=is_contradicted(watch),
            )
            if finding is not None:
                self._stirred[watch] = None
                spans = _spans(watch.vantage.name, (before, start), finding, now)
                news.append(News(watch, finding, spans))
        return news

    @property
    def shaky(self) -> frozenset[str]:
        """Vantages whose own way out lost something lately."""
        return frozenset(name for name, watch in self.watches.items() if watch.is_shaky)

    def _is_lost(self, witness: str, networks: Networks) -> bool:
        """No network reaches it, while every network reaches others."""
        failing: set[str] = set()
        for watch in self.watches.values():
            health = watch.witnesses.get(witness)
            if health is None or not health.turn:
                continue
            if not health.run or not watch.answers_elsewhere(witness):
                return False
            failing.add(networks.of(watch.vantage.name))
        return len(failing) >= 2

    def shift(self, seconds: float) -> None:
        """The wall clock was set."""
        for watch in self.watches.values():
            watch.losses.shift(seconds)
            for health in watch.witnesses.values():
                health.shift(seconds)

    def memory(self) -> Iterable[tuple[str, str]]:
        """What changed of what must outlive a restart."""
        for witness in self._asked:
            yield remember_witness(witness)
        for watch in self._stirred:
            yield f"v|{watch.vantage.name}", json.dumps(watch.losses.remembered(), separators=(",", ":"))
        self._asked.clear()
        self._stirred.clear()

    def resume(self, spans: Iterable[Span], memory: Mapping[str, str]) -> None:
        """Go on where another one stopped."""
        for span in spans:
            watch = self.watches.get(span.vantage)
            if watch is not None and span.end is None:
                watch.state, watch.since = span.state, span.start
        for name, watch in self.watches.items():
            if known := memory.get(f"v|{name}"):
                with suppress(TypeError, ValueError):  # another version wrote it
                    watch.losses.recall(json.loads(known))
            for witness in watch.witnesses.values():
                recall_witness(witness, memory)


def _spans(vantage: str, before: tuple[VantageState, float | None], finding: Finding, now: float) -> tuple[Span, ...]:
    state, start = before
    begun = Span(vantage=vantage, state=finding.state, start=finding.since, end=None)
    if start is None or finding.since <= start:
        return (begun,)
    return Span(vantage=vantage, state=state, start=start, end=min(finding.since, now)), begun


def _share_resolver(one: VantageWatch, other: VantageWatch) -> bool:
    shared = one.vantage.resolver
    return shared not in _OWN_RESOLVER and shared == other.vantage.resolver
