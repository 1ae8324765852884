"""The course of a window as a picture: what it was called, and what each place saw, over one line of time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.domain.outage import Stage, Transition
from monitor.domain.words import Kind, Reach, State, Status
from monitor.formats.report import Report
from monitor.formats.text import NAME, plain
from monitor.formats.times import utc
from monitor.languages.reader import Reader
from monitor.languages.words import Words
from monitor.web.lanes import Lane, Piece, Stretch, lanes, stretch

_TOLD = 4
"""Pieces of a lane that its text names."""
_LEAST = 6
"""Of `monitor.web.lanes.WIDTH`: what is shorter is drawn that wide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One lane, ready to be drawn."""

    name: str
    label: str
    """All that it shows, in words."""
    note: str
    """What stands beside it: the layers that broke."""
    paths: tuple[tuple[str, str], ...]
    """Class and path data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Lanes, and the times at which they begin and end."""

    start: str
    end: str
    rows: tuple[Row, ...]


def picture(report: Report, reader: Reader, course: Iterable[Transition], *, by_component: bool) -> Picture:
    """What the window was called on top, then what each vantage (and component) saw."""
    window, words = report.window, reader.words
    shown = stretch(window, reader.now)
    drawn = lanes(window, course, shown.end, by_component=by_component)
    return Picture(
        start=_moment(shown.start, shown),
        end=words("picture.now") if shown.end >= reader.now else _moment(shown.end, shown),
        rows=(_stages(report, words, shown), *(_row(lane, words, shown) for lane in drawn)),
    )


def reach_of(stage: Stage, words: Words) -> str:
    """For whom it was, in a list of what it was."""
    return words("event.alone") if stage.reach is Reach.UNDETERMINED else words(f"reach.{stage.reach}")


def _stages(report: Report, words: Words, shown: Stretch) -> Row:
    window = report.window
    over = shown.end if window.end is None else window.end
    stages = [stage for stage in window.stages if stage.status in (Status.OPEN, Status.PLANNED)]
    ends = [min(over, stage.since) for stage in stages[1:]] + [over]
    drawn: dict[str, list[str]] = {}
    told = []
    for stage, end in zip(stages, ends, strict=True):
        name = "planned" if stage.status is Status.PLANNED else str(stage.kind)
        drawn.setdefault(name, []).append(_line(stage.since, end, shown))
        told.append(f"{_moment(stage.since, shown)} {words(f'kind.{stage.kind}')}, {reach_of(stage, words)}")
    if not stages:
        name = "planned" if report.is_planned else str(window.kind)
        drawn[name] = [_line(window.start, over, shown)]
    return Row(
        name=words("picture.as_a_whole"),
        label="; ".join(told) or words(f"kind.{window.kind}"),
        note=words(f"kind.{window.kind}"),
        paths=(*((name, "".join(data)) for name, data in drawn.items()),),
    )


def _row(lane: Lane, words: Words, shown: Stretch) -> Row:
    drawn: dict[str, list[str]] = {}
    for piece in lane.pieces:
        name = "unknown" if piece.state is State.UNKNOWN else _CLASSES[piece.state]
        line = _line(piece.start, piece.end, shown)
        if line not in drawn.setdefault(name, []):
            drawn[name].append(line)
    return Row(
        name=plain(" ".join(part for part in (lane.vantage, lane.component) if part), NAME),
        label=_told(lane.pieces, words, shown),
        note=" → ".join(lane.layers) if lane.pieces else words("state.up"),
        paths=tuple((name, "".join(data)) for name, data in drawn.items()),
    )


_CLASSES = {State.DOWN: str(Kind.TOTAL), State.DEGRADED: str(Kind.DEGRADED)}


def _told(pieces: Sequence[Piece], words: Words, shown: Stretch) -> str:
    if not pieces:
        return words("picture.fine")
    told = [
        words(
            "picture.piece",
            state=words(f"state.{piece.state}"),
            start=_moment(piece.start, shown),
            end=words("picture.now") if piece.end >= shown.end else _moment(piece.end, shown),
        )
        + (f" ({piece.layer})" if piece.layer else "")
        for piece in pieces[:_TOLD]
    ]
    more = len(pieces) - _TOLD
    return "; ".join([*told, words.many("picture.more", more)] if more > 0 else told)


def _line(start: float, end: float, shown: Stretch) -> str:
    first, last = shown.x(start), shown.x(end)
    return f"M{first} 6H{max(last, first + _LEAST)}"


def _moment(moment: float, shown: Stretch) -> str:
    """With the day only where the picture shows more than one."""
    is_one_day = utc(shown.start).date() == utc(shown.end).date()
    return f"{utc(moment):%H:%M:%S}" if is_one_day else f"{utc(moment):%Y-%m-%d %H:%M}"
