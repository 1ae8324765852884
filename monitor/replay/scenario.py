"""A scenario with its names resolved: who stands where, what is asked, what breaks, what must be said of it."""

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from monitor.domain.check import Vantage
from monitor.domain.words import Layer
from monitor.replay.format import EventPart, ExpectedPart, SilencePart, WindowPart

_LAYER_OF_EFFECT = {
    "dns_nxdomain": Layer.DNS,
    "dns_servfail": Layer.DNS,
    "dns_timeout": Layer.DNS,
    "dns_poisoned": Layer.DNS,
    "route_blackhole": Layer.ROUTE,
    "packet_loss": Layer.ROUTE,
    "tcp_refused": Layer.TCP,
    "tcp_reset": Layer.TCP,
    "tls_bad_cert": Layer.TLS,
    "tls_expired": Layer.TLS,
    "http_5xx": Layer.HTTP,
    "http_4xx": Layer.HTTP,
    "http_slow": Layer.HTTP,
    "http_redirect": Layer.HTTP,
    "app_handshake_timeout": Layer.HANDSHAKE,
    "login_rejected": Layer.LOGIN,
    "send_rejected": Layer.SEND,
    "accepted_not_delivered": Layer.DELIVER,
    "delivery_delay": Layer.DELIVER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One component of one service, and the layers that an attempt climbs."""

    name: str
    """``service.component``."""
    service: str
    component: str
    provider: str
    control: bool
    chain: tuple[Layer, ...]
    kind: str
    """The chain's name in the shared sets, or its last layer's."""

    def layer_of(self, effect: str) -> Layer | None:
        """The layer at which an effect shows here; None when it cannot.

        Without a layer of its own HTTP is part of the handshake: a websocket upgrade answered 503.
        """
        layer = _LAYER_OF_EFFECT[effect]
        if layer is Layer.HTTP and layer not in self.chain:
            layer = Layer.HANDSHAKE
        return layer if layer in self.chain else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How the simulated probes run. Times in seconds."""

    interval: int
    timeout: float
    deliver_timeout: float
    seed: int | str
    noise: float
    """The chance that any one attempt fails by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that breaks from ``start`` until before ``end``."""

    id: str
    start: float
    end: float
    vantages: tuple[str, ...]
    targets: tuple[str, ...]
    effect: str
    rate: float | tuple[float, float]
    """The share of attempts that is hit; two of them: at the start and at the end, linear between."""
    fraction: float
    code: int | None
    seconds: float
    every: tuple[int, int] | None
    """``(of, hit)``: that many attempts of each so many."""
    pattern: tuple[float, float] | None
    """``(period, active)``: only that long at the begin of each period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One file, resolved. All times are seconds after ``t0`` (Unix time)."""

    id: str
    title: str
    t0: float
    duration: int
    pace: Pace
    vantages: tuple[Vantage, ...]
    targets: Mapping[str, Target]
    faults: tuple[Fault, ...]
    events: tuple[EventPart, ...]
    expected: ExpectedPart
    notices: tuple[str, ...]
    """What in the file was not understood and passed over."""

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """When the monitor does not run: ``from <= t < to``."""
        stops = [event for event in self.events if event.event in ("pause", "restart")]
        return [(event.at, event.at + (event.seconds or 0)) for event in stops]

    def expand(self, patterns: Iterable[str]) -> tuple[str, ...]:
        """What ``whatsapp.media``, ``whatsapp.*``, ``whatsapp``, ``meta:*``, ``provider:meta`` and ``*`` mean."""
        return expand(self.targets, patterns)


def expand(targets: Mapping[str, Target], patterns: Iterable[str]) -> tuple[str, ...]:
    """The names of all targets that match one of the patterns, in the order of the patterns."""
    found: dict[str, None] = {}
    for pattern in patterns:
        for name, target in targets.items():
            provider = pattern in (f"provider:{target.provider}", f"{target.provider}:*")
            if provider or pattern in ("*", target.service) or fnmatch.fnmatchcase(name, pattern):
                found[name] = None
    return tuple(found)


def alone(scenario: Scenario, vantage: str) -> Scenario:
    """The same seen from one vantage only.

    What cannot be seen from there becomes silence, an end is that of this
    vantage, and the reach cannot be known: ``undetermined``, or ``local``.
    Raises ValueError for a vantage that the scenario does not have.
    """
    if vantage not in (known := [place.name for place in scenario.vantages]):
        raise ValueError(f"no vantage {vantage!r} in {scenario.id}; it has {', '.join(known)}")
    expected = scenario.expected
    seen = [window for window in expected.windows if "all" in window.where or vantage in window.where]
    unseen = [window for window in expected.windows if window not in seen]
    quiet = [_as_silence(window) for window in unseen]
    windows = tuple(
        window.model_copy(
            update={
                "where": ("all",),
                "end": window.where_until.get(vantage, window.end),
                "reach": "undetermined",
                "accept": {**window.accept, "reach": ("local",)},
            }
        )
        for window in seen
    )
    return replace(
        scenario,
        vantages=tuple(place for place in scenario.vantages if place.name == vantage),
        expected=expected.model_copy(
            update={
                "windows": windows,
                "silence": (*expected.silence, *quiet),
                "vantage_states": tuple(state for state in expected.vantage_states if state.vantage == vantage),
                "max_windows": expected.max_windows if windows else 0,
            }
        ),
    )


def _as_silence(window: WindowPart) -> SilencePart:
    return SilencePart.model_construct(
        targets=window.target, start=window.start, to=window.end, why="not to be seen from this vantage"
    )
