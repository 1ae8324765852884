"""A provider of 5,000 checks goes down at once, beside 5,000 that do not: one window, and a loop that nobody holds."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.lastseen import Counts, Monitor
from bench.processes import PROBER, Process
from bench.results import Result, at_most
from bench.servers import get, site
from tests.support.servers import free_port

_INTERVAL = 10.0
_SERVICES, _COMPONENTS, _TARGETS = 25, 10, 20
"""Of each of the two providers: 5,000 checks."""
_WARM = 25.0
_LOOK = 2.0


@dataclass(slots=True)
class _Seen:
    """What was seen while we looked."""

    blocks: list[float] = field(default_factory=list)
    windows: list[Mapping[str, Any]] = field(default_factory=list)
    took: float = 0.0
    """Seconds from the fault until a window of the whole provider was stored."""


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """Two nginx, one of which stops; 10,000 checks every 10 s."""
    with ExitStack() as stack:
        doomed = stack.enter_context(ExitStack())
        ports = {
            "doomed": doomed.enter_context(site(_made(folder / "doomed"))).http,
            "steady": stack.enter_context(site(_made(folder / "steady"))).http,
        }
        port = free_port()
        config = _write_config(folder, port, ports)
        process = stack.enter_context(Process([sys.executable, "-m", "monitor", "run", config], folder, PROBER))
        process.wait_for(lambda: get(f"http://127.0.0.1:{port}/readyz")[0] == 200)
        watching = Monitor(process, port)
        time.sleep(_WARM)
        before = watching.counts()
        doomed.close()
        seen = _watch(watching, 24.0 if quick else 48.0)
        yield from _results(seen, before, watching.counts())


def _results(seen: _Seen, before: Counts, after: Counts) -> Iterator[Result]:
    yield at_most("crowd: windows of 5,000 failing checks", len(seen.windows), 1, "", _described(seen.windows))
    yield at_most("crowd: fault to the window of the provider", seen.took, _INTERVAL + 10.0, "s")
    made, skipped = after.total - before.total, after.skipped - before.skipped
    failed = after.attempts["failed"] - before.attempts["failed"]
    detail = f"{made} attempts, {failed} failed, {skipped} skipped; 0 stands for 20 or less"
    yield at_most("crowd: longest loop block", max(seen.blocks) * 1e3, 100, "ms", detail)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _watch(watching: Monitor, seconds: float) -> _Seen:
    seen, began = _Seen(), time.time()
    while time.time() < began + seconds:
        time.sleep(_LOOK)
        seen.windows = json.loads(get(f"http://127.0.0.1:{watching.port}/api/v1/outages?limit=1000")[1])["outages"]
        if not seen.took and [window["breadth"] for window in seen.windows] == ["provider"]:
            seen.took = time.time() - began
        if time.time() - began > 15 * (len(seen.blocks) + 1) - _LOOK:  # the gauge tells of the last 15 s
            seen.blocks.append(watching.counts().loop_lag)
    seen.blocks.append(watching.counts().loop_lag)
    seen.took = seen.took or float("inf")
    return seen


def _described(windows: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{window['breadth']} {window['target']} {window['kind']}" for window in windows[:3])


def _write_config(folder: Path, listen: int, ports: Mapping[str, int]) -> Path:
    def targets(name: str, port: int) -> list[dict[str, str]]:
        return [{"name": f"{name}-{n}", "probe": "tcp", "address": f"127.0.0.1:{port}"} for n in range(_TARGETS)]

    services = [
        {
            "name": f"{provider}-{number}",
            "provider": provider,
            "interval": f"{_INTERVAL:g}s",
            "timeout": "5s",
            "components": [{"name": f"c{n}", "targets": targets(f"t{n}", port)} for n in range(_COMPONENTS)],
        }
        for provider, port in ports.items()
        for number in range(_SERVICES)
    ]
    top = {"witnesses": [], "store": f"sqlite:///{folder / 'crowd.db'}", "log": {"level": "error"}}
    path = folder / "crowd.yaml"
    path.write_text(json.dumps({**top, "web": {"listen": f"127.0.0.1:{listen}"}, "services": services}))
    return path
