"""Three languages: which one a reader gets, and that none of them lacks a word."""

import re
from collections.abc import Mapping
from enum import StrEnum
from importlib.resources import files
from string import Formatter

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.outage import Window
from monitor.domain.words import Breadth, Cause, Kind, Layer, Outcome, Reach, State, Status, VantageState
from monitor.formats.edition import Edition
from monitor.formats.report import report
from monitor.judgement.sentences import _EXACTLY
from monitor.languages.reader import Reader
from monitor.languages.sentence import sentence
from monitor.languages.words import LANGUAGES, Words, words_in
from monitor.web.language import language_of, preferred, switched
from monitor.web.services import PERIODS
from tests.support.windows import NOW, acme_planned, meta_2021, signal_open, telegram_recovering, whatsapp_2022
from tests.web.scene import Scene, client
from tests.web.test_pages import look

_WORDS: Mapping[str, type[StrEnum]] = {
    "breadth": Breadth,
    "cause": Cause,
    "kind": Kind,
    "layer": Layer,
    "outcome": Outcome,
    "reach": Reach,
    "state": State,
    "status": Status,
}


def asks(query: str = "", cookie: str = "", accept: str = "") -> str:
    headers = {"Cookie": f"lang={cookie}"} if cookie else {}
    return language_of(make_mocked_request("GET", f"/{query}", headers={**headers, "Accept-Language": accept}))


def test_the_address_comes_before_the_cookie_and_the_cookie_before_the_browser() -> None:
    assert asks("?lang=it", cookie="fr", accept="en") == "it"
    assert asks(cookie="fr", accept="it") == "fr"
    assert asks(accept="it") == "it"
    assert asks() == "en"
    assert asks("?lang=xx", cookie="../../etc", accept="fr") == "fr", "what is not spoken is not asked"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8", "fr"),
        ("de, it;q=0.7, fr;q=0.9", "fr"),
        ("de-AT", "en"),
        ("fr;q=0, it;q=0.1", "it"),
        ("*, fr;q=0.5", "en"),
        ("fr;q=nonsense, it", "it"),
        ("IT-it", "it"),
        ("fr;q=2", "en"),
        ("x" * 5000, "en"),
    ],
)
def test_the_browser_is_heard_by_its_weights(header: str, language: str) -> None:
    assert preferred(header) == language


@given(st.text(max_size=200))
def test_no_header_breaks_the_choice(header: str) -> None:
    assert preferred(header) in LANGUAGES


def test_a_switch_keeps_what_was_asked() -> None:
    request = make_mocked_request("GET", "/history?service=a%26b&lang=fr&page=2")
    assert switched(request, "it") == "?service=a%26b&page=2&lang=it"


def sentences(language: str) -> dict[str, str]:
    return dict(words_in(language)._sentences)


@pytest.mark.parametrize("language", ["fr", "it"])
def test_no_language_lacks_a_sentence_or_a_value_in_one(language: str) -> None:
    english, other = sentences("en"), sentences(language)
    assert english.keys() == {key for key in other if not key.startswith(("sentence.", "detour."))}

    def values(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    differing = {key for key in english if values(english[key]) - {"n"} != values(other[key]) - {"n"}}
    assert differing == set()
    assert all(text.strip() for text in other.values())


def test_a_window_can_be_said_in_every_other_language() -> None:
    """In English the judgement says it."""
    said = {language: {key for key in sentences(language) if key.startswith("sentence.")} for language in LANGUAGES}
    assert said["en"] == set()
    assert said["fr"] == said["it"]
    assert {f"sentence.{layer}.any" for layer in Layer} - said["fr"] == set()
    exact = {f"sentence.{layer}.{reason}" for layer, reason in _EXACTLY}
    assert exact == {key for key in said["fr"] if key.split(".")[1] in list(Layer) and not key.endswith(".any")}


@pytest.mark.parametrize(
    ("window", "language", "said"),
    [
        (
            signal_open(),
            "fr",
            "Signal chat est en panne, par moments, vu de eu-par seulement, depuis 11:56 UTC "
            "(entre 11:55:40 et 11:56:40), son certificat a expiré",
        ),
        (
            whatsapp_2022(reach=Reach.REGIONAL, vantages_fine=("us-nyc",), cause=Cause.PATH),
            "it",
            "whatsapp era guasto, del tutto, visto da eu-par e in-bom, non da us-nyc, dalle 06:35 alle 09:30 UTC, "
            "fermo alla stretta di mano; messenger, instagram e facebook senza guasto; "
            "sembra interrotta la via, non il servizio",
        ),
        (
            meta_2021(),
            "fr",
            "meta (whatsapp, messenger, instagram et facebook) était en panne, totalement, partout où nous regardons, "
            "de 15:40 à 22:28 UTC, la résolution de ses noms échoue",
        ),
        (
            telegram_recovering(),
            "it",
            "telegram era lento, ovunque guardiamo, dalle 11:20 alle 11:55 UTC, e sotto osservazione",
        ),
        (
            acme_planned(),
            "fr",
            "acme-chat mqtt est en panne, totalement, partout où nous regardons, depuis 11:45 UTC "
            "(entre 11:44:50 et 11:45:00), les connexions sont refusées; maintenance annoncée jusqu'à 12:10",
        ),
    ],
    ids=["one place alone", "some places", "a provider", "recovering", "announced"],
)
def test_a_window_is_said_from_its_fields(window: Window, language: str, said: str) -> None:
    edition = Edition(now=NOW, site="x", titles={"signal": "Signal"})
    reader = Reader(words=words_in(language), edition=edition, quiet=900.0, is_public=False)
    assert sentence(report(window), reader) == said
    english = Reader(words=words_in("en"), edition=edition, quiet=900.0, is_public=False)
    assert sentence(report(window), english) == window.sentence


def test_every_word_of_the_closed_lists_has_its_sentence() -> None:
    known = sentences("en").keys()
    assert {f"{name}.{word}" for name, words in _WORDS.items() for word in words} - known == set()
    assert {f"headline.{state}" for state in VantageState if state is not VantageState.ONLINE} - known == set()
    assert {f"title.{kind}.{when}" for kind in Kind for when in ("now", "recovering", "over")} - known == set()
    assert {f"period.{period}" for period in PERIODS} - known == set()


def test_every_sentence_that_the_pages_name_exists() -> None:
    known = sentences("en").keys() | sentences("fr").keys()
    folder = files("monitor.web")
    texts = [file.read_text() for file in (*folder.iterdir(), *(folder / "templates").iterdir()) if "." in file.name]
    named = {key for text in texts for key in re.findall(r"""\b(?:t|words)\(\s*f?["']([a-z0-9_.]+)["']""", text)}
    counted = {key for text in texts for key in re.findall(r"""\.many\(\s*f?["']([a-z0-9_.]+)["']""", text)}
    begun = {key for key in named if key.endswith(".")}
    assert named - begun - known == set()
    assert all(any(key.startswith(start) for key in known) for start in begun)
    assert {f"{key}.{number}" for key in counted for number in ("one", "other")} - known == set()


def test_numbers_and_lists_are_written_as_people_there_do() -> None:
    english, french, italian = (words_in(language) for language in ("en", "fr", "it"))
    assert english.percent(0.99999) == "99.99\u00a0%"
    assert french.percent(0.99999) == italian.percent(0.99999) == "99,99\u00a0%"
    assert (english.lasting(90061), french.lasting(90061), italian.lasting(90061)) == ("1 d 1 h", "1 j 1 h", "1 g 1 h")
    assert french.took(1.25) == "1,25\u00a0s"
    assert english.listed(["a", "b", "c"]) == "a, b and c"
    assert italian.listed(["a"]) == "a"
    assert english.listed([]) == ""
    assert french.listed("abcdef", 3) == "a, b, c et 3 de plus"
    assert french.many("section.unnamed", 0) == french("section.unnamed.one"), "zero is one, there"
    assert english.many("section.unnamed", 0) == "and 0 more"


def test_an_unknown_key_is_a_mistake_and_an_unknown_word_of_another_version_is_not() -> None:
    words = Words("en", {"kind.total": "total"})
    with pytest.raises(KeyError):
        words("kind.other")
    assert words.known("kind.other", "other") == "other"


async def test_a_page_is_told_in_the_readers_language() -> None:
    scene = Scene()
    scene.keep((signal_open(), ()))
    text = await look(scene, "/", {"Accept-Language": "fr-FR,fr;q=0.9"})
    assert '<html lang="fr">' in text
    assert "signal chat échoue par moments" in text
    assert "signal chat est en panne, par moments, vu de eu-par seulement" in text
    assert "is down" not in text
    assert "3 min 20 s jusqu&#39;ici" in text
    assert "Our own" not in text
    assert f"/outage/{signal_open().id}" in text


async def test_a_chosen_language_is_remembered() -> None:
    scene = Scene()
    async with client(scene) as http:
        assert '<html lang="en">' in await (await http.get("/")).text()
        answer = await http.get("/?lang=it")
        assert answer.headers["Content-Language"] == "it"
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert '<html lang="it">' in await (await http.get("/")).text()
        assert "Set-Cookie" not in (await http.get("/?lang=it")).headers
