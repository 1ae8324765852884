"""Several times more than the machine can do: what is left out is counted, and no target is called down for it."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench.lastseen import checks, monitor
from bench.results import Result, at_least, at_most
from bench.servers import site

_RATE = 2500
_INTERVAL = 2.0
_SETTLE = 3.0


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """2,500 TLS handshakes a second are due, where a core does a few hundred."""
    seconds = 4 if quick else 30
    with (
        site(folder) as served,
        monitor(folder, checks(served, "https", round(_RATE * _INTERVAL)), _INTERVAL) as watching,
    ):
        time.sleep(_SETTLE)
        began, first = time.monotonic(), watching.counts()
        time.sleep(seconds)
        took, last = time.monotonic() - began, watching.counts()
    due = _RATE * took
    made, skipped = last.total - first.total, last.skipped - first.skipped
    detail = f"{due:.0f} runs due, {made} made, {skipped} skipped and counted"
    yield at_least("overload: due against made", due / made, 2, "x", detail)
    yield at_least("overload: runs accounted for", 100 * (made + skipped) / due, 95, "%", detail)
    yield at_most("overload: attempts called failed", last.attempts["failed"], 0, "", f"outcomes: {last.attempts}")
