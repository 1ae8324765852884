"""Real servers that really fail, and the windows that a real monitor makes of it: dated by what happened.

Four stories are told side by side, since each takes a while; the tests look at what came of them.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import CertificateAuthority
from tests.support.monitor import Metrics, Monitor
from tests.support.namespace import Namespace
from tests.support.regions import SERVICE, Regions, Server
from tests.support.servers import free_port

INTERVAL = 1.0
CONFIRM = 0.3
DECIDED = INTERVAL + 3 * CONFIRM + 2.0
"""Seconds until a window is decided: what DESIGN allows (an interval and 10 s, of which three confirmations take 6),
with confirmations that are quicker; a sitting a second, and a second for a machine with other work."""
QUIET = 8.0
_PATIENCE = 60.0
_NGINX = """{user}
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ {listen} return 204; }}
}}
"""


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
    answer = monitor.get(f"/api/v1/outages?service={service}")
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

    def monitor(self, name: str, *services: dict[str, Any]) -> Monitor:
        config = watching(self.web.address, *services)
        monitor = Monitor(self.folder / name, config, namespace=self._namespace)
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


def mosquitto(folder: Path, address: tuple[str, int]) -> list[str | Path]:
    conf = folder / "mosquitto.conf"
    conf.write_text(f"persistence false\nuser root\nlistener {address[1]} {address[0]}\nallow_anonymous true\n")
    return ["mosquitto", "-c", conf]


def nginx(folder: Path, address: tuple[str, int], leaf: tuple[Path, Path] | None = None) -> list[str | Path]:
    host, port = address
    listen = f"listen {host}:{port};"
    if leaf:
        listen = f"listen {host}:{port} ssl; ssl_certificate {leaf[0]}; ssl_certificate_key {leaf[1]};"
    conf = folder / "nginx.conf"
    conf.write_text(_NGINX.format(user="user root;", folder=folder, listen=listen))
    return ["nginx", "-e", folder / "error.log", "-c", conf]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What happened to a server, and its window as it was from time to time, the last one closed."""

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


def tell_of_one_that_is_stopped(house: House) -> Told:
    broker = house.broker("stopped")
    monitor = house.monitor("m-stopped", service("acme", chat=broker.address, web=house.web.address, api=house.web.address))
    monitor.wait_for_attempts(4)
    stopped = stop(broker)
    seen = [wait_for(monitor, "acme", "open")]
    time.sleep(3)
    started = start(broker)
    seen += [wait_for(monitor, "acme", "recovering"), wait_for(monitor, "acme", "closed")]
    return Told(
        stopped=stopped,
        started=started,
        seen=seen,
        windows=len(windows(monitor, "acme")),
        metrics=monitor.metrics("lastseen_out", "lastseen_down", "_state"),
    )


def tell_of_one_that_flaps(house: House) -> Told:
    broker = house.broker("flapping")
    monitor = house.monitor("m-flapping", service("acme", chat=broker.address, web=house.web.address, api=house.web.address))
    monitor.wait_for_attempts(4)
    stopped = stop(broker)
    seen = [wait_for(monitor, "acme", "open")]
    for _ in range(4):
        time.sleep(1.5)
        start(broker)
        seen.append(wait_for(monitor, "acme", "recovering"))
        stop(broker)
        seen.append(wait_for(monitor, "acme", "open"))
    time.sleep(1.5)
    started = start(broker)
    seen.append(wait_for(monitor, "acme", "closed"))
    return Told(
        stopped=stopped,
        started=started,
        seen=seen,
        windows=len(windows(monitor, "acme")),
        metrics=monitor.metrics("lastseen_out", "lastseen_down", "_state"),
    )


def tell_of_restarts(house: House, number: signal.Signals) -> Told:
    """The monitor is ended before it has decided, while the outage lasts, and while the server recovers."""
    name = number.name.lower()
    broker = house.broker(name)
    monitor = house.monitor(
        f"m-{name}", service("acme", chat=broker.address, web=house.web.address, api=house.web.address)
    )
    monitor.wait_for_attempts(4)
    time.sleep(10)  # what a judge knows of a check that is fine is written down every ten seconds
    stopped = stop(broker)
    time.sleep(INTERVAL)
    end(monitor, number)
    house.start(monitor)
    seen = [wait_for(monitor, "acme", "open")]
    for _ in range(2):
        end(monitor, number)
        time.sleep(0.5)
        house.start(monitor)
        seen.append(wait_for(monitor, "acme", "open"))
        monitor.wait_for_attempts(2)
    started = start(broker)
    seen.append(wait_for(monitor, "acme", "recovering"))
    end(monitor, number)
    house.start(monitor)
    seen.append(wait_for(monitor, "acme", "closed"))
    return Told(
        stopped=stopped,
        started=started,
        seen=seen,
        windows=len(windows(monitor, "acme")),
        metrics=monitor.metrics("lastseen_out", "_state"),
    )


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
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Told]]:
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor())
        running = {}
        for name, story in _STORIES.items():
            house = House(tmp_path_factory.mktemp(name), stack)
            running[name] = pool.submit(story, house)
        yield {name: future.result() for name, future in running.items()}
