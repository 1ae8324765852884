"""10,000 checks every 10 s on one core: punctual, small, and calm while it is scraped."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench.lastseen import Monitor, checks, monitor
from bench.results import Result, at_least, at_most
from bench.servers import site

_TCP, _HTTP = 7000, 3000
_INTERVAL = 10.0
_RATE = (_TCP + _HTTP) / _INTERVAL
_SCRAPE_EVERY = 5.0


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """70 % tcp, 30 % http; scraped every 5 s, in turn plain and compressed."""
    scrapes, settle = (2, 4.0) if quick else (12, 16.0)
    with site(folder) as served:
        targets = [*checks(served, "tcp", _TCP), *checks(served, "http", _HTTP)]
        with monitor(folder, targets, _INTERVAL) as watching:
            time.sleep(settle)
            yield from _watch(watching, scrapes)


def _watch(watching: Monitor, scrapes: int) -> Iterator[Result]:
    took: dict[str, list[float]] = {"identity": [], "gzip": []}
    began = time.monotonic()
    cpu, first = watching.weigh()
    for number in range(scrapes):
        time.sleep(_SCRAPE_EVERY)
        coding = ("identity", "gzip")[number % 2]
        took[coding].append(watching.scrape_seconds(coding))
    seconds = time.monotonic() - began
    later, last = watching.weigh()
    cpu = later - cpu
    attempts = last.total - first.total
    detail = f"{attempts} attempts, {last.skipped - first.skipped} runs skipped, {_bad(last.attempts)} not ok"
    yield at_least("load: attempts made of those due", 100 * attempts / (_RATE * seconds), 99, "%", detail)
    yield at_most("load: lateness p99", last.late(0.99, first) * 1e3, 10, "ms", _lateness(last.late(0.5, first)))
    spent = f"{cpu / attempts * 1e6:.0f} us an attempt, scrapes included"
    yield at_most("load: CPU", 100 * cpu / seconds, 60, "% of a core", spent)
    peak = f"at most ever {watching.process.memory('VmHWM'):.0f} MB"
    yield at_most("load: memory", watching.process.memory(), 300, "MB", peak)
    for coding, name in (("identity", "plain"), ("gzip", "compressed")):
        yield at_most(f"load: /metrics {name}", max(took[coding]), 0.25, "s", f"the slowest of {len(took[coding])}")
    block = "in the last 15 s, with their scrapes; 0 stands for 20 or less"
    yield at_most("load: longest loop block", last.loop_lag * 1e3, 20, "ms", block)


def _lateness(middle: float) -> str:
    return f"p50 {middle * 1e3:g} ms; upper bounds of their buckets"


def _bad(attempts: dict[str, int]) -> int:
    return sum(count for outcome, count in attempts.items() if outcome != "ok")
