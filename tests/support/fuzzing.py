"""Probes before servers that go wrong in every way, and what must hold all the same.

An input is a number: the conversation of a stand-in (tests/support/fuzzed.py), bent as the number has it
(tests/support/bending.py). The probe is asked as the runner asks it. It returns, or raises ProbeFailed or
ProbeInconclusive; within its deadline; without holding the loop; in bounded memory; with a message for people.
"""

import asyncio
import ctypes
import gc
import json
import random
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from monitor.asking import ask
from monitor.clock import SystemClock
from monitor.domain.attempt import Attempt, Run
from monitor.domain.check import Check
from monitor.domain.failures import ProbeFailed, ProbeInconclusive
from monitor.domain.ports import Probe
from monitor.domain.settings import ProbeSettings
from monitor.domain.words import LAYER_OF_PHASE, Layer, Phase
from monitor.net.network import Network
from monitor.registry import PROBES
from tests.support.bending import Bend, Script
from tests.support.casting import Cast, Serve, Stage, staged

HELD = 0.05
"""Seconds of CPU that one step of a probe may take: so long nobody else on the loop is served."""
GROWTH = 16.0
"""MB that the process may grow by while a server does not stop talking, the server's own part included."""
_LATE = 5.0  # wall-clock seconds beyond the deadline: the machine may be busy with other things
_MESSAGE, _FACTS = 600, 300_000  # characters
_AT_ONCE = 24
_PACKETS_AT_ONCE = 150  # a packet that is lost costs nothing but patience
_FLOODS_AT_ONCE = 4
_TRIES = 3  # others on the machine and the collector only ever add


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of many inputs. ``wrong`` is empty when all is well."""

    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """ok, or the type of the exception."""
    verdicts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    held: float = 0.0
    """Seconds of CPU that the longest step took,"""
    holder: str = ""
    """and the input that it belongs to."""
    growth: float = 0.0
    """MB, while servers did not stop talking."""

    def add(self, other: "Tally") -> None:
        """Take another in."""
        self.inputs += other.inputs
        self.outcomes += other.outcomes
        self.verdicts += other.verdicts
        self.wrong += other.wrong
        self.growth = max(self.growth, other.growth)
        if other.held > self.held:
            self.held, self.holder = other.held, other.holder


class _Input(NamedTuple):
    name: str
    script: Callable[[], Script]
    serve: Serve | None = None
    """In place of the cast's own."""


class _Seen(NamedTuple):
    attempt: Attempt
    raised: str
    bug: str
    held: float


class _Watched:
    """A probe under a stopwatch that counts the CPU of each of its steps, and the bug that left it."""

    settings_type: ClassVar[type[ProbeSettings]] = ProbeSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self.held = 0.0
        self.raised = "ok"
        self.bug = ""

    async def attempt(self, run: Run) -> None:
        run.layers = self._probe.layers
        try:
            await _Steps(self._probe.attempt(run), self)
        except (ProbeFailed, ProbeInconclusive) as error:
            self.raised = type(error).__name__
            raise
        except asyncio.CancelledError:
            self.raised = "deadline"
            raise
        except BaseException as error:
            self.raised, self.bug = type(error).__name__, traceback.format_exc(limit=-6)
            raise


class _Steps:
    def __init__(self, coroutine: Coroutine[Any, Any, None], watched: _Watched) -> None:
        self._coroutine = coroutine
        self._watched = watched

    def __await__(self) -> Generator[Any, Any, None]:
        step: Callable[[], Any] = partial(self._coroutine.send, None)
        while True:
            begun = time.thread_time()
            try:
                awaited = step()
            except StopIteration:
                return
            finally:
                self._watched.held = max(self._watched.held, time.thread_time() - begun)
            try:
                step = partial(self._coroutine.send, (yield awaited))
            except BaseException as error:  # noqa: BLE001  # handed on to where it is awaited for
                step = partial(self._coroutine.throw, error)


class Fuzz:
    """Many inputs for one kind; ``seed`` and a number make an input."""

    def __init__(self, kind: str, folder: Path, seed: int, patience: float) -> None:
        self._kind = kind
        self._folder = folder
        self._seed = seed
        self._patience = patience
        self._clock = SystemClock()
        self._network = Network(self._clock.monotonic, self._clock.now)

    async def run(self, cast: Cast, count: int) -> Tally:
        """So many inputs for one cast; one of fifty does not end, and there are at least two of these."""
        tally = Tally()
        sample = await self._rehearse(cast)
        floods = max(2, count // 50)
        bent = [self._draw(cast, sample, number, Bend.draw) for number in range(count - floods)]
        endless = [self._draw(cast, sample, count - floods + n, Bend.endless) for n in range(floods)]
        dear = [_Input(f"{cast.name}, dear {n}", Script, serve) for n, serve in enumerate(cast.dear)]
        await self._try_all(cast, bent, tally, _AT_ONCE if cast.reply is None else _PACKETS_AT_ONCE)
        await self._try_greedy(cast, endless + dear, tally)
        return tally

    async def one(self, cast: Cast, number: int, count: int) -> Tally:
        """The input with this number, of so many, alone: for who wants to see it again."""
        tally = Tally()
        draw = Bend.endless if number >= count - max(2, count // 50) else Bend.draw
        await self._try_all(cast, [self._draw(cast, await self._rehearse(cast), number, draw)], tally, 1)
        return tally

    async def _rehearse(self, cast: Cast) -> bytes:
        """What is said when nothing is bent; the probe must like it."""
        script = Script(patience=None)
        async with staged(cast, self._folder) as stage:
            for _ in range(3):  # what is imported or computed once is no input's fault
                script = Script(patience=None)
                seen = await self._attempt(cast, stage, script)
                assert seen.raised == "ok", f"{self._kind}, {cast.name}: {seen.attempt.failure} {seen.bug}"
        return bytes(script.said)

    def _draw(self, cast: Cast, sample: bytes, number: int, draw: Callable[[random.Random, bytes], Bend]) -> _Input:
        name = f"{cast.name}, number {number}"
        return _Input(name, lambda: Script(draw(random.Random(f"{self._seed}, {self._kind}, {name}"), sample)))  # noqa: S311  # no secret

    async def _try_all(self, cast: Cast, inputs: Iterable[_Input], tally: Tally, at_once: int) -> None:
        queue = iter(inputs)

        async def work() -> None:
            async with staged(cast, self._folder) as stage:
                for given in queue:
                    self._judge(given, await self._cheapest(cast, stage, given), tally)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(work())

    async def _try_greedy(self, cast: Cast, inputs: list[_Input], tally: Tally) -> None:
        """Those that may take memory: some at once, and one by one where that was too much."""
        grown = await self._grown(self._try_all(cast, inputs, tally, _FLOODS_AT_ONCE))
        if grown > GROWTH:
            grown = 0.0
            for given in inputs:
                alone = await self._grown(self._try_all(cast, [given], Tally(), 1))
                if alone > GROWTH:
                    tally.wrong.append(f"{self._kind}, {given.name}: {alone:.0f} MB more")
                grown = max(grown, alone)
        tally.growth = max(tally.growth, grown)

    async def _grown(self, work: Awaitable[None]) -> float:
        """MB by which the process grew meanwhile, at most."""
        before = _forget_most()
        await work
        return _resident("VmHWM") - before

    async def _cheapest(self, cast: Cast, stage: Stage, given: _Input) -> _Seen:
        seen = await self._attempt(cast, stage, given.script(), given.serve)
        for _ in range(_TRIES - 1):
            if seen.held > HELD:
                seen = await self._attempt(cast, stage, given.script(), given.serve)
        return seen

    async def _attempt(self, cast: Cast, stage: Stage, script: Script, serve: Serve | None = None) -> _Seen:
        kind = PROBES[self._kind]
        settings = kind.settings_type.model_validate_json(json.dumps(cast.settings(stage.place)))
        watched = _Watched(kind(settings, self._network))
        check = Check(
            service="s", component="c", target="t", kind=self._kind, settings=settings, timeout=self._patience
        )
        stage.play(script, serve)
        attempt, _ = await ask(check, watched, self._clock, (0, 0))
        stage.stop()
        return _Seen(attempt, watched.raised, watched.bug, watched.held)

    def _judge(self, given: _Input, seen: _Seen, tally: Tally) -> None:
        tally.inputs += 1
        tally.outcomes[seen.raised] += 1
        failure = seen.attempt.failure
        tally.verdicts["ok" if failure is None else f"{failure.layer}/{failure.reason}"] += 1
        if seen.held > tally.held:
            tally.held, tally.holder = seen.held, f"{self._kind}, {given.name}"
        tally.wrong += [f"{self._kind}, {given.name}, seed {self._seed}: {wrong}" for wrong in self._wrong(seen)]

    def _wrong(self, seen: _Seen) -> Iterator[str]:
        if seen.bug:
            yield seen.bug
        if seen.held > HELD:
            yield f"the loop was held for {seen.held * 1000:.0f} ms"
        if seen.attempt.duration > self._patience + _LATE:
            yield f"it took {seen.attempt.duration:.1f} s"
        message = seen.attempt.failure.message if seen.attempt.failure else ""
        if len(message) > _MESSAGE or not message.isprintable():
            yield f"the message is none for people: {message[:1000]!r}"
        if len(repr(seen.attempt.facts)) > _FACTS:
            yield "the facts are without bounds"


def _forget_most() -> float:
    """MB resident, which is the high-water mark from now on."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # proc_pid_clear_refs(5)
    return _resident("VmRSS")


def _resident(key: str) -> float:
    """MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no {key}")
