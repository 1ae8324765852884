"""The numbers that the judgement goes by. Each has its reason in docs/decisions/0011."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Thresholds that are not a check's own (those are in `Judging`). Times in seconds."""

    quiet: float = 900.0
    """A window closes after this long without a relapse."""
    longest_quiet: float = 3600.0
    """The quiet period of one that had closed and came back; it doubles each time up to this."""
    stale_after: float = 3.0
    """Intervals without an attempt after which a check is unknown."""
    slow_still: float = 1 / 3
    """Share of slow attempts above which one that is only slow is not over: up to that, it is how servers are."""
    total: float = 0.85
    intermittent: float = 0.05
    """Shares of failed attempts from which a window is total, or intermittent; below, it is degraded."""
    kind_rounds: int = 5
    """Rounds of attempts that one look at the kind takes together."""
    lasting: float = 600.0
    """How long a stretch must have been total for the whole window to be called so, or half of the window."""
    alone: int = 2
    """Rounds that a fall seen from one network only must last while other networks see the same thing working."""
    alone_slow: int = 15
    """The same for something that is only slow, which one path may well be."""
    together: float = 300.0
    """Windows that start within this time of each other may have one cause."""
    whole_service: float = 0.5
    """More than this share of its components makes it the whole service."""
    refresh: float = 10.0
    """How often a window that did not change is looked at again."""
    evidence: int = 3
    """First failed attempts that a window keeps from each vantage."""
