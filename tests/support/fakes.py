"""Fakes that implement the ports: a clock one can turn, a probe that does what it is told."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from typing_extensions import override

from monitor.domain.attempt import Attempt, Run
from monitor.domain.check import Check
from monitor.domain.settings import ProbeSettings
from monitor.domain.words import LAYER_OF_PHASE, Layer, Phase


class FakeClock:
    """Stands still until told otherwise."""

    def __init__(self, now: float = 1_700_000_000.0, monotonic: float = 1000.0) -> None:
        self.wall = now
        self.steady = monotonic

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


class FakeSettings(ProbeSettings):
    """Settings of a probe that needs none."""

    name: str = "fake"

    @property
    @override
    def endpoint(self) -> str:
        return self.name


class FakeProbe:
    """Runs the function it was given."""

    settings_type: ClassVar[type[ProbeSettings]] = FakeSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: Any, network: Any = None, act: Callable[[Run], Awaitable[None]] | None = None) -> None:
        self.settings = settings
        self.act = act
        self.runs: list[Run] = []

    async def attempt(self, run: Run) -> None:
        self.runs.append(run)
        if self.act is not None:
            await self.act(run)


class Collected:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []

    def observe(self, check: Check, attempt: Attempt) -> None:
        assert attempt.check_id == check.id
        self.attempts.append(attempt)


def a_check(target: str = "t", **changes: Any) -> Check:
    """A check of the fake kind."""
    return Check(
        **{
            "service": "s",
            "component": "c",
            "target": target,
            "kind": "fake",
            "settings": FakeSettings(name=target),
            **changes,
        }
    )
