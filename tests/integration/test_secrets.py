"""A canary in every place where a configuration can hold a secret, servers that send back whatever they are sent, and
everything that the monitor writes or answers: no canary sings."""

import json
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typing_extensions import override

from monitor.config.alerts import AlertSettings
from monitor.config.envelope import FileSettings
from monitor.config.shapes import Shape, holds_secret, is_secret, keys, models, parts
from monitor.registry import CHANNEL_SETTINGS, PROBE_SETTINGS
from tests.support.monitor import Monitor, environment
from tests.support.servers import free_port

PROXY = "route.proxy.password"
_TELEGRAM = "123456:{}-0123456789abcdefghijklmnop"


class Canaries:
    """One for each place; each is a text that nobody else would write."""

    def __init__(self) -> None:
        self.planted: dict[tuple[str, str], str] = {}

    def at(self, kind: str, path: str) -> str:
        text = f"cnry{len(self.planted):03}q{abs(hash((kind, path))) % 10**8:08}z"
        self.planted[kind, path] = text
        return text


def places(shape: Shape, prefix: str = "") -> Iterator[str]:
    """Where settings can hold a secret, as dotted keys; of a mapping, a list or a URL the key alone."""
    for model in models(shape):
        for key, annotation in keys(model).items():
            inner = parts(annotation)
            if is_secret(inner):
                yield prefix + key
            elif holds_secret(inner):
                yield from [*places(inner, f"{prefix}{key}.")] or [prefix + key]


def of(model: type[BaseModel]) -> set[str]:
    return set(places((model,)))


@contextmanager
def echoing() -> Iterator[int]:
    """A server that sends back whatever it is sent: the worst that can be in a message of ours."""

    class Echo(socketserver.BaseRequestHandler):
        @override
        def handle(self) -> None:
            self.request.settimeout(1.0)
            try:
                while data := self.request.recv(65536):
                    self.request.sendall(data + b"\r\n")
            except OSError:
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        @override
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Whoever hangs up is nobody's error."""

    with Server(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def targets(canaries: Canaries, echo: int, nobody: int) -> list[dict[str, Any]]:
    """Two of each kind that has a secret of its own, at the echo and at nobody; and one through a proxy each."""
    at = canaries.at
    found: list[dict[str, Any]] = []
    for port in (echo, nobody):
        address, url = f"127.0.0.1:{port}", f"http://127.0.0.1:{port}/"
        found += [
            {"probe": "amqp", "address": address, "username": "u", "password": at("amqp", "password")},
            {"probe": "kafka", "address": address, "username": "u", "password": at("kafka", "password")},
            {"probe": "mqtt", "address": address, "username": "u", "password": at("mqtt", "password")},
            {"probe": "nats", "address": address, "username": "u", "password": at("nats", "password")},
            {"probe": "nats", "address": address, "token": at("nats", "token"), "timeout": "600ms"},
            {"probe": "http", "url": url, "auth": {"username": "u", "password": at("http", "auth.password")}},
            {"probe": "http", "url": url + "t", "auth": {"token": at("http", "auth.token")}},
            {"probe": "http", "url": url + "h", "headers": {"X-Key": at("http", "headers")}},
            {"probe": "websocket", "url": f"ws://{address}/", "headers": {"X-Key": at("websocket", "headers")}},
            {"probe": "whatsapp", "url": f"ws://{address}/", "headers": {"X-Key": at("whatsapp", "headers")}},
            {"probe": "imap", "address": address, "login": {"username": "u", "password": at("imap", "login.password")}},
            {"probe": "smtp", "address": address, "login": {"username": "u", "password": at("smtp", "login.password")}},
            {"probe": "irc", "address": address, "register": True, "nick": "u", "password": at("irc", "password")},
            {
                "probe": "irc",
                "address": address,
                "timeout": "600ms",
                "register": True,
                "nick": "u",
                "login": {"username": "u", "password": at("irc", "login.password")},
            },
            {
                "probe": "xmpp",
                "domain": "a.test",
                "address": address,
                "login": {"username": "u", "password": at("xmpp", "login.password")},
            },
            {
                "probe": "stun",
                "address": address,
                "transport": "tcp",
                "turn": True,
                "username": "u",
                "password": at("stun", "password"),
            },
            {
                "probe": "matrix",
                "server": "a.test",
                "side": "client",
                "homeserver": url.replace("http:", "https:"),
                "access_token": at("matrix", "access_token"),
            },
        ]
        proxy = f"http://u:{at('tcp', PROXY)}@{address}"
        found.append({"probe": "tcp", "address": "a.test:1", "route": {"proxy": proxy}})
    return [{"name": f"t{number}", **target} for number, target in enumerate(found)]


def channels(canaries: Canaries, echo: int) -> list[dict[str, Any]]:
    at, url = canaries.at, f"http://127.0.0.1:{echo}"
    mail = {"host": "127.0.0.1", "port": echo, "tls": "none", "from": "a@example.org", "to": "b@example.org"}
    there = f"u:{at('alertmanager', 'url')}@127.0.0.1:{echo}"
    return [
        {"channel": "webhook", "url": f"{url}/{at('webhook', 'url')}", "secret": at("webhook", "secret"),
         "headers": {"X-Key": at("webhook", "headers")}},
        {"channel": "alertmanager", "url": f"http://{there}", "headers": {"X-Key": at("alertmanager", "headers")}},
        {"channel": "apprise", "url": f"json://u:{at('apprise', 'url')}@127.0.0.1:{echo}"},
        {"channel": "command", "command": ["/bin/sh", "-c", "echo $KEY; echo $KEY >&2; exit 1"],
         "environment": {"KEY": at("command", "environment")}},
        {"channel": "email", **mail, "username": "u", "password": at("email", "password")},
        {"channel": "pagerduty", "url": f"{url}/{at('pagerduty', 'url')}",
         "routing_key": at("pagerduty", "routing_key").ljust(32, "0")},
        {"channel": "telegram", "api": url, "chat": 1, "token": _TELEGRAM.format(at("telegram", "token"))},
    ]  # fmt: skip


def config(canaries: Canaries, echo: int, nobody: int) -> dict[str, Any]:
    ways = [{"name": f"c{number}", **channel} for number, channel in enumerate(channels(canaries, echo))]
    quick = {"interval": "1s", "timeout": "500ms", "confirm": {"attempts": 1, "delay": "100ms"}}
    peer = {"url": f"http://127.0.0.1:{nobody}"}
    return {
        "second_resolver": "none",
        "judgement": {"quiet": "5s"},
        "services": [
            {
                "name": "s",
                "provider": "p",
                **quick,
                "components": [{"name": "c", "targets": targets(canaries, echo, nobody)}],
            }
        ],
        "peers": [
            {**peer, "token": canaries.at("file", "peers.token")},
            {
                "url": f"http://127.0.0.1:{echo}",
                "basic_auth": {"username": "u", "password": canaries.at("file", "peers.basic_auth.password")},
            },
        ],
        "web": {
            "bearer_token": canaries.at("file", "web.bearer_token"),
            "basic_auth": {"username": "u", "password": canaries.at("file", "web.basic_auth.password")},
        },
        "alerts": {
            "channels": ways,
            # One route for each channel, so that every one of them is tried.
            "routes": [{"name": f"r-{way['name']}", "channels": way["name"], "remind": "none"} for way in ways],
            "heartbeat": {"url": f"http://127.0.0.1:{echo}/{canaries.at('alerts', 'heartbeat.url')}", "interval": "1s"},
        },
    }


@pytest.fixture(scope="module")
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, canaries: Canaries) -> Mapping[str, str]:
    """All that was written, by where."""
    folder: Path = tmp_path_factory.mktemp("secrets")
    with echoing() as echo, Monitor(folder / "m", config(canaries, echo, free_port())) as monitor:
        monitor.headers = {"Authorization": f"Bearer {canaries.planted['file', 'web.bearer_token']}"}
        monitor.wait_until(lambda m: m.sum("lastseen_outbox_waiting") >= 5, "outbox", timeout=60)
        deadline = time.monotonic() + 30
        while "alert not taken" not in monitor.log or "a channel would not work" not in monitor.log:
            assert time.monotonic() < deadline, monitor.log[-3000:]
            time.sleep(0.3)
        time.sleep(3.0)  # every channel has been tried, some of them more than once
        found = _answers(monitor)
        monitor.stop()
        found["log"] = monitor.log
        with closing(sqlite3.connect(monitor.folder / "lastseen.db")) as database:
            found["database"] = "\n".join(database.iterdump())
        return found | _commands(monitor, found)


def _answers(monitor: Monitor) -> dict[str, str]:
    found: dict[str, str] = {}
    paths = ("/metrics", "/", "/service/s", "/history", "/api/v1/checks", "/api/v1/services", "/api/v1/outages",
             "/api/v1/outages.csv", "/api/v1/alerts", "/api/v1/silences", "/feed.atom", "/api/v1/attempts",
             "/outage/")  # fmt: skip
    for path in paths:
        whole = f"{path}{_outage(found)}" if path == "/outage/" else path
        answer = monitor.get(whole)
        assert answer.status == 200, (whole, answer.text)
        found[path] = answer.text
    return found


def _outage(found: Mapping[str, str]) -> str:
    return str(json.loads(found["/api/v1/outages"])["outages"][0]["id"])


def _commands(monitor: Monitor, found: Mapping[str, str]) -> dict[str, str]:
    said: dict[str, str] = {}
    preview = ("alert", "preview", _outage(found))
    for name, command in (("validate", ("validate",)), ("preview", preview), ("outages", ("outages",))):
        said[name] = _run(*command, str(monitor.path))
    checks = json.loads(found["/api/v1/checks"])["checks"]
    for check in {check["probe"]: check for check in checks}.values():
        said[f"explain {check['probe']}"] = _run("explain", check["id"], str(monitor.path))
    broken = monitor.path.read_text().replace('"second_resolver"', '"sekond_resolver"').replace('"nick"', '"nik"')
    monitor.path.write_text(broken)
    said["mistakes"] = _run("validate", str(monitor.path))
    return said


def _run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "monitor", *command], capture_output=True, text=True, env=environment(), check=False
    )
    return done.stdout + done.stderr


def test_there_is_a_canary_in_every_place(canaries: Canaries, written: Mapping[str, str]) -> None:
    planted: dict[str, set[str]] = {}
    for kind, path in canaries.planted:
        planted.setdefault(kind, set()).add(path)
    # A proxy's password is in the settings that all kinds share, and https is http.
    for kind, settings in PROBE_SETTINGS.items():
        wanted = of(settings) - {PROXY}
        assert wanted <= planted.get({"https": "http"}.get(kind, kind), set()), kind
    for kind, ways in CHANNEL_SETTINGS.items():
        assert of(ways) <= planted.get(kind, set()), kind
    assert of(AlertSettings) <= planted["alerts"]
    assert {path for path in of(FileSettings) if not path.startswith("peers")} <= planted["file"]
    assert "log" in written


def test_no_canary_sings(canaries: Canaries, written: Mapping[str, str]) -> None:
    sung = {
        (where, kind, path)
        for where, text in written.items()
        for (kind, path), secret in canaries.planted.items()
        if secret in text
    }
    assert sung == set()
    assert all(len(text) > 10 for text in written.values()), "something was not written at all"
