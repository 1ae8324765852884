"""The pictures of a report as plain geometry, for SVG of our own: a strip of days, a lane of outages, the budget.

All are as wide as the period has days, `UNIT` a day, and are stretched to the
width that there is. Colours are words; `style.css` has the values.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from monitor.languages.reader import Reader
from monitor.languages.sentence import sentence
from monitor.languages.words import Words
from monitor.reports.figures import Budget, Day, Service
from monitor.reports.parts import Part, Sort
from monitor.reports.period import Period, day_of
from monitor.reports.spent import Spent
from monitor.reports.wording import length, percent
from monitor.store.values import DAY

UNIT = 10.0
HEIGHT = 30.0
LANE = 8.0
_GAP = 1.0
"""Between two days, at most."""
_LEAST = 0.16
"""Of a day the share at which what is bad is drawn at least: ten seconds must be seen."""
_NARROW = 0.004
"""Of the whole width the share that an outage is drawn wide at least."""
_LABELS = 12
_FULL = 100.0
_MONTH, _YEAR = 31, 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle, from its left upper corner."""

    x: float
    y: float
    width: float
    height: float
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One day, or one outage: what hangs together has one label."""

    bars: tuple[Bar, ...]
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """How much of the budget was left, day by day, from 100 down; ``zero`` is where nothing is left."""

    line: str
    area: str
    zero: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Those of one service."""

    width: float
    days: tuple[Cell, ...]
    outages: tuple[Cell, ...]
    burn: Burn | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A label of the time axis, at a percentage of the width."""

    at: float
    text: str


def pictures(service: Service, parts: Iterable[Part], period: Period, reader: Reader) -> Pictures:
    """The pictures of one service."""
    width = (period.until - period.since) / DAY * UNIT
    ours = [part for part in parts if part.affects(service.name)]
    return Pictures(
        width=width,
        days=tuple(
            _day(place, day, min(_GAP, width * _NARROW), reader.words) for place, day in enumerate(service.days)
        ),
        outages=tuple(_outage(part, period, width, reader) for part in ours),
        burn=_burn(service.days, service.budget),
    )


def axis(period: Period) -> tuple[Mark, ...]:
    """Some days of the period, each at its middle."""
    days = list(period.days())
    step = ceil(len(days) / _LABELS)
    return tuple(
        Mark(at=(place + 0.5) / len(days) * 100, text=_label(day, len(days)))
        for place, day in enumerate(days)
        if place % step == 0
    )


def _label(day: int, days: int) -> str:
    date = day_of(day)
    if days <= _MONTH:
        return str(date.day)
    return f"{date:%m-%d}" if days <= _YEAR else f"{date:%Y-%m}"


def _day(place: int, day: Day, gap: float, words: Words) -> Cell:
    spent = day.spent
    heights = _heights(spent)
    bars, top = [], 0.0
    for word, height in heights:
        bars.append(Bar(x=place * UNIT, y=top, width=UNIT - gap, height=height, word=word))
        top += height
    return Cell(bars=tuple(bars), label="; ".join(_told(day, words)))


def _heights(spent: Spent) -> Sequence[tuple[str, float]]:
    """From top to bottom; what is bad, however short, is as high as can be seen, at the cost of what is largest."""
    seconds = {
        "up": spent.up,
        "part": spent.degraded,
        "unseen": spent.unseen,
        "planned": spent.planned,
        "down": spent.down,
    }
    total = sum(seconds.values())
    if not total:
        return ()
    shares = {word: value / total for word, value in seconds.items() if value}
    raised = {word: max(share, _LEAST) if _is_news(word, seconds[word]) else share for word, share in shares.items()}
    scale = HEIGHT / sum(raised.values())
    return [(word, share * scale) for word, share in raised.items()]


def _is_news(word: str, seconds: float) -> bool:
    """What is lost of a day at a restart is none."""
    return word == "down" or (word in ("part", "planned", "unseen") and seconds >= 60)


def _told(day: Day, words: Words) -> Iterator[str]:
    spent, date = day.spent, str(day_of(day.begin))
    share = percent(spent.availability, words)
    yield words("report.pair", name=date, value=share) if spent.counted else date
    for word, seconds in (
        ("legend.down", spent.down),
        ("report.part", spent.degraded),
        ("report.planned", spent.planned),
        ("legend.blind", spent.unseen),
    ):
        if seconds >= 1 or (seconds and word == "legend.down"):
            yield f"{words(word)} {length(seconds, words)}"


def _outage(part: Part, period: Period, width: float, reader: Reader) -> Cell:
    scale = width / (period.until - period.since)
    wide = max(part.seconds * scale, width * _NARROW)
    start = min((part.stretch[0] - period.since) * scale, width - wide)
    words = {Sort.OUTAGE: "down", Sort.SLOW: "part", Sort.PLANNED: "planned", Sort.DISMISSED: "unseen"}
    bar = Bar(x=start, y=0, width=wide, height=LANE, word=words[part.sort])
    return Cell(bars=(bar,), label=sentence(part.report, reader))


def _burn(days: Sequence[Day], budget: Budget) -> Burn | None:
    """None where there is no budget, or nothing of it was used."""
    if budget.share is None or not budget.used:
        return None
    left, points = _FULL, [(0.0, _FULL)]
    for place, day in enumerate(days, 1):
        left -= day.spent.down / budget.allowed * _FULL
        points.append((place * UNIT, left))
    lowest = min(0.0, max(left, -2 * _FULL))
    flipped = [(x, _FULL - max(y, lowest)) for x, y in points]
    line = " ".join(f"{x:g},{y:.2f}" for x, y in flipped)
    area = f"0,{_FULL:g} {line} {flipped[-1][0]:g},{_FULL:g}"
    return Burn(line=line, area=area, zero=_FULL, height=_FULL - lowest)
