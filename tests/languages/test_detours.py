"""Why a channel was not used, in every language: all that channels and the post office can say is known."""

import ast
import re
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.rides import Rides
from monitor.channels.telegram import _WORDS
from monitor.domain.alert import ChannelSettings, Way
from monitor.domain.outage import Window
from monitor.domain.words import Breadth, State
from monitor.languages.detours import reason
from monitor.languages.words import LANGUAGES, words_in
from monitor.net.api import Reply
from monitor.net.trouble import trouble
from tests.support.judged import a_window

OTHERS = [language for language in LANGUAGES if language != "en"]
_SOURCES = Path(__file__).parents[2] / "monitor"
_PUT_TOGETHER = {
    "the program 7": ["the program ended with code 3", "the program was killed by signal 9"],
    "7 (7)": [f"{said} ({status})" for status, said in _WORDS.items()],
}
"""What channels say in two parts."""


class Settings(ChannelSettings):
    """Of no kind."""


def keys(language: str) -> set[str]:
    return {key for key, _ in words_in(language).below("detour")}


def said(node: ast.expr) -> str:
    """What is written there, with 7 for what is filled in; nothing where it is made elsewhere."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
    return ""


def refusals() -> Iterator[str]:
    """The sentence of every `ChannelFailed` in the program."""
    for path in _SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ChannelFailed":
                text = said(node.args[0])
                yield from _PUT_TOGETHER.get(text, [text] if text else [])


def troubles() -> Iterator[str]:
    for error in (
        *(socket.gaierror(), ssl.SSLError(), TimeoutError(), ConnectionError(), OSError(), ValueError()),
        *(ConnectionRefusedError(111, ""), ConnectionResetError(104, ""), OSError(113, ""), OSError(101, "")),
    ):
        yield trouble(error)
    expired = ssl.SSLCertVerificationError()
    expired.verify_message = "certificate has expired"
    yield trouble(expired)


def obstacle(state: State, *windows: Window) -> str:
    way = Way(name="w", kind="k", settings=Settings(rides_on=("telegram", "meta")))
    return Rides(lambda name: state if name == "telegram" else State.UNKNOWN, lambda: windows, dict).obstacle(way)


def obstacles() -> Iterator[str]:
    window = a_window(services=("telegram",))
    for state in (State.DOWN, State.DEGRADED):
        yield from (obstacle(state), obstacle(state, window))
    yield obstacle(State.UNKNOWN, a_window(provider="meta", breadth=Breadth.PROVIDER))


OURS = [
    *sorted({*refusals(), *troubles(), *obstacles()}),
    *(Reply(status=status, retry_after=None).refusal().message for status in (HTTPStatus.BAD_GATEWAY, 599)),
    *("the route is no longer configured", "not tried", "its check failed: the token is refused (401)"),
]


def test_there_is_much_to_say() -> None:
    assert len(OURS) > 40
    assert all(OURS)


@pytest.mark.parametrize("language", OTHERS)
def test_all_that_is_said_of_a_channel_is_known_in_every_other_language(language: str) -> None:
    """Who lets a channel say something new says it in fr.toml and in it.toml as well, below [detour]."""
    words = words_in(language)
    assert [english for english in OURS if reason(english, words).language != language] == []
    assert [english for english in OURS if reason(english, words).text == english] == []


def test_the_languages_know_the_same_with_the_same_values() -> None:
    assert keys("en") == set(), "it is English as it is"
    assert keys("fr") == keys("it")
    for language in OTHERS:
        for english, sentence in words_in(language).below("detour"):
            assert re.findall(r"\{\w+\}", sentence) == re.findall(r"\{\w+\}", english), english


def test_nothing_is_known_that_nobody_says() -> None:
    for english in keys("fr") - {
        "Connection timed out",
        "No such file or directory",
        "Permission denied",
        "no PEM inside",
    }:
        pattern = ".+".join(map(re.escape, re.split(r"\{\w+\}", english)))
        assert any(re.search(pattern, one) for one in OURS), english


@pytest.mark.parametrize(
    ("english", "language", "other"),
    [
        ("Telegram is down itself since 11:20 UTC", "fr", "Telegram est lui-même en panne depuis 11:20 UTC"),
        ("Telegram is down itself", "it", "Telegram è a sua volta guasto"),
        (
            "most of meta is down itself since 07:00 UTC",
            "it",
            "la maggior parte di meta è a sua volta guasta dalle 07:00 UTC",
        ),
        (
            "its check failed: it answered 502 Bad Gateway",
            "fr",
            "son essai a échoué\u00a0: il a répondu 502 Bad Gateway",
        ),
        ("its check failed: who knows", "it", "la sua verifica è fallita: who knows"),
    ],
)
def test_values_are_put_where_they_belong(english: str, language: str, other: str) -> None:
    assert reason(english, words_in(language)) == (other, language)
    assert reason(english, words_in("en")) == (english, "en")


@given(st.text(max_size=2000), st.sampled_from(list(LANGUAGES)))
def test_what_nobody_knows_stays_as_it_is_bounded_and_on_one_line(text: str, language: str) -> None:
    found = reason(text, words_in(language)).text
    assert len(found) <= 2000, "what it is made of is cut to 1000"
    assert found.isprintable()


@given(st.text(max_size=50).filter(str.strip))
def test_a_name_that_looks_like_a_sentence_breaks_nothing(name: str) -> None:
    found = reason(f"{{why}} {name} {{0}} is down itself since 11:20 UTC", words_in("fr"))
    assert found.language == "fr"
    assert found.text.startswith("{why} ")
    assert found.text.endswith(" {0} est lui-même en panne depuis 11:20 UTC")
