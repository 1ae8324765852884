"""How telling people goes, for whoever watches the watcher."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from monitor.domain.vitals import AlertVitals

_RESULTS = ("sent", "failed", "passed_over")


def alert_families(vitals: AlertVitals) -> Iterator[Metric]:
    """The families; those of channels only where there are any."""
    yield GaugeMetricFamily("lastseen_outbox_waiting", "Alerts that reached nobody yet.", value=vitals.waiting)
    yield GaugeMetricFamily("lastseen_outbox_oldest_seconds", "Age of the oldest of them.", value=vitals.oldest)
    yield CounterMetricFamily(
        "lastseen_alerts_given_up",
        "Alerts that no channel took in a day.",
        value=vitals.results.get(("", "given_up"), 0),
    )
    alerts = CounterMetricFamily(
        "lastseen_alerts", "Letters by channel and result; sent: the channel said so.", labels=["channel", "result"]
    )
    works = GaugeMetricFamily(
        "lastseen_channel_up", "Whether the channel would have worked when it was checked last.", labels=["channel"]
    )
    for channel, up in sorted(vitals.channels.items()):
        works.add_metric([channel], float(up))
    for channel in sorted({name for name, _ in vitals.results if name} | vitals.channels.keys()):
        for result in _RESULTS:
            alerts.add_metric([channel, result], vitals.results.get((channel, result), 0))
    yield alerts
    yield works
    beats = CounterMetricFamily("lastseen_heartbeats", "Heartbeats sent out, by result.", labels=["result"])
    for result, number in vitals.heartbeats.items():
        beats.add_metric([result], number)
    yield beats
