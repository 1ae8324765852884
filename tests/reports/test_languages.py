"""A report in three languages: the same numbers and pictures, and no word of one in another."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from monitor.domain.words import VantageState
from monitor.formats.report import report
from monitor.languages.sentence import sentence
from monitor.languages.words import LANGUAGES, words_in
from monitor.reports.figures import Subject
from monitor.reports.findings import Findings
from monitor.reports.markdown import as_markdown
from monitor.reports.page import as_page
from monitor.reports.paper import paper
from monitor.reports.parts import Sort
from tests.formats.test_markdown import Table
from tests.reports.months import booked, days, october, running, window
from tests.reports.papers import EVIL, HOSTILE_FINDINGS, eventful, findings
from tests.reports.test_page import Read, assert_harmless

OTHERS = [language for language in LANGUAGES if language != "en"]
S = Subject(name="s", title="S", provider="p")
UNDERWAY = running(october("28T12:00:00"))
_NUMBER = re.compile(r"\d+(?:[.,:-]\d+)*")
_WORD = re.compile(r"[^\W\d_]{2,}")
_EVERYWHERE = {
    "UTC",
    "min",
    "MTTR",
    "MTBF",
    "lastseen",
    "fra",
    "ines",
    *_WORD.findall(f"{EVIL} and the next line, so it was"),
}
"""Units, names, and what people wrote."""
_ALIKE = {"fr": {"Service", "Corrections"}, "it": set[str]()}
"""Words that are the same there."""


class Told(HTMLParser):
    """All that a page says, in its order: texts, and what pictures and abbreviations stand for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self._tag = ""
        self.feed(text)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.said += [value or "" for name, value in attrs if name in ("aria-label", "title")]

    @override
    def handle_data(self, data: str) -> None:
        if self._tag != "style" and data.strip():
            self.said.append(data.strip())


def keys(language: str) -> set[str]:
    return set(words_in(language)._sentences)


def named() -> tuple[set[str], set[str]]:
    """The keys that the reports name, and how those begin that they put together."""
    folder = files("monitor.reports")
    texts = [file.read_text() for file in (*folder.iterdir(), *(folder / "templates").iterdir()) if "." in file.name]
    found = {key for text in texts for key in re.findall(r"""["']((?:[a-z]+\.)[a-z_.]*)["'{]""", text)}
    begun = {key for key in found if key.endswith(".")}
    return found - begun - {"report.html"}, begun


def test_every_sentence_that_reports_name_exists_and_no_other_does() -> None:
    known = {key.removesuffix(".one").removesuffix(".other") for key in keys("en")}
    exactly, begun = named()
    areas = {key.partition(".")[0] for key in known}
    assert {key for key in exactly if key.partition(".")[0] in areas} - known == set()
    ours = {key for key in known if key.startswith(("report.", "month."))}
    assert {key for key in ours - exactly if not key.startswith(tuple(begun))} == set()


def test_every_word_of_the_closed_lists_has_its_sentence() -> None:
    known = keys("en")
    assert {f"report.unseen.{state}" for state in VantageState if state is not VantageState.ONLINE} - known == set()
    assert {f"report.chapter.{sort}" for sort in Sort} - known == set()
    assert {f"report.intro.{sort}" for sort in Sort if sort is not Sort.OUTAGE} - known == set()
    assert {key for key in known if key.startswith("month.")} == {f"month.{number}" for number in range(1, 13)}


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("made", [eventful(), eventful(UNDERWAY), findings([(S, [])], [])], ids=["over", "now", "none"])
def test_the_numbers_and_the_pictures_are_the_same(made: Findings, language: str) -> None:
    english, other = (list(numbers(made, each)) for each in ("en", language))
    assert other == english
    drawn = [
        re.findall(r"<(?:rect|polygon|polyline|line) [^>]*>", as_page(made, words_in(each)))
        for each in ("en", language)
    ]
    assert drawn[0] == drawn[1]


def numbers(made: Findings, language: str) -> Iterator[list[str]]:
    """Of each line but the sentences of the windows, which in English were written before."""
    words = words_in(language)
    sentences = {sentence(part.report, made.reader(words)) for part in made.parts}
    plain = as_markdown(made, words).replace("\\", "")
    for line in plain.splitlines():
        if line not in sentences:
            yield [number.replace(",", ".") for number in _NUMBER.findall(line)]


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("made", [eventful(), eventful(UNDERWAY), findings([(S, [])], [])], ids=["over", "now", "none"])
def test_no_english_is_left(made: Findings, language: str) -> None:
    """What is said at the same place is not the same, unless it is a name or a number."""
    english, other = (words_in(each) for each in ("en", language))
    said = [Told(as_page(made, each)).said for each in (english, other)]
    written = [as_markdown(made, each).splitlines() for each in (english, other)]
    same = [
        one for texts in (said, written) for one, two in zip(*texts, strict=True) if one == two and _WORD.search(one)
    ]
    left = {word for text in same for word in _WORD.findall(text)}
    ids = {word for part in made.parts for word in _WORD.findall(part.report.window.id)}
    assert left - _EVERYWHERE - ids == _ALIKE[language] & left


@pytest.mark.parametrize("language", OTHERS)
def test_no_phrase_of_the_english_words_is_in_another_report(language: str) -> None:
    """Whole words of which the other language has none like it."""
    own = " ".join(words_in(language)._sentences.values())
    text = " ".join(Told(as_page(eventful(), words_in(language))).said).replace(f"{EVIL}\nand the next line", "")
    phrases = {
        piece.strip(" .,:;()")
        for sentence in words_in("en")._sentences.values()
        for piece in re.split(r"\{\w+\}", sentence)
        if _WORD.search(piece)
    }
    found = {phrase for phrase in phrases if within(phrase, text) and not within(phrase, own)}
    assert found == set()


def within(phrase: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None


def test_a_month_is_summed_up_as_people_there_say_it() -> None:
    outage = window(october("25T06:35:00"), october("25T09:30:00"))
    made = findings([(S, days(booked(25, down=10_500)))], [report(outage)])
    french, italian = (paper(made, words_in(language)) for language in ("fr", "it"))
    assert french.title == "Disponibilité\u00a0: octobre 2026"
    assert french.imprint.startswith("Vu de fra-1, du 2026-10-01 au 2026-10-31, UTC.")
    assert french.summary == (
        "1 panne dans 1 service sur 1.",
        "Le moins disponible\u00a0: S, 99,607\u00a0%.",
        "L'objectif de 99,9\u00a0% a été tenu par 0 sur 1.",
    )
    assert french.entries[0].left == "dépassé de 2 h 10 min"
    assert french.entries[0].bad_days == "En panne le 2026-10-25 (2 h 55 min)."
    assert french.chapters[0].stories[0].title == "S c a été en panne pendant 2 h 55 min"
    assert italian.title == "Disponibilità: ottobre 2026"
    assert italian.summary[0] == "1 guasto in 1 servizio su 1."
    assert italian.entries[0].numbers.between == "30 g 21 h"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_not_observed_is_told_in_the_order_of_its_days(language: str) -> None:
    lines = paper(eventful(), words_in(language)).unseen
    dates = [re.findall(r"\d{4}-\d\d-\d\d", line)[0] for line in lines]
    assert dates == sorted(dates)
    assert len(lines) == 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_in_which_language_it_is(language: str) -> None:
    assert ("lang", language) in Read(as_page(eventful(), words_in(language))).attributes


@given(HOSTILE_FINDINGS, st.sampled_from(OTHERS))
@settings(max_examples=40)
def test_whatever_servers_and_people_said_it_is_text_there_too(made: Findings, language: str) -> None:
    words = words_in(language)
    text = as_page(made, words)
    text.encode()
    assert_harmless(Read(text))
    read = Table(as_markdown(made, words))
    assert read.addresses == []
    assert all(len(row) in (6, 10, 11) for row in read.rows)
