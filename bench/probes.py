"""CPU of one fresh probe: ours with all its bookkeeping, blackbox_exporter's, and that of a plain aiohttp client."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.lastseen import checks, monitor
from bench.results import Result, at_least
from bench.rivals import Pace, aiohttp_cost, blackbox_cost
from bench.servers import Site, blackbox, site

_GOALS = {"tcp": 7.0, "http": 9.0, "https": 1.4}
_RATE = 200
_SETTLE = 1.5


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """The contestants take turns in short rounds on the same core; the medians are compared."""
    rounds, pace = (2, Pace(rate=_RATE, seconds=2)) if quick else (5, Pace(rate=_RATE, seconds=5))
    with site(folder) as served, blackbox(folder, served.ca_file) as exporter:
        for kind, goal in _GOALS.items():
            ours, theirs, plain = [], [], []
            for _ in range(rounds):
                ours.append(_our_cost(folder, served, kind, pace))
                theirs.append(blackbox_cost(exporter, served, kind, pace))
                if kind != "tcp":
                    plain.append(aiohttp_cost(served, kind, pace))
            yield _result(kind, goal, [_micros(costs) for costs in (ours, theirs, plain)])


def _our_cost(folder: Path, served: Site, kind: str, pace: Pace) -> float:
    with monitor(folder, checks(served, kind, _RATE), interval=1) as watching:
        watching.cost(_SETTLE)
        cost, _ = watching.cost(pace.seconds)
        bad = {outcome: count for outcome, count in watching.counts().attempts.items() if count and outcome != "ok"}
        if bad:
            raise RuntimeError(f"attempts on a healthy server did not succeed: {bad}")
        return cost


def _micros(costs: list[float]) -> float:
    return median(costs) * 1e6 if costs else 0.0


def _result(kind: str, goal: float, micros: list[float]) -> Result:
    ours, theirs, plain = micros
    detail = f"CPU a probe: ours {ours:.0f} us, blackbox_exporter {theirs:.0f} us"
    if plain:
        detail += f", aiohttp client {plain:.0f} us ({plain / ours:.1f} x ours)"
    return at_least(f"{kind} probe against blackbox_exporter", theirs / ours, goal, "x", detail)
