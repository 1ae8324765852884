"""How the other monitors are being heard, as metrics. Nothing is said where there are none."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from monitor.domain.vitals import Ignored, PeerTrouble, PeerVitals


def peer_families(peers: Sequence[PeerVitals]) -> Iterator[Metric]:
    """All families; each peer is named by its URL."""
    info = GaugeMetricFamily("lastseen_peer_info", "What a peer is called.", labels=["peer", "vantage"])
    for peer in peers:
        if peer.vantage:
            info.add_metric([peer.url, peer.vantage], 1)
    yield info
    yield from _gauges(peers)
    yield from _counters(peers)


def _gauges(peers: Sequence[PeerVitals]) -> Iterator[Metric]:
    for name, text, values in (
        ("lastseen_peer_up", "Whether a peer answered when it was asked last.", [float(p.is_up) for p in peers]),
        (
            "lastseen_peer_last_answer_timestamp_seconds",
            "Unix time of a peer's last answer; 0 for never.",
            [peer.answered for peer in peers],
        ),
        (
            "lastseen_peer_lag_seconds",
            "The longest time between an attempt of a peer and its hearing here, in its last answer.",
            [peer.lag for peer in peers],
        ),
        (
            "lastseen_peer_clock_skew_seconds",
            "How much our clock is ahead of a peer's; 0 below half a second.",
            [peer.skew for peer in peers],
        ),
    ):
        family = GaugeMetricFamily(name, text, labels=["peer"])
        for peer, value in zip(peers, values, strict=True):
            family.add_metric([peer.url], value)
        yield family


def _counters(peers: Sequence[PeerVitals]) -> Iterator[Metric]:
    taken = CounterMetricFamily("lastseen_peer_attempts", "Attempts of a peer that are judged here.", labels=["peer"])
    lost = CounterMetricFamily(
        "lastseen_peer_lost", "Times a peer had forgotten attempts before they were asked for.", labels=["peer"]
    )
    ignored = CounterMetricFamily(
        "lastseen_peer_attempts_ignored", "Attempts of a peer that are not judged here.", labels=["peer", "reason"]
    )
    troubles = CounterMetricFamily(
        "lastseen_peer_errors", "Times a peer did not answer as it should.", labels=["peer", "reason"]
    )
    for peer in peers:
        taken.add_metric([peer.url], peer.taken)
        lost.add_metric([peer.url], peer.lost)
        for why in Ignored:
            ignored.add_metric([peer.url, why], peer.ignored.get(why, 0))
        for trouble in PeerTrouble:
            troubles.add_metric([peer.url, trouble], peer.troubles.get(trouble, 0))
    yield from (taken, lost, ignored, troubles)
