"""How other monitors are heard, as a scraper reads it."""

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families as parse

from monitor.domain.vitals import Ignored, PeerTrouble, PeerVitals
from monitor.metrics.own import OwnMetrics
from tests.metrics.watched import vitals

KNOWN = PeerVitals(
    url="https://away.example:9797",
    vantage="away",
    is_up=True,
    answered=1_700_000_000.0,
    taken=40,
    ignored={Ignored.UNTIMELY: 2},
    troubles={PeerTrouble.STATUS: 3},
    lost=1,
    lag=4.5,
    skew=-2.0,
)
NEW = PeerVitals(
    url="http://new", vantage="", is_up=False, answered=0.0, taken=0, ignored={}, troubles={}, lost=0, lag=0.0, skew=0.0
)


def values(*peers: PeerVitals) -> dict[str, dict[str, float]]:
    """By name and peer, with a reason other than the first one added."""
    text = OwnMetrics(lambda: replace(vitals(), peers=peers)).render(openmetrics=False).decode()
    found: dict[str, dict[str, float]] = {}
    for sample in (sample for family in parse(text) for sample in family.samples):
        if sample.name.startswith("lastseen_peer"):
            key = "/".join(sample.labels.values())
            found.setdefault(sample.name.removeprefix("lastseen_peer_"), {})[key] = sample.value
    return found


def test_every_peer_has_its_series_from_the_start() -> None:
    found = values(KNOWN, NEW)
    assert found["up"] == {KNOWN.url: 1, NEW.url: 0}
    assert found["info"] == {f"{KNOWN.url}/away": 1}
    assert found["last_answer_timestamp_seconds"] == {KNOWN.url: 1_700_000_000, NEW.url: 0}
    assert found["lag_seconds"] == {KNOWN.url: 4.5, NEW.url: 0}
    assert found["clock_skew_seconds"] == {KNOWN.url: -2, NEW.url: 0}
    assert found["attempts_total"] == {KNOWN.url: 40, NEW.url: 0}
    assert found["lost_total"] == {KNOWN.url: 1, NEW.url: 0}
    ignored, errors = found["attempts_ignored_total"], found["errors_total"]
    assert len(ignored) == 2 * len(Ignored)
    assert len(errors) == 2 * len(PeerTrouble)
    assert (ignored[f"{KNOWN.url}/untimely"], errors[f"{KNOWN.url}/status"]) == (2, 3)
    assert sum(ignored.values()) == 2
    assert sum(errors.values()) == 3


def test_without_peers_there_are_none() -> None:
    assert values() == {}
