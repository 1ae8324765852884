"""CPU of one fresh probe: ours with all its bookkeeping, blackbox_exporter's, and that of a plain aiohttp client."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.lastseen import checks, monitor
from bench.results import Result, at_least
from bench.rivals import aiohttp_cost, blackbox_cost
from bench.servers import Site, blackbox, site

_GOALS = {"tcp": 7.0, "http": 9.0, "https": 1.4}
_RATES = {"tcp": 1500, "http": 1000, "https": 250}
"""Ours a second: about a third of a core, whatever the kind."""
_SETTLE = 1.0


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """The contestants take turns in short rounds on the same core, each well occupied; the medians are compared."""
    rounds, seconds = (2, 1.0) if quick else (7, 4.0)
    with site(folder) as served, blackbox(folder, served.ca_file) as exporter:
        for kind, goal in _GOALS.items():
            ours, theirs, plain = [], [], []
            count = round(250 * seconds)
            for _ in range(rounds):
                ours.append(_our_cost(folder, served, kind, seconds))
                theirs.append(blackbox_cost(exporter, served, kind, count))
                if kind != "tcp":
                    plain.append(aiohttp_cost(served, kind, count))
            yield _result(kind, goal, [_micros(costs) for costs in (ours, theirs, plain)])


def _our_cost(folder: Path, served: Site, kind: str, seconds: float) -> float:
    with monitor(folder, checks(served, kind, _RATES[kind]), interval=1) as watching:
        time.sleep(_SETTLE)
        cost, _ = watching.cost(seconds)
        failed = watching.counts().attempts["failed"]
        if failed:
            raise RuntimeError(f"{failed} attempts on a healthy server failed")
        return cost


def _micros(costs: list[float]) -> float:
    return median(costs) * 1e6 if costs else 0.0


def _result(kind: str, goal: float, micros: list[float]) -> Result:
    ours, theirs, plain = micros
    detail = f"CPU a probe: ours {ours:.0f} us, blackbox_exporter {theirs:.0f} us"
    if plain:
        detail += f", aiohttp client {plain:.0f} us ({plain / ours:.1f} x ours)"
    return at_least(f"{kind} probe against blackbox_exporter", theirs / ours, goal, "x", detail)
