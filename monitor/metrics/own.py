"""The monitor's own numbers, by prometheus_client: a few dozen lines, whatever is watched."""

import platform
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector
from typing_extensions import override

from monitor import __version__
from monitor.domain.vitals import BOUNDS, Skip, Vitals
from monitor.metrics.alerts import alert_families
from monitor.metrics.claims import claim_families
from monitor.metrics.peers import peer_families

_EOF = b"# EOF\n"


class _VitalsCollector(Collector):
    def __init__(self, vitals: Callable[[], Vitals]) -> None:
        self._vitals = vitals

    @override
    def collect(self) -> Iterator[Metric]:
        vitals = self._vitals()
        build = GaugeMetricFamily("lastseen_build_info", "What runs here.", labels=["version", "python"])
        build.add_metric([__version__, platform.python_version()], 1)
        yield build
        yield from _gauges(vitals)
        yield from _counters(vitals)
        yield from peer_families(vitals.peers)
        yield from alert_families(vitals.alerts)
        yield from claim_families(vitals.claims)
        yield _lateness(vitals)


def _gauges(vitals: Vitals) -> Iterator[Metric]:
    for name, text, value in (
        ("lastseen_checks", "Checks on the schedule, witnesses included.", vitals.checks),
        ("lastseen_attempts_in_flight", "Attempts going on now.", vitals.in_flight),
        ("lastseen_attempts_in_flight_max", "Attempts allowed at once.", vitals.max_in_flight),
        ("lastseen_shed_ratio", "Share of runs skipped because this machine is overloaded.", vitals.shed_ratio),
        ("lastseen_loop_lag_seconds", "Longest stand-still of the event loop in the last 15 s.", vitals.loop_lag),
        ("lastseen_store_pending_rows", "Rows that wait to be written to the store.", vitals.store_pending),
        (
            "lastseen_store_damaged",
            "1 when the store's file is not whole: it is left as it is, and no longer written.",
            vitals.store_damaged,
        ),
        ("lastseen_config_last_reload_successful", "Whether the last configuration was taken.", vitals.reload_ok),
        ("lastseen_unjudged_seconds", "Since states and outages were judged last.", vitals.unjudged),
        (
            "lastseen_config_last_reload_success_timestamp_seconds",
            "Unix time of the last configuration that was taken.",
            vitals.reload_time,
        ),
    ):
        yield GaugeMetricFamily(name, text, value=float(value))


def _counters(vitals: Vitals) -> Iterator[Metric]:
    skipped = CounterMetricFamily("lastseen_runs_skipped", "Runs that were due and did not start.", labels=["reason"])
    for reason in Skip:
        skipped.add_metric([reason], vitals.skipped.get(reason, 0))
    yield skipped
    sinks = CounterMetricFamily(
        "lastseen_sink_errors", "Observations that a part of us failed to take.", labels=["sink"]
    )
    for sink, count in vitals.sink_errors.items():
        sinks.add_metric([sink], count)
    yield sinks
    for name, text, value in (
        ("lastseen_gaps", "Times this process stood still for 2 s or more.", vitals.gaps),
        ("lastseen_gap_seconds", "Time in which this process stood still and observed nothing.", vitals.gap_seconds),
        ("lastseen_store_errors", "Times the store could not be written or read.", vitals.store_errors),
        ("lastseen_internal_errors", "Attempts that ended in a bug of ours.", vitals.internal_errors),
    ):
        yield CounterMetricFamily(name, text, value=value)


def _lateness(vitals: Vitals) -> Metric:
    buckets, count = [], 0
    for bound, number in zip((*map(str, BOUNDS), "+Inf"), vitals.lateness.buckets, strict=True):
        count += number
        buckets.append((bound, float(count)))
    return HistogramMetricFamily(
        "lastseen_schedule_lateness_seconds",
        "How late runs start after the moment they were due.",
        buckets=buckets,
        sum_value=vitals.lateness.total,
    )


class OwnMetrics:
    """Renders the own families in either format."""

    def __init__(self, vitals: Callable[[], Vitals]) -> None:
        # or the text format gets a `_created` gauge beside every counter
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
        self._registry = CollectorRegistry()
        self._registry.register(_VitalsCollector(vitals))
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def render(self, *, openmetrics: bool) -> bytes:
        """The lines, without OpenMetrics' end mark."""
        if openmetrics:
            return bytes(generate_openmetrics(self._registry)).removesuffix(_EOF)  # type: ignore[no-untyped-call]  # as above
        return generate_latest(self._registry)
