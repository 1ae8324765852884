"""From probe to stored sample: Prometheus scraping us, against Prometheus with blackbox_exporter."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.lastseen import checks, monitor
from bench.processes import MACHINE, Process
from bench.results import Result, at_least
from bench.servers import Site, blackbox, blackbox_job, get, prometheus, site

_TARGETS = 200
_SETTLE = 5.0
_SCRAPES = re.compile(rb'^prometheus_target_interval_length_seconds_count\{interval="1s"\} (\d+)', re.MULTILINE)
_GOAL = 5.0


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """Either way each of 200 http targets is probed once a second and gives a sample a second."""
    rounds, seconds = (1, 4.0) if quick else (2, 12.0)
    ours: list[float] = []
    theirs: list[float] = []
    with site(folder) as served:
        for number in range(rounds):
            ours.append(_ours(_room(folder, f"ours-{number}"), served, seconds))
            theirs.append(_theirs(_room(folder, f"theirs-{number}"), served, seconds))
    mine, others = median(ours) * 1e6, median(theirs) * 1e6
    detail = f"CPU a probe, Prometheus included: ours {mine:.0f} us, with blackbox_exporter {others:.0f} us"
    yield at_least("pipeline to the stored sample", others / mine, _GOAL, "x", detail)


def _ours(folder: Path, served: Site, seconds: float) -> float:
    with monitor(folder, checks(served, "http", _TARGETS), interval=1, cores=MACHINE) as watching:
        job = {"static_configs": [{"targets": [f"127.0.0.1:{watching.port}"]}]}
        with prometheus(folder, job) as (store, port):
            return _weigh([watching.process, store], port, seconds, _TARGETS)


def _theirs(folder: Path, served: Site, seconds: float) -> float:
    targets = [f"{served.target('http')}{number}" for number in range(_TARGETS)]
    with (
        blackbox(folder, served.ca_file) as (exporter, port),
        prometheus(folder, blackbox_job(port, "http", targets)) as (store, store_port),
    ):
        return _weigh([exporter, store], store_port, seconds, 1)


def _weigh(processes: Sequence[Process], store_port: int, seconds: float, a_scrape: int) -> float:
    """CPU seconds of ``processes`` for each probe that Prometheus stored, of which a scrape brings ``a_scrape``."""
    time.sleep(_SETTLE)
    spent, scrapes = -sum(process.cpu() for process in processes), -_scrapes(store_port)
    time.sleep(seconds)
    spent, scrapes = spent + sum(process.cpu() for process in processes), scrapes + _scrapes(store_port)
    stored, due = scrapes * a_scrape, seconds * _TARGETS
    seen, failed = _query(store_port, "count(probe_success)"), _query(store_port, "count(probe_success == 0)")
    if failed or seen != _TARGETS or stored < due - 1.5 * _TARGETS:  # a scrape may fall on either side of each end
        raise RuntimeError(
            f"{stored} probes stored of {due:.0f}, {seen:.0f} targets known, {failed:.0f} of them failing"
        )
    return spent / stored


def _scrapes(store_port: int) -> int:
    """How many scrapes Prometheus has made."""
    found = _SCRAPES.search(get(f"http://127.0.0.1:{store_port}/metrics")[1])
    return int(found.group(1)) if found else 0


def _query(port: int, expression: str) -> float:
    encoded = expression.replace(" ", "%20").replace("=", "%3D")
    found = json.loads(get(f"http://127.0.0.1:{port}/api/v1/query?query={encoded}")[1])["data"]["result"]
    return float(found[0]["value"][1]) if found else 0.0


def _room(folder: Path, name: str) -> Path:
    room = folder / name
    room.mkdir()
    return room
