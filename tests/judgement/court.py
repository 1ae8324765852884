"""A judge in a world where time passes as a test says, and a memory that outlives it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from typing_extensions import override

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Check, Vantage
from monitor.domain.maintenance import Announced
from monitor.domain.outage import Span, Transition, Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import Fact, FactValue, Layer, Outcome, Reason, State, Status
from monitor.judgement.judge import Judge
from tests.support.fakes import a_check

T0 = 1_666_677_600.0
"""06:00 UTC on 25 October 2022."""
HERE = Vantage(name="fra-1", region="eu", country="DE", network="AS1")
CONFIRMATIONS = (2.0, 4.0, 6.0)
"""Seconds after a first failure."""
LIVE = (Status.PLANNED, Status.OPEN, Status.RECOVERING)


@dataclass(frozen=True, slots=True)
class Seen:
    """What an attempt meets."""

    outcome: Outcome = Outcome.OK
    layer: Layer | None = None
    reason: Reason | None = None
    seconds: float = 0.1
    facts: tuple[tuple[Fact, FactValue], ...] = ()

    @override
    def __str__(self) -> str:
        return f"{self.layer or self.outcome}/{self.reason}" if self.reason else f"{self.seconds:g} s"

    @property
    def failure(self) -> Failure | None:
        return None if self.reason is None else Failure(layer=self.layer, reason=self.reason, message="as told")


def failing(layer: Layer, reason: Reason = Reason.TIMEOUT) -> Seen:
    return Seen(Outcome.FAILED, layer, reason)


def unsure(reason: Reason) -> Seen:
    return Seen(Outcome.INCONCLUSIVE, None, reason)


FINE = Seen()
SLOW = Seen(seconds=5.0)
STUCK = failing(Layer.HANDSHAKE)
REFUSED = failing(Layer.TCP, Reason.REFUSED)
RESET = failing(Layer.TLS, Reason.RESET)
NO_ROUTE = failing(Layer.TCP)
ERRORS = failing(Layer.HTTP, Reason.STATUS)
NOBODY: Seen | None = None
"""No attempt is made."""


def check(component: str = "chat", service: str = "whatsapp", **changes: Any) -> Check:
    """A check of WhatsApp, twice a minute."""
    provider = {"telegram": "telegram", "acme": ""}.get(service, "meta")
    return a_check(
        **{
            "target": f"{component}.{service}.example",
            "service": service,
            "component": component,
            "provider": provider,
            "interval": 30.0,
            **changes,
        }
    )


def witness(target: str, kind: str = "tcp") -> Check:
    return a_check(target, service="witness", component="vantage", kind=kind, provider=f"none-{target}", interval=30.0)


WITNESSES = (witness("one.example:443"), witness("two.example:443"), witness("192.0.2.1:443"))


def vantage(name: str, region: str = "eu", country: str = "DE", **changes: Any) -> Vantage:
    """One in a network of its own."""
    return Vantage(**{"name": name, "region": region, "country": country, "network": f"net-{name}", **changes})


WORLD = (
    vantage("par", "eu", "FR"),
    vantage("mil", "eu", "IT"),
    vantage("iad", "na", "US"),
    vantage("bom", "as", "IN"),
    vantage("sin", "as", "SG"),
)
"""Five networks in three regions."""


def attempt(of: Check, at: float, seen: Seen = FINE, confirmation: int = 0) -> Attempt:
    return Attempt(
        check_id=of.id,
        started=at,
        duration=seen.seconds,
        outcome=seen.outcome,
        phases={},
        facts=dict(seen.facts),
        failure=seen.failure,
        confirmation=confirmation,
    )


class Kept:
    """What a store has of all rulings."""

    def __init__(self) -> None:
        self.windows: dict[str, Window] = {}
        self.spans: dict[tuple[str, float], Span] = {}
        self.memory: dict[str, str] = {}
        self.transitions: list[Transition] = []
        self.versions: list[Window] = []
        """Every window each time that it was ruled on."""

    def keep(self, ruling: Ruling) -> None:
        self.windows.update((window.id, window) for window in ruling.windows)
        self.spans.update(((span.vantage, span.start), span) for span in ruling.spans)
        self.memory.update(ruling.memory)
        self.transitions += ruling.transitions
        self.versions += ruling.windows

    def hand_over(self, judge: Judge, now: float) -> None:
        """What a monitor that starts reads back."""
        live = [window for window in self.windows.values() if window.status in LIVE]
        open_spans = [span for span in self.spans.values() if span.end is None]
        judge.resume(live, open_spans, {key: text for key, text in self.memory.items() if text}, now)


class Court:
    """All checks are asked from all vantages at the same moments, witnesses first; the judge sits every ten seconds."""

    def __init__(self, *checks: Check, vantages: Sequence[Vantage] = (HERE,), witnesses: Sequence[Check] = ()) -> None:
        self.checks = checks
        self.vantages = tuple(vantages)
        self.witnesses = tuple(witnesses)
        self.announced: tuple[Announced, ...] = ()
        self.titles: dict[str, str] = {}
        self.now = T0
        self.kept = Kept()
        self.judge = Judge()
        self._meets: dict[tuple[str, str], Seen | None] = {}
        self._failing: set[tuple[str, str]] = set()
        self.reload(*checks)

    def reload(self, *checks: Check) -> None:
        """Judge these checks from now on."""
        self.checks = checks
        self.judge.replace(checks, self.witnesses, self.vantages, self.now, self.titles)

    def restart(self) -> None:
        """Another judge goes on from what was kept."""
        self.judge = Judge()
        self.reload(*self.checks)
        self.judge.announce(self.announced)
        self.kept.hand_over(self.judge, self.now)

    def announce(self, *targets: str, starts: float, ends: float) -> None:
        """Maintenance between two moments, in seconds after now."""
        stretch = Announced(name="m", targets=targets, starts=self.now + starts, ends=self.now + ends)
        self.announced = (*self.announced, stretch)
        self.judge.announce(self.announced)

    def let(self, seen: Seen | None, *checks: Check, at: Iterable[str] = ()) -> None:
        """From now on ``checks`` (none: all) meet this from these vantages (none: all)."""
        for name in tuple(at) or [vantage.name for vantage in self.vantages]:
            for each in checks or self.checks:
                self._meets[name, each.id] = seen

    def rounds(self, number: int = 1, seconds: float = 30.0) -> None:
        """So many rounds of attempts, each with its sittings."""
        for _ in range(number):
            self.ask(*self.witnesses, *self.checks)
            self.idle(seconds)

    def meet(self, seen: Seen | None, rounds: int, *checks: Check, at: Iterable[str] = ()) -> None:
        """`let`, and so many rounds of it."""
        self.let(seen, *checks, at=at)
        self.rounds(rounds)

    def ask(self, *checks: Check) -> None:
        """One attempt of each, and confirmations of what just began to fail."""
        later: list[tuple[float, int, str, Check]] = []
        for each in checks:
            for vantage in self.vantages:
                place = (vantage.name, each.id)
                seen = self._meets.get(place, FINE)
                is_failing = seen is not None and seen.outcome is Outcome.FAILED
                if is_failing and place not in self._failing:
                    later += [(at, n, vantage.name, each) for n, at in enumerate(CONFIRMATIONS, 1)]
                if seen is not None:
                    (self._failing.add if is_failing else self._failing.discard)(place)
                self.tell(vantage.name, each)
        for at, number, name, each in sorted(later, key=lambda one: one[:2]):
            self.tell(name, each, at, number)

    def tell(self, vantage: str, each: Check, after: float = 0.0, confirmation: int = 0) -> None:
        """One attempt, of what is met there."""
        seen = self._meets.get((vantage, each.id), FINE)
        if seen is not None:
            self.judge.observe(vantage, each, attempt(each, self.now + after, seen, confirmation))

    def idle(self, seconds: float) -> None:
        """Sittings, and nothing else."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 10.0)
            self.sit()

    def sit(self) -> Ruling:
        ruling = self.judge.sit(self.now)
        self.kept.keep(ruling)
        return ruling

    def pause(self, seconds: float) -> None:
        """Nothing runs."""
        self.now += seconds

    def shift(self, seconds: float) -> None:
        """The wall clock is set."""
        self.now += seconds
        self.judge.shift(seconds)

    @property
    def windows(self) -> list[Window]:
        """All that are not parts of others, by start."""
        whole = [window for window in self.kept.windows.values() if window.status is not Status.ABSORBED]
        return sorted(whole, key=lambda window: (window.start, window.target))

    @property
    def window(self) -> Window:
        """The only one."""
        (window,) = self.windows
        return window

    def state(self, of: Check, at: str = "") -> State:
        return self.judge.state_of(at or self.vantages[0].name, of.id)


def since_t0(window: Window) -> Window:
    """With its dates as seconds after `T0`, which read better."""
    return replace(
        window,
        start=window.start - T0,
        start_after=None if window.start_after is None else window.start_after - T0,
        end=None if window.end is None else window.end - T0,
        end_after=None if window.end_after is None else window.end_after - T0,
        opened=window.opened - T0,
        closed=None if window.closed is None else window.closed - T0,
    )
