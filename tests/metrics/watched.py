"""Checks under a real judge, what happens to them, and what a scraper reads of it."""

from collections import Counter
from collections.abc import Collection

from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Check, Vantage
from monitor.domain.vitals import Histogram, Skip, Vitals
from monitor.domain.words import Layer, Outcome, Reason
from monitor.judgement.judge import Judge
from monitor.metrics.exposition import Exposition, Format
from monitor.metrics.outages import OutageMetrics
from monitor.metrics.own import OwnMetrics
from monitor.metrics.states import StateMetrics

T0 = 1_700_000_000.0
HERE = Vantage(name="fra-1")
TEXT = Format(openmetrics=False, gzip=False)
OPENMETRICS = Format(openmetrics=True, gzip=False)


def vitals() -> Vitals:
    lateness = Histogram()
    lateness.observe(0.003)
    return Vitals(
        checks=3,
        in_flight=1,
        max_in_flight=10,
        skipped=Counter({Skip.GAP: 4}),
        lateness=lateness,
        shed_ratio=0.0,
        loop_lag=0.01,
        gaps=1,
        gap_seconds=61.0,
        unjudged=0.5,
        internal_errors=0,
        sink_errors={},
        store_pending=0,
        store_errors=0,
        store_damaged=False,
        reload_ok=True,
        reload_time=T0,
        started=T0,
    )


def attempt(check: Check, at: float, outcome: Outcome, *, seconds: float = 0.1, layer: Layer = Layer.TCP) -> Attempt:
    failure = None
    if outcome is Outcome.FAILED:
        failure = Failure(layer=layer, reason=Reason.TIMEOUT, message="no answer")
    return Attempt(
        check_id=check.id, started=at, duration=seconds, outcome=outcome, phases={}, facts={}, failure=failure
    )


class Watched:
    """Every check is asked once in ten seconds, all in the same instant; the judge sits a second later."""

    def __init__(self, *checks: Check, witnesses: tuple[Check, ...] = ()) -> None:
        self.now = T0
        self.checks = checks
        self.witnesses = witnesses
        self.judge = Judge()
        self.states = StateMetrics(HERE, self.judge)
        self.outages = OutageMetrics(HERE)
        self.exposition = Exposition(self.states, OwnMetrics(vitals), self.outages)
        self.take(*checks)

    def take(self, *checks: Check) -> None:
        """What a reload does."""
        self.checks = checks
        self.judge.replace(checks, self.witnesses, [HERE], self.now)
        self.states.replace(checks)
        self.outages.replace(checks)

    def rounds(
        self,
        number: int,
        failing: Collection[Check] = (),
        *,
        silent: Collection[Check] = (),
        slow: Collection[Check] = (),
        layer: Layer = Layer.TCP,
    ) -> None:
        """Let time pass in which some fail, some are not asked, some need two seconds, and all others are fine."""
        for _ in range(number):
            for check in (*self.checks, *self.witnesses):
                if check not in silent:
                    outcome = Outcome.FAILED if check in failing else Outcome.OK
                    seconds = 2.0 if check in slow else 0.1
                    seen = attempt(check, self.now, outcome, seconds=seconds, layer=layer)
                    self.judge.observe(HERE.name, check, seen)
            self.now += 10.0
            self.sit(self.now - 9.0)

    def sit(self, now: float) -> None:
        self.outages.follow(self.judge.sit(now).windows)
        self.judge.settle(now)

    async def body(self, form: Format = TEXT) -> bytes:
        return b"".join([piece async for piece in self.exposition.render(form)])

    async def samples(self, name: str) -> list[Sample]:
        text = (await self.body()).decode()
        return [s for family in parse_text(text) for s in family.samples if s.name == name]

    async def values(self, name: str, *by: str) -> dict[str, float]:
        """Value by the values of these labels, joined by a slash."""
        return {"/".join(s.labels[label] for label in by): s.value for s in await self.samples(name)}

    async def counters(self) -> dict[tuple[str, str], float]:
        """The counters of components and services: value by name and component."""
        read = [s for family in parse_text((await self.body()).decode()) for s in family.samples]
        return {
            (s.name, s.labels["component"]): s.value
            for s in read
            if s.name.endswith("_total") and "component" in s.labels
        }

    async def outage(self) -> dict[str, float]:
        """Start of the open outage, by service."""
        return await self.values("lastseen_outage_start_timestamp_seconds", "service")
