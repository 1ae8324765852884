"""Does an attempt cost more when more is watched? The same attempts a second from 100, 1,000 and 10,000 checks."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from bench.lastseen import checks, monitor
from bench.results import Result, at_most
from bench.servers import site

_RATE = 100
_GOAL = 1.2


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """All sizes run side by side in the same seconds, each its own process on the same core."""
    sizes = (100, 300) if quick else (100, 1000, 10_000)
    with site(folder) as served, ExitStack() as stack:
        # the largest first: it begins its second, steady cycle while the others are weighed
        began = time.monotonic()
        watching = {
            size: stack.enter_context(monitor(folder, checks(served, "tcp", size), size / _RATE, f"growth-{size}"))
            for size in reversed(sizes)
        }
        first_cycle = max(sizes) / _RATE
        time.sleep(max(0.0, began + first_cycle + 3 - time.monotonic()))
        before = {size: (each.process.cpu(), each.counts(), each.process.cpu()) for size, each in watching.items()}
        time.sleep(5 if quick else 30)
        after = {size: each.weigh() for size, each in watching.items()}
    alone, scraped = {}, {}
    for size, (start, counts, rested) in sorted(before.items()):
        end, more = after[size]
        attempts = (more.total - counts.total) / 1e6
        alone[size], scraped[size] = (end - rested) / attempts, (end - start) / attempts
    detail = f"CPU an attempt at {_RATE} a second: {_all(alone)}; with a scrape: {_all(scraped)}"
    ratio = max(alone.values()) / min(alone.values())
    yield at_most("growth: dearest attempt against the cheapest", ratio, _GOAL, "x", detail)


def _all(costs: Mapping[int, float]) -> str:
    return ", ".join(f"{size} checks {us:.0f} us" for size, us in costs.items())
