"""Our own trouble is never booked as an outage: stopped, out of descriptors, full of hanging attempts."""

import re
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.monitor import Metrics, Monitor
from tests.support.nginx import Nginx, nginx
from tests.support.stubborn import mute

_STOPPED = 12.0
"""Seconds; longer than every deadline and several intervals of the checks that see it. `LASTSEEN_STOPPED=60` is
what an operator's laptop does at lunch; it ends the same."""


def one_service(targets: list[dict[str, Any]], **settings: Any) -> dict[str, Any]:
    return {"services": [{"name": "s", "components": [{"name": "c", "targets": targets}], **settings}]}


def tcp(number: int, port: int, **settings: Any) -> dict[str, Any]:
    return {"name": f"tcp-{number}", "probe": "tcp", "address": f"127.0.0.1:{port}", **settings}


def http(number: int, port: int, **settings: Any) -> dict[str, Any]:
    return {"name": f"http-{number}", "probe": "http", "url": f"http://127.0.0.1:{port}/", **settings}


def tls(number: int, port: int, **settings: Any) -> dict[str, Any]:
    """Against a mute port this hangs until its deadline."""
    return {"name": f"hang-{number}", "probe": "tls", "address": f"127.0.0.1:{port}", **settings}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("nginx"), "keepalive_timeout 1s; location / { return 204; }") as running:
        yield running


@contextmanager
def stopped(monitor: Monitor, seconds: float) -> Iterator[None]:
    monitor.signal(signal.SIGSTOP)
    try:
        yield
        time.sleep(seconds)
    finally:
        monitor.signal(signal.SIGCONT)


def test_a_process_that_was_stopped_blames_nobody_and_counts_the_gap(tmp_path: Path, server: Nginx) -> None:
    """SIGSTOP for longer than every deadline, while attempts are going on; then SIGCONT."""
    with mute() as quiet:
        slow = {"dialogue": [{"expect": "never said"}]}
        waiting = [tcp(n, quiet, interval="30s", timeout="20s", **slow) for n in range(50, 60)]
        targets = [*(http(n, server.http) for n in range(100)), *waiting]
        with Monitor(tmp_path, one_service(targets, interval="2s", timeout="1s")) as monitor:
            before = quick(monitor.wait_until(lambda metrics: quick(metrics) >= 200))
            with stopped(monitor, _STOPPED):
                pass
            began = time.monotonic()
            after = monitor.wait_until(lambda metrics: quick(metrics) >= before + 300)
            assert time.monotonic() - began < 15
            assert "tcp-50" in monitor.get("/api/v1/checks").text
            assert after.value("lastseen_gaps_total") == 1
            assert after.value("lastseen_gap_seconds_total") == pytest.approx(_STOPPED, abs=1.5)
            assert after.sum("lastseen_probe_attempts_total", outcome="failed") == 0
            assert after.all("lastseen_probe_failing") == []
            assert after.value("lastseen_runs_skipped_total", reason="gap") > 0
            assert after.value("lastseen_runs_skipped_total", reason="overload") == 0
            assert all(value == 1 for _, value in after.all("probe_success"))


def quick(metrics: Metrics) -> float:
    return metrics.sum("lastseen_probe_attempts_total", probe="http", outcome="ok")


def test_without_descriptors_attempts_are_inconclusive_and_the_scrape_still_works(tmp_path: Path) -> None:
    with mute() as port:
        targets = [tls(n, port) for n in range(200)]
        config = one_service(targets, interval="5s", timeout="3s")
        with Monitor(tmp_path, config, prefix=["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh"]) as monitor:
            # the first attempts hold all there are for 3 s: the others find none
            metrics = monitor.wait_until(lambda m: m.sum("lastseen_probe_attempts_total", outcome="inconclusive") > 100)
            reasons = {check["last"]["failure"]["reason"] for check in monitor.checks().values() if check["last"]}
            assert "self_files" in reasons
            assert metrics.sum("lastseen_internal_errors_total") == 0
            for path in ("/", "/metrics", "/healthz", "/api/v1/checks", "/static/style.css"):
                assert monitor.get(path).status == 200
            assert 30 < metrics.value("process_open_fds") < 64
            assert metrics.value("process_max_fds") == 64
            assert "few open files allowed" in monitor.log
            assert "Traceback" not in monitor.log
            assert monitor.process.poll() is None
