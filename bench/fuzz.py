"""A hundred thousand servers that go wrong, as many for each kind of probe: tests/probes/test_fuzz.py, long."""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop

from bench.results import Result, at_most
from monitor.registry import PROBES
from tests.support.certificates import CertificateAuthority
from tests.support.fuzzed import casts
from tests.support.fuzzing import GROWTH, HELD, Fuzz, Tally
from tests.support.namespace import Namespace

_INPUTS = 100_000
_SEED = 20251122
_PATIENCE = 2.0
_SHOWN = 5


def run(folder: Path, *, quick: bool) -> Iterator[Result]:  # noqa: ARG001  # it has no short form
    """Whole attempts, the deadline two seconds. What went wrong is printed with the number that does it again."""
    CertificateAuthority(folder).leaf()
    count = -(-_INPUTS // len(PROBES))
    total, began = Tally(), time.monotonic()
    with Namespace(folder) as inside:
        inside.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
        for kind in PROBES:
            tally = inside.call(lambda kind=kind: _fuzzed(kind, folder, count))  # type: ignore[misc]  # a default binds it now
            _tell(kind, tally)
            total.add(tally)
    yield from _results(total, time.monotonic() - began)


def _fuzzed(kind: str, folder: Path, count: int) -> Tally:
    async def all_ways() -> Tally:
        fuzz = Fuzz(kind, folder, _SEED, _PATIENCE)
        tally, ways = Tally(), casts(kind, folder)
        for way in ways:
            tally.add(await fuzz.run(way, -(-count // len(ways))))
        return tally

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(all_ways())


def _tell(kind: str, tally: Tally) -> None:
    outcomes = ", ".join(f"{count} {name}" for name, count in tally.outcomes.most_common())
    print(f"{kind}: {tally.inputs} inputs: {outcomes}; {_longest(tally)}; {tally.growth:.1f} MB", file=sys.stderr)
    for wrong in tally.wrong[:_SHOWN]:
        print(wrong, file=sys.stderr)


def _results(total: Tally, seconds: float) -> Iterator[Result]:
    outcomes = ", ".join(f"{count} {name}" for name, count in total.outcomes.most_common())
    detail = f"{total.inputs} inputs in {seconds:.0f} s: {outcomes}"
    yield at_most("fuzz: inputs that went wrong", len(total.wrong), 0, "", detail)
    yield at_most("fuzz: longest step of a probe", total.held * 1e3, HELD * 1e3, "ms of CPU", total.holder)
    yield at_most("fuzz: growth", total.growth, GROWTH, "MB", "while servers did not stop talking")


def _longest(tally: Tally) -> str:
    return f"{tally.held * 1e3:.1f} ms ({tally.holder})"
