"""Numbers as people read them, and what each of them means."""

from collections.abc import Iterator
from math import floor

from monitor.formats.shares import cut
from monitor.languages.words import Words

NONE = "\u2013"
"""What a table has where there is no number."""
_EXPLAINED = (
    *("availability", "coverage", "down", "outages", "in_outages", "mttr", "mtbf", "budget"),
    "corrections",
)
_ABBREVIATED = ("mttr", "mtbf")


def percent(share: float | None, words: Words, places: int = 3) -> str:
    """Cut, and never rounded up to 100: a single second must show."""
    if share is None:
        return NONE
    return words.number("100 %" if share >= 1 else f"{cut(share, places):.{places}f} %")


def used(share: float | None, words: Words) -> str:
    """Of a budget; more than all of it can be."""
    return NONE if share is None else words.number(f"{floor(round(share * 1000, 6)) / 10:.1f} %")


def length(seconds: float | None, words: Words) -> str:
    """``2 h 55 min``; something that is there is never ``0 s``."""
    if seconds is None:
        return NONE
    return words("report.short") if 0 < seconds < 1 else words.lasting(seconds)


def objective(share: float, words: Words) -> str:
    """``99.9 %``."""
    return words.number(f"{share * 100:.6g} %")


def terms(share: float, words: Words) -> Iterator[tuple[str, str]]:
    """Each word of a report, and how its number is made. ``share``: the objective."""
    values = {"budget": {"objective": objective(share, words)}}
    values |= {name: {"long": words(f"report.long.{name}")} for name in _ABBREVIATED}
    for name in _EXPLAINED:
        yield words(f"report.term.{name}"), words(f"report.meaning.{name}", **values.get(name, {}))
