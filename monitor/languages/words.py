"""What people read, in each language: sentences by their key, numbers and durations as people there write them."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from monitor.domain.text import milliseconds
from monitor.formats.shares import percent
from monitor.formats.times import lasting

LANGUAGES = {"en": "English", "fr": "Français", "it": "Italiano"}
"""Codes and names, each in its own language."""
DEFAULT = "en"
_NAMED = 10
"""Names that a list holds before the others are counted."""


class Words:
    """One language. Call it with a key and the values of its sentence."""

    def __init__(self, language: str, sentences: Mapping[str, str]) -> None:
        self.language = language
        self._sentences = sentences

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence of that key. Raises KeyError when there is none."""
        sentence = self._sentences[key]
        return sentence.format(**values) if values else sentence

    def known(self, key: str, otherwise: str) -> str:
        """The sentence of that key, or the other text when there is none: for words that another version wrote."""
        return self._sentences.get(key, otherwise)

    def below(self, area: str) -> Iterable[tuple[str, str]]:
        """Each key of an area, without its name, and its sentence."""
        begin = f"{area}."
        return ((key.removeprefix(begin), text) for key, text in self._sentences.items() if key.startswith(begin))

    def many(self, key: str, number: int, **values: object) -> str:
        """The sentence of ``key.one`` or ``key.other``, in which ``{n}`` is the number."""
        is_one = number == 1 or (number == 0 and self.language == "fr")
        return self(f"{key}.{'one' if is_one else 'other'}", n=number, **values)

    def listed(self, names: Iterable[str], most: int = _NAMED) -> str:
        """``a, b and c``; of more than ``most`` the rest as a number."""
        all_of_them = list(names)
        shown, more = all_of_them[:most], len(all_of_them) - most
        if more > 0:
            shown.append(self.many("list.more", more))
        return (
            f" {self('list.and')} ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part) if shown else ""
        )

    def lasting(self, seconds: float) -> str:
        """A duration in its two largest units."""
        return lasting(seconds).replace(" d", f" {self('unit.days')}")

    def took(self, seconds: float) -> str:
        """A latency."""
        return self.number(milliseconds(seconds))

    def percent(self, share: float) -> str:
        """Never rounded up to 100."""
        return self.number(percent(share))

    def number(self, text: str) -> str:
        """A number and its unit, such as ``99.9 %``, as people there write it; they stay on one line."""
        return text.replace(".", self("unit.point")).replace(" ", "\N{NO-BREAK SPACE}")


@cache
def words_in(language: str) -> Words:
    """The words of one of `LANGUAGES`."""
    text = (files("monitor.languages") / f"{language}.toml").read_text(encoding="utf-8")
    return Words(language, dict(_flat("", tomllib.loads(text))))


def _flat(prefix: str, table: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", str(value)
