"""Every rung against real servers: outcome, layer, reason and time, as API, /metrics and Prometheus tell them."""

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from tests.support.monitor import Metrics, Monitor
from tests.support.prometheus import Prometheus, lint
from tests.support.street import Street

_OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


@pytest.fixture(scope="module")
def monitor(street: Street, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    config = {
        "vantage": {"name": "lab"},
        "services": [
            {
                "name": "street",
                "interval": "3s",
                "timeout": "1500ms",
                "confirm": {"attempts": 1, "delay": "100ms"},
                "components": [{"name": "houses", "targets": [house.target for house in street.houses.values()]}],
            }
        ],
    }
    with Monitor(tmp_path_factory.mktemp("ladder"), config) as running:
        running.wait_for_attempts()
        yield running


@pytest.fixture(scope="module")
def checks(monitor: Monitor) -> dict[str, dict[str, Any]]:
    return monitor.checks()


@pytest.fixture(scope="module")
def metrics(monitor: Monitor) -> Metrics:
    return monitor.metrics()


def verdict(check: dict[str, Any]) -> str:
    failure = check["last"]["failure"]
    return f"{failure['layer']}/{failure['reason']}" if failure else str(check["last"]["outcome"])


def expected_failures(street: Street) -> dict[str, str]:
    return {name: house.verdict for name, house in street.houses.items() if house.verdict != "ok"}


def test_there_are_at_least_twenty_checks(street: Street) -> None:
    assert len(street.houses) >= 20


def test_the_api_has_every_outcome_layer_and_reason_right(street: Street, checks: dict[str, dict[str, Any]]) -> None:
    seen = {name: verdict(check) for name, check in checks.items()}
    assert seen == {name: house.verdict for name, house in street.houses.items()}


def test_the_metrics_say_the_same(street: Street, metrics: Metrics) -> None:
    failing = metrics.all("lastseen_probe_failing")
    named = {labels["target"]: f"{labels['layer']}/{labels['reason']}" for labels, _ in failing}
    assert named == expected_failures(street)
    assert all(value == 1 for _, value in failing)
    success = {labels["target"]: value for labels, value in metrics.all("probe_success")}
    assert success == {name: float(house.verdict == "ok") for name, house in street.houses.items()}


def test_attempts_are_counted_under_their_own_outcome_and_layer_only(street: Street, metrics: Metrics) -> None:
    assert metrics.sum("lastseen_probe_attempts_total", outcome="inconclusive") == 0
    for name, house in street.houses.items():
        other = "failed" if house.verdict == "ok" else "ok"
        assert metrics.value("lastseen_probe_attempts_total", target=name, outcome=other) == 0, name
        counted = {
            labels["layer"] for labels, value in metrics.all("lastseen_probe_failures_total", target=name) if value
        }
        assert counted == (set() if house.verdict == "ok" else {house.verdict.partition("/")[0]})


def test_phases_sum_to_the_duration(street: Street, metrics: Metrics) -> None:
    durations = {labels["target"]: value for labels, value in metrics.all("probe_duration_seconds")}
    assert set(durations) == set(street.houses)
    for name, duration in durations.items():
        assert metrics.sum("lastseen_probe_phase_seconds", target=name) == pytest.approx(duration, abs=0.001), name


def test_a_deadline_is_kept_and_slowness_is_measured(metrics: Metrics) -> None:
    for name in ("dropping port", "silent http", "silent tls", "too slow http"):
        assert 1.5 <= metrics.value("probe_duration_seconds", target=name) < 1.8, name
    assert 0.15 <= metrics.value("probe_duration_seconds", target="slow http") < 1.0
    assert metrics.value("lastseen_probe_phase_seconds", target="slow http", phase="response") >= 0.14


def test_facts_of_the_ladder_are_gauges(street: Street, metrics: Metrics) -> None:
    assert metrics.value("probe_http_status_code", target="http good") == 200
    assert metrics.value("probe_http_status_code", target="http missing page") == 404
    assert metrics.value("probe_ip_protocol", target="https good") == 4
    assert metrics.value("probe_ssl_earliest_cert_expiry", target="tls good") > metrics.value(
        "probe_ssl_earliest_cert_expiry", target="soon to expire certificate"
    )
    assert 0 < metrics.value("lastseen_probe_kernel_rtt_seconds", target="mqtt") < 0.1


def test_promtool_has_nothing_to_say(monitor: Monitor) -> None:
    assert lint(monitor.get("/metrics").body) == (0, "")


def test_openmetrics_is_accepted_by_its_parser_and_names_the_same_series(monitor: Monitor, metrics: Metrics) -> None:
    answer = monitor.get("/metrics", _OPENMETRICS)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    families = parse_openmetrics(answer.text)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
    samples = [sample for family in families for sample in family.samples]
    assert {s.name for s in samples} >= {name for name, _, _ in metrics.samples if name.startswith("lastseen_probe_")}


def test_the_compressed_scrape_is_the_plain_one(monitor: Monitor) -> None:
    for _ in range(10):  # an attempt may end between two scrapes
        plain, packed = monitor.get("/metrics"), monitor.get("/metrics", {"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert len(packed.body) * 3 < len(plain.body)
        if still(gzip.decompress(packed.body).decode()) == still(plain.text):
            return
    raise AssertionError("never twice the same")


def still(text: str) -> list[str]:
    """The lines of what is watched, without those of the process itself, which change with each scrape."""
    return [line for line in text.splitlines() if line.startswith(("probe_", "lastseen_probe_"))]


def test_a_real_prometheus_scrapes_and_answers(
    street: Street, monitor: Monitor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Prometheus(tmp_path_factory.mktemp("prometheus"), f"127.0.0.1:{monitor.port}") as prometheus:
        ((_, up),) = prometheus.wait_for("up == 1")
        assert up == 1
        failing = prometheus.wait_for("lastseen_probe_failing")
        named = {labels["target"]: f"{labels['layer']}/{labels['reason']}" for labels, _ in failing}
        assert named == expected_failures(street)
        good = sum(house.verdict == "ok" for house in street.houses.values())
        assert prometheus.query("sum(probe_success)")[0][1] == good
        gap = "abs(sum by (target) (lastseen_probe_phase_seconds) - sum by (target) (probe_duration_seconds))"
        assert prometheus.query(f"max({gap})")[0][1] < 0.001
        quantile = "histogram_quantile(0.5, sum by (le) (lastseen_probe_latency_seconds_bucket))"
        assert 0 < prometheus.query(quantile)[0][1] < 1


def test_the_monitor_had_no_trouble_of_its_own(monitor: Monitor) -> None:
    metrics = monitor.metrics()
    assert metrics.value("lastseen_internal_errors_total") == 0
    assert metrics.sum("lastseen_sink_errors_total") == 0
    assert "Traceback" not in monitor.log
    assert monitor.get("/readyz").status == 200
