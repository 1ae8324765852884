"""Our own probe kept busy: the runner and its sinks, ten attempts always under way, in a process that weighs itself."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import uvloop

from monitor.app import make_network
from monitor.clock import SystemClock
from monitor.config import Catalogue, Configuration, catalogue_folder, load
from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.words import Outcome
from monitor.metrics.probes import ProbeMetrics
from monitor.registry import PROBES
from monitor.runner import Doubts, Runner, Slot
from monitor.store.rollups import Rollups
from monitor.web.board import Board

_AT_ONCE = 10
_WARM_UP = 200


class _Finished:
    """A sink that starts the next attempt when one ends."""

    def __init__(self) -> None:
        self.attempts = asyncio.Semaphore(_AT_ONCE)
        self.bad: list[str] = []

    def observe(self, check: Check, attempt: Attempt) -> None:
        """One less under way."""
        if attempt.outcome is not Outcome.OK:
            self.bad.append(f"{check.id}: {attempt.failure}")
        asyncio.get_running_loop().call_soon(self.attempts.release)


async def _weigh(configuration: Configuration, count: int) -> float:
    """CPU seconds an attempt."""
    clock, finished = SystemClock(), _Finished()
    network = make_network(configuration, clock)
    metrics, board = ProbeMetrics(configuration.vantage), Board()
    metrics.replace(configuration.checks)
    board.replace(configuration.checks)
    sinks = (metrics, board, Rollups(configuration.store), finished)
    doubts = Doubts(late_since=lambda _: 0.0, online=_online)
    runner = Runner(clock, doubts, sinks, configuration.limits.max_in_flight)
    slots = [Slot(check, PROBES[check.kind](check.settings, network)) for check in configuration.checks]
    began = 0.0
    async with asyncio.TaskGroup() as tasks:
        runner.use(tasks)
        for number in range(_WARM_UP + count):
            if number == _WARM_UP:
                began = time.process_time()
            await finished.attempts.acquire()
            runner.launch(slots[number % len(slots)], clock.monotonic())
        runner.finish()
    if finished.bad or runner.counts.skipped:
        raise RuntimeError(f"{finished.bad[:3]} {runner.counts.skipped}")
    return (time.process_time() - began) / count


async def _online(_: float) -> bool:
    return True


def _main() -> None:
    kinds = {name: kind.settings_type for name, kind in PROBES.items()}
    configuration = load(Path(sys.argv[1]), kinds, Catalogue.load(catalogue_folder()), os.environ)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(_weigh(configuration, int(sys.argv[2])))))


if __name__ == "__main__":
    _main()
