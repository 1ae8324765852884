"""Real servers that really fail, and the windows that a real monitor makes of it: dated by what happened.

Four stories are told side by side, since each takes a while; the tests look at what came of them.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import CertificateAuthority
from tests.support.monitor import Metrics, Monitor
from tests.support.namespace import Namespace
from tests.support.regions import SERVICE, Regions, Server, mosquitto, nginx
from tests.support.servers import free_port

INTERVAL = 1.0
CONFIRM = 0.3
DECIDED = INTERVAL + 3 * CONFIRM + 2.0
"""Seconds until a window is decided: what DESIGN allows (an interval and 10 s, of which three confirmations take 6),
with confirmations that are quicker; a sitting a second, and a second for a machine with other work."""
QUIET = 15.0
"""Fifteen rounds, as fifteen minutes are with checks once a minute."""
_FLAPS = 3
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something was done between two Unix times."""

    began: float
    ended: float

    def is_start_of(self, stamp: float) -> bool:
        """Whether it was dated within an interval and a second."""
        return self.began - 0.05 <= stamp <= self.ended + INTERVAL + 1.0


def seconds(stamp: dict[str, Any] | None) -> float:
    assert stamp is not None
    return float(stamp["epoch_ms"]) / 1000


def windows(monitor: Monitor, service: str) -> list[dict[str, Any]]:
    """All that are stored of a service, newest first, absorbed ones apart."""
    while (answer := monitor.get(f"/api/v1/outages?service={service}")).status == 503:
        time.sleep(0.2)  # the disk of a busy machine
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = json.loads(answer.body)["outages"]
    return found


def wait_for(monitor: Monitor, service: str, *statuses: str) -> dict[str, Any]:
    """The only window of a service, once it has one of these statuses."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = windows(monitor, service)
        assert len(found) <= 1, found
        if found and found[0]["status"] in statuses:
            return found[0]
        assert time.monotonic() < deadline, f"{found}\n{monitor.log[-3000:]}"
        time.sleep(0.1)


def watching(witness: tuple[str, int], *services: dict[str, Any], **top: Any) -> dict[str, Any]:
    common = {"interval": f"{INTERVAL:g}s", "timeout": "800ms"}
    host, port = witness
    return {
        "vantage": {"name": "fra-1", "region": "eu", "country": "DE", "network": "AS1"},
        "services": [
            {"provider": service["name"], "confirm": {"attempts": 3, "delay": f"{CONFIRM:g}s"}, **common, **service}
            for service in services
        ],
        "witnesses": [{"probe": "tcp", "address": f"{host}:{port}", "network": "AS9", "foreign": False, **common}],
        "judgement": {"quiet": f"{QUIET:g}s"},
        **top,
    }


def service(name: str, **components: tuple[str, int]) -> dict[str, Any]:
    targets = {part: [{"probe": "tcp", "address": f"{host}:{port}"}] for part, (host, port) in components.items()}
    return {"name": name, "components": [{"name": part, "targets": found} for part, found in targets.items()]}


class House:
    """A namespace with brokers that can be stopped, a web server that never is, and monitors."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._namespace = stack.enter_context(Namespace(folder))
        self.web = self._server("web", ("127.0.0.1", free_port()), nginx)

    def broker(self, name: str) -> Server:
        return self._server(name, ("127.0.0.1", free_port()), mosquitto)

    def monitor(self, broker: Server) -> Monitor:
        """One that watches three components of a service, of which one is the broker."""
        fine = self.web.address
        config = watching(fine, service("acme", chat=broker.address, web=fine, api=fine))
        monitor = Monitor(self.folder / "monitor", config, namespace=self._namespace)
        self.start(monitor)
        return monitor

    def start(self, monitor: Monitor) -> None:
        """Start it, or start it again."""
        self._stack.enter_context(monitor)

    def _server(
        self, name: str, address: tuple[str, int], program: Callable[[Path, tuple[str, int]], list[str | Path]]
    ) -> Server:
        folder = self.folder / name
        folder.mkdir()
        return self._stack.enter_context(Server(self._namespace, folder, program(folder, address), address))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What happened to a server, and its window as it was from time to time."""

    stopped: Moment
    started: Moment
    seen: list[dict[str, Any]]
    windows: int
    """How many there were in the end."""
    metrics: Metrics


def stop(server: Server) -> Moment:
    began, ended = server.stop()
    return Moment(began=began, ended=ended)


def start(server: Server) -> Moment:
    began, ended = server.start()
    return Moment(began=began, ended=ended)


def told_of(monitor: Monitor, stopped: Moment, started: Moment, seen: list[dict[str, Any]]) -> Told:
    return Told(
        stopped=stopped,
        started=started,
        seen=seen,
        windows=len(windows(monitor, "acme")),
        metrics=monitor.metrics("lastseen_out", "lastseen_down", "_state"),
    )


def tell_of_one_that_is_stopped(house: House) -> Told:
    broker = house.broker("stopped")
    monitor = house.monitor(broker)
    monitor.wait_for_attempts(4)
    stopped = stop(broker)
    seen = [wait_for(monitor, "acme", "open")]
    time.sleep(3)
    started = start(broker)
    seen += [wait_for(monitor, "acme", "recovering"), wait_for(monitor, "acme", "closed")]
    return told_of(monitor, stopped, started, seen)


def tell_of_one_that_flaps(house: House) -> Told:
    broker = house.broker("flapping")
    monitor = house.monitor(broker)
    monitor.wait_for_attempts(4)
    stopped = stop(broker)
    seen = [wait_for(monitor, "acme", "open")]
    for _ in range(_FLAPS):
        time.sleep(1)
        start(broker)
        seen.append(wait_for(monitor, "acme", "recovering"))
        stop(broker)
        seen.append(wait_for(monitor, "acme", "open"))
    time.sleep(1)
    started = start(broker)
    seen.append(wait_for(monitor, "acme", "closed"))
    return told_of(monitor, stopped, started, seen)


def tell_of_restarts(house: House, number: signal.Signals) -> Told:
    """The monitor is ended twice while the outage lasts, and while the server recovers.

    In order, it is ended once more, before anything is decided: it has seen the first failure, and remembers it.
    """
    broker = house.broker(number.name.lower())
    monitor = house.monitor(broker)
    monitor.wait_for_attempts(4)
    stopped = stop(broker)
    if number is signal.SIGTERM:
        time.sleep(INTERVAL)
        end(monitor, number)
        house.start(monitor)
    seen = [wait_for(monitor, "acme", "open")]
    for _ in range(2):
        end(monitor, number)
        house.start(monitor)
        seen.append(wait_for(monitor, "acme", "open"))
        monitor.wait_for_attempts(2)
    started = start(broker)
    seen.append(wait_for(monitor, "acme", "recovering"))
    end(monitor, number)
    house.start(monitor)
    seen.append(wait_for(monitor, "acme", "recovering", "closed"))
    monitor.wait_for_attempts(2)
    return told_of(monitor, stopped, started, seen)


def end(monitor: Monitor, number: signal.Signals) -> None:
    monitor.signal(number)
    monitor.process.wait(10)


_STORIES: dict[str, Callable[[House], Told]] = {
    "stopped": tell_of_one_that_is_stopped,
    "flapping": tell_of_one_that_flaps,
    "sigterm": partial(tell_of_restarts, number=signal.SIGTERM),
    "sigkill": partial(tell_of_restarts, number=signal.SIGKILL),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor())
        running = {}
        for name, story in _STORIES.items():
            house = House(tmp_path_factory.mktemp(name), stack)
            running[name] = pool.submit(story, house)
        return {name: future.result() for name, future in running.items()}


PLACES = {
    "de-fra": {"region": "eu", "country": "DE", "network": "AS3320"},
    "fr-par": {"region": "eu", "country": "FR", "network": "AS3215"},
    "us-nyc": {"region": "na", "country": "US", "network": "AS7922"},
    "ir-thr": {"region": "me", "country": "IR", "network": "AS58224"},
}
HUB, BLOCKED = "de-fra", "ir-thr"
_TOKEN = "made-up-for-tests"


class Company:
    """A monitor in each place; the one in the `HUB` follows the three others."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._stack = stack
        self.regions = stack.enter_context(Regions(folder, *PLACES))
        authority = CertificateAuthority(folder / "ca")
        chat, witness = (SERVICE, 443), (SERVICE, 80)
        for address, leaf in ((chat, authority.leaf(["chat.test"])), (witness, None)):
            own = folder / f"nginx-{address[1]}"
            own.mkdir()
            stack.enter_context(Server(self.regions.core, own, nginx(own, address, leaf), address))
        trust = {"ca_file": str(authority.ca_path), "server_name": "chat.test"}
        target = {"probe": "tls", "address": f"{SERVICE}:443", "tls": trust}
        acme = {"name": "acme", "components": [{"name": "chat", "targets": [target]}]}
        self.monitors = {name: Monitor(folder / name, {}, namespace=self.regions.of[name]) for name in PLACES}
        for name, monitor in self.monitors.items():
            monitor.headers = {"Authorization": f"Bearer {_TOKEN}"}
            web = {"listen": f"0.0.0.0:{monitor.port}", "bearer_token": _TOKEN}
            peers = [self._peer(other) for other in PLACES if other != HUB] if name == HUB else []
            vantage = {"name": name, **PLACES[name]}
            monitor.write(watching(witness, acme, vantage=vantage, web=web, peers=peers))
        for monitor in self.monitors.values():  # one after the other: a start is work for a core
            stack.enter_context(monitor)
        self.hub = self.monitors[HUB]

    def _peer(self, name: str) -> dict[str, Any]:
        return {"url": self.url(name), "token": _TOKEN, "interval": "1s"}

    def url(self, name: str) -> str:
        return f"http://{self.regions.address(name)}:{self.monitors[name].port}"

    def wait_until_all_are_heard(self) -> None:
        urls = {self.url(name) for name in PLACES} - {self.url(HUB)}

        def heard(metrics: Metrics) -> bool:
            found = metrics.all("lastseen_peer_attempts_total")
            return {labels["peer"] for labels, value in found if value >= 6} == urls

        self.hub.wait_until(heard, "lastseen_peer")

    @contextmanager
    def resetting(self, name: str) -> Iterator[list[Moment]]:
        """Meanwhile every TLS hello from there is answered with a reset. In the end: when that began, and ended."""
        began = time.time()
        self.regions.reset_hellos(name)
        moments = [Moment(began=began, ended=time.time())]
        try:
            yield moments
        finally:
            began = time.time()
            self.regions.unblock()
            moments.append(Moment(began=began, ended=time.time()))

    def kill_the_hub(self) -> None:
        end(self.hub, signal.SIGKILL)
        self._stack.enter_context(self.hub)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with ExitStack() as stack:
        yield Company(tmp_path_factory.mktemp("company"), stack)


def test_a_stopped_server_is_one_window_with_the_start_and_the_end_of_what_happened(told: dict[str, Told]) -> None:
    story = told["stopped"]
    first, _, last = story.seen
    assert story.windows == 1
    assert {window["id"] for window in story.seen} == {last["id"]}
    assert story.stopped.is_start_of(seconds(last["start"]))
    assert seconds(last["start_after"]) <= story.stopped.ended
    assert story.started.is_start_of(seconds(last["end"]))
    assert story.started.began - INTERVAL - 1 <= seconds(last["end_after"]) <= story.started.ended
    assert seconds(first["opened"]) - story.stopped.began <= DECIDED
    assert (last["target"], last["breadth"], last["kind"]) == ("acme.chat", "component", "total")
    assert (last["layer"], last["reason"], last["reach"]) == ("tcp", "refused", "undetermined")
    # failures are counted by five intervals, so that the quiet period may begin that much later
    assert QUIET <= seconds(last["closed"]) - seconds(last["end"]) <= QUIET + 5 * INTERVAL + 2
    assert story.metrics.value("lastseen_outages_total", component="chat") == 1
    assert story.metrics.sum("lastseen_outages_total", component="web") == 0
    down = story.metrics.value("lastseen_downtime_seconds_total", component="chat")
    assert down == pytest.approx(story.started.ended - story.stopped.began, abs=INTERVAL + 1)


def test_a_flapping_server_is_one_window_with_one_conversation(told: dict[str, Told]) -> None:
    story = told["flapping"]
    last = story.seen[-1]
    assert story.windows == 1
    assert {window["id"] for window in story.seen} == {last["id"]}
    assert {seconds(window["start"]) for window in story.seen} == {seconds(last["start"])}
    assert story.stopped.is_start_of(seconds(last["start"]))
    assert story.started.is_start_of(seconds(last["end"]))
    assert last["kind"] == "intermittent"
    statuses = [stage["status"] for stage in last["stages"]]
    assert statuses.count("recovering") >= _FLAPS
    assert story.metrics.value("lastseen_outages_total", component="chat") == 1


@pytest.mark.parametrize("name", ["sigterm", "sigkill"])
def test_a_monitor_that_is_ended_in_the_middle_of_an_outage_goes_on_with_the_same_window(
    told: dict[str, Told], name: str
) -> None:
    story = told[name]
    last = story.seen[-1]
    assert story.windows == 1
    assert {window["id"] for window in story.seen} == {last["id"]}
    assert {seconds(window["start"]) for window in story.seen} == {seconds(last["start"])}
    assert story.stopped.is_start_of(seconds(last["start"]))
    assert story.started.is_start_of(seconds(last["end"]))


def test_a_service_that_is_reset_in_one_country_is_local_interference(company: Company) -> None:
    company.wait_until_all_are_heard()
    with company.resetting(BLOCKED) as moments:
        window = wait_for(company.hub, "acme", "open")
        alone = wait_for(company.monitors[BLOCKED], "acme", "open")
        time.sleep(12)  # an open window is looked at again every ten seconds
        seen = [window, wait_for(company.hub, "acme", "open")]
        metrics = company.hub.metrics()
        company.kill_the_hub()  # what others saw is remembered like anything else
        company.wait_until_all_are_heard()
        seen.append(wait_for(company.hub, "acme", "open"))
    last = wait_for(company.hub, "acme", "closed")
    for found in (*seen, last):
        assert (found["reach"], found["cause"]) == ("local", "interference")
        assert (found["layer"], found["reason"], found["kind"]) == ("tls", "reset", "total")
        assert found["vantages"] == [BLOCKED]
        assert sorted(found["vantages_fine"]) == sorted(set(PLACES) - {BLOCKED})
        assert (found["id"], found["start"], found["opened"]) == (window["id"], window["start"], window["opened"])
    assert moments[0].is_start_of(seconds(last["start"]))
    assert moments[1].is_start_of(seconds(last["end"]))
    # what one network alone sees is believed after two more rounds; and its attempts come once a second
    assert seconds(window["opened"]) - moments[0].began <= DECIDED + 2 * INTERVAL + 1
    assert (alone["reach"], alone["cause"]) == ("undetermined", "undetermined")
    assert metrics.value("lastseen_service_state", service="acme") == 0, "it is up where the hub stands"
    assert metrics.value("lastseen_outage_info", service="acme", reach="local", cause="interference") == 1
    for name in ("fr-par", "us-nyc"):
        assert windows(company.monitors[name], "acme") == []


def test_a_peer_that_falls_silent_is_told_and_is_nobodys_outage(company: Company) -> None:
    company.wait_until_all_are_heard()
    known = [window["id"] for window in windows(company.hub, "acme")]
    url = company.url("us-nyc")
    company.monitors["us-nyc"].stop()
    metrics = company.hub.wait_until(lambda metrics: metrics.value("lastseen_peer_up", peer=url) == 0, "_peer_")
    heard = metrics.value("lastseen_peer_attempts_total", peer=url)
    time.sleep(5 * INTERVAL)
    metrics = company.hub.metrics("lastseen_peer", "_state")
    assert metrics.value("lastseen_peer_attempts_total", peer=url) == heard
    assert metrics.value("lastseen_peer_errors_total", peer=url, reason="unreachable") >= 1
    assert metrics.sum("lastseen_peer_up") == 2
    assert metrics.value("lastseen_service_state", service="acme") == 0
    assert [window["id"] for window in windows(company.hub, "acme")] == known
