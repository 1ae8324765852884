"""What is watched: vantage, check and its place among services and components."""

from dataclasses import dataclass, field

from monitor.domain.settings import ProbeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """Where this monitor stands."""

    name: str = "local"
    region: str = ""
    country: str = ""
    network: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """How a first failure is confirmed: ``attempts`` more, ``delay`` seconds apart."""

    attempts: int = 3
    delay: float = 2.0


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

    id: str = field(init=False, compare=False)
    """``service/component/target/probe``: stable over restarts."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"{self.service}/{self.component}/{self.target}/{self.kind}")
