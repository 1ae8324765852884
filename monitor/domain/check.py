"""What is watched: vantage, check and its place among services and components."""

from dataclasses import dataclass, field

from monitor.domain.settings import ProbeSettings
from monitor.domain.words import Require

WITNESS = "witness"
"""The service name that witness checks carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """Where this monitor stands."""

    name: str = "local"
    region: str = ""
    country: str = ""
    network: str = ""
    resolver: str = ""
    """A name for the resolver that is asked here: vantages that share one fail at dns together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """How a first failure is confirmed: ``attempts`` more, ``delay`` seconds apart."""

    attempts: int = 3
    delay: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """When a check counts as down, as up again, and as slow."""

    fall: int = 3
    """Down after so many failed in a row, confirmations counted,"""
    fall_failed: int = 5
    """or after so many failed"""
    fall_of: int = 15
    """of the last so many."""
    rise: int = 3
    """Up again after so many fine in a row."""
    slow: float | None = None
    """Slow above so many seconds; None: only measured by the target's own recent past."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Probe + target + schedule. Equal checks keep their state over a reload."""

    service: str
    component: str
    target: str
    kind: str
    """The probe's name in the registry."""
    settings: ProbeSettings
    provider: str = ""
    critical: bool = True
    foreign: bool = False
    """The endpoint belongs to a network that is not ours: jitter and back-off."""
    interval: float = 60.0
    timeout: float = 10.0
    confirm: Confirm = field(default_factory=Confirm)
    require: Require = Require.ALL
    """How many of the targets of its component, seen from one vantage, must answer for that to be up."""
    judging: Judging = Judging()

    id: str = field(init=False, compare=False)
    """``service/component/target/probe``: stable over restarts."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"{self.service}/{self.component}/{self.target}/{self.kind}")
