import gzip
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Check, Vantage
from monitor.domain.words import Fact, Layer, Outcome, Phase, Reason
from monitor.metrics.exposition import Exposition, Format
from monitor.metrics.own import OwnMetrics
from monitor.metrics.probes import ProbeMetrics
from tests.metrics.watched import OPENMETRICS, TEXT, vitals
from tests.support.fakes import a_check


class Shown:
    """Metrics of some checks, and what a scraper reads."""

    def __init__(self, *checks: Check) -> None:
        self.metrics = ProbeMetrics(Vantage(name="fra-1"))
        self.metrics.replace(checks)
        self.exposition = Exposition(self.metrics, OwnMetrics(vitals))

    async def body(self, form: Format = TEXT) -> bytes:
        return b"".join([piece async for piece in self.exposition.render(form)])

    async def samples(self, name: str) -> list[Sample]:
        text = (await self.body()).decode()
        return [s for family in parse_text(text) for s in family.samples if s.name == name]

    async def values(self, name: str, label: str = "target") -> dict[str, float]:
        return {sample.labels[label]: sample.value for sample in await self.samples(name)}


def ok(check: Check, **changes: Any) -> Attempt:
    attempt = Attempt(
        check_id=check.id,
        started=1_700_000_000.0,
        duration=0.3,
        outcome=Outcome.OK,
        phases={Phase.RESOLVE: 0.1, Phase.CONNECT: 0.2},
        facts={Fact.FAMILY: 6, Fact.KERNEL_RTT: 0.02, Fact.HTTP_STATUS: 200, Fact.CERT_EXPIRY: 1_800_000_000.0},
        failure=None,
    )
    return replace(attempt, **changes)


def failed(check: Check) -> Attempt:
    failure = Failure(layer=Layer.TLS, reason=Reason.CERT_EXPIRED, message='expired "yesterday"')
    return ok(check, outcome=Outcome.FAILED, failure=failure, facts={Fact.FAMILY: 4})


def unsure(check: Check) -> Attempt:
    failure = Failure(layer=None, reason=Reason.SELF_LAG, message="we slept")
    return ok(check, outcome=Outcome.INCONCLUSIVE, failure=failure)


async def test_counters_of_every_check_exist_at_zero_before_anything_ran() -> None:
    shown = Shown(a_check("a"), a_check("b"))
    attempts = await shown.samples("lastseen_probe_attempts_total")
    assert {(s.labels["target"], s.labels["outcome"], s.value) for s in attempts} == {
        (target, str(outcome), 0.0) for target in "ab" for outcome in Outcome
    }
    failures = await shown.samples("lastseen_probe_failures_total")
    assert {s.labels["layer"] for s in failures} == set(Layer)
    assert await shown.samples("probe_success") == []


async def test_an_attempt_shows_in_blackbox_names_and_its_phases_sum_to_its_duration() -> None:
    check = a_check("a")
    shown = Shown(check)
    shown.metrics.observe(check, ok(check))
    assert await shown.values("probe_success") == {"a": 1}
    assert await shown.values("probe_duration_seconds") == {"a": 0.3}
    assert await shown.values("probe_ip_protocol") == {"a": 6}
    assert await shown.values("probe_http_status_code") == {"a": 200}
    assert await shown.values("probe_ssl_earliest_cert_expiry") == {"a": 1_800_000_000}
    phases = await shown.values("lastseen_probe_phase_seconds", "phase")
    assert phases == {"resolve": 0.1, "connect": 0.2}
    (sample,) = await shown.samples("probe_success")
    assert sample.labels == {"service": "s", "component": "c", "target": "a", "probe": "fake", "vantage": "fra-1"}


async def test_a_failure_names_layer_and_reason_until_it_is_over() -> None:
    check = a_check("a")
    shown = Shown(check)
    shown.metrics.observe(check, failed(check))
    (failing,) = await shown.samples("lastseen_probe_failing")
    assert (failing.labels["layer"], failing.labels["reason"], failing.value) == ("tls", "cert_expired", 1)
    assert (await shown.values("lastseen_probe_failures_total", "layer"))["tls"] == 1
    assert await shown.samples("probe_http_status_code") == []
    shown.metrics.observe(check, ok(check))
    assert await shown.samples("lastseen_probe_failing") == []
    assert (await shown.values("lastseen_probe_failures_total", "layer"))["tls"] == 1


async def test_a_failure_between_two_scrapes_is_counted_though_all_is_well_again() -> None:
    check = a_check("a")
    shown = Shown(check)
    await shown.body()
    for attempt in (failed(check), ok(check)):
        shown.metrics.observe(check, attempt)
    assert (await shown.values("lastseen_probe_failures_total", "layer"))["tls"] == 1
    shown.metrics.observe(check, failed(check))
    shown.metrics.observe(check, unsure(check))
    assert (await shown.values("lastseen_probe_failures_total", "layer"))["tls"] == 2


async def test_after_an_inconclusive_attempt_no_gauge_is_frozen() -> None:
    check = a_check("a")
    shown = Shown(check)
    shown.metrics.observe(check, ok(check))
    shown.metrics.observe(check, unsure(check))
    for family in ("probe_success", "probe_duration_seconds", "lastseen_probe_phase_seconds", "probe_ip_protocol"):
        assert await shown.samples(family) == []
    assert (await shown.values("lastseen_probe_attempts_total", "outcome")) == {
        "ok": 1,
        "failed": 0,
        "inconclusive": 1,
    }


async def test_a_check_that_stopped_running_loses_its_gauges_and_keeps_its_counters() -> None:
    check = a_check("a", interval=10.0, timeout=5.0)
    shown = Shown(check)
    shown.metrics.observe(check, ok(check))
    shown.metrics.forget_stale(1_700_000_034.0)
    assert await shown.values("probe_success") == {"a": 1}
    shown.metrics.forget_stale(1_700_000_036.0)
    assert await shown.samples("probe_success") == []
    assert (await shown.values("lastseen_probe_attempts_total", "outcome"))["ok"] == 1


async def test_a_reload_removes_every_series_of_what_is_gone_and_keeps_the_counters_of_what_stays() -> None:
    stays, goes = a_check("stays"), a_check("goes", component="other")
    shown = Shown(stays, goes)
    for check in (stays, goes):
        shown.metrics.observe(check, ok(check))
    shown.metrics.replace([stays, a_check("new")])
    text = (await shown.body()).decode()
    assert '"goes"' not in text
    assert '"other"' not in text
    assert 'target="stays",probe="fake",vantage="fra-1",outcome="ok"} 1' in text
    shown.metrics.observe(goes, ok(goes))
    assert '"goes"' not in (await shown.body()).decode()


async def test_the_histogram_counts_successes_of_the_component() -> None:
    one, two = a_check("a"), a_check("b")
    shown = Shown(one, two)
    shown.metrics.observe(one, ok(one, duration=0.07))
    shown.metrics.observe(two, ok(two, duration=20.0))
    shown.metrics.observe(two, failed(two))
    buckets = {s.labels["le"]: s.value for s in await shown.samples("lastseen_probe_latency_seconds_bucket")}
    assert (buckets["0.05"], buckets["0.1"], buckets["10.0"], buckets["+Inf"]) == (0, 1, 1, 2)
    (total,) = await shown.samples("lastseen_probe_latency_seconds_sum")
    assert total.value == pytest.approx(20.07)


async def test_hostile_label_values_cannot_end_a_label() -> None:
    check = a_check('x"} 1\nevil{a="\\')
    shown = Shown(check)
    shown.metrics.observe(check, ok(check))
    assert await shown.values("probe_success") == {'x"} 1\nevil{a="\\': 1}


async def test_both_formats_say_the_same_and_gzip_says_it_shorter() -> None:
    checks = [a_check(str(n)) for n in range(30)]
    shown = Shown(*checks)
    for check in checks:
        shown.metrics.observe(check, ok(check) if int(check.target) % 2 else failed(check))
    text = (await shown.body()).decode()
    openmetrics = (await shown.body(OPENMETRICS)).decode()
    own = ("process_", "python_")

    def lines(families: Any) -> set[tuple[str, str, float]]:
        return {
            (s.name, str(sorted(s.labels.items())), s.value)
            for family in families
            for s in family.samples
            if not s.name.startswith(own)
        }

    read = parse_openmetrics(openmetrics)  # type: ignore[no-untyped-call]  # untyped in prometheus_client
    assert lines(parse_text(text)) == lines(read)
    assert openmetrics.endswith("# EOF\n")
    packed = await shown.body(Format(openmetrics=False, gzip=True))
    assert len(packed) < len(text) / 5
    unpacked = gzip.decompress(packed).decode()
    assert lines(parse_text(unpacked)) == lines(parse_text(text))


async def test_promtool_has_nothing_to_say() -> None:
    checks = [a_check("a"), a_check("b")]
    shown = Shown(*checks)
    shown.metrics.observe(checks[0], ok(checks[0]))
    shown.metrics.observe(checks[1], failed(checks[1]))
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: run scripts/install-servers"
    done = subprocess.run(  # noqa: ASYNC221  # a test may wait
        [promtool, "check", "metrics"], input=await shown.body(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("accept", "encoding", "openmetrics", "zipped"),
    [
        ("", "", False, False),
        ("text/plain", "gzip", False, True),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "deflate, gzip;q=0.8", True, True),
        ("*/*", "gzip;q=0, identity", False, False),
        ("*/*", "identity", False, False),
    ],
)
def test_the_format_is_what_the_scraper_asked_for(accept: str, encoding: str, openmetrics: bool, zipped: bool) -> None:
    assert Format.negotiate(accept, encoding) == Format(openmetrics=openmetrics, gzip=zipped)
