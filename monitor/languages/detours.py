"""Why a channel was not used, in the reader's language. It is made, stored and given to programs in English."""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from monitor.formats.text import SENTENCE, plain
from monitor.languages.words import DEFAULT, Words, words_in

_VALUE = re.compile(r"\{(\w+)\}")
_WITHIN = "why"
"""The value that is such a reason itself."""


class Reason(NamedTuple):
    """As people read it."""

    text: str
    language: str
    """English where another language has no words for it."""


def reason(why: str, words: Words) -> Reason:
    """One in English, said in another language.

    The languages know them by their English sentences: so what was stored
    earlier can be read too, and only people are told anything but English.
    """
    english = plain(why, SENTENCE)
    found = _said(english, words.language)
    return Reason(english, DEFAULT) if found is None else Reason(found, words.language)


def _said(english: str, language: str) -> str | None:
    for pattern, sentence in _patterns(language):
        match = pattern.fullmatch(english)
        if match:
            values = match.groupdict()
            if _WITHIN in values:
                values[_WITHIN] = _said(values[_WITHIN], language) or values[_WITHIN]
            return sentence.format(**values)
    return None


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """What says most comes first: ``most of {name} is down`` before ``{name} is down``."""
    known = sorted(words_in(language).below("detour"), key=lambda pair: -len(_VALUE.sub("", pair[0])))
    return tuple((re.compile("".join(_expression(english))), sentence) for english, sentence in known)


def _expression(english: str) -> Iterator[str]:
    for place, piece in enumerate(_VALUE.split(english)):
        yield f"(?P<{piece}>.+)" if place % 2 else re.escape(piece)
