"""What was not observed: days on which nobody watched or nothing could be told, and what a vantage knew of itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from monitor.formats.text import NAME, plain
from monitor.languages.phrases import when
from monitor.languages.words import Words
from monitor.reports.figures import Day
from monitor.reports.findings import Findings
from monitor.reports.parts import Sort
from monitor.reports.period import days_named
from monitor.reports.wording import length
from monitor.store.values import DAY

_WORTH_TELLING = 60.0
"""Seconds of a day; less than that is lost at every restart."""


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

    def told(self, words: Words, *, is_corrected: bool) -> tuple[str, str]:
        """The days, and ``nothing was recorded for 1 h 5 min``."""
        unknown = "taken_back" if is_corrected else "unknown"
        parts = [
            words(f"report.unseen.{name}", time=length(seconds, words))
            for seconds, name in ((self.unrecorded, "unrecorded"), (self.unknown, unknown))
            if seconds >= _WORTH_TELLING
        ]
        return days_named(self.first, self.last, words), ", ".join(parts)


def unseen(findings: Findings, words: Words) -> Iterator[str]:
    """One line for each run of days that is the same for the same services, then one for each span of a vantage."""
    yield from _days(findings, words)
    for span in findings.spans:
        lasted = length((span.end or span.start) - span.start, words)
        what = words(f"report.unseen.{span.state}", vantage=plain(span.vantage, NAME))
        yield words("report.unseen.span", when=when(span.start, span.end, words), time=lasted, what=what)


def _days(findings: Findings, words: Words) -> Iterator[str]:
    """In the order of the days with which they begin."""
    told: dict[tuple[int, str, str], list[str]] = {}
    for service in findings.services:
        back = [part.stretch for part in findings.of(Sort.DISMISSED) if part.affects(service.name)]
        for run in _runs(service.days):
            is_corrected = any(begin < run.end and end > run.first for begin, end in back)
            line = (run.first, *run.told(words, is_corrected=is_corrected))
            told.setdefault(line, []).append(plain(service.title, NAME))
    for (_, days, what), names in sorted(told.items()):
        is_all = len(names) == len(findings.services) > 1
        listed = words("report.unseen.every") if is_all else ", ".join(names)
        yield words("report.unseen.days", days=days, what=what, names=listed)


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
