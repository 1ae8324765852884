"""From a server that is gone to the message about it: monitors, Prometheus and Alertmanager, all of them real.

Two monitors in two places watch servers of their own; rules, routes, grouping and inhibition are those of config/. A
minute of what rules and routes wait for lasts a second here (`for`, `keep_firing_for`, `group_wait`, ...), scrapes and
evaluations come every second instead of every 15, receivers are webhooks to this test. Nothing else is changed.
"""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.alertrules.alertmanager import Alertmanager, Notification, Receiver
from tests.alertrules.prometheus import ChainPrometheus
from tests.support.monitor import Monitor
from tests.support.servers import free_port

TIMES = 60.0
_PATIENCE = 60.0
SERVERS = ("chat", "web", "mail", "echo", "witness")


class Place:
    """A vantage, and the servers that it sees."""

    def __init__(self, folder: Path, name: str, stack: ExitStack) -> None:
        self.name = name
        self._ports = {server: free_port() for server in SERVERS}
        self._sockets: dict[str, socket.socket] = {}
        stack.callback(self.stop, *SERVERS)
        self.start(*SERVERS)
        self.monitor = Monitor(folder / name, self._configuration())

    def start(self, *servers: str) -> None:
        """From now on connections succeed."""
        for server in servers:
            self._sockets[server] = socket.create_server(("127.0.0.1", self._ports[server]), backlog=4096)

    def stop(self, *servers: str) -> None:
        """From now on connections are refused."""
        for server in servers:
            self._sockets[server].close()

    def _configuration(self) -> dict[str, Any]:
        pace = {"interval": "1s", "timeout": "800ms"}
        confirm = {"confirm": {"attempts": 3, "delay": "200ms"}}
        witness = {"probe": "tcp", "network": "AS9", "foreign": False, **pace, **self._target("witness")}
        services = [
            ("acme", "acme-corp", ("chat", "web")),
            ("acme-mail", "acme-corp", ("mail",)),
            ("echo", "echo-corp", ("echo",)),
        ]
        return {
            "vantage": {"name": self.name},
            "second_resolver": "none",
            "witnesses": [witness],
            "services": [
                {
                    "name": name,
                    "provider": provider,
                    "components": [
                        {"name": part, "targets": [{"probe": "tcp", **self._target(part)}]} for part in parts
                    ],
                    **pace,
                    **confirm,
                }
                for name, provider, parts in services
            ],
        }

    def _target(self, server: str) -> dict[str, str]:
        return {"address": f"127.0.0.1:{self._ports[server]}"}


class Chain:
    """All of it, running, and nothing wrong yet."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.places = [Place(folder, name, stack) for name in ("fra-1", "nyc-1")]
        for place in self.places:
            stack.enter_context(place.monitor)
        self.receiver = stack.enter_context(Receiver())
        for name in ("am", "prometheus"):
            (folder / name).mkdir()
        self.alertmanager = stack.enter_context(Alertmanager(folder / "am", self.receiver, times=TIMES))
        monitors = [f"127.0.0.1:{place.monitor.port}" for place in self.places]
        self.prometheus = stack.enter_context(
            ChainPrometheus(folder / "prometheus", monitors, self.alertmanager.address, times=TIMES, step=1.0)
        )
        self.receiver.wait_for("deadman", lambda one: "Watchdog" in one.firing)
        for place in self.places:
            place.monitor.wait_for_attempts(5)
        # Prometheus takes 5 s to begin with its scrapes: longer than LastseenAbsent waits here
        self.wait_until(lambda: self.is_calm() and self.alertmanager.alerts()["active"] == {"Watchdog"})
        self.began = time.time()

    def stop(self, *servers: str) -> float:
        """At both places. The Unix time."""
        began = time.time()
        for place in self.places:
            place.stop(*servers)
        return began

    def start(self, *servers: str) -> float:
        began = time.time()
        for place in self.places:
            place.start(*servers)
        return began

    def told(self, name: str, since: float) -> list[Notification]:
        return [one for one in self.receiver.of(name) if one.at >= since]

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not is_so():
            assert time.monotonic() < deadline, (self.prometheus.firing(), self.alertmanager.alerts())
            time.sleep(0.1)

    def is_calm(self) -> bool:
        return self.prometheus.firing() == {"Watchdog"} and self.alertmanager.alerts()["suppressed"] == set()


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with ExitStack() as stack:
        yield Chain(tmp_path_factory.mktemp("chain"), stack)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print past pytest, and past a worker of it: the times are for people."""

    def shown(text: str) -> None:
        with capsys.disabled():
            sys.stderr.write(f"\nalert chain: {text}\n")

    return shown


def test_one_component_that_is_gone_is_one_page_and_its_parts_are_silent(
    chain: Chain, say: Callable[[str], None]
) -> None:
    time.sleep(3)
    assert not [one.firing for name in ("pager", "tickets") for one in chain.told(name, chain.began) if one.firing]
    fault = chain.stop("chat")
    page = chain.receiver.wait_for("pager", lambda one: "ServiceDown acme" in one.firing)
    seconds = page.at - fault
    say(f"{seconds:.1f} s from the fault to the webhook")
    assert seconds < 20
    (alert,) = page.alerts
    assert alert["labels"] == {
        "alertname": "ServiceDown",
        "severity": "page",
        "job": "lastseen",
        "service": "acme",
        "provider": "acme-corp",
    }
    texts = alert["annotations"]
    assert texts["summary"] == "acme is down"
    assert "Down: chat. total, mostly at tcp" in texts["description"]
    assert "100% of the vantages" in texts["description"] or "50% of the vantages" in texts["description"]
    assert texts["runbook_url"] == "http://127.0.0.1:9797/runbooks/ServiceDown.md"
    assert texts["dashboard_url"] == "http://127.0.0.1:3000/d/lastseen-service?var-service=acme"
    silent = {"ServiceDownSomewhere acme", "ComponentDown acme", "CheckDown acme"}
    chain.wait_until(lambda: silent <= chain.alertmanager.alerts()["suppressed"])
    assert chain.alertmanager.alerts()["active"] == {"Watchdog", "ServiceDown acme"}


def test_when_all_of_the_provider_goes_that_is_what_is_said(chain: Chain, say: Callable[[str], None]) -> None:
    fault = chain.stop("web", "mail")
    page = chain.receiver.wait_for("pager", lambda one: "ProviderDown acme-corp" in one.firing)
    say(f"{page.at - fault:.1f} s from the fault to the webhook, of a whole provider")
    assert page.group == {"provider": "acme-corp"}, "the same conversation as before"
    services = {"ServiceDown acme", "ServiceDown acme-mail"}
    chain.wait_until(lambda: services <= chain.alertmanager.alerts()["suppressed"])
    assert chain.alertmanager.alerts()["active"] == {"Watchdog", "ProviderDown acme-corp"}
    firing = chain.prometheus.firing()
    assert services <= firing
    assert not [alert for alert in firing if alert.endswith(" echo")]


def test_when_they_are_back_it_is_resolved_and_nothing_comes_after(chain: Chain, say: Callable[[str], None]) -> None:
    back = chain.start("chat", "web", "mail")
    chain.wait_until(lambda: bool([one for one in chain.told("pager", back) if one.status == "resolved"]))
    chain.wait_until(chain.is_calm)
    over = [one for one in chain.told("pager", back) if one.status == "resolved"]
    assert {one.group["provider"] for one in over} == {"acme-corp"}
    say(f"{over[-1].at - back:.1f} s from the return to resolved, of which 30 s are the quiet half hour")
    began = time.time()
    time.sleep(6)  # more than a group_interval
    assert not [one.firing for one in chain.receiver.got if one.at > began and one.receiver != "deadman"]


def test_a_place_that_lost_its_own_way_out_is_no_page_about_anybody(chain: Chain, say: Callable[[str], None]) -> None:
    chain.wait_until(chain.is_calm)
    (lost, _) = chain.places
    fault = time.time()
    lost.stop(*SERVERS)
    told = chain.receiver.wait_for("tickets", lambda one: "VantageBlind fra-1" in one.firing)
    say(f"{told.at - fault:.1f} s from losing the own network to the webhook")
    time.sleep(5)
    assert chain.told("pager", fault) == []
    assert {alert for one in chain.told("tickets", fault) for alert in one.firing} == {"VantageBlind fra-1"}
    lost.start(*SERVERS)
    chain.receiver.wait_for("tickets", lambda one: one.at > told.at and one.status == "resolved")
