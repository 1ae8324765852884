"""A scenario file as it is written: keys, types, ranges. What its names mean is resolved in `scenario`.

Keys that are remarks (``note``, ``basis``, ...) are passed over, as are keys
that this version does not know; for parts that steer the simulation the unknown
ones are kept in ``model_extra``, so that somebody can be told.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from monitor.domain.settings import Settings, Strings

Pair = tuple[float, float]
Share = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(min_length=1)]
Name = Text | int
Effect = Literal[
    "dns_nxdomain",
    "dns_servfail",
    "dns_timeout",
    "dns_poisoned",
    "route_blackhole",
    "packet_loss",
    "tcp_refused",
    "tcp_reset",
    "tls_bad_cert",
    "tls_expired",
    "http_5xx",
    "http_4xx",
    "http_slow",
    "http_redirect",
    "app_handshake_timeout",
    "login_rejected",
    "send_rejected",
    "accepted_not_delivered",
    "delivery_delay",
]


class Remarked(Settings):
    """A part in which unknown keys are remarks."""

    model_config = ConfigDict(extra="ignore", populate_by_name=False)


class Steering(Settings):
    """A part that decides what is simulated."""

    model_config = ConfigDict(extra="allow", populate_by_name=False)


class ProbePart(Steering):
    """``probe``: how the simulated probes run; what is not given comes from the shared sets."""

    interval: Annotated[int, Field(gt=0)] | None = None
    timeout: Annotated[float, Field(gt=0)] | None = None
    deliver_timeout: Annotated[float, Field(gt=0)] | None = None
    seed: Name | None = None


class VantagePart(Steering):
    """One place that probes."""

    id: Text
    region: str = ""
    country: str = ""
    network: str = ""
    resolver: str = ""
    trust_store: str = ""


class ServicePart(Steering):
    """One service: component -> the name of a layer chain, or a chain itself."""

    provider: str
    control: bool = False
    components: Mapping[str, str | tuple[str, ...]]


class ParamsPart(Steering):
    """What an effect needs to know."""

    code: Annotated[int, Field(ge=100, le=999)] | None = None
    seconds: Annotated[float, Field(ge=0)] | None = None
    fraction: Share | None = None
    location: str | None = None


class EveryPart(Steering):
    """``hit`` attempts of each ``of``."""

    of: Annotated[int, Field(gt=0)]
    hit: int


class PatternPart(Steering):
    """Only the first ``active`` seconds of every ``period``."""

    period: Annotated[float, Field(gt=0)]
    active: float


class FaultPart(Steering):
    """What breaks, when, for whom and how."""

    id: Name
    start: Annotated[float, Field(alias="from", ge=0)]
    to: float | None = None
    vantages: Strings = ("all",)
    targets: Strings
    effect: Effect
    params: ParamsPart = ParamsPart()
    rate: float | Pair = 1.0
    every: EveryPart | None = None
    pattern: PatternPart | None = None


class EventPart(Steering):
    """What happens to the monitor itself."""

    event: str
    at: float = 0.0
    seconds: float | None = None
    vantage: str | None = None
    start: Annotated[float | None, Field(alias="from")] = None
    to: float | None = None
    targets: Strings = ()


class WindowPart(Remarked):
    """A window that must be found; what is absent is not asked for."""

    id: Name
    target: Strings
    breadth: Literal["component", "service", "provider"]
    reach: Literal["global", "regional", "local"]
    where: Strings = ("all",)
    where_until: Mapping[str, float] = Field(default_factory=dict)
    kind: Literal["total", "intermittent", "degraded"]
    layer: Strings = ()
    cause: str = ""
    start: float
    start_tol: Pair = (120.0, 300.0)
    open_by: float
    end: float | None = None
    end_tol: Pair = (120.0, 300.0)
    close_by: float | None = None
    accept: Mapping[str, Strings] = Field(default_factory=dict)
    optional: bool = False


class SilencePart(Remarked):
    """Where a window is a false alarm."""

    targets: Strings
    start: Annotated[float, Field(alias="from")] = 0.0
    to: float | None = None
    vantages: Strings = ()
    layers: Strings = ()
    kinds: Strings = ()
    alerts_only: bool = False
    why: str = ""


class VantageStatePart(Remarked):
    """What the monitor should say about one of its vantages."""

    vantage: str
    state: str
    start: float
    end: float | None = None
    tol: float = 300.0


class ExpectedPart(Remarked):
    """All that is expected."""

    windows: tuple[WindowPart, ...] = ()
    silence: tuple[SilencePart, ...] = ()
    vantage_states: tuple[VantageStatePart, ...] = ()
    max_windows: Annotated[int, Field(ge=0)]


class ScenarioFile(Remarked):
    """A whole scenario. Times are seconds after ``t0``."""

    id: Text
    title: str = ""
    t0: str
    duration: Annotated[int, Field(gt=0)]
    probe: ProbePart = ProbePart()
    noise: Share | None = None
    vantages: str | Annotated[tuple[VantagePart, ...], Field(min_length=1)]
    services: tuple[str, ...] | Mapping[str, ServicePart]
    faults: tuple[FaultPart, ...]
    prober: tuple[EventPart, ...] = ()
    expected: ExpectedPart


class SharedFile(Remarked):
    """The sets that scenarios share (``base.yml``)."""

    probe: ProbePart
    noise: Share
    vantage_sets: Mapping[str, tuple[VantagePart, ...]] = Field(default_factory=dict)
    layer_chains: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    services: Mapping[str, ServicePart] = Field(default_factory=dict)
