"""Every change of state that exists, as tables; the diagrams in docs are drawn from them."""

from collections.abc import Mapping
from enum import StrEnum, unique
from typing import TypeVar

from monitor.domain.words import State, Status


@unique
class Sign(StrEnum):
    """What the attempts of one check add up to."""

    ANSWERED = "answered"
    """The first fine attempt ever."""
    FELL = "fell"
    """Enough failed in a row, or enough of the last ones."""
    ROSE = "rose"
    """Enough fine ones in a row after a fall."""
    SLOWED = "slowed"
    """Most of the last ones were much slower than usual."""
    QUICKENED = "quickened"
    """Enough in a row as quick as usual."""
    VOIDED = "voided"
    """What it fell or slowed by turned out to be our own trouble."""


CHECK: Mapping[tuple[State, Sign], State] = {
    (State.UNKNOWN, Sign.ANSWERED): State.UP,
    (State.UNKNOWN, Sign.FELL): State.DOWN,
    (State.UNKNOWN, Sign.SLOWED): State.DEGRADED,
    (State.UP, Sign.FELL): State.DOWN,
    (State.UP, Sign.SLOWED): State.DEGRADED,
    (State.DEGRADED, Sign.FELL): State.DOWN,
    (State.DEGRADED, Sign.QUICKENED): State.UP,
    (State.DEGRADED, Sign.VOIDED): State.UP,
    (State.DOWN, Sign.ROSE): State.UP,
    (State.DOWN, Sign.VOIDED): State.UP,
}
"""The verdict on one check from one vantage. A check that is not observed shows ``unknown``, whatever its verdict."""


@unique
class Event(StrEnum):
    """What happens to a window."""

    CALMED = "calmed"
    """Nothing in it is bad any more."""
    RELAPSED = "relapsed"
    OVERRAN = "overran"
    """The announced maintenance is over, and it still fails."""
    STAYED_QUIET = "stayed quiet"
    """Calm for as long as the quiet period."""
    OUTGROWN = "outgrown"
    """A wider window has taken it in."""


WINDOW: Mapping[tuple[Status, Event], Status] = {
    (Status.PLANNED, Event.OVERRAN): Status.OPEN,
    (Status.PLANNED, Event.STAYED_QUIET): Status.CLOSED,
    (Status.PLANNED, Event.OUTGROWN): Status.ABSORBED,
    (Status.OPEN, Event.CALMED): Status.RECOVERING,
    (Status.OPEN, Event.OUTGROWN): Status.ABSORBED,
    (Status.RECOVERING, Event.RELAPSED): Status.OPEN,
    (Status.RECOVERING, Event.STAYED_QUIET): Status.CLOSED,
    (Status.RECOVERING, Event.OUTGROWN): Status.ABSORBED,
}
"""The life of a window. A planned one is calm or not without anybody being told."""

_S = TypeVar("_S", bound=StrEnum)
_E = TypeVar("_E", bound=StrEnum)


class IllegalTransition(Exception):
    """This event cannot happen in this state: a bug of ours. Nothing was changed."""


def after(table: Mapping[tuple[_S, _E], _S], state: _S, event: _E) -> _S:
    """The state that ``event`` leads to. Raises IllegalTransition."""
    try:
        return table[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} while {state}") from None


def diagram(table: Mapping[tuple[_S, _E], _S]) -> str:
    """The table as a Mermaid state diagram."""
    lines = [f"    {before} --> {to}: {event}" for (before, event), to in table.items()]
    return "\n".join(["stateDiagram-v2", *lines, ""])
