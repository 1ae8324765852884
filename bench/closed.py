"""Our own probe kept busy: runner and sinks, twenty attempts always under way, in a process that weighs itself.

Arguments: the configuration, how many attempts, and how many rounds. The answer has, for each name of a component in
the configuration, the CPU seconds that an attempt took in each round; in a round they take turns.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop

from monitor.clock import Pulse, SystemClock
from monitor.config import Catalogue, Configuration, catalogue_folder, load
from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.words import Fact, FactValue, Outcome
from monitor.judgement.judge import Judge
from monitor.metrics.probes import ProbeMetrics
from monitor.parts import make_network
from monitor.registry import PROBE_SETTINGS, PROBES
from monitor.runner import Doubts, Runner, Slot
from monitor.sittings import Clerk, Sittings
from monitor.store import Store
from monitor.web.board import Board

_AT_ONCE = 20
_WARM_UP = 200


class _Relay:
    """A sink that starts the next attempt when one ends, until enough were made."""

    def __init__(self, total: int) -> None:
        self._left = total
        self._open = 0
        self._launch: Callable[[int], None] = lambda _: None
        self.done = asyncio.Event()
        self.bad: list[str] = []

    def start(self, launch: Callable[[int], None]) -> None:
        """Begin with twenty; ``launch`` takes the number of an attempt."""
        self._launch = launch
        for _ in range(_AT_ONCE):
            self._next()

    def observe(self, check: Check, attempt: Attempt) -> None:
        """One less under way."""
        if attempt.outcome is not Outcome.OK:
            self.bad.append(f"{check.id}: {attempt.failure}")
        self._open -= 1
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        if self._left:
            self._left -= 1
            self._open += 1
            self._launch(self._left)
        elif not self._open:
            self.done.set()


class _Bench:
    """What an attempt passes through, and what it costs altogether."""

    def __init__(self, configuration: Configuration, clock: SystemClock, store: Store, sittings: Sittings) -> None:
        self._clock = clock
        self._most = configuration.limits.max_in_flight
        self._metrics, self._sittings = ProbeMetrics(configuration.vantage), sittings
        board = Board()
        self._metrics.replace(configuration.checks)
        board.replace(configuration.checks)
        self._sinks = (self._metrics, board, sittings, store)

    async def cost(self, slots: Sequence[Slot], total: int) -> float:
        """CPU seconds an attempt."""
        relay = _Relay(total)
        doubts = Doubts(late_since=lambda _: 0.0, online=_yes, resolves=_yes, second=_nothing)
        runner = Runner(self._clock, doubts, (*self._sinks, relay), self._most)
        began = time.process_time()
        async with asyncio.TaskGroup() as tasks:
            runner.use(tasks)
            relay.start(lambda number: runner.launch(slots[number % len(slots)], self._clock.monotonic()))
            await relay.done.wait()
            runner.finish()
        for _ in self._metrics.settle():
            pass
        await self._sittings.sit()
        spent = time.process_time() - began
        if relay.bad or runner.counts.skipped:
            raise RuntimeError(f"{relay.bad[:3]} {runner.counts.skipped}")
        return spent / total


async def _weigh(configuration: Configuration, count: int, rounds: int) -> dict[str, list[float]]:
    clock = SystemClock()
    network = make_network(configuration, clock)
    store = Store(configuration.store)
    bench = _Bench(configuration, clock, store, await _open_court(configuration, clock, store))
    groups: dict[str, list[Slot]] = {}
    for check in configuration.checks:
        groups.setdefault(check.component, []).append(Slot(check, PROBES[check.kind](check.settings, network)))
    for slots in groups.values():
        await bench.cost(slots, _WARM_UP)
    costs: dict[str, list[float]] = {name: [] for name in groups}
    for _ in range(rounds):
        for name, slots in groups.items():
            costs[name].append(await bench.cost(slots, count))
    return costs


async def _open_court(configuration: Configuration, clock: SystemClock, store: Store) -> Sittings:
    judge = Judge()
    judge.replace(configuration.checks, (), (configuration.vantage,), clock.now())
    clerk = Clerk(
        mind=Pulse(clock, lambda _: None).mind,
        recall=store.resume,
        keep=store.keep,
        kept=store.kept,
        keep_seconds=store.keep_seconds,
        advise=lambda ruling: ruling,
        tell=lambda _: None,
    )
    sittings = Sittings(judge, clock, clerk)
    sittings.replace(configuration.vantage, ())
    await sittings.begin()
    return sittings


async def _yes(_: float) -> bool:
    return True


async def _nothing(*_: object) -> dict[Fact, FactValue]:
    return {}


def _main() -> None:
    configuration = load(Path(sys.argv[1]), PROBE_SETTINGS, Catalogue.load(catalogue_folder()), os.environ)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(_weigh(configuration, int(sys.argv[2]), int(sys.argv[3])))))


if __name__ == "__main__":
    _main()
