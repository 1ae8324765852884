"""Our own trouble is never booked as an outage: stopped, out of descriptors, full of hanging attempts."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.backstage import Backstage
from tests.support.monitor import Metrics, Monitor
from tests.support.nginx import Nginx, nginx
from tests.support.scripted import Handler, scripted
from tests.support.stubborn import mute

pytestmark = pytest.mark.alone
_STOPPED = float(os.environ.get("LASTSEEN_STOPPED", "12"))
"""Seconds: longer than every deadline and many intervals of the checks that live through it. 60 ends the same."""


def one_service(targets: list[dict[str, Any]], **settings: Any) -> dict[str, Any]:
    return {"services": [{"name": "s", "components": [{"name": "c", "targets": targets}], **settings}]}


def http(name: str, number: int, port: int, **settings: Any) -> dict[str, Any]:
    return {"name": f"{name}-{number}", "probe": "http", "url": f"http://127.0.0.1:{port}/", **settings}


def answers_after(seconds: float) -> Handler:
    """An HTTP server that thinks before it answers."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(seconds)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    return handler


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("nginx"), "location / { return 204; }") as running:
        yield running


@pytest.fixture
def thoughtful() -> Iterator[int]:
    """The port of a server that takes 1.2 s to answer."""
    with Backstage() as backstage:
        yield backstage.enter(scripted(answers_after(1.2)))


def answered(metrics: Metrics) -> float:
    return metrics.sum("lastseen_probe_attempts_total", outcome="ok")


def test_a_process_that_was_stopped_blames_nobody_and_counts_the_gap(
    tmp_path: Path, server: Nginx, thoughtful: int
) -> None:
    quick = [http("quick", number, server.http) for number in range(100)]
    waiting = [http("waiting", number, thoughtful) for number in range(50)]
    with Monitor(tmp_path, one_service([*quick, *waiting], interval="2s", timeout="1900ms")) as monitor:
        before = answered(monitor.wait_until(lambda metrics: answered(metrics) >= 200))
        monitor.signal(signal.SIGSTOP)
        time.sleep(_STOPPED)
        monitor.signal(signal.SIGCONT)
        began = time.monotonic()
        after = monitor.wait_until(lambda metrics: answered(metrics) >= before + 300)
        reasons = [check["last"]["failure"] for check in monitor.checks().values()]
    assert time.monotonic() - began < 15, "two rounds of 2 s"
    assert after.value("lastseen_gaps_total") == 1
    assert after.value("lastseen_gap_seconds_total") == pytest.approx(_STOPPED, abs=1.5)
    assert after.sum("lastseen_probe_attempts_total", outcome="failed") == 0
    assert after.sum("lastseen_probe_attempts_total", target="waiting-0", outcome="inconclusive") <= 1
    # those that were waiting for an answer when we were stopped
    assert 5 <= after.sum("lastseen_probe_attempts_total", outcome="inconclusive") <= 60
    assert after.value("lastseen_runs_skipped_total", reason="gap") >= 150 * (_STOPPED / 2 - 2)
    assert after.value("lastseen_runs_skipped_total", reason="overload") == 0
    assert reasons == [None] * 150


def test_without_descriptors_attempts_are_inconclusive_and_a_scraper_still_gets_in(
    tmp_path: Path, thoughtful: int
) -> None:
    config = one_service([http("x", number, thoughtful) for number in range(200)], interval="2s", timeout="1900ms")
    with Monitor(tmp_path, config, prefix=["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh"]) as monitor:
        monitor.wait_for_attempts(2)
        for path in ("/", "/healthz", "/api/v1/checks", "/static/style.css"):
            assert monitor.get(path).status == 200
        metrics = monitor.metrics()
        reasons = Counter(
            check["last"]["failure"]["reason"] for check in monitor.checks().values() if check["last"]["failure"]
        )
        assert monitor.process.poll() is None
    assert set(reasons) == {"self_files"}
    assert metrics.sum("lastseen_probe_attempts_total", outcome="inconclusive") > 200
    assert metrics.sum("lastseen_probe_attempts_total", outcome="ok") > 20
    assert metrics.sum("lastseen_probe_attempts_total", outcome="failed") == 0
    assert metrics.value("lastseen_internal_errors_total") == 0
    assert metrics.value("process_max_fds") == 64
    assert "few open files allowed" in monitor.log
    assert "Traceback" not in monitor.log


def test_hanging_targets_do_not_hold_up_the_others(tmp_path: Path, server: Nginx) -> None:
    """2,000 checks of which 1,500 hang until their deadline: the other 500 stay on time."""
    with mute() as port:
        hanging = [
            {"name": f"hanging-{number}", "probe": "tls", "address": f"127.0.0.1:{port}"} for number in range(1500)
        ]
        good = [http("good", number, server.http) for number in range(500)]
        with Monitor(tmp_path, one_service([*hanging, *good], interval="4s", timeout="3500ms")) as monitor:
            time.sleep(4)  # the first round
            early = monitor.metrics("lastseen_schedule")  # not of interest: a process that is still starting
            began, begin = time.monotonic(), runs_of_good(monitor)
            time.sleep(max(0.0, began + 12 - time.monotonic()))  # three intervals between the two scrapes
            took, end = time.monotonic() - began, runs_of_good(monitor)
            metrics = monitor.metrics('"good-', "lastseen_schedule", "lastseen_runs", "in_flight")
    assert len(begin) == len(end) == 500
    rounds = took / 4
    assert rounds == pytest.approx(3, abs=0.2)
    assert {end[target] - begin[target] for target in end} <= {2, 3, 4}
    assert sum(end.values()) - sum(begin.values()) == pytest.approx(500 * rounds, rel=0.05)
    assert metrics.sum("lastseen_probe_attempts_total", outcome="failed") == 0
    assert metrics.sum("lastseen_probe_attempts_total", outcome="inconclusive") == 0
    assert metrics.value("lastseen_attempts_in_flight") > 1000
    assert metrics.value("lastseen_runs_skipped_total", reason="overload") == 0
    assert metrics.value("lastseen_runs_skipped_total", reason="capacity") == 0
    assert lateness(metrics, "0.05") - lateness(early, "0.05") >= 0.99 * (lateness(metrics) - lateness(early))


def lateness(metrics: Metrics, bound: str = "+Inf") -> float:
    """How many runs started at most so many seconds late."""
    return metrics.value("lastseen_schedule_lateness_seconds_bucket", le=bound)


def runs_of_good(monitor: Monitor) -> dict[str, float]:
    metrics = monitor.metrics('"good-')
    return {labels["target"]: value for labels, value in metrics.all("lastseen_probe_attempts_total", outcome="ok")}
