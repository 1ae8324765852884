"""Days and hours as bars: how long something was down in each, how much of it was seen. Numbers in, paths out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log1p

from monitor.formats.times import utc
from monitor.languages.words import Words
from monitor.web.past import Stretch

DAY = 86400
HOUR = 3600
STEP = 8
"""Width of a bar with its gap; the gap is 2."""
HEIGHT = 28
_LEAST = 6
"""Height of the shortest time that something was down: seconds must show beside a whole day."""
_UNSEEN = 0.005
"""The part of a bar's time that may go unseen before the bar says so."""
_BAD = ("down", "degraded", "planned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One bar that has something to tell."""

    x: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A row of them, for an SVG of ``width`` x `HEIGHT`."""

    width: int
    label: str
    """All that the picture says, in words."""
    paths: tuple[tuple[str, str], ...]
    """Class and path data; no class and no bar is drawn that there is no time for."""
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Which times are shown: ``count`` steps of ``step`` seconds up to the one of ``now``."""

    step: int
    count: int
    now: float

    @property
    def begins(self) -> range:
        """The begin of each, oldest first."""
        last = int(self.now) // self.step * self.step
        return range(last - (self.count - 1) * self.step, last + 1, self.step)


def bars(stretches: Iterable[Stretch], frame: Frame, words: Words, *, is_marked: bool) -> Bars:
    """The bars of one service or component. ``is_marked``: each bar with something to tell has a text of its own."""
    known = {stretch.begin: stretch for stretch in stretches}
    cells = [known.get(begin) for begin in frame.begins]
    # most cells are of time that was up and nothing else: looked at once
    loud = [(place, cell) for place, cell in enumerate(cells) if cell is not None and _is_loud(cell)]
    marked = [(place, cell) for place, cell in loud if _is_notable(cell)] if is_marked else []
    return Bars(
        width=frame.count * STEP,
        label=_label(cells, [cell for _, cell in loud], frame, words),
        paths=tuple(_paths(cells, loud, frame.step)),
        marks=tuple(Mark(x=place * STEP, text=tell(cell, frame, words)) for place, cell in marked),
    )


def tell(stretch: Stretch, frame: Frame, words: Words) -> str:
    """One bar in words: ``2022-10-25: down 2 h 55 min, not seen 10 min``."""
    parts = [
        words(f"bars.{name}", time=words.lasting(getattr(stretch, name)))
        for name in (*_BAD, "unknown")
        if getattr(stretch, name) >= 1
    ]
    return f"{when(stretch.begin, frame.step)}: {', '.join(parts)}"


def when(begin: int, step: int) -> str:
    """The name of a day or of an hour."""
    return f"{utc(begin):%Y-%m-%d}" if step == DAY else f"{utc(begin):%Y-%m-%d %H:00} UTC"


def _is_loud(cell: Stretch) -> bool:
    return bool(cell.down or cell.degraded or cell.unknown or cell.planned)


def _is_notable(cell: Stretch) -> bool:
    return cell.down >= 1 or cell.degraded >= 1 or cell.planned >= 1 or _unseen(cell) > _UNSEEN


def _is_known(cell: Stretch | None) -> bool:
    return cell is not None and (cell.up > 0 or _is_loud(cell))


def _unseen(cell: Stretch) -> float:
    """The part of its time that was not seen, 0 to 1."""
    return cell.unknown / (cell.up + cell.degraded + cell.down + cell.unknown + cell.planned) if cell.unknown else 0.0


def _label(cells: Sequence[Stretch | None], loud: Sequence[Stretch], frame: Frame, words: Words) -> str:
    """How many were bad, for how long together, and the worst of them."""
    unit = "days" if frame.step == DAY else "hours"
    unseen = sum(not _is_known(cell) for cell in cells)
    if unseen == len(cells):
        return words(f"bars.{unit}.nothing", count=len(cells))
    down = [cell for cell in loud if cell.down >= 1]
    parts = [words(f"bars.{unit}.fine", count=len(cells))]
    if down:
        worst = max(down, key=lambda cell: cell.down)
        parts = [
            words.many(f"bars.{unit}.bad", len(down), count=len(cells), time=words.lasting(sum(c.down for c in down))),
            words("bars.worst", when=when(worst.begin, frame.step), time=words.lasting(worst.down)),
        ]
    if unseen:
        parts.append(words.many(f"bars.{unit}.unseen", unseen))
    return "; ".join(parts)


def _paths(
    cells: Sequence[Stretch | None], loud: Sequence[tuple[int, Stretch]], step: int
) -> Iterator[tuple[str, str]]:
    """First what covers whole bars, in runs that a dash pattern cuts; then what stands or hangs in single ones."""
    grounds = ["fine" if _is_known(cell) else "none" for cell in cells]
    for place, cell in loud:
        if _unseen(cell) > 1 - _UNSEEN:
            grounds[place] = "blind"
    for name, runs in _runs(grounds).items():
        yield name, "".join(f"M{first * STEP} {HEIGHT // 2}H{last * STEP}" for first, last in runs)
    overlays: dict[str, list[str]] = {}
    for place, cell in loud:
        for name, data in _overlay(cell, step):
            overlays.setdefault(name, []).append(f"M{place * STEP + 3} {data}")
    yield from ((name, "".join(data)) for name, data in overlays.items())


def _runs(names: Sequence[str]) -> Mapping[str, list[tuple[int, int]]]:
    runs: dict[str, list[tuple[int, int]]] = {}
    first = 0
    for place in range(1, len(names) + 1):
        if place == len(names) or names[place] != names[first]:
            runs.setdefault(names[first], []).append((first, place))
            first = place
    return runs


def _overlay(cell: Stretch, step: int) -> Iterator[tuple[str, str]]:
    """From the ground up what was down, above it what was slow, then what was planned; unseen time hangs from above."""
    if _UNSEEN < _unseen(cell) <= 1 - _UNSEEN:
        yield "unseen", f"0v{max(3, round(_unseen(cell) * HEIGHT))}"
    foot = HEIGHT
    for name in _BAD:
        seconds = getattr(cell, name)
        if seconds >= 1 and foot > 0:
            height = min(foot, round(_LEAST + (HEIGHT - _LEAST) * log1p(seconds / 10) / log1p(step / 10)))
            yield name, f"{foot}v-{height}"
            foot -= height
