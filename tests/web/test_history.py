"""The history: a form, pages of what it finds, and the same list to take along."""

import re
from html import unescape

from monitor.domain.outage import OutageQuery
from monitor.domain.words import Breadth, Kind
from tests.support.fakes import a_check
from tests.support.windows import NOW, at, whatsapp_2022
from tests.web.scene import Scene, client
from tests.web.test_pages import look


def a_scene(windows: int = 1) -> Scene:
    scene = Scene()
    scene.board.replace([a_check("a", service="whatsapp", provider="meta"), a_check("b", service="mail")])
    scene.titles = {"whatsapp": "WhatsApp"}
    scene.keep(*((whatsapp_2022(id=f"w{number:03}"), ()) for number in range(windows)))
    return scene


async def asked(scene: Scene, query: str) -> OutageQuery:
    await look(scene, f"/history{query}")
    return scene.shelf.asked[-1]


async def test_every_field_of_the_form_reaches_the_store_and_empty_ones_do_not() -> None:
    query = await asked(
        a_scene(),
        "?service=whatsapp&provider=meta&kind=total&breadth=service&since=2022-10-01&until=2022-10-25&text=+groups+",
    )
    assert query == OutageQuery(
        service="whatsapp",
        provider="meta",
        kind=Kind.TOTAL,
        breadth=Breadth.SERVICE,
        since=at("2022-10-01T00:00:00"),
        until=at("2022-10-26T00:00:00"),
        text="groups",
        limit=26,
    )
    empty = await asked(a_scene(), "?service=&provider=&kind=&breadth=&since=&until=&text=&lang=en")
    assert empty == OutageQuery(limit=26)
    assert (await asked(a_scene(), "?until=2022-10-25T06:00:00Z")).until == at("2022-10-25T06:00:00")
    assert (await asked(a_scene(), "?since=7d")).since == NOW - 7 * 86400


async def test_the_form_shows_what_was_asked_also_of_services_that_are_gone() -> None:
    text = await look(a_scene(), "/history?service=gone&kind=total&since=2022-10-01&text=a%22b")
    assert '<option value="gone" selected>gone</option>' in text
    assert '<option value="whatsapp">WhatsApp</option>' in text
    assert '<option value="total" selected>total</option>' in text
    assert 'type="date" value="2022-10-01"' in text
    assert 'value="a&#34;b"' in text


async def test_the_list_comes_in_pages_that_keep_the_search() -> None:
    scene = a_scene(60)
    text = await look(scene, "/history?service=whatsapp&text=a%26b")
    assert text.count("<article") == 25
    (older,) = re.findall(r'rel="next" href="([^"]+)"', text)
    assert unescape(older) == "/history?service=whatsapp&text=a%26b&page=2"
    last = await look(scene, "/history?page=3")
    assert (last.count("<article"), 'rel="next"' in last, 'rel="prev"' in last) == (10, False, True)
    for page in ("0", "-1", "x", "9" * 30):
        assert await asked(scene, f"?page={page}") == OutageQuery(limit=26)


async def test_the_same_list_is_there_to_take_along_in_every_form() -> None:
    scene = a_scene()
    text = await look(scene, "/history?service=whatsapp&kind=total&until=2022-10-25&text=a+b")
    links = [unescape(link) for link in re.findall(r'class="downloads">.*?</p>', text)]
    assert len(links) == 1
    paths = re.findall(r'href="([^"]+)"', links[0])
    assert [path.partition("?")[0] for path in paths] == [
        *("/api/v1/outages.csv", "/api/v1/outages.ics", "/api/v1/outages", "/feed.atom")
    ]
    shown = scene.shelf.asked[-1]
    async with client(scene) as http:
        for path in paths:
            answer = await http.get(path)
            assert answer.status == 200, await answer.text()
            taken = scene.shelf.asked[-1]
            assert (taken.service, taken.kind, taken.until, taken.text) == (
                *(shown.service, shown.kind, shown.until, "a b"),
            )


async def test_what_cannot_be_searched_is_said_beside_the_form() -> None:
    async with client(a_scene()) as http:
        answer = await http.get("/history?since=2022-10-25&until=2022-10-01&lang=fr")
        text = await answer.text()
        assert answer.status == 400
        assert '<span lang="en">until lies before since</span>' in text
        assert 'type="date" value="2022-10-25"' in text
        assert (await http.get("/history?kind=worst")).status == 400


async def test_the_last_day_that_can_be_chosen_can_be_searched() -> None:
    scene = a_scene()
    assert (await asked(scene, "?until=9999-12-31")).until == at("9999-12-31T23:59:59")


async def test_with_very_many_services_the_field_takes_what_is_written() -> None:
    scene = a_scene()
    scene.board.replace([a_check("a", service=f"s{number}") for number in range(500)])
    text = await look(scene, "/history?service=s7")
    assert '<input id="service" name="service" maxlength="200" value="s7">' in text
    assert "s499" not in text
