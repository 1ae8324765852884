"""From the fault of a server to the stored window: how long does it take, and how right is its start?"""

import json
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from bench.lastseen import parse
from bench.processes import PROBER, Process
from bench.results import Result, at_most
from bench.servers import get
from tests.support.servers import free_port

_SERVERS = 200
_CONFIRMED = 10.0
"""Seconds beyond the interval that a window may take: three confirmations, 2 s apart, a sitting, the store."""
_SPREAD = 8.0
"""Seconds over which the servers stop. Their checks are spread over the interval by a hash: the phases are random."""
_GRACE = 10.0
_LOOK = 0.25


@dataclass(slots=True)
class _Story:
    """What became of the servers. Unix times, by service."""

    stopped: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)
    """When its window was first among those that are stored."""
    starts: dict[str, float] = field(default_factory=dict)


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """200 servers, each a service of its own, stop one after the other."""
    interval = 6.0 if quick else 10.0  # no longer than the first round, after which the schedule has settled
    with ExitStack() as stack:
        # Nobody accepts: the kernel shakes hands, which is all that is asked of them.
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64)) for _ in range(_SERVERS)]
        port = free_port()
        config = _write_config(folder, port, [server.getsockname()[1] for server in servers], interval)
        process = stack.enter_context(Process([sys.executable, "-m", "monitor", "run", config], folder, PROBER))
        process.wait_for(lambda: parse(get(f"http://127.0.0.1:{port}/metrics")[1]).attempts["ok"] >= _SERVERS)
        story = _Story()
        pool = stack.enter_context(ThreadPoolExecutor(1))
        stopping = pool.submit(_stop, servers, story)
        _watch(port, story, _SPREAD + interval + _CONFIRMED + _GRACE)
        stopping.result()
    yield from _results(story, interval)


def _stop(servers: Sequence[socket.socket], story: _Story) -> None:
    began = time.monotonic()
    for number, server in enumerate(servers):
        time.sleep(max(0.0, began + _SPREAD * number / len(servers) - time.monotonic()))
        story.stopped[f"s{number}"] = time.time()
        server.close()


def _watch(port: int, story: _Story, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while len(story.seen) < _SERVERS and time.monotonic() < deadline:
        windows = json.loads(get(f"http://127.0.0.1:{port}/api/v1/outages?limit=1000")[1])["outages"]
        now = time.time()
        for window in windows:
            (service,) = window["services"]
            story.seen.setdefault(service, now)
            story.starts[service] = window["start"]["epoch_ms"] / 1000
        time.sleep(_LOOK)


def _results(story: _Story, interval: float) -> Iterator[Result]:
    every = f"{_SERVERS} servers, asked every {interval:g} s"
    yield at_most("detection: servers without a window", _SERVERS - len(story.seen), 0, "", every)
    took, off = (_after(story.stopped, moments) for moments in (story.seen, story.starts))
    if len(took) > 1:
        detail = f"{every}: median {median(took):.1f} s, longest {took[-1]:.1f} s"
        p99 = quantiles(took, n=100)[98]
        yield at_most("detection: fault to stored window, p99", p99, interval + _CONFIRMED, "s", detail)
        detail = f"{every}: from {off[0]:.2f} to {off[-1]:.2f} s after the fault"
        worst = max(-off[0], off[-1])
        yield at_most("detection: start of a window, off by at most", worst, interval + 1, "s", detail)


def _after(stopped: Mapping[str, float], moments: Mapping[str, float]) -> list[float]:
    return sorted(moment - stopped[name] for name, moment in moments.items() if name in stopped)


def _write_config(folder: Path, listen: int, ports: Sequence[int], interval: float) -> Path:
    path = folder / "detection.yaml"
    services = [
        {
            "name": f"s{number}",
            "interval": f"{interval:g}s",
            "timeout": "3s",
            "components": [{"name": "chat", "targets": [{"probe": "tcp", "address": f"127.0.0.1:{port}"}]}],
        }
        for number, port in enumerate(ports)
    ]
    top = {"witnesses": [], "store": f"sqlite:///{folder / 'detection.db'}", "log": {"level": "error"}}
    path.write_text(json.dumps({**top, "web": {"listen": f"127.0.0.1:{listen}"}, "services": services}))
    return path
