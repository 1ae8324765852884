"""Two real monitors of which one follows the other: over TLS, behind its door, with a clock that is an hour ahead."""

import json
import signal
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import CertificateAuthority
from tests.support.monitor import Metrics, Monitor
from tests.support.namespace import Namespace
from tests.support.regions import Server, mosquitto
from tests.support.servers import free_port

_TOKEN = "made-up-for-tests"
_AHEAD = 3600.0


class Pair:
    """``near`` follows ``far``. Both watch a broker of which only the near one knows the second port."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        namespace = stack.enter_context(Namespace(folder))
        authority = CertificateAuthority(folder / "ca")
        certificate, key = authority.leaf()
        address = ("127.0.0.1", free_port())
        (folder / "broker").mkdir()
        self.broker = stack.enter_context(
            Server(namespace, folder / "broker", mosquitto(folder / "broker", address), address)
        )
        self._stack = stack
        self.far = Monitor(folder / "far", {}, namespace=namespace, environ=ahead())
        self.near = Monitor(folder / "near", {}, namespace=namespace)
        self.url = f"https://127.0.0.1:{self.far.port}"
        peer = {"url": self.url, "token": _TOKEN, "ca_file": str(authority.ca_path), "interval": "1s"}
        door = {"bearer_token": _TOKEN, "tls": {"cert_file": str(certificate), "key_file": str(key)}}
        self.far.headers = {"Authorization": f"Bearer {_TOKEN}"}
        self.far.tls = ssl.create_default_context(cafile=str(authority.ca_path))
        self.config = watching("near", "DE", "AS1", address, peers=[peer])
        self.near.write(self.config)
        self.far.write(watching("far", "US", "AS2", address, web={**door, "listen": f"127.0.0.1:{self.far.port}"}))
        for monitor in (self.far, self.near):
            self.start(monitor)

    def start(self, monitor: Monitor) -> None:
        self._stack.enter_context(monitor)

    def heard(self, metrics: Metrics) -> float:
        return metrics.value("lastseen_peer_attempts_total", peer=self.url)

    def wait_until_heard(self, more: float = 1) -> Metrics:
        """Metrics from when so many more attempts of the far one were heard."""
        before = self.heard(self.near.metrics("lastseen_peer"))
        return self.near.wait_until(lambda metrics: self.heard(metrics) >= before + more, "lastseen_peer")

    def outages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.near.get("/api/v1/outages").body)["outages"]
        return found


def ahead() -> dict[str, str]:
    """The environment of a process whose wall clock is `_AHEAD`. The command `faketime` would be its parent."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    return {"LD_PRELOAD": str(library), "FAKETIME": f"+{_AHEAD:g}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def watching(name: str, country: str, network: str, broker: tuple[str, int], **top: Any) -> dict[str, Any]:
    target = {"probe": "tcp", "address": f"{broker[0]}:{broker[1]}"}
    component = {"name": "chat", "targets": [target]}
    own = {"name": "own", "targets": [{**target, "name": f"only-{name}"}]}
    return {
        "vantage": {"name": name, "region": country, "country": country, "network": network},
        "services": [
            {"name": "acme", "interval": "1s", "timeout": "800ms", "confirm": {"delay": "300ms"}, "components": [c]}
            if c is component
            else {"name": f"acme-{name}", "interval": "1s", "timeout": "800ms", "components": [c]}
            for c in (component, own)
        ],
        "judgement": {"quiet": "15s"},
        **top,
    }


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(tmp_path_factory.mktemp("pair"), stack)


def test_the_far_one_is_heard_through_its_door_and_by_our_clock(pair: Pair) -> None:
    metrics = pair.wait_until_heard(3)
    assert metrics.value("lastseen_peer_up", peer=pair.url) == 1
    assert metrics.value("lastseen_peer_info", peer=pair.url, vantage="far") == 1
    assert metrics.value("lastseen_peer_clock_skew_seconds", peer=pair.url) == pytest.approx(-_AHEAD, abs=2)
    assert 0 <= metrics.value("lastseen_peer_lag_seconds", peer=pair.url) < 5
    ignored = {
        labels["reason"]: value
        for labels, value in metrics.all("lastseen_peer_attempts_ignored_total", peer=pair.url)
        if value
    }
    assert set(ignored) == {"not_watched"}, "what the far one watches for itself alone"
    assert _TOKEN not in pair.near.log + metrics.text


def test_what_both_see_is_global_and_has_the_stamps_of_our_clock(pair: Pair) -> None:
    pair.wait_until_heard()
    stopped, _ = pair.broker.stop()
    deadline = time.monotonic() + 30
    while not any(found["target"] == "acme" and len(found["vantages"]) == 2 for found in pair.outages()):
        assert time.monotonic() < deadline, pair.outages()
        time.sleep(0.2)
    _, started = pair.broker.start()
    while any(found["target"] == "acme" and found["open"] for found in pair.outages()):
        assert time.monotonic() < deadline + 60, pair.outages()
        time.sleep(0.5)
    (window,) = (found for found in pair.outages() if found["target"] == "acme")
    assert sorted(window["vantages"]) == ["far", "near"]
    assert (window["reach"], window["breadth"], window["reason"]) == ("global", "service", "refused")
    assert stopped - 0.1 <= window["start"]["epoch_ms"] / 1000 <= stopped + 2
    assert window["end"]["epoch_ms"] / 1000 <= started + 2
    assert {item["vantage"] for item in window["evidence"]} == {"near", "far"}
    assert all(stopped - 0.1 <= item["at"]["epoch_ms"] / 1000 <= started for item in window["evidence"])


def test_a_far_one_that_was_restarted_is_heard_again_from_its_beginning(pair: Pair) -> None:
    pair.wait_until_heard()
    pair.far.signal(signal.SIGKILL)
    pair.far.process.wait(10)
    pair.near.wait_until(lambda metrics: metrics.value("lastseen_peer_up", peer=pair.url) == 0, "lastseen_peer")
    pair.start(pair.far)
    metrics = pair.wait_until_heard(3)
    assert metrics.value("lastseen_peer_up", peer=pair.url) == 1
    assert metrics.value("lastseen_peer_errors_total", peer=pair.url, reason="unreachable") >= 1
    assert metrics.value("lastseen_peer_lost_total", peer=pair.url) == 0
    assert metrics.value("lastseen_peer_errors_total", peer=pair.url, reason="internal") == 0


def test_a_reload_that_drops_the_peer_drops_its_vantage_and_its_series(pair: Pair) -> None:
    pair.wait_until_heard()
    assert len(pair.near.metrics("lastseen_vantage_state").all("lastseen_vantage_state")) == 2
    pair.near.write({**pair.config, "peers": []})
    assert pair.near.get("/-/reload", method="POST").status == 200
    metrics = pair.near.metrics("lastseen_peer", "lastseen_vantage_state")
    assert metrics.all("lastseen_peer_up") == []
    assert [labels["vantage"] for labels, _ in metrics.all("lastseen_vantage_state")] == ["near"]
    pair.near.write(pair.config)
    assert pair.near.get("/-/reload", method="POST").status == 200
    pair.wait_until_heard()


def test_one_that_waits_for_news_does_not_hold_up_a_stop(pair: Pair) -> None:
    pair.wait_until_heard()
    code, seconds = pair.far.stop()
    assert code == 0
    assert seconds < 5
    code, seconds = pair.near.stop()
    assert code == 0
    assert seconds < 5
    assert "Traceback" not in pair.near.log + pair.far.log
