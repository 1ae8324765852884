"""What stands on the picture that other sites show beside a link to a page of ours. How it is drawn: `canvas`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

WIDTH, HEIGHT = 1200, 630
"""Pixels: what Open Graph's readers show without cutting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A row of bars or a lane of the page, drawn by the same paths."""

    name: str
    paths: tuple[tuple[str, str], ...]
    """Class and path data."""
    size: tuple[int, int]
    """Width and height in the units of the paths."""
    is_lane: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One picture in words. Every text is on one line, and bounded."""

    word: str
    """For colour and mark."""
    title: str
    state: str = ""
    when: str = ""
    """Since when, for how long; or what else is worth a number."""
    text: str
    strips: tuple[Strip, ...]
    axis: tuple[str, str]
    """Where the strips begin and end."""
    foot: str = ""


def drawn(preview: Preview) -> bytes:
    """As PNG. Takes some 50 ms: for a thread. What draws is imported for the first picture: no start waits for it."""
    draw: Callable[[Preview], bytes] = import_module("monitor.web.canvas").draw
    return draw(preview)


def wrapped(text: str, width: float, most: int, measure: Callable[[str], float]) -> list[str]:
    """Lines of at most that width, ``most`` of them; what does not fit ends in an ellipsis."""
    found: list[str] = []
    if most < 1:
        return found
    for line in _lines(text, width, measure):
        if len(found) == most:
            found[-1] = _cut(f"{found[-1]} {line}", width, measure)
            break
        found.append(line)
    return found


def _lines(text: str, width: float, measure: Callable[[str], float]) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if measure(longer) <= width:
            line = longer
            continue
        if line:
            yield line
        *whole, line = _pieces(word, width, measure)
        yield from whole
    if line:
        yield line


def _pieces(word: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """A word that is wider than a line, broken wherever the line ends; at least one character in each."""
    found = [""]
    for character in word:
        if found[-1] and measure(found[-1] + character) > width:
            found.append("")
        found[-1] += character
    return found


def _cut(line: str, width: float, measure: Callable[[str], float]) -> str:
    while line and measure(f"{line}…") > width:
        line = line[:-1].rstrip()
    return f"{line}…"


def path_of(page: str, language: str = "") -> str:
    """Where the picture of a page is; in a language, when it is not the one that everybody gets."""
    named = "/picture/status.png" if page == "/" else f"/picture{page}.png"
    return f"{named}?lang={language}" if language else named


COLOURS: Mapping[str, str] = {
    "ink": "#1a1c22",
    "soft": "#575b69",
    "paper": "#ffffff",
    "field": "#f5f6f9",
    "ok": "#0b7a5b",
    "failed": "#b93d06",
    "unsure": "#8a5f00",
    "recovering": "#0a64a0",
    "planned": "#4b6275",
    "inconclusive": "#6253a8",
    "waiting": "#626776",
    "bar": "#a7dac6",
    "bar-down": "#b3350a",
    "bar-slow": "#d29a12",
    "bar-planned": "#7f9db5",
    "bar-blind": "#b9bdc9",
    "bar-none": "#e6e8ee",
}
"""The light ones of style.css."""
