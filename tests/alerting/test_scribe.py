"""Letters: the whole story, in three languages, as text and as HTML that nobody can put markup into."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
from typing_extensions import override

from monitor.alerting.scribe import Knowledge, Scribe
from monitor.domain.alert import Blindness, ChannelSettings, Detour, Letter, Message, Post, Route, Way
from monitor.domain.outage import Window
from monitor.domain.words import Event, Severity, Status, VantageState
from monitor.formats.edition import Edition
from tests.support.windows import NOW, signal_open, telegram_recovering, whatsapp_2022

BASE = "https://status.example"
TITLES = {"whatsapp": "WhatsApp", "signal": "Signal", "telegram": "Telegram"}


class Settings(ChannelSettings):
    """Of no kind."""


WAY = Way(name="mail", kind="email", settings=Settings())


def knowledge(base: str = BASE, instead: Sequence[str] = ("Threema",)) -> Knowledge:
    return Knowledge(
        edition=lambda: Edition(now=NOW, site="fra-1", base=base, titles=TITLES),
        quiet=lambda: 900.0,
        instead=lambda _: instead,
        acknowledge=lambda window_id: f"{base}/ack/{window_id}?sign=0" if base else "",
        routes=lambda: {"oncall": Route(name="oncall", channels=("mail",))},
    )


def letter(
    event: Event, *windows: Window, language: str = "en", known: Knowledge | None = None, **changes: Any
) -> Letter:
    post = {name: changes.pop(name) for name in ("detours", "thread") if name in changes}
    values: dict[str, Any] = {
        "route": "oncall",
        "conversation": windows[0].id if windows else "blind:fra-1",
        "number": 1,
        "event": event,
        "severity": Severity.CRITICAL,
        "decided": NOW - 5,
        "windows": windows,
        **changes,
    }
    return Scribe(known or knowledge()).letter(Post(message=Message(**values), **post), WAY, language, NOW)


def test_an_opening_tells_what_since_when_for_whom_where_and_what_next() -> None:
    text = letter(Event.OPENED, signal_open()).text
    for part in (
        "Signal chat fails on and off\n",
        "Since: 2022-10-25 11:56:40 UTC, began up to 1 min earlier",
        "Severity: critical",
        "Where it broke: at the encryption (tls/cert_expired)",
        "Seen from: eu-par",
        "First failures:\n- 2022-10-25 11:56:40 UTC, eu-par, signal/chat/",
        "Answers, and could be used instead: Threema",
        "Next: In 1 h at the latest, or when it is over.",
        f"All that is known: {BASE}/outage/{signal_open().id}",
        f"Acknowledge: {BASE}/ack/{signal_open().id}?sign=0",
    ):
        assert part in text
    assert "\n\n\n" not in text


def test_a_closing_tells_how_long_it_was_and_asks_for_nothing() -> None:
    closing = letter(Event.CLOSED, whatsapp_2022())
    assert closing.title == "Over: WhatsApp was down for 2 h 55 min"
    assert "Not affected: messenger, instagram and facebook" in closing.text
    assert "Acknowledge" not in closing.text
    assert "instead" not in closing.text
    assert (closing.started, closing.ended) == (whatsapp_2022().start, whatsapp_2022().end)


def test_a_recovery_says_until_when_it_is_watched() -> None:
    text = letter(Event.RECOVERING, telegram_recovering()).text
    assert "it is watched until 2022-10-25 12:10:00 UTC" in text


def test_a_part_of_something_wider_says_so() -> None:
    text = letter(Event.CLOSED, signal_open(status=Status.ABSORBED, absorbed_by="x")).text
    assert "part of a wider outage now" in text


def test_many_are_told_in_one_letter() -> None:
    windows = [signal_open(id=f"{number:03}") for number in range(30)]
    many = letter(Event.OPENED, *windows, conversation="more:1")
    assert many.title == "30 more outages, of signal"
    assert many.text.count("- Signal: chat is down") == 10
    assert "20 more" in many.text
    assert len(many.document["outages"]) == 30


def test_a_blind_vantage_is_no_outage() -> None:
    blind = Blindness(vantage="fra-1", state=VantageState.OFFLINE, start=NOW - 300, end=None)
    opened = letter(Event.OPENED, blind=blind)
    assert opened.title == "fra-1 is blind: nothing is seen from there"
    assert "held against nobody" in opened.text
    assert opened.labels["vantage"] == "fra-1"
    assert opened.document["blind"]["state"] == "offline"


def test_a_late_letter_says_how_late_and_which_way_could_not_be_taken() -> None:
    detours = (Detour(channel="tg", why="Telegram is down itself since 11:20 UTC", at=NOW),)
    text = letter(Event.OPENED, signal_open(), decided=NOW - 240, detours=detours).text
    assert "Delayed by 4 min." in text
    assert "tg was passed over: Telegram is down itself since 11:20 UTC" in text
    assert "Delayed" not in letter(Event.OPENED, signal_open()).text


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", "tg a été évité : Telegram est lui-même en panne depuis 11:20 UTC"),
        ("it", "tg è stato evitato: Telegram è a sua volta guasto dalle 11:20 UTC"),
    ],
)
def test_the_reason_is_in_the_language_of_the_letter_and_for_programs_in_english(language: str, said: str) -> None:
    detours = (Detour(channel="tg", why="Telegram is down itself since 11:20 UTC", at=NOW),)
    made = letter(Event.OPENED, signal_open(), language=language, detours=detours)
    assert said in made.text.replace("\u00a0", " ")
    assert made.document["channel"]["passed_over"] == [{"name": "tg", "why": detours[0].why}]


def test_without_an_address_of_the_pages_there_are_no_links() -> None:
    plain = letter(Event.OPENED, signal_open(), known=knowledge(base=""))
    assert plain.link == ""
    assert "http" not in plain.text
    assert "href" not in plain.html


@pytest.mark.parametrize(
    ("language", "title", "said"),
    [
        ("fr", "Terminé : WhatsApp a été en panne pendant 2 h 55 min", "Non touchés: messenger, instagram et facebook"),
        ("it", "Finito: WhatsApp è stato guasto per 2 h 55 min", "Non toccati: messenger, instagram e facebook"),
    ],
)
def test_other_languages_say_the_same(language: str, title: str, said: str) -> None:
    closing = letter(Event.CLOSED, whatsapp_2022(), language=language)
    assert said in closing.text
    assert closing.title == title


_ENGLISH = re.compile(r"\b(Since|Seen from|Where it broke|Next|Severity|All that is known|Acknowledge)\b")


@pytest.mark.parametrize("language", ["fr", "it"])
@pytest.mark.parametrize("event", [Event.OPENED, Event.CHANGED, Event.REMINDER, Event.ESCALATED, Event.RECOVERING])
def test_no_english_is_left_in_other_languages(event: Event, language: str) -> None:
    window = telegram_recovering() if event is Event.RECOVERING else signal_open()
    assert _ENGLISH.findall(letter(event, window, language=language).text) == []


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(html)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        assert all(not name.startswith("on") for name, _ in attrs)


EVIL = "<script>alert(1)</script>{{ 7 * 7 }}{% raw %}\u202e"


def test_markup_of_others_is_text() -> None:
    window = signal_open()
    evidence = tuple(type(item)(**{**_fields(item), "message": EVIL}) for item in window.evidence)
    known = knowledge(instead=(EVIL,))
    evil = signal_open(evidence=evidence, sentence=EVIL, vantages=(EVIL,), unaffected=(EVIL,))
    made = letter(Event.OPENED, evil, known=known, detours=(Detour(channel=EVIL, why=EVIL, at=NOW),))
    assert Tags(made.html).found <= {"p", "strong", "table", "tr", "th", "td", "ul", "li", "a"}
    assert "{{ 7 * 7 }}" in made.text
    assert "49" not in made.title
    assert "\u202e" not in made.text + made.html


def _fields(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__slots__}


def test_a_title_is_one_line_that_fits() -> None:
    title = letter(Event.OPENED, signal_open(target="x" * 500 + "\r\nBcc: all.chat")).title
    assert len(title) <= 150
    assert title.isprintable()
