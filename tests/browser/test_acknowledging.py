"""Looking after an outage, as people do it: by the link of a letter, and by the button of the page."""

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import Browser, HttpCredentials, expect

from tests.browser.conftest import Visit, _tcp
from tests.browser.test_pages import _picture, _told
from tests.support.backstage import Backstage
from tests.support.monitor import Monitor
from tests.support.servers import free_port
from tests.support.webhooks import Hook, hook

_LOGIN: HttpCredentials = {"username": "ada", "password": "secret-of-ada"}
_ROOM = 20.0


class Told:
    """A monitor with a password, three services that are down, and what was told of them: over the second channel."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.hook: Hook = stack.enter_context(Backstage()).enter(hook())
        self.monitor = Monitor(folder, {})
        self.monitor.headers = {"Authorization": f"Basic {b64encode(b'ada:secret-of-ada').decode()}"}
        self.base = f"http://127.0.0.1:{self.monitor.port}"
        witness = {"probe": "tcp", "address": f"127.0.0.1:{self.hook.port}", "network": "AS64500"}
        ways = [
            {"name": "first", "channel": "webhook", "url": f"http://127.0.0.1:{free_port()}/"},
            {"name": "second", "channel": "webhook", "url": f"http://127.0.0.1:{self.hook.port}/"},
        ]
        routes = [{"name": "oncall", "channels": ["first", "second"]}]
        self.monitor.write(
            {
                "vantage": {"name": "fra-1"},
                "services": [_service(name) for name in ("signal", "telegram", "threema")],
                "witnesses": [{**witness, "interval": "1s", "timeout": "500ms", "foreign": False}],
                "web": {"url": self.base, "basic_auth": _LOGIN},
                "alerts": {"channels": ways, "routes": routes},
            }
        )
        stack.enter_context(self.monitor)

    def letter(self, service: str) -> dict[str, Any]:
        """What reached somebody of it."""
        deadline = time.monotonic() + _ROOM
        while True:
            letters = [taken.json() for taken in list(self.hook.taken) if taken.method == "POST"]
            found = [one for one in letters if one["labels"].get("service") == service]
            if found:
                one: dict[str, Any] = found[0]
                return one
            assert time.monotonic() < deadline, self.monitor.log[-3000:]
            time.sleep(0.1)

    def acknowledged(self, outage: str) -> Any:
        return json.loads(self.monitor.get(f"/api/v1/outages/{outage}").body)["acknowledged"]


def _service(name: str) -> dict[str, Any]:
    parts = [{"name": "chat", "targets": [_tcp("chat.example", free_port())]}]
    pace = {"interval": "1s", "timeout": "500ms", "confirm": {"attempts": 3, "delay": "100ms"}}
    return {"name": name, "title": name.title(), "components": parts, **pace}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with ExitStack() as stack:
        yield Told(tmp_path_factory.mktemp("told"), stack)


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_the_link_of_a_letter_needs_no_password_and_its_button_acknowledges(
    told: Told, browser: Browser, *, script: bool
) -> None:
    service, locale = ("signal", "fr") if script else ("telegram", "en")
    letter = told.letter(service)
    outage, link = letter["outages"][0]["id"], _link(letter["text"])
    assert told.acknowledged(outage) is None
    context = browser.new_context(java_script_enabled=script, viewport={"width": 360, "height": 700}, locale=locale)
    seen = Visit(context, told.base).go(link)
    _picture(seen.page, f"ack-{script}")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
    if script:
        assert _told(Axe().run(seen.page).response["violations"]) == []
    seen.page.reload()
    assert told.acknowledged(outage) is None, "looking is not acknowledging"
    seen.page.get_by_role("textbox").fill("Grace <b>")
    seen.page.get_by_role("button").click()
    said = {"fr": "Prise en charge par Grace <b> depuis", "en": "Grace <b> looks after it, since"}[locale]
    expect(seen.page.get_by_text(said)).to_be_visible()
    _picture(seen.page, f"acked-{script}")
    assert told.acknowledged(outage)["by"] == "Grace <b>"
    assert urlsplit(seen.page.url).path == f"/ack/{outage}"
    context.close()
    assert seen.complaints == []
    assert [url for url in seen.asked if not url.startswith(f"{told.base}/ack/")] == []


def test_the_button_of_the_page_acknowledges_in_the_name_of_who_is_logged_in(told: Told, browser: Browser) -> None:
    outage = told.letter("threema")["outages"][0]["id"]
    context = browser.new_context(http_credentials=_LOGIN, locale="en", viewport={"width": 1100, "height": 900})
    seen, other = (Visit(context, told.base).go(f"/outage/{outage}") for _ in range(2))
    row = seen.page.locator(".posts tbody tr")
    expect(row).to_contain_text("it began")
    expect(row).to_contain_text("sent by second")
    expect(row).to_contain_text("first was passed over: ")
    _picture(seen.page, "page-before")
    seen.page.get_by_role("button", name="Acknowledge").click()
    for one in (seen, other):  # the other one hears of it
        expect(one.page.get_by_text("ada looks after it, since")).to_be_visible()
        expect(one.page.locator(".events").get_by_text("ada looks after it from here on")).to_be_visible()
        expect(one.page.get_by_role("button")).to_have_count(0)
    assert seen.page.url == f"{told.base}/outage/{outage}"
    _picture(seen.page, "page-after")
    assert told.acknowledged(outage)["by"] == "ada"
    assert _told(Axe().run(seen.page).response["violations"]) == []
    context.close()
    assert seen.complaints + other.complaints == []


def test_on_a_narrow_screen_the_page_holds_together(told: Told, browser: Browser) -> None:
    outage = told.letter("signal")["outages"][0]["id"]
    context = browser.new_context(
        http_credentials=_LOGIN, viewport={"width": 360, "height": 700}, locale="it", color_scheme="dark"
    )
    seen = Visit(context, told.base).go(f"/outage/{outage}")
    expect(seen.page.get_by_role("heading", name="Chi è stato avvisato")).to_be_visible()
    _picture(seen.page, "page-narrow")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert _told(Axe().run(seen.page).response["violations"]) == []
    context.close()


def _link(text: str) -> str:
    (address,) = [word for word in text.split() if "/ack/" in word]
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"
