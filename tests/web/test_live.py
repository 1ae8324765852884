"""In a real browser: what changes under the reader's eyes and what must not, and what other sites may frame."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright, expect

from monitor.domain.words import State
from monitor.web.assets import Assets
from monitor.web.events import NEWS, News, begin, end, events
from monitor.web.server import make_app
from tests.support.fakes import a_check
from tests.support.servers import free_port, program
from tests.support.waiting import until
from tests.support.windows import signal_open
from tests.web.scene import OPEN, Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
expect.set_options(timeout=15_000)  # a browser on a busy machine
_PAGE = """<!doctype html><html lang="fr"><head><title>number {n}</title>
<script src="/static/live.js" defer></script></head><body>
<main id="main"><p id="n">{n}</p>
<details id="a"><summary>first</summary>a{n}</details>
<details id="b" open><summary>second</summary>b{n}</details>
<details id="c"{open}><summary>third</summary>c{n}</details>
<a href="/elsewhere">a link</a> <input id="find">
<p style="height: 3000px">long</p>
<p class="asof">Vu de fra-1 le <time>2022-10-25 12:00:0{n} UTC</time></p></main></body></html>"""
_HEADERS = {"Cache-Control": "public, no-cache"}


class Site:
    """One page that counts how often it was fetched, its script, and its news; it can go and come back."""

    def __init__(self) -> None:
        self.fetched = 0
        self.word = "calm"
        self.is_third_open = False
        self.status = 200
        self.ready = asyncio.Event()
        self.ready.set()
        self.port = free_port()
        self._server: TestServer | None = None
        self.news = News(lambda: self.word)

    async def page(self, _: web.Request) -> web.Response:
        self.fetched += 1
        text = _PAGE.format(n=self.fetched, open=" open" if self.is_third_open else "")
        await self.ready.wait()
        return web.Response(text=text, status=self.status, content_type="text/html", headers=_HEADERS)

    async def start(self) -> None:
        app = web.Application()
        self.news = app[NEWS] = News(lambda: self.word)
        app.on_startup.append(begin)
        app.on_shutdown.append(end)
        app.add_routes([web.get("/", self.page), web.get("/events", events), web.get("/static/{name}", Assets().get)])
        self._server = TestServer(app, port=self.port)
        await self._server.start_server()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.close()
        self._server = None

    def change(self) -> None:
        self.word += "!"
        self.news.look()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program("chromium"), args=list(_FLAGS))
        yield browser
        await browser.close()


@asynccontextmanager
async def opened(browser: Browser, site: Site) -> AsyncIterator[Page]:
    """The page in a browser whose clock a test may turn, with its stream open."""
    await site.start()
    try:
        page = await browser.new_page()
        await page.clock.install()
        async with page.expect_response("**/events"):
            await page.goto(f"http://127.0.0.1:{site.port}/")
        yield page
        await page.close()
    finally:
        await site.stop()


async def test_news_change_the_page_and_leave_the_reader_where_he_was(browser: Browser) -> None:
    site = Site()
    async with opened(browser, site) as page:
        await page.click("#a summary")
        await page.click("#b summary")
        await page.focus("text=a link")
        await page.evaluate("scrollTo(0, 700)")
        site.is_third_open = True
        site.change()
        await expect(page.locator("#n")).to_have_text("2")
        assert await page.title() == "number 2"
        assert await page.evaluate("scrollY") == 700
        assert await page.evaluate("document.activeElement.textContent") == "a link"
        is_open = await page.evaluate("[...document.querySelectorAll('details')].map((d) => d.open)")
        assert is_open == [True, False, True], "what the reader did stays, what he left alone follows the page"
        assert await page.locator("#live").count() == 0


async def test_nothing_is_taken_from_under_somebody_who_types_or_selects(browser: Browser) -> None:
    site = Site()
    async with opened(browser, site) as page:
        await page.fill("#find", "what")
        site.change()
        await page.wait_for_timeout(300)
        assert (site.fetched, await page.input_value("#find")) == (1, "what")
        await page.evaluate("document.activeElement.blur()")
        await page.clock.run_for(30_000)
        await expect(page.locator("#n")).to_have_text("2")


async def test_a_broken_stream_is_said_in_the_language_of_the_page_and_mended(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.web.events._AGAIN", 300)
    site = Site()
    async with opened(browser, site) as page:
        await site.stop()
        await expect(page.locator("#live")).to_contain_text("Plus en direct depuis")
        await expect(page.locator("#n")).to_have_text("1")
        await site.start()
        await expect(page.locator("#live")).to_have_count(0)
        await expect(page.locator("#n")).to_have_text("2")
        site.change()
        await expect(page.locator("#n")).to_have_text("3")


async def test_the_note_of_a_broken_stream_gives_the_time_of_what_is_shown_as_the_page_does(browser: Browser) -> None:
    site = Site()
    async with opened(browser, site) as page:
        site.change()
        await expect(page.locator("#n")).to_have_text("2")
        await site.stop()
        await expect(page.locator("#live")).to_have_text("Plus en direct depuis 2022-10-25 12:00:02 UTC")


async def test_a_page_that_is_not_answered_any_more_does_not_pass_for_what_is_now(browser: Browser) -> None:
    site = Site()
    async with opened(browser, site) as page:
        site.ready.clear()  # the stream stays, as on a line that went dead: no answer, and no error
        await page.clock.run_for(60_000)
        await expect(page.locator("#live")).to_have_count(0)
        await page.clock.run_for(90_000)
        await expect(page.locator("#live")).to_contain_text("depuis 2022-10-25 12:00:01 UTC")
        site.ready.set()
        await expect(page.locator("#live")).to_have_count(0)
        site.status = 503
        site.change()
        await expect(page.locator("#live")).to_have_count(1)
        assert int(await page.locator("#n").inner_text()) < site.fetched, "better what was than a complaint"
        site.status = 200
        await page.clock.run_for(30_000)
        await expect(page.locator("#live")).to_have_count(0)


async def test_a_page_that_somebody_has_selected_text_on_says_that_it_goes_out_of_date(browser: Browser) -> None:
    site = Site()
    async with opened(browser, site) as page:
        await page.evaluate("getSelection().selectAllChildren(document.getElementById('n'))")
        await page.clock.run_for(150_000)
        await expect(page.locator("#n")).to_have_text("1")
        await expect(page.locator("#live")).to_contain_text("depuis 2022-10-25 12:00:01 UTC")
        await page.evaluate("getSelection().removeAllRanges()")
        await page.clock.run_for(30_000)
        await expect(page.locator("#n")).to_have_text("2")
        await expect(page.locator("#live")).to_have_count(0)


async def test_a_monitor_that_is_back_takes_the_note_away_only_with_a_new_page(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.web.events._AGAIN", 100)
    site = Site()
    async with opened(browser, site) as page:
        await page.fill("#find", "what")
        await site.stop()
        await expect(page.locator("#live")).to_have_count(1)
        await site.start()
        await until(lambda: site.news.readers == 1)
        await page.wait_for_timeout(200)
        assert await page.locator("#live").count() == 1, "what is shown is of before"


async def test_whoever_goes_back_sees_what_is_now_and_not_what_was(browser: Browser) -> None:
    site = Site()
    await site.start()
    page = await browser.new_page()  # its clock is its own: a turned one hides how a page was come to
    try:
        await page.goto(f"http://127.0.0.1:{site.port}/")
        await page.goto("about:blank")
        await page.go_back()
        await expect(page.locator("#n")).to_have_text("2", timeout=5_000)
        await page.close()
    finally:
        await site.stop()


async def test_a_page_that_is_gone_is_shown_as_gone(browser: Browser) -> None:
    site = Site()
    async with opened(browser, site) as page:
        site.status = 404
        site.change()
        await expect(page.locator("#n")).to_have_text("2")
        await expect(page.locator("#live")).to_have_count(0)


async def test_without_a_stream_the_page_is_fetched_every_half_minute(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.web.events._READERS", 0)
    site = Site()
    async with opened(browser, site) as page:
        await expect(page.locator("#live")).to_have_count(1)
        for number in ("2", "3"):
            await page.clock.run_for(30_000)
            await expect(page.locator("#n")).to_have_text(number)
        monkeypatch.setattr("monitor.web.events._READERS", 500)
        await page.clock.run_for(30_000)
        await expect(page.locator("#live")).to_have_count(0)


async def test_a_quiet_page_is_fetched_once_a_minute(browser: Browser) -> None:
    site = Site()
    async with opened(browser, site) as page:
        await page.clock.run_for(30_000)
        await page.wait_for_timeout(200)
        assert site.fetched == 1
        await page.clock.run_for(61_000)
        await expect(page.locator("#n")).to_have_text("2")


async def hide(page: Page, *, is_hidden: bool) -> None:
    """As if the reader looked at another tab, or came back."""
    await page.evaluate(
        "(isHidden) => { Object.defineProperty(document, 'hidden', {value: isHidden, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        is_hidden,
    )


async def test_a_tab_that_nobody_sees_holds_no_connection_and_is_true_again_when_it_is_seen(browser: Browser) -> None:
    site = Site()
    async with opened(browser, site) as page:
        assert site.news.readers == 1
        await hide(page, is_hidden=True)
        await until(lambda: site.news.readers == 0)
        await hide(page, is_hidden=False)
        await until(lambda: site.news.readers == 1)
        await expect(page.locator("#n")).to_have_text("2")
        site.change()
        await expect(page.locator("#n")).to_have_text("3")


async def test_another_site_may_frame_the_card_of_a_service_and_nothing_else(browser: Browser) -> None:
    scene = Scene()
    scene.board.replace([a_check("a", service="signal", component="chat")])
    scene.states = {("signal", ""): State.DOWN}
    scene.keep((signal_open(), ()))
    server = TestServer(make_app(scene.backend(), OPEN, []))
    await server.start_server()
    frames = "".join(f"<iframe src='{server.make_url(path)}'></iframe>" for path in ("/card/signal", "/"))
    badge = f"<img src='{server.make_url('/badge/signal.svg')}'>"

    async def wiki(_: web.Request) -> web.Response:
        return web.Response(text=f"{badge}{frames}", content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/", wiki)])
    other = TestServer(app)
    await other.start_server()
    page = await browser.new_page()
    await page.goto(str(other.make_url("/")))
    card, front = page.frame_locator("iframe").nth(0), page.frame_locator("iframe").nth(1)
    await expect(card.locator("h1")).to_have_text("signal down")
    assert await card.locator("body").evaluate("(e) => getComputedStyle(e).borderLeftStyle") == "solid", "it has style"
    assert await front.locator("main").count() == 0
    assert await page.locator("img").evaluate("(e) => [e.naturalWidth > 50, e.naturalHeight]") == [True, 20]
    await page.close()
    await other.close()
    await server.close()
