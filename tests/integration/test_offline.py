"""Without internet nothing is anybody's fault: the process as it ships, in namespaces that lead nowhere."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.monitor import ROOT, Metrics, Monitor
from tests.support.nameserver import NXDOMAIN, REFUSED, name_server
from tests.support.namespace import Namespace

_PATIENCE = 150.0
"""Seconds: the longest interval of the catalogue, and more."""
_UNREACHABLE = "It is us: our own network is unreachable"
_FEW = {"services": [{"use": ["whatsapp", "signal", "matrix-org"], "timeout": "4s"}], "witnesses": "default"}


def shipped() -> dict[str, Any]:
    """The default configuration, but for what the test puts in its own place: listener and store."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "config/monitor.yaml").read_text())
    del config["web"], config["store"]
    return config


class World:
    """Namespaces with a monitor in each, started side by side: their first rounds take 10 s."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.monitors: dict[str, Monitor] = {}
        self.ready_after = 0.0

    def add(
        self, name: str, config: dict[str, Any], *, rcode: int | None = None, resolver: str = "192.0.2.53"
    ) -> Namespace:
        folder = self._folder / name
        folder.mkdir()
        namespace = self._stack.enter_context(Namespace(folder, f"nameserver {resolver}\n"))
        if rcode is not None:
            self._stack.enter_context(name_server(namespace.call(_on_port_53), rcode))
        self.monitors[name] = Monitor(folder, config, namespace=namespace)
        return namespace

    def start(self) -> None:
        began = time.monotonic()
        with ThreadPoolExecutor() as pool:
            list(pool.map(self._stack.enter_context, self.monitors.values()))
        self.ready_after = time.monotonic() - began


def reasons(monitor: Monitor) -> set[str]:
    """Why the last attempts could not tell; those of the witnesses too."""
    return {check["last"]["failure"]["reason"] for check in monitor.checks().values()}


def is_so(monitor: Monitor, condition: Callable[[], bool]) -> bool:
    """At once; only where the machine stood still in the middle of a round (`self_lag`), by the end of the next."""
    deadline = time.monotonic() + _PATIENCE
    while "self_lag" in reasons(monitor) and time.monotonic() < deadline:
        time.sleep(0.5)
    return condition()


def _on_port_53() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 53))
    return sock


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        world = World(tmp_path_factory.mktemp("offline"), stack)
        world.add("alone", shipped())
        world.add("refuses", _FEW, rcode=REFUSED, resolver="127.0.0.1")
        world.add("nxdomain", _FEW, rcode=NXDOMAIN, resolver="127.0.0.1")
        world.add("drops", _FEW).add_dead_line()
        world.start()
        yield world


@pytest.fixture(scope="module", params=["alone", "refuses", "nxdomain", "drops"])
def round_of(request: pytest.FixtureRequest, world: World) -> tuple[Monitor, Metrics]:
    """A monitor after its first round, and what it says."""
    monitor = world.monitors[request.param]
    return monitor, monitor.wait_for_attempts()


def test_metrics_are_there_soon_with_counters_for_every_target_of_the_catalogue(world: World) -> None:
    assert world.ready_after < 10  # four at once, on two cores
    metrics, checks = world.monitors["alone"].metrics(), world.monitors["alone"].checks()
    assert len(checks) > 100
    for outcome in ("ok", "failed", "inconclusive"):
        found = metrics.all("lastseen_probe_attempts_total", outcome=outcome)
        assert {labels["target"] for labels, _ in found} == set(checks)


def test_every_check_is_inconclusive_and_none_failed(round_of: tuple[Monitor, Metrics]) -> None:
    _, metrics = round_of
    assert all(value > 0 for _, value in metrics.all("lastseen_probe_attempts_total", outcome="inconclusive"))
    assert metrics.sum("lastseen_probe_attempts_total", outcome="failed") == 0
    assert metrics.sum("lastseen_probe_failures_total") == 0
    assert metrics.all("lastseen_probe_failing") == []
    assert metrics.sum("lastseen_internal_errors_total") == 0


def test_a_gauge_of_something_that_could_not_be_asked_is_absent(round_of: tuple[Monitor, Metrics]) -> None:
    _, metrics = round_of
    assert metrics.all("probe_success") == []


def test_the_reason_is_our_own_network(round_of: tuple[Monitor, Metrics]) -> None:
    monitor, _ = round_of
    ours = {"self_network", "self_resolver", "vantage_offline"}
    assert reasons(monitor) <= ours | {"self_lag"}
    assert is_so(monitor, lambda: reasons(monitor) <= ours)


def test_the_page_says_that_our_own_network_is_unreachable(round_of: tuple[Monitor, Metrics]) -> None:
    monitor, _ = round_of
    assert is_so(monitor, lambda: _UNREACHABLE in monitor.get("/").text)
    assert "vantage offline" in monitor.log


def test_the_monitor_itself_is_alive_and_on_time(round_of: tuple[Monitor, Metrics]) -> None:
    monitor, _ = round_of
    assert monitor.get("/healthz").status == 200
    assert monitor.get("/readyz").status == 200
