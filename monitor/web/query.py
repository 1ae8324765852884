"""The query of /api/v1/outages: what may be asked, and a sentence for everything else."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from monitor.domain.outage import OutageQuery
from monitor.domain.text import shown
from monitor.domain.words import Breadth, Kind
from monitor.formats.moments import moment
from monitor.formats.times import rfc3339

MOST = 1000
_FAR = 10**9
_NAME = 200
_KNOWN = ("since", "until", "service", "provider", "kind", "breadth", "text", "open", "limit", "offset")
_Word = TypeVar("_Word", bound=StrEnum)
_ANSWERS: Mapping[str, bool] = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A query, and how the next page is asked for."""

    query: OutageQuery

    def following(self, path: str) -> str:
        """The address of the page after this one."""
        return self.address(path, limit=self.query.limit, offset=self.query.offset + self.query.limit)

    def address(self, path: str, *, limit: int | None = None, offset: int | None = None) -> str:
        """Where the same is asked. Moments are absolute in it: ``7d`` would move on meanwhile."""
        query = self.query
        asked = {
            "since": None if query.since is None else rfc3339(query.since),
            "until": None if query.until is None else rfc3339(query.until),
            "service": query.service or None,
            "provider": query.provider or None,
            "kind": query.kind,
            "breadth": query.breadth,
            "text": query.text or None,
            "open": None if query.is_open is None else str(query.is_open).lower(),
            "limit": limit,
            "offset": offset,
        }
        written = urlencode({name: value for name, value in asked.items() if value is not None})
        return f"{path}?{written}" if written else path

    @property
    def peeking(self) -> OutageQuery:
        """The query for one more than asked for: whether there is a next page."""
        return replace(self.query, limit=self.query.limit + 1)


def page(pairs: Iterable[tuple[str, str]], now: float, limit: int) -> Page:
    """What a request asks for; ``limit`` where it names none. Raises ValueError with a sentence."""
    asked = _asked(pairs, _KNOWN)
    query = OutageQuery(
        since=_moment(asked, "since", now),
        until=_moment(asked, "until", now),
        service=_name(asked, "service"),
        provider=_name(asked, "provider"),
        kind=_word(asked, "kind", Kind),
        breadth=_word(asked, "breadth", Breadth),
        text=_name(asked, "text"),
        is_open=_answer(asked, "open"),
        limit=_number(asked, "limit", limit, range(1, MOST + 1)),
        offset=_number(asked, "offset", 0, range(_FAR + 1)),
    )
    if query.since is not None and query.until is not None and query.until < query.since:
        raise ValueError("until lies before since")
    return Page(query=query)


def limit_in(pairs: Iterable[tuple[str, str]], usual: int) -> int:
    """The limit that a request names, which can name nothing else. Raises ValueError with a sentence."""
    return _number(_asked(pairs, ("limit",)), "limit", usual, range(1, MOST + 1))


def _asked(pairs: Iterable[tuple[str, str]], known: Collection[str]) -> Mapping[str, str]:
    asked: dict[str, str] = {}
    for name, text in pairs:
        if name not in known:
            raise ValueError(f"there is no parameter {shown(name)}: ask with {', '.join(known)}")
        if name in asked:
            raise ValueError(f"{name} is given more than once")
        asked[name] = text
    return asked


def _moment(asked: Mapping[str, str], name: str, now: float) -> float | None:
    text = asked.get(name)
    if text is None:
        return None
    try:
        return moment(text, now)
    except ValueError as error:
        raise ValueError(f"{name}: {shown(text)} is no time: {error}") from error


def _name(asked: Mapping[str, str], name: str) -> str:
    text = asked.get(name)
    if text is not None and not (0 < len(text) <= _NAME and text.isprintable()):
        raise ValueError(f"{name}: {shown(text)} cannot be a name")
    return text or ""


def _word(asked: Mapping[str, str], name: str, words: type[_Word]) -> _Word | None:
    text = asked.get(name)
    if text is None:
        return None
    if text not in [str(word) for word in words]:
        raise ValueError(f"{name}: {shown(text)} is none of {', '.join(words)}")
    return words(text)


def _answer(asked: Mapping[str, str], name: str) -> bool | None:
    text = asked.get(name)
    if text is None:
        return None
    if text not in _ANSWERS:
        raise ValueError(f"{name}: {shown(text)} is neither true nor false")
    return _ANSWERS[text]


def _number(asked: Mapping[str, str], name: str, usual: int, allowed: range) -> int:
    text = asked.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) in allowed):
        raise ValueError(f"{name}: {shown(text)} is no whole number from {allowed[0]} to {allowed[-1]}")
    return int(text)
