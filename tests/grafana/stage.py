"""Two real monitors that hear each other, over local servers of which one is gone, and a real Prometheus."""

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families as parse

from tests.grafana.asking import Grafana, Range
from tests.grafana.boards import BOARDS, Question
from tests.support.certificates import CertificateAuthority
from tests.support.monitor import Monitor
from tests.support.nginx import nginx
from tests.support.prometheus import Prometheus
from tests.support.stubborn import mute

_PATIENCE = 30.0
_SAID = {"status": {"indicator": "minor", "description": "Slow for some"}, "components": []}
_SITE = f"location = / {{ return 200 fine; }} location = /status {{ return 200 '{json.dumps(_SAID)}'; }}"


class Stage:
    """While an outage goes on: ``acme`` has lost its chat. Its vantages are ``fra-1`` and ``nyc-1``."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        authority = CertificateAuthority(folder / "ca")
        (folder / "nginx").mkdir()
        site = stack.enter_context(nginx(folder / "nginx", _SITE, authority.leaf()))
        chat = ExitStack()
        port = chat.enter_context(mute())
        self.far, self.near = Monitor(folder / "nyc", {}), Monitor(folder / "fra", {})
        tls = {"ca_file": str(authority.ca_path)}
        web = {"probe": "https", "url": f"https://localhost:{site.https}/", "tls": tls}
        status = f"http://127.0.0.1:{site.http}/status"
        claims = {"probe": "statuspage", "format": "atlassian", "url": status}
        watched = [
            _service("acme", chat={"probe": "tcp", "address": f"127.0.0.1:{port}"}, web=web, claims=claims),
            _service("echo", web={"probe": "http", "url": f"http://127.0.0.1:{site.http}/"}),
        ]
        common = {"services": watched, "second_resolver": "none", "witnesses": _witnesses(site.other)}
        self.far.write({"vantage": {"name": "nyc-1", "region": "us", "country": "US", "network": "AS2"}, **common})
        peers = [{"url": f"http://127.0.0.1:{self.far.port}", "interval": "1s"}]
        here = {"name": "fra-1", "region": "eu", "country": "DE", "network": "AS1"}
        self.near.write({"vantage": here, "peers": peers, "alerts": _alerts(site.http), **common})
        for monitor in (self.far, self.near):
            stack.enter_context(monitor)
        (folder / "prometheus").mkdir()
        addresses = [f"127.0.0.1:{monitor.port}" for monitor in (self.near, self.far)]
        self.prometheus = stack.enter_context(Prometheus(folder / "prometheus", *addresses))
        self.prometheus.wait_for("sum(lastseen_service_state{} == bool 0) == 4", timeout=_PATIENCE)
        chat.close()
        self.prometheus.wait_for(
            "(count(lastseen_outage_start_timestamp_seconds{} > 0) == 2) and (count(lastseen_outage_info{}) == 2)",
            timeout=_PATIENCE,
        )

    def grafana(self, length: float = 600.0) -> Grafana:
        """A reader who looks at the time until a step after now."""
        end = time.time() + max(20.0, length / 1000)
        return Grafana(self.prometheus.address, Range(start=end - length, end=end), scrape=1.0)

    @cached_property
    def chosen(self) -> Mapping[str, Mapping[str, str]]:
        """What the variables of each dashboard become."""
        return {name: self.grafana().choose(board) for name, board in BOARDS.items()}

    def ask(self, question: Question, length: float = 600.0) -> Any:
        return self.grafana(length).ask(question, self.chosen[question.board])

    @cached_property
    def exposed(self) -> Mapping[str, set[str]]:
        """Every sample name that a scrape of a monitor has, with its labels; and what Prometheus adds."""
        added = {"job", "instance"}
        found = {name: set(added) for name in ("up", "scrape_duration_seconds", "scrape_samples_scraped")}
        for family in parse(self.near.get("/metrics").text):
            for sample in family.samples:
                found.setdefault(sample.name, set(added)).update(sample.labels)
        return found

    def outages(self, monitor: Monitor) -> list[dict[str, Any]]:
        """What is stored of them, newest first."""
        found: list[dict[str, Any]] = json.loads(monitor.get("/api/v1/outages").body)["outages"]
        return found


def _service(name: str, **components: dict[str, Any]) -> dict[str, Any]:
    parts = [{"name": part, "targets": [target]} for part, target in components.items()]
    pace = {"interval": "1s", "timeout": "800ms", "confirm": {"attempts": 3, "delay": "200ms"}}
    return {"name": name, "provider": f"{name}-corp", "components": parts, **pace}


def _alerts(port: int) -> dict[str, Any]:
    """A channel that works, one that does not, and somebody who waits for heartbeats."""
    there = f"http://127.0.0.1:{port}"
    ways = [
        {"name": name, "channel": "webhook", "url": f"{there}{path}"} for name, path in (("gone", "/x"), ("hook", "/"))
    ]
    routes = [{"name": "oncall", "channels": ["gone", "hook"]}]
    return {"channels": ways, "routes": routes, "heartbeat": {"url": there, "interval": "1s"}}


def _witnesses(port: int) -> list[dict[str, Any]]:
    address = f"127.0.0.1:{port}"
    return [
        {"probe": "tcp", "address": address, "network": "AS9", "foreign": False, "interval": "1s", "timeout": "800ms"}
    ]
