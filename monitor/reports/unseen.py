"""What was not observed: days on which nobody watched or nothing could be told, and what a vantage knew of itself."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from monitor.domain.words import VantageState
from monitor.formats.text import NAME, plain
from monitor.formats.times import span as when
from monitor.reports.figures import Day
from monitor.reports.findings import Findings
from monitor.reports.parts import Sort
from monitor.reports.period import day_of
from monitor.reports.wording import length
from monitor.store.values import DAY

_WORTH_TELLING = 60.0
"""Seconds of a day; less than that is lost at every restart."""
_STATES: Mapping[VantageState, str] = {
    VantageState.OFFLINE: "was offline; what it saw was thrown away",
    VantageState.RESOLVER_BROKEN: "had no working name servers; what it saw was thrown away",
    VantageState.CAPTIVE: "was held captive, as by a log-in page; what it saw was thrown away",
    VantageState.CLOCK_WRONG: "had a wrong clock; what it saw was thrown away",
    VantageState.DEGRADED: "had a line that was slow or lost packets; time-outs seen from there counted for nothing",
    VantageState.TRUST_STORE_OLD: "had an old list of authorities; certificates not trusted there counted for nothing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Days in a row."""

    first: int
    last: int
    unrecorded: float
    unknown: float

    @property
    def end(self) -> int:
        """When the last one was over."""
        return self.last + DAY

    def line(self, *, is_corrected: bool) -> str:
        """``2026-10-03: nothing was recorded for 1 h 5 min``."""
        first, last = day_of(self.first), day_of(self.last)
        days = f"{first}" if first == last else f"{first} to {last}"
        told = "nothing could be told, or was taken back," if is_corrected else "nothing could be told"
        parts = [
            f"{words} for {length(seconds)}"
            for seconds, words in ((self.unrecorded, "nothing was recorded"), (self.unknown, told))
            if seconds >= _WORTH_TELLING
        ]
        return f"{days}: {', '.join(parts)}"


def unseen(findings: Findings) -> Iterator[str]:
    """One line for each run of days that is the same for the same services, then one for each span of a vantage."""
    told: dict[str, list[str]] = {}
    for service in findings.services:
        back = [part.stretch for part in findings.of(Sort.DISMISSED) if part.affects(service.name)]
        for run in _runs(service.days):
            is_corrected = any(begin < run.end and end > run.first for begin, end in back)
            told.setdefault(run.line(is_corrected=is_corrected), []).append(plain(service.title, NAME))
    for line, names in sorted(told.items()):
        is_all = len(names) == len(findings.services) > 1
        yield f"{line} ({'every service' if is_all else ', '.join(names)})"
    for span in findings.spans:
        lasted = length((span.end or span.start) - span.start)
        words = _STATES.get(span.state, str(span.state))
        yield f"{when(span.start, span.end)}, {lasted}: {plain(span.vantage, NAME)} {words}"


def _runs(days: Iterable[Day]) -> Iterator[_Run]:
    poor = [day for day in days if max(day.spent.unrecorded, day.spent.unknown) >= _WORTH_TELLING]
    begins = [0, *(place for place, (one, two) in enumerate(pairwise(poor), 1) if two.begin - one.begin > DAY)]
    for begin, end in pairwise([*begins, len(poor)]):
        run = poor[begin:end]
        if run:
            yield _Run(
                first=run[0].begin,
                last=run[-1].begin,
                unrecorded=sum(day.spent.unrecorded for day in run),
                unknown=sum(day.spent.unknown for day in run),
            )
