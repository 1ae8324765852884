"""A rush of readers for the front page of a monitor that is at work: how many are served, and does it stay punctual."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.lastseen import Monitor, checks, monitor
from bench.processes import WORLD
from bench.results import Result, at_least, at_most
from bench.servers import get, site
from tests.support.servers import program

_TCP, _HTTP = 700, 300
_INTERVAL = 1.0
_RATE = (_TCP + _HTTP) / _INTERVAL
_CONNECTIONS = 20
_SETTLE = 3.0
_SERVED = re.compile(rb"^Requests/sec: +([0-9.]+)", re.MULTILINE)
_LATENCY = re.compile(rb"^ +(50|99)% +([0-9.]+)(us|ms|s)$", re.MULTILINE)
_MS = {b"us": 1e-3, b"ms": 1.0, b"s": 1e3}


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """1,000 checks a second, 70 % tcp and 30 % http, beside 20 readers that come back as fast as they are served."""
    seconds = 5 if quick else 30
    with site(folder) as served:
        targets = [*checks(served, "tcp", _TCP), *checks(served, "http", _HTTP)]
        with monitor(folder, targets, _INTERVAL) as watching:
            time.sleep(_SETTLE)
            yield from _rush(watching, seconds)


def _rush(watching: Monitor, seconds: int) -> Iterator[Result]:
    url = f"http://127.0.0.1:{watching.port}/"
    page = len(get(url)[1])
    began, first = time.monotonic(), watching.counts()
    said = _wrk(url, seconds)
    took, last = time.monotonic() - began, watching.counts()
    found = _SERVED.search(said)
    if found is None or b"Non-2xx" in said or b"Socket errors" in said:
        raise RuntimeError(said.decode(errors="replace"))
    waited = {share.decode(): float(time) * _MS[unit] for share, time, unit in _LATENCY.findall(said)}
    detail = f"{_CONNECTIONS} readers, who wait {waited['50']:.3g} ms (p50), {waited['99']:.3g} ms (p99)"
    yield at_least("readers: front page served", float(found.group(1)), 2000, "/s", detail)
    detail = f"p50 {last.late(0.5, first) * 1e3:g} ms; upper bounds of their buckets"
    yield at_most("readers: lateness p99 beside them", last.late(0.99, first) * 1e3, 20, "ms", detail)
    attempts = last.total - first.total
    detail = f"{attempts} attempts, {last.skipped - first.skipped} runs skipped"
    yield at_least("readers: attempts made of those due", 100 * attempts / (_RATE * took), 99, "%", detail)
    small = len(get(url, {"Accept-Encoding": "gzip"})[1])
    yield at_most(
        "readers: front page of 1,000 checks", small / 1e3, 100, "kB", f"compressed; plain {page / 1e3:.0f} kB"
    )


def _wrk(url: str, seconds: int) -> bytes:
    """What wrk says after so many seconds."""
    cores = ",".join(map(str, WORLD))
    options = f"-t1 -c{_CONNECTIONS} -d{seconds}s --latency --timeout 10s".split()
    command = ["taskset", "--cpu-list", cores, program("wrk"), *options, "-H", "Accept-Encoding: gzip", url]
    return subprocess.run(command, check=True, capture_output=True, timeout=seconds + 30).stdout
