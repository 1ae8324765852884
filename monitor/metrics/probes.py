"""The families that probes feed. Names and meaning are DESIGN's; blackbox_exporter's where it has one."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check, Vantage
from monitor.domain.words import Fact, Layer, Outcome, Phase, Reason
from monitor.metrics.families import Family, labels

_OUTCOMES, _LAYERS = tuple(Outcome), tuple(Layer)
LATENCY_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STALE_INTERVALS = 3
_SLICE = 500
"""Histograms rendered before other work gets its turn: 3 ms."""


class Series:
    """The counters and the line heads of one check; its lines live in the families.

    Heads are made once: rendering only puts the numbers behind them.
    """

    __slots__ = (
        "attempts",
        "attempts_form",
        "check",
        "failures",
        "failures_form",
        "heads",
        "last",
        "last_run",
        "latency",
    )

    def __init__(self, check: Check, text: str, latency: "Latency") -> None:
        self.check = check
        self.latency = latency
        self.heads = _Heads(text)
        self.attempts = dict.fromkeys(_OUTCOMES, 0)
        self.attempts_form = _form(f'lastseen_probe_attempts_total{{{text},outcome="', _OUTCOMES)
        self.failures = dict.fromkeys(_LAYERS, 0)
        self.failures_form = _form(f'lastseen_probe_failures_total{{{text},layer="', _LAYERS)
        self.last_run = 0.0


class _Heads(dict[str, bytes]):
    """Metric name, or name of a phase, -> everything before the value; made when first asked for."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def __missing__(self, name: str) -> bytes:
        if isinstance(name, Phase):
            head = f'lastseen_probe_phase_seconds{{{self.text},phase="{name}"}} '
        else:
            head = f"{name}{{{self.text}}} "
        made = self[name] = head.encode()
        return made


class Latency:
    """The histogram of one component: durations of its successful attempts."""

    __slots__ = ("_form", "buckets", "key", "total")

    def __init__(self, key: str, name: str, text: str) -> None:
        self.key = key
        self.buckets = [0] * (len(LATENCY_BOUNDS) + 1)
        self.total = 0.0
        bounds = (*map(str, LATENCY_BOUNDS), "+Inf")
        tail = f"{name}_count{{{_quoted(text)}}} %d\n{name}_sum{{{_quoted(text)}}} %a\n"
        self._form = _form(f'{name}_bucket{{{text},le="', bounds) + tail.encode()

    def render(self) -> bytes:
        """The bucket, count and sum lines."""
        counts = [*accumulate(self.buckets)]
        return self._form % (*counts, counts[-1], self.total)


def _form(head: str, values: Iterable[str]) -> bytes:
    """One line for each value of a last label, with a place for a whole number in each."""
    quoted = _quoted(head)
    return "".join([f'{quoted}{value}"}} %d\n' for value in values]).encode()


def _quoted(text: str) -> str:
    """Such that formatting leaves it alone."""
    return text.replace("%", "%%")


class ProbeMetrics:
    """A Sink that keeps the lines of every check ready; `settle` makes those of the histograms so.

    A gauge of something that did not run for three intervals, or whose last
    outcome was inconclusive, is removed, not frozen. Counters of a check exist
    at 0 from the start, so that no first failure is lost to a rate.
    """

    def __init__(self, vantage: Vantage) -> None:
        self._vantage = vantage
        self._series: dict[str, Series] = {}
        self._latency: dict[str, Latency] = {}
        self._changed_latency: set[str] = set()
        self.success = Family("probe_success", "gauge", "Whether the last attempt succeeded.")
        self.duration = Family("probe_duration_seconds", "gauge", "How long the last attempt took.")
        self.cert = Family("probe_ssl_earliest_cert_expiry", "gauge", "Unix time when the presented chain expires.")
        self.chain = Family(
            "lastseen_probe_chain_expiry_timestamp_seconds",
            "gauge",
            "Unix time when the certificates inside the service's own protocol expire.",
        )
        self.offset = Family(
            "lastseen_probe_clock_offset_seconds", "gauge", "How far the server's clock is ahead of ours, as it tells."
        )
        self.status = Family("probe_http_status_code", "gauge", "Status of the last HTTP response.")
        self.protocol = Family("probe_ip_protocol", "gauge", "IP version of the last attempt, 4 or 6.")
        self.phases = Family("lastseen_probe_phase_seconds", "gauge", "Steps of the last attempt; they sum to it.")
        self.rtt = Family("lastseen_probe_kernel_rtt_seconds", "gauge", "Round trip by the kernel, at connect.")
        self.latency = Family("lastseen_probe_latency_seconds", "histogram", "Durations of successful attempts.")
        self.attempts = Family("lastseen_probe_attempts", "counter", "Attempts by outcome, confirmations included.")
        self.failures = Family("lastseen_probe_failures", "counter", "Failed attempts by the layer that broke.")
        self.failing = Family("lastseen_probe_failing", "gauge", "1 while the last conclusive attempt failed.")
        self.last_run = Family("lastseen_probe_last_run_timestamp_seconds", "gauge", "Unix time of the last attempt.")
        self._gauges = (
            self.success,
            self.duration,
            self.cert,
            self.chain,
            self.offset,
            self.status,
            self.protocol,
            self.phases,
            self.rtt,
            self.failing,
        )
        self._facts = (
            (self.protocol, Fact.FAMILY),
            (self.rtt, Fact.KERNEL_RTT),
            (self.status, Fact.HTTP_STATUS),
            (self.cert, Fact.CERT_EXPIRY),
            (self.chain, Fact.CHAIN_EXPIRY),
            (self.offset, Fact.CLOCK_OFFSET),
        )

    def families(self) -> tuple[Family, ...]:
        """All families, in the order of exposition."""
        return (*self._gauges, self.latency, self.attempts, self.failures, self.last_run)

    def replace(self, checks: Iterable[Check]) -> None:
        """Know these checks and no others; what stays keeps its counters, what goes loses its series."""
        wanted = {check.id: check for check in checks}
        for gone in self._series.keys() - wanted.keys():
            del self._series[gone]
            for family in self.families():
                family.blocks.pop(gone, None)
        components = {_component_key(check) for check in wanted.values()}
        for gone in self._latency.keys() - components:
            del self._latency[gone]
            self.latency.blocks.pop(gone, None)
        for check in wanted.values():
            if check.id in self._series:
                self._series[check.id].check = check
            else:
                self._add(check)

    def _add(self, check: Check) -> None:
        key = _component_key(check)
        if key not in self._latency:
            text = labels(service=check.service, component=check.component, vantage=self._vantage.name)
            self._latency[key] = Latency(key, self.latency.name, text)
            self.latency.blocks[key] = self._latency[key].render()
        text = labels(
            service=check.service,
            component=check.component,
            target=check.target,
            probe=check.kind,
            vantage=self._vantage.name,
        )
        series = self._series[check.id] = Series(check, text, self._latency[key])
        self.attempts.blocks[check.id] = series.attempts_form % (*series.attempts.values(),)
        self.failures.blocks[check.id] = series.failures_form % (*series.failures.values(),)

    def observe(self, check: Check, attempt: Attempt) -> None:  # noqa: ARG002  # the port's shape
        """Render what this attempt changed, so that a scrape has only to join."""
        key = attempt.check_id
        series = self._series.get(key)
        if series is None:
            return  # removed by a reload while it ran
        series.attempts[attempt.outcome] += 1
        series.last_run = attempt.started
        self.attempts.blocks[key] = series.attempts_form % (*series.attempts.values(),)
        self.last_run.blocks[key] = b"%s%.3f\n" % (series.heads[self.last_run.name], attempt.started)
        if attempt.outcome is Outcome.INCONCLUSIVE:
            self._remove_gauges(key)
            return
        self._render_gauges(series, attempt)
        if attempt.outcome is Outcome.OK:
            self._count_latency(series.latency, attempt.duration)
            self.failing.blocks.pop(key, None)
        elif attempt.failure is not None and attempt.failure.layer is not None:
            self._count_failure(series, attempt.failure.layer, attempt.failure.reason)

    def settle(self) -> Iterator[None]:
        """Render the histograms that changed, a slice at a time: many attempts share one."""
        while self._changed_latency:
            for _ in range(min(_SLICE, len(self._changed_latency))):
                latency = self._latency.get(self._changed_latency.pop())
                if latency is not None:
                    self.latency.blocks[latency.key] = latency.render()
            yield

    def forget_stale(self, now: float) -> None:
        """Remove the gauges of checks that have not run for three intervals."""
        for check_id, series in self._series.items():
            if now - series.last_run > _STALE_INTERVALS * series.check.interval + series.check.timeout:
                self._remove_gauges(check_id)

    def _remove_gauges(self, check_id: str) -> None:
        for family in self._gauges:
            family.blocks.pop(check_id, None)

    def _render_gauges(self, series: Series, attempt: Attempt) -> None:
        key, heads, facts = attempt.check_id, series.heads, attempt.facts
        self.success.blocks[key] = b"%s%d\n" % (heads["probe_success"], attempt.outcome is Outcome.OK)
        self.duration.blocks[key] = b"%s%.6f\n" % (heads["probe_duration_seconds"], attempt.duration)
        self.phases.blocks[key] = b"".join(
            [b"%s%.6f\n" % (heads[phase], seconds) for phase, seconds in attempt.phases.items()]
        )
        for family, fact in self._facts:
            if fact in facts:
                family.blocks[key] = b"%s%a\n" % (heads[family.name], facts[fact])
            else:
                family.blocks.pop(key, None)

    def _count_failure(self, series: Series, layer: Layer, reason: Reason) -> None:
        key = series.check.id
        series.failures[layer] += 1
        self.failures.blocks[key] = series.failures_form % (*series.failures.values(),)
        self.failing.blocks[key] = (
            f'{self.failing.name}{{{series.heads.text},layer="{layer}",reason="{reason}"}} 1\n'.encode()
        )

    def _count_latency(self, latency: Latency, duration: float) -> None:
        latency.buckets[bisect_left(LATENCY_BOUNDS, duration)] += 1
        latency.total += duration
        self._changed_latency.add(latency.key)


def _component_key(check: Check) -> str:
    return f"{check.service}/{check.component}"
