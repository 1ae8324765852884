"""The monitor under measurement: the real process over a generated configuration, read through its own /metrics."""

import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import PROBER, Process
from bench.servers import Site, get
from tests.support.servers import free_port

_OUTCOME = re.compile(rb'^lastseen_probe_attempts_total\{.*outcome="(\w+)"\} (\d+)', re.MULTILINE)
_SKIPPED = re.compile(rb"^lastseen_runs_skipped_total\{.*\} ([0-9.e+]+)", re.MULTILINE)
_BUCKET = re.compile(rb'^lastseen_schedule_lateness_seconds_bucket\{le="(.*)"\} ([0-9.e+]+)', re.MULTILINE)
_LAG = re.compile(rb"^lastseen_loop_lag_seconds ([0-9.e+-]+)", re.MULTILINE)
_TARGETS_A_SERVICE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What /metrics said at one moment."""

    attempts: dict[str, int]
    skipped: int
    lateness: dict[float, int]
    """Upper bound in seconds -> runs that were no later."""
    loop_lag: float

    @property
    def total(self) -> int:
        """Attempts of any outcome."""
        return sum(self.attempts.values())

    def late(self, share: float, since: "Counts") -> float:
        """The bound under which ``share`` of the runs since then stayed: never better than the truth."""
        runs = {bound: count - since.lateness[bound] for bound, count in self.lateness.items()}
        return min(bound for bound, count in runs.items() if count >= share * runs[float("inf")])


def parse(text: bytes) -> Counts:
    """Read the text format 0.0.4."""
    attempts: dict[str, int] = {}
    for outcome, count in _OUTCOME.findall(text):
        attempts[outcome.decode()] = attempts.get(outcome.decode(), 0) + int(count)
    lag = _LAG.search(text)
    if lag is None:
        raise RuntimeError("no lastseen_loop_lag_seconds")
    return Counts(
        attempts=attempts,
        skipped=sum(int(float(count)) for count in _SKIPPED.findall(text)),
        lateness={float(bound): int(float(count)) for bound, count in _BUCKET.findall(text)},
        loop_lag=float(lag.group(1)),
    )


class Monitor:
    """A running `lastseen run`."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.port = port

    def counts(self) -> Counts:
        """Scrape, uncompressed."""
        return parse(get(f"http://127.0.0.1:{self.port}/metrics")[1])

    def scrape_seconds(self, coding: str) -> float:
        """How long one scrape takes, to the last byte."""
        began = time.perf_counter()
        get(f"http://127.0.0.1:{self.port}/metrics", {"Accept-Encoding": coding})
        return time.perf_counter() - began

    def cost(self, seconds: float) -> float:
        """CPU seconds an attempt over the next ``seconds``; idling and a scrape are part of it."""
        cpu, before = self.weigh()
        time.sleep(seconds)
        later, after = self.weigh()
        return (later - cpu) / max(after.total - before.total, 1)

    def weigh(self) -> tuple[float, Counts]:
        """CPU seconds so far, then the counts: between two of these lies the CPU time of one scrape, the first."""
        return self.process.cpu(), self.counts()


@contextmanager
def monitor(
    folder: Path, targets: Iterable[str], interval: float, name: str = "monitor", cores: Sequence[int] = PROBER
) -> Iterator[Monitor]:
    """Run lastseen over ``targets`` (flow mappings of `checks`) on ``cores``, until it says it is ready."""
    port = free_port()
    config = write_config(folder / f"{name}.yaml", port, targets, interval)
    with Process([sys.executable, "-m", "monitor", "run", config], folder, cores) as process:
        process.wait_for(lambda: get(f"http://127.0.0.1:{port}/readyz")[0] == 200)
        yield Monitor(process, port)


def checks(site: Site, kind: str, count: int) -> list[str]:
    """Targets on one server, told apart by their names."""
    if kind == "tcp":
        return [f'{{name: "t{n}", probe: tcp, address: "{site.target(kind)}"}}' for n in range(count)]
    tls = f', tls: {{ca_file: "{site.ca_file}"}}' if kind == "https" else ""
    return [f'{{name: "{kind[4:]}{n}", probe: {kind}, url: "{site.target(kind)}{n}"{tls}}}' for n in range(count)]


def write_config(path: Path, port: int, targets: Iterable[str], interval: float) -> Path:
    """A file as an operator might write it: services of twenty targets."""
    timeout = min(5.0, interval * 0.75)
    lines = [
        "witnesses: []",
        f"store: 'sqlite:///{path.with_suffix('.db')}'",
        f"web: {{listen: '127.0.0.1:{port}'}}",
        "log: {level: warning}",
        "services:",
    ]
    for number, group in enumerate(_groups(list(targets))):
        lines += [
            f"  - name: service-{number}",
            f"    interval: {interval:g}s",
            f"    timeout: {timeout:g}s",
            "    components:",
            "      - name: chat",
            "        targets:",
            *(f"          - {target}" for target in group),
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


def _groups(targets: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(targets), _TARGETS_A_SERVICE):
        yield targets[start : start + _TARGETS_A_SERVICE]
