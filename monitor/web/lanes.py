"""The course of a window as lanes over time: one for each vantage, or for each component seen from each vantage."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.domain.outage import Transition, Window
from monitor.domain.words import Layer, State

WIDTH = 1000
_LANES = 24
_MARGIN = 0.04
"""Of the window's length, shown before and after it."""
_SHORTEST = 60.0
_ORDER = (State.DOWN, State.DEGRADED, State.UNKNOWN, State.UP)
_Standing = tuple[State, Layer | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of a lane in one state. Unix seconds."""

    start: float
    end: float
    state: State
    layer: Layer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One row of the picture."""

    vantage: str
    component: str
    """Empty for everything that is seen from the vantage."""
    pieces: tuple[Piece, ...]
    """Of what was not up, oldest first."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Where it broke, in the order in which that was seen."""
        return tuple(dict.fromkeys(piece.layer for piece in self.pieces if piece.layer))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The time that a picture shows."""

    start: float
    end: float

    def x(self, moment: float) -> int:
        """Where a moment lies, from 0 to `WIDTH`."""
        share = (moment - self.start) / (self.end - self.start)
        return round(WIDTH * min(1.0, max(0.0, share)))


def stretch(window: Window, now: float) -> Stretch:
    """From a little before the window until a little after it, or until now."""
    end = now if window.end is None else window.end
    margin = max(_SHORTEST, end - window.start) * _MARGIN
    return Stretch(start=window.start - margin, end=end if window.end is None else min(now, end + margin))


def lanes(window: Window, course: Iterable[Transition], until: float, *, by_component: bool) -> tuple[Lane, ...]:
    """In the order in which they fell; from where all was fine comes last. Without a course, what the window tells."""
    key = _component_key if by_component else _vantage_key
    found: defaultdict[tuple[str, str], list[Transition]] = defaultdict(list)
    for transition in course:
        found[key(transition)].append(transition)
    drawn = [
        Lane(vantage=vantage, component=component, pieces=_worst(transitions, window.start, until))
        for (vantage, component), transitions in found.items()
    ]
    drawn = [lane for lane in drawn if lane.pieces] or list(_told(window, until))
    drawn.sort(key=lambda lane: (lane.pieces[0].start, lane.vantage, lane.component))
    known = {lane.vantage for lane in drawn}
    fine = [Lane(vantage=name, component="", pieces=()) for name in window.vantages_fine if name not in known]
    return (*drawn[:_LANES], *fine[:_LANES])


def _vantage_key(transition: Transition) -> tuple[str, str]:
    return transition.vantage, ""


def _component_key(transition: Transition) -> tuple[str, str]:
    return transition.vantage, component_of(transition.check_id)


def component_of(check_id: str) -> str:
    """``service.component`` of ``service/component/target/probe``."""
    return ".".join(check_id.split("/", 2)[:2])


def _told(window: Window, until: float) -> Iterator[Lane]:
    """A lane a vantage, from its first failed attempt on."""
    end = until if window.end is None else window.end
    for vantage in window.vantages:
        first = next((item for item in window.evidence if item.vantage == vantage), None)
        start = max(window.start, first.at) if first else window.start
        state = State.DOWN if window.layer or (first and first.layer) else State.DEGRADED
        piece = Piece(start=min(start, end), end=end, state=state, layer=first.layer if first else window.layer)
        yield Lane(vantage=vantage, component="", pieces=(piece,))


def _worst(transitions: Sequence[Transition], start: float, until: float) -> tuple[Piece, ...]:
    """The worst state of several checks at any time; what is up is left out."""
    ordered = sorted(transitions, key=lambda each: (each.at, each.decided))
    now_is = {each.check_id: _before(each) for each in reversed(ordered)}
    counts = Counter(now_is.values())
    pieces: list[Piece] = []
    since = start
    for each in ordered:
        at = min(until, max(start, each.at))
        _extend(pieces, counts, since, at)
        since = at
        counts[now_is[each.check_id]] -= 1
        now_is[each.check_id] = (each.state, each.layer)
        counts[each.state, each.layer] += 1
    _extend(pieces, counts, since, until)
    return tuple(pieces)


def _before(first: Transition) -> _Standing:
    """The state of a check before its first transition: what was not known yet is no trouble."""
    return (first.before if first.before in (State.DOWN, State.DEGRADED) else State.UP), None


def _extend(pieces: list[Piece], counts: Mapping[_Standing, int], start: float, end: float) -> None:
    standing = min((each for each, count in counts.items() if count), key=lambda each: _ORDER.index(each[0]))
    if end <= start or standing[0] is State.UP:
        return
    last = pieces[-1] if pieces else None
    if last and (last.end, last.state, last.layer) == (start, *standing):
        pieces[-1] = Piece(start=last.start, end=end, state=last.state, layer=last.layer)
    else:
        pieces.append(Piece(start=start, end=end, state=standing[0], layer=standing[1]))
