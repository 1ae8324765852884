"""Run the benchmarks, print the table, say by the exit code whether the goals are met."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from rich.console import Console

from bench import crowd, detection, fuzz, growth, load, overload, pipeline, probes, protocols, readers, start, store
from bench.processes import WORLD
from bench.results import Result, at_least, show

_LAST_WORDS = 400
_QUICK_TRIES = 3
"""Of the short form: other work on a shared machine only ever adds to what is measured."""


class _Benchmark(Protocol):
    def __call__(self, folder: Path, *, quick: bool) -> Iterator[Result]: ...


_ALL: dict[str, _Benchmark] = {
    "probes": probes.run,
    "pipeline": pipeline.run,
    "load": load.run,
    "growth": growth.run,
    "start": start.run,
    "overload": overload.run,
    "store": store.run,
    "detection": detection.run,
    "readers": readers.run,
    "crowd": crowd.run,
    "protocols": protocols.run,
    "fuzz": fuzz.run,
}
_FULL_ONLY = frozenset({"crowd", "fuzz"})
"""What takes too long for the short form."""


def main() -> int:
    """0 when every goal is met; with --quick, when none is missed by a factor of two."""
    given = _arguments()
    os.sched_setaffinity(0, WORLD)
    progress = Console(stderr=True)
    results: list[Result] = []
    for name in given.only or [name for name in _ALL if not (given.quick and name in _FULL_ONLY)]:
        results += _measured(name, progress, quick=given.quick)
    show(results, Console(width=None if sys.stdout.isatty() else 160))
    if given.json:
        given.json.write_text(json.dumps([result.as_json() for result in results], indent=2) + "\n")
    is_bad: Callable[[Result], bool] = (lambda r: r.is_far_off) if given.quick else (lambda r: not r.is_met)
    return int(any(map(is_bad, results)))


def _measured(name: str, progress: Console, *, quick: bool) -> list[Result]:
    """The lines of one benchmark; in the short form it gets another try when one is far off."""
    tries = _QUICK_TRIES if quick else 1
    while True:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="lastseen-bench-") as folder:
            results = list(_outcome(name, Path(folder), quick=quick))
        progress.print(f"{name}: {time.monotonic() - began:.0f} s", style="dim")
        tries -= 1
        far_off = [f"{result.name} {result.measured:.3g} {result.unit}" for result in results if result.is_far_off]
        if not (tries and far_off):
            return results
        progress.print(f"{name}: once more, for {', '.join(far_off)}")


def _outcome(name: str, folder: Path, *, quick: bool) -> Iterator[Result]:
    """The lines of one benchmark; one that breaks is a missed line and stops no other."""
    try:
        yield from _ALL[name](folder, quick=quick)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or b""  # of a process that ended with an error
        yield at_least(f"{name}: carried out", 0, 1, "", f"{error} {said.decode(errors='replace')}"[-_LAST_WORDS:])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short; fails only below half of a goal")
    parser.add_argument("--only", action="append", choices=list(_ALL), help="this one; may be given again")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
