"""/badge/SERVICE.svg: the state of a service in words, for READMEs and wikis. No fonts, no style, no script."""

from collections.abc import Mapping
from html import escape

from aiohttp import web

from monitor.domain.words import State
from monitor.formats.text import plain
from monitor.web.backend import BACKEND, Backend
from monitor.web.services import is_planned

_LABEL = 60
_COLOURS: Mapping[str, str] = {
    State.UP: "#1a7f37",
    State.DEGRADED: "#8f5902",
    State.DOWN: "#b3261e",
    "maintenance": "#0a5d9c",
}
"""White on each of them, and on the two greys, has a contrast of 4.5 : 1 or more (WCAG 2.2, 1.4.3)."""
_GREY, _DARK = "#5b6068", "#3b3f45"
_HEIGHT, _PAD, _SIZE = 20, 7, 11
_NARROW, _WIDE = frozenset(" !'(),.:;I[]fijlrt|"), frozenset("%@MWmw")
_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img" aria-label="{says}">
<title>{says}</title>
<rect width="{width}" height="{height}" rx="3" fill="{dark}"/>
<path d="M{left} 0h{bend}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{bend}z" fill="{colour}"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="{size}">
<text x="{pad}" y="14" textLength="{label_length}" lengthAdjust="spacingAndGlyphs">{label}</text>
<text x="{word_x}" y="14" textLength="{word_length}" lengthAdjust="spacingAndGlyphs">{word}</text>
</g>
</svg>
"""


async def badge(request: web.Request) -> web.Response:
    """The picture. ``?label=`` stands on its left, else the title of the service."""
    backend, service = request.app[BACKEND], request.match_info["service"]
    word = word_of(backend, service)
    label = plain(request.query.get("label", ""), _LABEL) or plain(backend.titles().get(service, service), _LABEL)
    body = svg(label, word or "no such service")
    return web.Response(status=200 if word else 404, text=body, content_type="image/svg+xml")


def word_of(backend: Backend, service: str) -> str:
    """How it stands: up, degraded, down, unknown, maintenance; nothing when it is not watched."""
    if all(row.check.service != service for row in backend.board.watched()):
        return ""
    state = backend.judged.state(service, "")
    announced = is_planned(window for window in backend.judged.windows() if service in window.services)
    return "maintenance" if announced and state in (State.DOWN, State.DEGRADED) else str(state)


def svg(label: str, word: str) -> str:
    """Two words side by side, as wide as they need to be whatever font draws them."""
    label_length, word_length = _length(label), _length(word)
    left, right = label_length + 2 * _PAD, word_length + 2 * _PAD
    return _SVG.format(
        width=left + right,
        height=_HEIGHT,
        left=left,
        bend=right - 3,
        pad=_PAD,
        word_x=left + _PAD,
        size=_SIZE,
        label_length=label_length,
        word_length=word_length,
        label=escape(label),
        word=escape(word),
        says=escape(f"{label}: {word}"),
        colour=_COLOURS.get(word, _GREY),
        dark=_DARK,
    )


def _length(text: str) -> int:
    """Units for a text of that size: about what Verdana takes. What draws it stretches it to just that."""
    return sum(map(_unit, text))


def _unit(character: str) -> int:
    if character in _NARROW:
        return 4
    return 10 if character in _WIDE else 7 if ord(character) < 0x1100 else 11
