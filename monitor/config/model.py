"""The configuration as the rest of the program sees it: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitor.config.envelope import Limits, LogSettings, Peer, WebSettings
from monitor.config.nodes import Table
from monitor.domain.alert import Alerts
from monitor.domain.check import Check, Vantage
from monitor.domain.maintenance import Maintenance
from monitor.domain.settings import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetInfo:
    """One check for people."""

    check_id: str
    name: str
    kind: str
    proves: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentInfo:
    """One component for people."""

    name: str
    title: str
    critical: bool
    targets: tuple[TargetInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceInfo:
    """One service for people: what is watched, and what that proves."""

    name: str
    title: str
    provider: str
    foreign: bool
    sources: tuple[str, ...]
    components: tuple[ComponentInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The mappings that a check was read from: where each of its settings came from."""

    service: Table
    component: Table
    target: Table
    judgement: Table | None
    """The file's own; None for a witness, which is not judged by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything that the file says. Equal files give equal configurations."""

    vantage: Vantage
    contact: str
    checks: tuple[Check, ...]
    services: tuple[ServiceInfo, ...]
    witnesses: tuple[Check, ...]
    """Their ``service`` is "witness", their ``provider`` the network that they stand in."""
    second_resolver: Endpoint | None
    """Asked for an opinion when the system's resolver fails for a name."""
    store: str = field(repr=False)
    """A URL, perhaps with a password in it."""
    web: WebSettings
    limits: Limits
    log: LogSettings
    quiet: float
    """Seconds of good news after which a window closes."""
    maintenance: tuple[Maintenance, ...]
    alerts: Alerts
    peers: tuple[Peer, ...]
    modules: Path | None
    written: Mapping[str, Written] = field(repr=False, compare=False)
    """By check id, for `explain`."""
