"""Eight hours that the real judge sits through, scraped every 15 s, and put into a real Prometheus's own files.

What happens is scripted, attempt by attempt; states, windows and the lines of
/metrics are the monitor's own.
"""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from monitor.domain.check import Check
from monitor.domain.outage import Window
from monitor.domain.words import Outcome
from monitor.metrics.families import Family
from tests.metrics.watched import HERE, T0, Watched, attempt
from tests.support.fakes import a_check
from tests.support.servers import program

SCRAPE = 15.0
LENGTH = 8 * 3600.0
END = T0 + LENGTH
_INTERVAL = 10
_SITTING = 5
_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """``service`` fails from the second ``start`` of the day, for ``seconds``."""

    service: str
    start: float
    seconds: float

    @property
    def ends(self) -> float:
        return self.start + self.seconds


SHORT = Fault(service="signal", start=2 * _HOUR - 1, seconds=25)
FAULTS = (
    Fault(service="whatsapp", start=_HOUR + 420, seconds=47 * 60),
    Fault(service="whatsapp", start=6 * _HOUR + 130, seconds=6 * 60),
    Fault(service="telegram", start=3 * _HOUR + 61, seconds=_HOUR),
    SHORT,
)
SILENCE = (5 * _HOUR, 5 * _HOUR + 20 * 60)
"""Seconds of the day in which nobody scraped."""


class Day:
    """It, from morning to evening."""

    def __init__(self) -> None:
        self._checks = {name: _check(name) for name in ("signal", "telegram", "whatsapp")}
        self._watched = Watched(*self._checks.values(), witnesses=_witnesses())
        self._lines: dict[str, list[str]] = {}
        """Series -> its lines, oldest first."""
        self._families: dict[str, Family] = {}
        self.windows: dict[str, Window] = {}
        """As they were stored at last, by id."""
        for second in range(0, round(LENGTH), _SITTING):
            self._pass(second)

    def _pass(self, second: int) -> None:
        now = T0 + second
        if second % _INTERVAL == 0:
            self._ask(now)
        ruling = self._watched.judge.sit(now + 1.0)
        self._watched.outages.follow(ruling.windows)
        self._watched.judge.settle(now + 1.0)
        self.windows.update({window.id: window for window in ruling.windows})
        if second % SCRAPE == 0 and not SILENCE[0] <= second < SILENCE[1]:
            self._scrape(now + 2.0)

    def _ask(self, now: float) -> None:
        for check in (*self._checks.values(), *self._watched.witnesses):
            fails = any(fault.service == check.service and fault.start <= now - T0 < fault.ends for fault in FAULTS)
            seen = attempt(check, now, Outcome.FAILED if fails else Outcome.OK)
            self._watched.judge.observe(HERE.name, check, seen)

    def _scrape(self, now: float) -> None:
        for source in (self._watched.states, self._watched.outages):
            for _ in source.settle():
                pass
            for family in source.families():
                self._families[family.name] = family
                for line in b"".join(family.blocks.values()).decode().splitlines():
                    series, _, value = line.rpartition(" ")
                    self._lines.setdefault(series, []).append(f"{series} {value} {now}\n")

    def write(self, folder: Path) -> None:
        """Make a Prometheus's data of it in ``folder``/tsdb."""
        store(folder, "".join((*self._text(), "# EOF\n")))

    def _text(self) -> Iterator[str]:
        for name, family in self._families.items():
            yield family.header(openmetrics=True).decode()
            sample = f"{name}_total{{" if family.kind == "counter" else f"{name}{{"
            for series, lines in self._lines.items():
                if series.startswith(sample):
                    yield from lines

    def stored(self) -> Mapping[str, list[Window]]:
        """Service -> its windows, oldest first."""
        found: dict[str, list[Window]] = {}
        for window in sorted(self.windows.values(), key=lambda window: window.start):
            found.setdefault(window.services[0], []).append(window)
        return found


def store(folder: Path, text: str) -> None:
    """Make a Prometheus's data of OpenMetrics with times, in ``folder``/tsdb."""
    file = folder / "day.om"
    file.write_text(text)
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(file), str(folder / "tsdb")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _check(service: str) -> Check:
    return a_check(
        f"{service}.example:443",
        service=service,
        component="chat",
        provider="p",
        interval=float(_INTERVAL),
        timeout=5.0,
    )


def _witnesses() -> tuple[Check, ...]:
    names = ("w.example:443", "192.0.2.1:443")
    return tuple(a_check(name, service="witnesses", component="w", interval=float(_INTERVAL)) for name in names)
