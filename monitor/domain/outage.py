"""What the judgement finds: windows, transitions of checks, spans of a vantage. Frozen values.

All times are Unix seconds.
"""

from dataclasses import dataclass, field

from monitor.domain.words import Breadth, Cause, Kind, Layer, Reach, Reason, State, Status, VantageState


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One failed attempt that a window rests on."""

    vantage: str
    check_id: str
    at: float
    layer: Layer | None
    """None for an attempt that was slow, not failed."""
    reason: Reason | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stretch of a window that had one kind and one reach. It lasts until the next stage, or the window's end."""

    since: float
    kind: Kind
    reach: Reach
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """An outage window: a period in which something was not up."""

    id: str
    """Begins with the time of its start, so that names sort by time: ``20221025T070200Z-whatsapp``."""
    target: str
    """``whatsapp.chat``, ``whatsapp`` or ``provider:meta``, as wide as its breadth."""
    provider: str
    services: tuple[str, ...]
    components: tuple[str, ...]
    """Those that were affected at any time, as ``service.component``, in the order in which they fell."""
    breadth: Breadth
    reach: Reach
    kind: Kind
    """The worst that lasted."""
    layer: Layer | None
    """Where most attempts of the window broke; None for one that is only slow."""
    reason: Reason | None
    cause: Cause
    status: Status
    start: float
    """The first failed attempt."""
    start_after: float | None
    """The last attempt before it that was fine; None when none was seen."""
    end: float | None
    """The first fine attempt of the final recovery; set while recovering as well, None while open."""
    end_after: float | None
    """The last failed attempt before ``end``."""
    opened: float
    """When it was decided, and could be told."""
    closed: float | None
    vantages: tuple[str, ...]
    """From where it was seen, in the order in which they saw it."""
    vantages_fine: tuple[str, ...]
    """From where the same was seen working meanwhile."""
    unaffected: tuple[str, ...]
    """Services of the same provider that answered meanwhile."""
    stages: tuple[Stage, ...]
    evidence: tuple[Evidence, ...]
    """The first failed attempts, a few from each vantage."""
    planned_until: float | None
    """End of the announced maintenance in which it began."""
    absorbed_by: str
    """The id of the wider window, or nothing."""
    sentence: str
    """All of this in one line of English."""
    updated: float = field(default=0.0, compare=False)
    """When any of this was last decided anew; 0 in what an earlier version stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A check changed its state."""

    check_id: str
    vantage: str
    at: float
    """The first attempt of the run that decided it."""
    after: float | None
    """The last attempt before ``at`` that said otherwise."""
    decided: float
    before: State
    state: State
    layer: Layer | None
    reason: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time in which a vantage was in one state."""

    vantage: str
    state: VantageState
    start: float
    end: float | None
    """None while it lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSeconds:
    """How long, within one hour, a component was in which state; with an empty ``component`` the whole service."""

    hour: int
    """Unix time of the hour's begin."""
    service: str
    component: str
    up: float = 0.0
    degraded: float = 0.0
    down: float = 0.0
    unknown: float = 0.0
    """Unobserved: not asked, or asked from a vantage that was not online."""
    planned: float = 0.0
    """Down or degraded in an announced maintenance: counts for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a person said about a window after the fact. Never changed, never deleted."""

    window_id: str
    at: float
    author: str
    text: str
    changes: tuple[tuple[str, str], ...] = ()
    """Reclassification: field of the window and its new value (kind, reach, cause, planned, ...)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageQuery:
    """Which windows somebody wants to see, newest start first. Absorbed ones are parts of others and never listed."""

    since: float | None = None
    """Those that had not ended before this."""
    until: float | None = None
    """Those that began before this."""
    service: str = ""
    """Those that affect this service, whatever their breadth."""
    provider: str = ""
    breadth: Breadth | None = None
    kind: Kind | None = None
    """As people corrected it."""
    text: str = ""
    """Those in whose names, places, layers, sentence or notes it stands, in whatever case."""
    is_open: bool | None = None
    """True: open or recovering or planned ones; False: closed ones."""
    limit: int = 100
    offset: int = 0
