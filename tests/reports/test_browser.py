"""The page in Debian's Chromium: light, dark, on paper and on a telephone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import Browser, Page, sync_playwright

from monitor.languages.words import LANGUAGES, words_in
from monitor.reports.page import as_page
from tests.reports.papers import eventful
from tests.support.servers import program

_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_READABLE = 4.5
"""Contrast of text: WCAG 2.1, 1.4.3."""
_CONTRAST = """
() => {
  const parse = color => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const under = element => {
    for (let e = element; e; e = e.parentElement) {
      const found = parse(getComputedStyle(e).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const worst = [21, ''];
  for (const element of document.querySelectorAll('body *')) {
    if (![...element.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || element.closest('svg')) continue;
    const one = light(parse(getComputedStyle(element).color)), two = light(under(element).slice(0, 3));
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < worst[0]) worst.splice(0, 2, ratio, element.className + ' ' + element.textContent);
  }
  return worst;
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program("chromium"), args=list(_FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=LANGUAGES)
def address(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> str:
    path: Path = tmp_path_factory.mktemp("report") / "october.html"
    path.write_text(as_page(eventful(), words_in(request.param)), encoding="utf-8")
    return path.as_uri()


def visit(browser: Browser, address: str, width: int, scheme: Literal["light", "dark"] = "light") -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(address)
    return page


def test_it_asks_for_nothing_runs_nothing_and_complains_of_nothing(browser: Browser, address: str) -> None:
    page = browser.new_page()
    complaints, asked = list[str](), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    assert (complaints, asked) == ([], [address])
    assert page.locator("script").count() == 0
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_in_light_and_in_dark(
    browser: Browser, address: str, scheme: Literal["light", "dark"]
) -> None:
    page = visit(browser, address, 1100, scheme)
    ratio, where = page.evaluate(_CONTRAST)
    assert ratio >= _READABLE, where
    page.close()


@pytest.mark.parametrize("width", [390, 1100])
def test_axe_finds_nothing(browser: Browser, address: str, width: int) -> None:
    """Its own script is let past the policy, which forbids every other."""
    context = browser.new_context(bypass_csp=True, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(address)
    assert [violation["id"] for violation in Axe().run(page).response["violations"]] == []
    context.close()


@pytest.mark.parametrize("width", [320, 390, 800, 1400])
def test_it_fits_every_screen(browser: Browser, address: str, width: int) -> None:
    page = visit(browser, address, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_days_are_beside_their_service_and_all_as_wide(browser: Browser, address: str) -> None:
    page = visit(browser, address, 1100)
    strips = [box for strip in page.locator("svg.strip").all() if (box := strip.bounding_box())]
    assert len(strips) == 2
    assert strips[0]["x"] == strips[1]["x"]
    assert strips[0]["width"] == strips[1]["width"] > 500
    assert page.locator("svg.strip").first.locator("g").count() == 31
    page.close()


def test_on_paper_it_is_dark_on_white_and_as_wide_as_the_sheet(browser: Browser, address: str) -> None:
    page = visit(browser, address, 695, "dark")
    page.emulate_media(media="print")
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert ink == "rgb(27, 27, 34)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 695
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF-")
    page.close()
