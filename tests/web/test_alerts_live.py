"""A whole monitor that is spoken to over its API: a silence holds, ends, and who acknowledges is reminded no more."""

import json
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support.backstage import Backstage
from tests.support.monitor import Monitor
from tests.support.stubborn import mute
from tests.support.webhooks import Hook, hook

_PATIENCE = 20.0


class Stage:
    """Two services that go down together, one route to a webhook, a reminder whenever the desk looks."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.hook: Hook = stack.enter_context(Backstage()).enter(hook())
        self.faults = ExitStack()
        services = [_service(name, self.faults.enter_context(mute())) for name in ("acme", "beta")]
        witness = {"probe": "tcp", "address": f"127.0.0.1:{self.hook.port}", "network": "AS64500", "foreign": False}
        channel = {"name": "hook", "channel": "webhook", "url": f"http://127.0.0.1:{self.hook.port}/"}
        config = {
            "services": services,
            "witnesses": [{**witness, "interval": "1s", "timeout": "500ms"}],
            "alerts": {
                "channels": [channel],
                "routes": [{"name": "oncall", "channels": ["hook"], "remind": "500ms"}],
            },
        }
        self.monitor = stack.enter_context(Monitor(folder, config))

    def ask(self, method: str, path: str, **asked: str) -> Any:
        """The JSON that is answered."""
        body = json.dumps(asked).encode() if asked else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.monitor.port}{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # the address above
            text = answer.read()
        return json.loads(text) if text else None

    def told(self, service: str, since: float = 0.0) -> list[str]:
        """Events of the messages that were decided since, as they reached somebody."""
        letters = [taken.json() for taken in list(self.hook.taken) if taken.method == "POST"]
        return [
            letter["event"]
            for letter in letters
            if letter["labels"]["service"] == service and letter["decided"]["epoch_ms"] > since
        ]

    def wait(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not happened():
            assert time.monotonic() < deadline, self.monitor.log[-3000:]
            time.sleep(0.05)


def _service(name: str, port: int) -> dict[str, Any]:
    target = {"probe": "tcp", "address": f"127.0.0.1:{port}"}
    pace = {"interval": "1s", "timeout": "500ms", "confirm": {"attempts": 2, "delay": "100ms"}}
    return {"name": name, "provider": name, "components": [{"name": "chat", "targets": [target]}], **pace}


def test_what_people_say_over_the_api_holds_at_once(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stage = Stage(tmp_path, stack)
        stage.monitor.wait_for_attempts(1)
        made = stage.ask("POST", "/api/v1/silences", service="ac*", duration="1h", author="Ada")
        stage.faults.close()
        stage.wait(lambda: len(stage.told("beta")) >= 2)
        outages = {one["services"][0]: one["id"] for one in stage.ask("GET", "/api/v1/outages?open=true")["outages"]}
        assert outages.keys() == {"acme", "beta"}
        assert stage.told("acme") == [], "it is silenced, and so has nobody been told"
        stage.ask("DELETE", f"/api/v1/silences/{made['id']}")
        stage.wait(lambda: len(stage.told("acme")) >= 2)
        assert stage.told("acme")[0] == "opened"
        assert {*stage.told("acme")[1:]} == {"reminder"}

        said = stage.ask("POST", f"/api/v1/outages/{outages['acme']}/ack", author="Ada")
        assert said["outage"] == outages["acme"]
        since = said["acknowledged"]["at"]["epoch_ms"] + 500.0  # a sitting may have been under way
        stage.wait(lambda: len(stage.told("beta", since)) >= 3)
        assert stage.told("acme", since) == []
        newest = stage.ask("GET", "/api/v1/alerts?limit=3")["alerts"]
        assert {outage["id"] for one in newest for outage in one["outages"]} == {outages["beta"]}
        assert f"{said['acknowledged']['by']} looks after it" in stage.monitor.get(f"/outage/{outages['acme']}").text
