"""The page as a browser shows it: Debian's Chromium looks at three states of a real monitor."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.monitor import Monitor
from tests.support.nginx import nginx
from tests.support.servers import free_port, program

_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_PICTURES = os.environ.get("LASTSEEN_PICTURES")
"""A folder to leave screenshots in, for people."""


def config(up: int, closed: int, *, fails: bool, online: bool) -> dict[str, Any]:
    def tcp(name: str, port: int) -> dict[str, Any]:
        return {"name": name, "probe": "tcp", "address": f"127.0.0.1:{port}"}

    web = {"name": "front <b>door</b>", "probe": "http", "url": f"http://127.0.0.1:{up}/"}
    witness = {"probe": "tcp", "address": f"127.0.0.1:{up if online else closed}", "network": "AS64500"}
    return {
        "vantage": {"name": "fra-1", "region": "eu", "country": "DE", "network": "AS64501"},
        "services": [
            {
                "name": "acme-chat",
                "interval": "2s",
                "timeout": "1s",
                "components": [
                    {"name": "homeserver", "targets": [web]},
                    {"name": "mqtt", "targets": [tcp("broker", closed if fails else up)]},
                    {"name": "docs", "critical": False, "targets": [tcp("mirror", up)]},
                ],
            },
            {"name": "acme-mail", "interval": "2s", "components": [{"name": "smtp", "targets": [tcp("mx", up)]}]},
        ],
        "witnesses": [{**witness, "interval": "2s", "timeout": "1s", "foreign": False}],
    }


@pytest.fixture(scope="module")
def monitors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Monitor]]:
    folder = tmp_path_factory.mktemp("page")
    with ExitStack() as stack:
        server, closed = stack.enter_context(nginx(folder, "location / { return 204; }")), free_port()
        made = {
            "ok": Monitor(folder / "ok", config(server.http, closed, fails=False, online=True)),
            "failing": Monitor(folder / "failing", config(server.http, closed, fails=True, online=True)),
            "offline": Monitor(folder / "offline", config(server.http, closed, fails=True, online=False)),
        }
        with ThreadPoolExecutor() as pool:
            list(pool.map(stack.enter_context, made.values()))
        for monitor in made.values():
            monitor.wait_for_attempts()
        await_outage(made["failing"])
        yield made


def await_outage(monitor: Monitor) -> None:
    """Until the judgement has called it one, and the store has it."""
    deadline = time.monotonic() + 20
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
    """A page that was opened, and everything that the browser complained of or asked for."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        response = page.goto(address)
        assert response is not None
        assert response.status == 200
        self.policy = response.headers["content-security-policy"]

    @property
    def headline(self) -> str:
        return self.page.locator("[role=status]").inner_text()

    def outcomes(self) -> dict[str, str]:
        """The outcome shown for each target, of rows that can be seen or folded out."""
        rows = self.page.locator("tbody tr").all()
        cells = [row.locator("td").all() for row in rows]
        return {row[1].text_content() or "": row[3].locator(".word").text_content() or "" for row in cells}


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def visit(request: pytest.FixtureRequest, browser: Browser, monitors: dict[str, Monitor]) -> Iterator[Any]:
    context = browser.new_context(java_script_enabled=request.param, viewport={"width": 1000, "height": 800})

    def go(state: str) -> Visit:
        address = f"http://127.0.0.1:{monitors[state].port}/"
        seen = Visit(context.new_page(), address)
        if request.param:
            _picture(seen.page, state)
        assert seen.complaints == []
        assert all(url.startswith(address) for url in seen.asked)
        assert "default-src 'none'" in seen.policy
        assert "script-src" not in seen.policy, "no script is allowed, and none is there"
        return seen

    yield go
    context.close()


def test_all_is_well(visit: Any) -> None:
    seen = visit("ok")
    assert seen.headline == "Everything that was asked answers."
    assert set(seen.outcomes().values()) == {"ok"}
    assert seen.page.get_by_text("from fra-1, eu, DE, AS64501").is_visible()
    assert seen.page.locator("details[open]").count() == 0
    assert seen.page.title() == "Everything that was asked answers. - lastseen"


def test_something_fails(visit: Any) -> None:
    seen = visit("failing")
    assert seen.headline == "acme-chat mqtt is down. Our own network is fine."
    card = seen.page.locator("article.card.failed")
    assert card.get_by_text("mqtt is down, total, seen from fra-1 alone, since ").is_visible()
    assert seen.outcomes()["broker"] == "failed"
    assert seen.page.get_by_text("tcp/refused: Connection refused; failing since ").is_visible()
    assert seen.page.locator("details[open] summary").inner_text().startswith("acme-chat")
    assert seen.page.locator("details[open]").count() == 1


def test_we_are_offline(visit: Any) -> None:
    seen = visit("offline")
    assert seen.headline.startswith("It is us: our own network is unreachable since 20")
    assert seen.outcomes()["broker"] == "inconclusive"
    assert "failed" not in seen.outcomes().values()


def test_an_outage_leads_to_its_own_page(visit: Any) -> None:
    seen = visit("failing")
    seen.page.get_by_role("link", name="acme-chat mqtt is down").click()
    assert seen.page.locator("h2").inner_text().startswith("acme-chat mqtt is down")
    assert seen.page.get_by_text("tcp/refused: Connection refused").first.is_visible()
    assert seen.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_narrow_screen_nothing_sticks_out(
    browser: Browser, monitors: dict[str, Monitor], scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page = context.new_page()
    for state, monitor in monitors.items():
        page.goto(f"http://127.0.0.1:{monitor.port}/")
        _picture(page, f"{state}-360-{scheme}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.goto(f"http://127.0.0.1:{monitors['failing'].port}/")
    page.locator("article.card a").click()
    _picture(page, f"outage-360-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def _picture(page: Page, name: str) -> None:
    if _PICTURES:
        page.screenshot(path=Path(_PICTURES) / f"{name}.png", full_page=True)


def test_the_text_of_a_configuration_is_text_and_the_sheet_of_styles_is_used(visit: Any) -> None:
    seen = visit("failing")
    assert seen.page.get_by_text("front <b>door</b>").is_visible()
    colour = "element => getComputedStyle(element).backgroundColor"
    failed = seen.page.locator(".headline.failed").evaluate(colour)
    assert failed not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")


def test_sections_fold_out_by_themselves_and_links_lead_somewhere(visit: Any) -> None:
    seen = visit("ok")
    broker = seen.page.get_by_text("broker", exact=True)
    assert not broker.is_visible()
    seen.page.get_by_text("acme-chat", exact=True).click()
    assert broker.is_visible()
    for link in seen.page.locator("footer a").all():
        assert seen.page.request.get(f"{seen.page.url.rstrip('/')}{link.get_attribute('href')}").status == 200
