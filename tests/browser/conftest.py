"""Debian's Chromium, and real monitors in three states for it to look at."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.stage import NASTY, furnish, nasty_note, whatsapp
from tests.support.monitor import Monitor
from tests.support.nginx import nginx
from tests.support.servers import free_port, program
from tests.support.windows import a_note

_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
VANTAGE = {"name": "fra-1", "region": "eu", "country": "DE", "network": "AS64501"}
PAST_DAYS = (1.5, 17.4, 40.2, *(60.0 + number for number in range(30)))
"""How long ago the outages were that the troubled monitor remembers."""


def _tcp(name: str, port: int) -> dict[str, Any]:
    return {"name": name, "probe": "tcp", "address": f"127.0.0.1:{port}"}


def _service(name: str, port: int, chat: int) -> dict[str, Any]:
    parts = [
        {"name": "chat", "targets": [_tcp("host-chat.example", chat), _tcp("second.example", port)]},
        {"name": "groups", "targets": [_tcp("host-groups.example", port)]},
        {"name": "web", "critical": False, "targets": [_tcp("host-web.example", port)]},
    ]
    return {"name": name, "interval": "2s", "timeout": "1s", "components": parts}


def _config(witness: int, *services: dict[str, Any]) -> dict[str, Any]:
    asked = {"probe": "tcp", "address": f"127.0.0.1:{witness}", "network": "AS64500"}
    witnesses = [{**asked, "interval": "2s", "timeout": "1s", "foreign": False}]
    return {"vantage": VANTAGE, "services": list(services), "witnesses": witnesses}


_STATUS_PAGE = {"status": {"indicator": "none", "description": "All Systems Operational"}, "components": []}
_SITE = f"location / {{ return 204; }} location = /status {{ return 200 '{json.dumps(_STATUS_PAGE)}'; }}"


def _claims(port: int) -> dict[str, Any]:
    """What its provider says of it: that all is fine."""
    asked = {"probe": "statuspage", "format": "atlassian", "url": f"http://127.0.0.1:{port}/status"}
    return {"name": "claims", "targets": [asked]}


def _made(folder: Any, up: int, closed: int) -> dict[str, Monitor]:
    """One with a past and a service that is down, one that is new and calm, one offline."""
    whatsapp_now = {**_service("whatsapp", up, up), "title": "WhatsApp", "provider": "meta"}
    failing = {**_service("signal", up, closed), "title": f"Signal {NASTY}", "provider": "signal"}
    failing["components"][1]["targets"][0]["name"] = NASTY
    failing["components"].append(_claims(up))
    many = [{**_service(f"service-{number:02}", up, up), "interval": "30s"} for number in range(10)]
    return {
        "troubled": Monitor(folder / "troubled", _config(up, whatsapp_now, failing, *many)),
        "calm": Monitor(folder / "calm", _config(up, _service("mail", up, up))),
        "offline": Monitor(folder / "offline", _config(closed, _service("mail", up, closed))),
    }


@pytest.fixture(scope="module")
def monitors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Monitor]]:
    folder = tmp_path_factory.mktemp("pages")
    with ExitStack() as stack:
        server, closed = stack.enter_context(nginx(folder, _SITE)), free_port()
        made = _made(folder, server.http, closed)
        with ThreadPoolExecutor(2) as pool:
            pool.submit(_remember, folder / "troubled", time.time()).result()  # this thread's loop is Playwright's
            list(pool.map(stack.enter_context, made.values()))
        _await_outage(made["troubled"])
        made["offline"].wait_for_attempts(2)
        yield made


def _remember(folder: Any, now: float) -> None:
    windows = [whatsapp(now, days) for days in PAST_DAYS]
    windows[1] = whatsapp(now, PAST_DAYS[1], sentence=f"WhatsApp: {NASTY}", vantages=(NASTY, "in-bom"))
    parts = ("", "chat", "groups", "web")
    furnish(
        folder,
        now,
        [(service, part) for service in ("whatsapp", "signal", "service-00") for part in parts],
        windows=windows,
        notes=[a_note(windows[0], at=now - 3600), nasty_note(windows[1])],
        checks=[f"whatsapp/{part}/host-{part}.example/tcp" for part in parts[1:]],
    )


def _await_outage(monitor: Monitor) -> None:
    """Until the judgement has called it one, and the store has it."""
    deadline = time.monotonic() + 30
    while not json.loads(monitor.get("/api/v1/outages?open=true").body).get("outages"):
        assert time.monotonic() < deadline, monitor.log[-3000:]
        time.sleep(0.2)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program("chromium"), args=list(_FLAGS))
        yield chromium
        chromium.close()


class Visit:
    """One page that is open, and everything that the browser complained of or asked for."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.base = base
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"a dialog: {dialog.message}"))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def go(self, path: str) -> "Visit":
        response = self.page.goto(f"{self.base}{path}")
        assert response is not None
        assert response.status == 200
        return self

    @property
    def headline(self) -> str:
        return self.page.locator("h1").inner_text()


Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, monitors: dict[str, Monitor]) -> Iterator[Open]:
    """Opens a path of one of the monitors; afterwards nothing may have been complained of, or asked elsewhere."""
    visits: list[Visit] = []

    def go(state: str, path: str = "/", *, script: bool = True, width: int = 1100, **more: Any) -> Visit:
        context = browser.new_context(
            java_script_enabled=script, viewport={"width": width, "height": 800}, **{"locale": "en-GB", **more}
        )
        visits.append(Visit(context, f"http://127.0.0.1:{monitors[state].port}"))
        return visits[-1].go(path)

    yield go
    for seen in visits:
        seen.page.context.close()
        assert seen.complaints == []
        assert [url for url in seen.asked if not url.startswith(seen.base)] == []
