"""The families that probes feed. Names and meaning are DESIGN's; blackbox_exporter's where it has one."""

from bisect import bisect_left
from collections.abc import Iterable

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check, Vantage
from monitor.domain.words import Fact, Layer, Outcome
from monitor.metrics.families import Family, labels

LATENCY_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STALE_INTERVALS = 3


class Series:
    """The counters and the label text of one check; its lines live in the families."""

    __slots__ = ("attempts", "check", "failures", "last_run", "text")

    def __init__(self, check: Check, vantage: Vantage) -> None:
        self.check = check
        self.text = labels(
            service=check.service,
            component=check.component,
            target=check.target,
            probe=check.kind,
            vantage=vantage.name,
        )
        self.attempts = dict.fromkeys(Outcome, 0)
        self.failures = dict.fromkeys(Layer, 0)
        self.last_run = 0.0


class Latency:
    """The histogram of one component: durations of its successful attempts."""

    __slots__ = ("buckets", "text", "total")

    def __init__(self, text: str) -> None:
        self.text = text
        self.buckets = [0] * (len(LATENCY_BOUNDS) + 1)
        self.total = 0.0

    def render(self, name: str) -> bytes:
        """The bucket, sum and count lines."""
        lines, count = [], 0
        for bound, number in zip((*map(str, LATENCY_BOUNDS), "+Inf"), self.buckets, strict=True):
            count += number
            lines.append(f'{name}_bucket{{{self.text},le="{bound}"}} {count}\n')
        lines.append(f"{name}_count{{{self.text}}} {count}\n{name}_sum{{{self.text}}} {self.total}\n")
        return "".join(lines).encode()


class ProbeMetrics:
    """A Sink that keeps the lines of every check ready.

    A gauge of something that did not run for three intervals, or whose last
    outcome was inconclusive, is removed, not frozen. Counters of a check exist
    at 0 from the start, so that no first failure is lost to a rate.
    """

    def __init__(self, vantage: Vantage) -> None:
        self._vantage = vantage
        self._series: dict[str, Series] = {}
        self._latency: dict[str, Latency] = {}
        self.success = Family("probe_success", "gauge", "Whether the last attempt succeeded.")
        self.duration = Family("probe_duration_seconds", "gauge", "How long the last attempt took.")
        self.cert = Family("probe_ssl_earliest_cert_expiry", "gauge", "Unix time when the presented chain expires.")
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
            self.status,
            self.protocol,
            self.phases,
            self.rtt,
            self.failing,
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
        series = self._series[check.id] = Series(check, self._vantage)
        self._render_attempts(series)
        self._render_failures(series)
        key = _component_key(check)
        if key not in self._latency:
            text = labels(service=check.service, component=check.component, vantage=self._vantage.name)
            self._latency[key] = Latency(text)
            self.latency.blocks[key] = self._latency[key].render(self.latency.name)

    def observe(self, check: Check, attempt: Attempt) -> None:
        """Render what this attempt changed."""
        series = self._series.get(check.id)
        if series is None:
            return  # removed by a reload while it ran
        series.attempts[attempt.outcome] += 1
        series.last_run = attempt.started
        self._render_attempts(series)
        self.last_run.blocks[check.id] = b"%s{%s} %.3f\n" % (
            self.last_run.name.encode(),
            series.text.encode(),
            attempt.started,
        )
        if attempt.outcome is Outcome.INCONCLUSIVE:
            self._remove_gauges(check.id)
            return
        self._render_gauges(series, attempt)
        if attempt.outcome is Outcome.OK:
            self._count_latency(check, attempt.duration)
            self.failing.blocks.pop(check.id, None)
        elif attempt.failure is not None and attempt.failure.layer is not None:
            series.failures[attempt.failure.layer] += 1
            self._render_failures(series)
            self.failing.blocks[check.id] = (
                f'{self.failing.name}{{{series.text},layer="{attempt.failure.layer}",'
                f'reason="{attempt.failure.reason}"}} 1\n'
            ).encode()

    def forget_stale(self, now: float) -> None:
        """Remove the gauges of checks that have not run for three intervals."""
        for check_id, series in self._series.items():
            if now - series.last_run > _STALE_INTERVALS * series.check.interval + series.check.timeout:
                self._remove_gauges(check_id)

    def _remove_gauges(self, check_id: str) -> None:
        for family in self._gauges:
            family.blocks.pop(check_id, None)

    def _render_gauges(self, series: Series, attempt: Attempt) -> None:
        text, key, facts = series.text, attempt.check_id, attempt.facts
        self.success.blocks[key] = f"probe_success{{{text}}} {int(attempt.outcome is Outcome.OK)}\n".encode()
        self.duration.blocks[key] = f"probe_duration_seconds{{{text}}} {attempt.duration:.6f}\n".encode()
        self.phases.blocks[key] = "".join(
            [
                f'lastseen_probe_phase_seconds{{{text},phase="{phase}"}} {seconds:.6f}\n'
                for phase, seconds in attempt.phases.items()
            ]
        ).encode()
        for family, fact in (
            (self.protocol, Fact.FAMILY),
            (self.rtt, Fact.KERNEL_RTT),
            (self.status, Fact.HTTP_STATUS),
            (self.cert, Fact.CERT_EXPIRY),
        ):
            if fact in facts:
                family.blocks[key] = f"{family.name}{{{text}}} {facts[fact]}\n".encode()
            else:
                family.blocks.pop(key, None)

    def _render_attempts(self, series: Series) -> None:
        head = f"lastseen_probe_attempts_total{{{series.text},outcome="
        self.attempts.blocks[series.check.id] = "".join(
            [f'{head}"{outcome}"}} {count}\n' for outcome, count in series.attempts.items()]
        ).encode()

    def _render_failures(self, series: Series) -> None:
        head = f"lastseen_probe_failures_total{{{series.text},layer="
        self.failures.blocks[series.check.id] = "".join(
            [f'{head}"{layer}"}} {count}\n' for layer, count in series.failures.items()]
        ).encode()

    def _count_latency(self, check: Check, duration: float) -> None:
        key = _component_key(check)
        latency = self._latency[key]
        latency.buckets[bisect_left(LATENCY_BOUNDS, duration)] += 1
        latency.total += duration
        self.latency.blocks[key] = latency.render(self.latency.name)


def _component_key(check: Check) -> str:
    return f"{check.service}/{check.component}"
