"""The pictures that other sites show beside a link: what is on them, how they are drawn, and where they are named."""

import re
import subprocess
import sys
import time
from dataclasses import replace
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from monitor.domain.outage import Span
from monitor.domain.words import State, VantageState
from monitor.web.canvas import Canvas, draw
from monitor.web.preview import COLOURS, HEIGHT, WIDTH, Preview, Strip, wrapped
from tests.support.fakes import a_check
from tests.support.windows import NOW, signal_open, whatsapp_2022
from tests.web.scene import Scene, Share, client
from tests.web.test_pages import Elements, look
from tests.web.test_pictures import day

NASTY = "<script>alert(1)</script>\"' & ]]> \u202etxt\x00"
FAR_AWAY = "Сигнал 信号 إشارة שלום हिन्दी 👩‍👩‍👧 Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳"
SIGNAL, WHATSAPP = signal_open(), whatsapp_2022()
PICTURES = ("/picture/status.png", "/picture/service/signal.png", f"/picture/outage/{WHATSAPP.id}.png")


def a_scene() -> Scene:
    scene = Scene()
    scene.board.replace([a_check("g.example", service="signal", component=part) for part in ("chat", "media")])
    scene.states = {("signal", ""): State.DOWN}
    scene.titles = {"signal": "Signal", "whatsapp": "WhatsApp"}
    scene.keep((SIGNAL, ()), (WHATSAPP, ()))
    scene.shelf.shares = [Share(service="signal", share=0.999, coverage=1.0)]
    scene.shelf.days = [
        replace(day(ago, 7200.0 if ago == 3 else 0.0), service="signal", component=part)
        for part in ("", "chat", "media")
        for ago in range(80)
    ]
    return scene


def a_preview(**changes: object) -> Preview:
    bars = Strip(name="chat", paths=(("fine", "M0 14H720"), ("down", "M3 28v-28")), size=(720, 28))
    made = Preview(word="failed", title="Signal is down", text="It is.", strips=(bars,), axis=("then", "today"))
    return replace(made, **changes)  # type: ignore[arg-type]  # of any field


def opened(body: bytes) -> Image.Image:
    image = Image.open(BytesIO(body))
    image.load()
    assert (image.format, image.size, image.mode) == ("PNG", (WIDTH, HEIGHT), "RGB")
    assert len(body) < 150_000
    return image


def shares(image: Image.Image, colour: str) -> int:
    """Pixels of a colour."""
    rgb = tuple(int(COLOURS[colour][place : place + 2], 16) for place in (1, 3, 5))
    return sum(count for count, found in image.getcolors(1 << 24) or [] if found == rgb)


@pytest.mark.parametrize("path", PICTURES)
async def test_each_page_has_a_picture_small_and_quickly_drawn(path: str) -> None:
    costs, body = [], b""
    async with client(a_scene()) as http:
        for turn in range(4):  # the first imports what draws
            began = time.process_time()
            answer = await http.get(f"{path}?turn={turn}")
            body = await answer.read()
            costs.append(time.process_time() - began)
            assert (answer.status, answer.content_type) == (200, "image/png")
            assert "Content-Encoding" not in answer.headers, "it is compressed already"
    image = opened(body)
    assert shares(image, "bar-down") > 300
    assert min(costs) < 0.3, "seconds of processor time"


async def test_the_picture_of_a_service_shows_what_was_not_seen_and_that_it_is_us() -> None:
    drawn = set()
    for coverage, state in ((1.0, VantageState.ONLINE), (0.5, VantageState.ONLINE), (1.0, VantageState.OFFLINE)):
        scene = a_scene()
        scene.shelf.shares = [Share(service="signal", share=0.999, coverage=coverage)]
        scene.standing = Span(vantage="fra-1", state=state, start=NOW - 300, end=None)
        async with client(scene) as http:
            drawn.add(await (await http.get("/picture/service/signal.png")).read())
    assert len(drawn) == 3


async def test_a_reader_who_has_it_is_told_so_and_the_seconds_do_not_make_another_one() -> None:
    scene = a_scene()
    async with client(scene) as http:
        first = await http.get(PICTURES[2])
        tag = first.headers["ETag"]
        scene.clock.advance(20)
        again = await http.get(PICTURES[2], headers={"If-None-Match": tag})
        assert (again.status, await again.read()) == (304, b"")
        assert again.headers["ETag"] == tag


@pytest.mark.parametrize("path", ["/picture/service/none.png", "/picture/outage/none.png", "/picture/none.png"])
async def test_of_what_is_not_there_there_is_no_picture(path: str) -> None:
    async with client(a_scene()) as http:
        assert (await http.get(path)).status == 404


async def test_without_the_store_a_picture_shows_what_is_known() -> None:
    scene = a_scene()
    scene.shelf.problem = "/secret is damaged"
    async with client(scene) as http:
        answers = [await http.get(path) for path in PICTURES]
        assert [answer.status for answer in answers] == [200, 200, 503]
        assert "secret" not in await answers[2].text()


def tags(text: str) -> dict[str, str]:
    """What a page tells of itself to other sites."""
    found = [attributes for tag, attributes in Elements(text).found if tag == "meta"]
    return {
        name: unescape(each["content"] or "")
        for each in found
        if (name := each.get("property") or each.get("name") or "").startswith(("og:", "twitter:"))
    }


@pytest.mark.parametrize(
    ("page", "picture", "alt"),
    [
        ("/", "/picture/status.png", "Signal chat fails on and off."),
        ("/service/signal", "/picture/service/signal.png", "Signal: down"),
        (f"/outage/{SIGNAL.id}", f"/picture/outage/{SIGNAL.id}.png", "Signal chat fails on and off. Signal: chat is"),
        ("/?lang=it", "/picture/status.png?lang=it", "Signal chat"),
    ],
)
async def test_pages_name_their_picture_at_the_address_that_people_use(page: str, picture: str, alt: str) -> None:
    scene = a_scene()
    scene.url = "https://status.example"
    told = tags(await look(scene, page))
    assert told["og:image"] == f"https://status.example{picture}"
    assert (told["og:image:width"], told["og:image:height"], told["og:image:type"]) == ("1200", "630", "image/png")
    assert told["og:image:alt"].startswith(alt)
    assert told["twitter:card"] == "summary_large_image"
    async with client(scene) as http:
        answer = await http.get(picture)
        opened(await answer.read())
        assert answer.headers["Content-Language"] == ("it" if "it" in page.split("=") else "en")


async def test_without_a_configured_address_it_is_that_of_the_host_that_was_asked() -> None:
    told = tags(await look(a_scene(), headers={"Host": "monitor.example:9797"}))
    assert told["og:image"] == "http://monitor.example:9797/picture/status.png"
    assert "og:image" not in tags(await look(a_scene(), "/history"))


async def test_a_service_of_an_odd_name_has_its_picture() -> None:
    scene = Scene()
    scene.board.replace([a_check("a", service="a b/ü?")])
    (path,) = re.findall(
        r'property="og:image" content="http://[^/]+([^"]+)"', await look(scene, "/service/a%20b%2F%C3%BC%3F")
    )
    async with client(scene) as http:
        opened(await (await http.get(unescape(path))).read())


@pytest.mark.parametrize("said", [NASTY, FAR_AWAY, "x" * 3000, "", " "], ids=["markup", "far", "long", "none", "space"])
async def test_whatever_people_and_servers_call_things_a_picture_comes_of_it(said: str) -> None:
    scene = a_scene()
    scene.is_public = True
    scene.titles = {"signal": said}
    window = signal_open(sentence=said, target=said, vantages=(said, "b"), services=("signal", said), reason=None)
    scene.keep((window, ()))
    async with client(scene) as http:
        for path in (*PICTURES[:2], f"/picture/outage/{window.id}.png"):
            opened(await (await http.get(path)).read())


async def test_strangers_get_pictures_and_no_more_than_pages_tell() -> None:
    scene = a_scene()
    scene.is_public = True
    async with client(scene) as http:
        for path in PICTURES:
            assert (await http.get(path)).status == 200


def test_text_is_broken_between_words_and_cut_where_there_is_no_more_room() -> None:
    def measure(text: str) -> float:
        return len(text)

    assert wrapped("one two three", 7, 5, measure) == ["one two", "three"]
    assert wrapped("one two three", 7, 1, measure) == ["one tw…"]
    assert wrapped("extraordinary", 5, 9, measure) == ["extra", "ordin", "ary"]
    assert wrapped("a extraordinary b", 5, 2, measure) == ["a", "extr…"]
    assert wrapped("", 5, 2, measure) == []
    assert wrapped("one", 5, 0, measure) == []


@given(st.text(max_size=300), st.integers(2, 40), st.integers(1, 5))
def test_no_line_is_wider_than_it_may_be_and_none_too_many(text: str, width: int, most: int) -> None:
    found = wrapped(text, width, most, len)
    assert len(found) <= most
    assert all(0 < len(line) <= width for line in found)
    whole = "".join(found)
    assert whole.endswith("…") or whole.replace(" ", "") == "".join(text.split())


@settings(max_examples=25)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=400), st.sampled_from(["failed", "ok", "nonsense"])
)
def test_no_text_breaks_the_drawing(text: str, word: str) -> None:
    opened(draw(a_preview(title=text, state=text, when=text, text=text, foot=text, word=word, axis=(text, text))))


def test_bars_are_as_long_as_their_paths_say() -> None:
    half = a_preview(strips=(Strip(name="", paths=(("total", "M0 6H500"),), size=(1000, 12), is_lane=True),))
    whole = replace(half, strips=(replace(half.strips[0], paths=(("total", "M0 6H1000"),)),))
    nothing = replace(half, strips=(replace(half.strips[0], paths=()),))
    small, large, none = (shares(opened(draw(each)), "bar-down") for each in (half, whole, nothing))
    assert none == 0
    assert large == pytest.approx(2 * small, rel=0.01)


def test_many_strips_and_a_long_text_leave_room_for_each_other() -> None:
    strips = tuple(
        Strip(name=f"s{n}", paths=(("total", "M0 6H1000"),), size=(1000, 12), is_lane=True) for n in range(9)
    )
    image = opened(draw(a_preview(strips=strips, text="word " * 300, title="word " * 60, state="open", when="now")))
    assert shares(image, "bar-down") > 20_000


def test_without_fonts_on_the_machine_accents_are_left_out_and_letters_stay(tmp_path: Path) -> None:
    bare, accented = (
        Canvas(a_preview(title=title, text=title), tmp_path / "none").png()
        for title in ("Tout cela repond: oeuvre > ca va", "Tout cela répond: œuvre → ça va")
    )
    assert bare == accented
    opened(bare)


def test_the_colours_are_those_of_the_pages() -> None:
    style = (Path(__file__).parents[2] / "monitor/web/static/style.css").read_text()
    light = style.partition("@media")[0]
    known = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", light))
    shown = {name: known[name] for name in COLOURS}
    assert shown == {**COLOURS, "paper": "#fff"}


def test_no_start_waits_for_what_draws() -> None:
    code = "import sys, monitor.app, monitor.web.server; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
