"""CPU of one fresh probe: ours with all its bookkeeping, blackbox_exporter's, and that of a plain aiohttp client."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.lastseen import checks, write_config
from bench.processes import MACHINE
from bench.results import Result, at_least
from bench.rivals import aiohttp_cost, blackbox_cost
from bench.servers import Site, blackbox, site
from tests.support.servers import free_port

_GOALS = {"tcp": 7.0, "http": 9.0, "https": 1.4}
_CHECKS = 200


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """The contestants take turns, with all cores as where they are deployed, twenty probes always under way."""
    rounds, count = (4, 800) if quick else (5, 1500)
    with site(folder) as served, blackbox(folder, served.ca_file) as exporter:
        for kind, goal in _GOALS.items():
            ours, theirs, plain = [], [], []
            for _ in range(rounds):
                ours.append(our_cost(folder, served, kind, count))
                theirs.append(blackbox_cost(exporter, served, kind, count))
                if kind != "tcp":
                    plain.append(aiohttp_cost(served, kind, count))
            yield _result(kind, goal, [_micros(costs) for costs in (ours, theirs, plain)])


def our_cost(folder: Path, served: Site, kind: str, count: int) -> float:
    """CPU seconds an attempt, in a process of its own."""
    config = write_config(folder / "closed.yaml", free_port(), checks(served, kind, _CHECKS), interval=10)
    cpus = ",".join(map(str, MACHINE))
    command = ["taskset", "--cpu-list", cpus, sys.executable, "-m", "bench.closed", str(config), str(count), "1"]
    ended = subprocess.run(command, check=True, capture_output=True)
    ((cost,),) = json.loads(ended.stdout).values()
    return float(cost)


def _micros(costs: list[float]) -> float:
    """The cheapest round: neighbours on the machine only ever add."""
    return min(costs, default=0.0) * 1e6


def _result(kind: str, goal: float, micros: list[float]) -> Result:
    ours, theirs, plain = micros
    detail = f"CPU a probe: ours {ours:.0f} us, blackbox_exporter {theirs:.0f} us"
    if plain:
        detail += f", aiohttp client {plain:.0f} us ({plain / ours:.1f} x ours)"
    return at_least(f"{kind} probe against blackbox_exporter", theirs / ours, goal, "x", detail)
