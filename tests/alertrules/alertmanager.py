"""A real Alertmanager with our file, and the receiver at the other end of its webhooks."""

import contextlib
import http.client
import json
import re
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from typing_extensions import override

from tests.alertrules.promtool import ROOT
from tests.support.servers import ServerProcess, free_port

CONFIGURATION = ROOT / "config/alertmanager/alertmanager.yml"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WAITS = ("group_wait", "group_interval", "repeat_interval")


def quicker(text: str, times: float) -> str:
    """A duration of Prometheus' notation, so many times shorter."""
    found = re.fullmatch(r"(\d+)(ms|s|m|h)", text)
    assert found is not None, text
    return f"{max(1, round(int(found[1]) * _UNITS[found[2]] * 1000 / times))}ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One POST of Alertmanager's."""

    at: float
    """Unix time."""
    receiver: str
    status: str
    group: Mapping[str, str]
    alerts: tuple[Mapping[str, Any], ...]

    @property
    def firing(self) -> set[str]:
        """The alerts in it that fire, each ``NAME WHO`` (its service, else its provider or vantage)."""
        return {named(alert["labels"]) for alert in self.alerts if alert["status"] == "firing"}


def named(labels: Mapping[str, str]) -> str:
    """``ServiceDown whatsapp``, ``VantageBlind fra-1``."""
    who = [labels[name] for name in ("service", "provider", "vantage") if name in labels]
    return " ".join([labels["alertname"], *who[:1]])


class Receiver:
    """Takes every webhook. ``got`` has them in the order of arrival."""

    def __init__(self) -> None:
        self.got: list[Notification] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.got))
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def of(self, name: str) -> list[Notification]:
        """What reached this receiver of the configuration."""
        return [one for one in self.got if one.receiver == name]

    def wait_for(self, name: str, is_it: Callable[[Notification], bool], *, timeout: float = 30.0) -> Notification:
        """The first of its notifications that is as wanted."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for one in self.of(name):
                if is_it(one):
                    return one
            time.sleep(0.05)
        raise AssertionError(f"{name} only got {[(one.status, one.firing) for one in self.of(name)]}")


def _handler(got: list[Notification]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at = time.time()
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            got.append(
                Notification(
                    at=at,
                    receiver=self.path.strip("/"),
                    status=told["status"],
                    group=told["groupLabels"],
                    alerts=tuple(told["alerts"]),
                )
            )

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    return Handler


@dataclass(slots=True)
class _Rewritten:
    """Our file, with the waits of its routes shortened and webhooks to ``port`` in place of its placeholders."""

    port: int
    times: float
    document: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.document = yaml.safe_load(CONFIGURATION.read_text())
        self._hasten(self.document["route"])
        self.document["receivers"] = [self._receiver(one) for one in self.document["receivers"]]

    def _hasten(self, route: dict[str, Any]) -> None:
        route.update({name: quicker(route[name], self.times) for name in _WAITS if name in route})
        for inner in route.get("routes", ()):
            self._hasten(inner)

    def _receiver(self, one: Mapping[str, Any]) -> dict[str, Any]:
        channels = [channel for key, found in one.items() if key != "name" for channel in found]
        hooks = [
            {"url": f"http://127.0.0.1:{self.port}/{one['name']}", "send_resolved": channel.get("send_resolved", True)}
            for channel in channels
        ]
        return {"name": one["name"], **({"webhook_configs": hooks} if hooks else {})}


class Alertmanager(ServerProcess):
    """With `CONFIGURATION`, whose waits are so many ``times`` shorter."""

    def __init__(self, folder: Path, receiver: Receiver, *, times: float = 1.0) -> None:
        port = free_port()
        file = folder / "alertmanager.yml"
        file.write_text(yaml.safe_dump(_Rewritten(receiver.port, times).document))
        options = [f"--storage.path={folder / 'data'}", "--cluster.listen-address="]
        command = ["prometheus-alertmanager", f"--config.file={file}", *options]
        super().__init__(folder, [*command, f"--web.listen-address=127.0.0.1:{port}"], port)

    def post(self, *alerts: Mapping[str, str]) -> None:
        """Let alerts with these labels fire."""
        body = json.dumps([{"labels": labels, "annotations": {}} for labels in alerts]).encode()
        connection = http.client.HTTPConnection(self.address, timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", "/api/v2/alerts", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()

    def alerts(self, *matchers: str) -> dict[str, set[str]]:
        """``active`` and ``suppressed`` -> the alerts that are so now, as `named` says it."""
        query = urllib.parse.urlencode({"filter": matchers}, doseq=True)
        with urllib.request.urlopen(f"http://{self.address}/api/v2/alerts?{query}", timeout=10) as response:
            found = json.load(response)
        states: dict[str, set[str]] = {"active": set(), "suppressed": set()}
        for alert in found:
            states.setdefault(alert["status"]["state"], set()).add(named(alert["labels"]))
        return states
