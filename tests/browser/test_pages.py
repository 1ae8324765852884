"""The pages as a browser shows them: Debian's Chromium looks at real monitors."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import Page, expect

from monitor.web.runbooks import runbook_folder
from tests.browser.conftest import PAST_DAYS, Open
from tests.browser.stage import NASTY

_PICTURES = os.environ.get("LASTSEEN_PICTURES")
"""A folder to leave screenshots in, for people."""
OUTAGE = f"/outage/w{PAST_DAYS[0]:05.1f}-whatsapp"
ATTACKED = f"/outage/w{PAST_DAYS[1]:05.1f}-whatsapp"
PAGES = ("/", "/service/whatsapp", "/service/signal", OUTAGE, ATTACKED, "/history")


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def script(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_a_calm_monitor_that_has_just_begun(visit: Open) -> None:
    seen = visit("calm")
    assert seen.headline == "Everything that was asked answers."
    assert seen.page.title() == "Everything that was asked answers. - lastseen"
    assert seen.page.get_by_text("Seen from fra-1, eu, DE, AS64501").is_visible()
    assert seen.page.get_by_text("No outage has ended in this time.").is_visible()
    assert seen.page.locator(".services li .state").inner_text() == "up"
    _picture(seen.page, "calm")


def test_something_is_down_and_the_first_glance_tells_what_and_whether_it_is_us(visit: Open, *, script: bool) -> None:
    seen = visit("troubled", script=script)
    assert seen.headline == f"Signal {NASTY} chat is down. Our own network is fine."
    card = seen.page.locator("article.card")
    assert card.get_by_text("seen from fra-1 alone").is_visible()
    assert card.get_by_role("img", name=re.compile(r"^down from .* to now \(tcp\)$")).is_visible()
    rows = seen.page.locator(".services li")
    assert rows.count() == 12
    assert rows.nth(0).get_by_role("link").inner_text() == "WhatsApp"
    assert "down" in rows.nth(1).locator(".state").inner_text()
    label = rows.nth(0).get_by_role("img").get_attribute("aria-label") or ""
    assert label.startswith("Last 90 days: down on ")
    _picture(seen.page, f"troubled-{script}")


def test_what_the_provider_says_stands_beside_what_we_find(visit: Open) -> None:
    seen = visit("troubled")
    saying = "The provider says: fine"
    expect(seen.page.locator("article.card .saying")).to_contain_text(f"{saying} All Systems Operational")
    expect(seen.page.locator(".services .saying")).to_have_text(saying)
    _picture(seen.page, "provider")
    seen.go("/service/signal")
    expect(seen.page.locator(".saying")).to_contain_text(saying)
    seen.page.locator("article.card a").first.click()
    fact = seen.page.locator("dl div").filter(has_text="Provider acknowledged")
    expect(fact.locator("dd")).to_have_text("not so far")


def test_we_are_offline(visit: Open) -> None:
    seen = visit("offline")
    assert seen.headline.startswith("It is us: our own network is unreachable since 20")
    assert seen.page.locator("article.card").count() == 0
    _picture(seen.page, "offline")


def test_from_a_service_to_its_page_to_an_outage_and_back(visit: Open, *, script: bool) -> None:
    seen = visit("troubled", script=script)
    seen.page.locator(".services").get_by_role("link", name="WhatsApp").click()
    assert seen.headline.startswith("WhatsApp up")
    parts = seen.page.locator(".component h3").all_inner_texts()
    assert [part.split()[0] for part in parts[1:]] == ["chat", "groups", "web"]
    assert seen.page.get_by_text("host-chat.example").is_visible()
    spark = seen.page.get_by_role("img", name=re.compile("^Mean time of an answer by the hour")).first
    assert spark.is_visible()
    assert not seen.page.locator("#bad-days li").first.is_visible()
    seen.page.locator("#bad-days summary").click()
    assert seen.page.locator("#bad-days li").first.is_visible()
    _picture(seen.page, f"service-{script}")
    seen.page.get_by_role("link", name="WhatsApp was down for 2 h 55 min").first.click()
    assert seen.headline == "WhatsApp was down for 2 h 55 min over"
    assert seen.page.locator(".lane").count() == 7
    assert seen.page.locator(".events li").count() == 8
    assert seen.page.get_by_text("handshake/timeout no ServerHello within 10 s").is_visible()
    assert seen.page.get_by_text("Our campaign was put off by a day.").is_visible()
    _picture(seen.page, f"outage-{script}")
    seen.page.get_by_role("link", name="lastseen").click()
    assert seen.headline.endswith("Our own network is fine.")


def test_the_history_is_filtered_by_its_form_and_taken_along(visit: Open, *, script: bool) -> None:
    seen = visit("troubled", "/history", script=script)
    assert seen.page.locator("article").count() == 25
    seen.page.get_by_role("link", name="Older").click()
    assert seen.page.locator("article").count() == len(PAST_DAYS) + 1 - 25
    seen.page.get_by_label("Service").select_option("whatsapp")
    seen.page.get_by_label("Text in names").fill("CAMPAIGN")
    seen.page.get_by_role("button", name="Search").click()
    assert seen.page.locator("article h2").all_inner_texts() == ["WhatsApp was down for 2 h 55 min"]
    assert seen.page.get_by_label("Service").input_value() == "whatsapp"
    for name in ("CSV", "iCal", "JSON", "Atom"):
        link = seen.page.locator(".downloads").get_by_role("link", name=name).get_attribute("href")
        answer = seen.page.request.get(f"{seen.base}{link}")
        assert answer.status == 200
        assert answer.text().count("20") > 0
        assert "signal" not in answer.text()
    seen.page.get_by_role("link", name="Clear").click()
    assert seen.page.locator("article").count() == 25
    _picture(seen.page, f"history-{script}")


def test_a_language_is_switched_once_and_stays(visit: Open) -> None:
    seen = visit("troubled", "/history?service=whatsapp", script=False)
    seen.page.get_by_role("link", name="Français").click()
    assert seen.page.locator("html").get_attribute("lang") == "fr"
    assert seen.headline == "Pannes de tous les temps"
    assert seen.page.get_by_label("Service").input_value() == "whatsapp"
    seen.go("/")
    assert seen.headline.endswith("chat est en panne. Notre propre réseau va bien.")
    seen.page.get_by_role("link", name="Italiano").click()
    assert seen.headline.endswith("La nostra rete sta bene.")
    english = visit("troubled", locale="it-CH")
    assert english.headline.endswith("La nostra rete sta bene."), "the browser's own language, without a choice"


@pytest.mark.parametrize(("scheme", "language"), [("light", "fr"), ("dark", "en")])
def test_on_a_narrow_screen_nothing_sticks_out(visit: Open, scheme: str, language: str) -> None:
    seen = visit("troubled", width=360, color_scheme=scheme, locale=language)
    for path in PAGES:
        seen.go(path)
        _picture(seen.page, f"narrow-{scheme}-{language}-{path}")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_a_runbook_can_be_read_on_the_phone_of_who_was_woken(visit: Open) -> None:
    seen = visit("calm", width=320)
    for name in sorted(path.name for path in runbook_folder().glob("*.md")):
        seen.go(f"/runbooks/{name}")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 320, name


def test_the_legend_keeps_its_colours_where_the_system_chooses_them(visit: Open) -> None:
    seen = visit("troubled", forced_colors="active")
    colour = "(e, part) => getComputedStyle(e, part).backgroundColor"
    keys = [key.evaluate(colour, "::before") for key in seen.page.locator(".key.fine, .key.blind").all()]
    assert len(set(keys)) == 2


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1100)])
def test_axe_finds_nothing_serious(visit: Open, scheme: str, width: int) -> None:
    for state, paths in (("troubled", ("/", "/service/signal", OUTAGE, "/history")), ("offline", ("/",))):
        seen = visit(state, width=width, color_scheme=scheme)
        for path in paths:
            seen.go(path)
            _picture(seen.page, f"{state}-{scheme}-{width}-{path}")
            found = Axe().run(seen.page).response["violations"]
            assert _told(found) == [], path


def _told(violations: list[dict[str, Any]]) -> list[str]:
    serious = [each for each in violations if each["impact"] in ("serious", "critical")]
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary']}" for each in serious for node in each["nodes"]
    ]


def test_the_keyboard_reaches_everything_and_shows_where_it_is(visit: Open) -> None:
    seen = visit("troubled")
    seen.page.keyboard.press("Tab")
    skip = seen.page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    outline = (
        "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth"
    )
    reached = set()
    for _ in range(12):
        seen.page.keyboard.press("Tab")
        reached.add(seen.page.evaluate("document.activeElement.getAttribute('href')"))
        assert seen.page.evaluate(outline) == "solid3px"
    assert {"/", "/history", "/service/whatsapp", "/service/signal"} <= reached


def test_markup_in_titles_targets_notes_and_sentences_is_text(visit: Open) -> None:
    seen = visit("troubled", "/service/signal")
    assert NASTY in seen.headline
    assert seen.page.get_by_role("rowheader", name=NASTY).is_visible()
    seen.go(ATTACKED)
    assert seen.page.locator(".said").inner_text() == NASTY
    assert seen.page.locator(".lead").inner_text() == f"WhatsApp: {NASTY}"
    for path in PAGES:
        seen.go(path)
        assert seen.page.locator("img, script:not([src='/static/live.js']), [onmouseover], [onerror]").count() == 0


def test_on_paper_there_is_the_outage_and_nothing_to_click(visit: Open) -> None:
    seen = visit("troubled", OUTAGE)
    seen.page.emulate_media(media="print")
    assert not seen.page.get_by_role("navigation").first.is_visible()
    assert not seen.page.get_by_role("link", name="Français").is_visible()
    assert seen.page.locator(".permalink").is_visible()
    _picture(seen.page, "print")


def test_the_style_is_used_and_links_lead_somewhere(visit: Open) -> None:
    seen = visit("troubled")
    colour = "element => getComputedStyle(element).backgroundColor"
    assert seen.page.locator(".headline").evaluate(colour) not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")
    links = {link.get_attribute("href") for link in seen.page.locator("a[href^='/']").all()}
    assert len(links) > 15
    for link in links:
        assert seen.page.request.get(f"{seen.base}{link}").status == 200, link


def _picture(page: Page, name: str) -> None:
    if _PICTURES:
        safe = re.sub(r"[^a-z0-9.-]+", "_", name.lower())
        page.screenshot(path=Path(_PICTURES) / f"{safe}.png", full_page=True)
