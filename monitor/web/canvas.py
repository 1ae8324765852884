"""Draws previews with Pillow. Imported when the first is asked for, in the thread that writes pages."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from unicodedata import combining, normalize

from PIL import Image, ImageDraw, ImageFont

from monitor.web.preview import COLOURS, HEIGHT, WIDTH, Preview, Strip, wrapped

_FONTS = Path("/usr/share/fonts/truetype/dejavu")
"""Debian's (fonts-dejavu-core); where they are not, Pillow's own is taken, which has the letters of English only."""
_SPELT = str.maketrans({"æ": "ae", "œ": "oe", "ß": "ss", "ø": "o", "ł": "l", "\N{EN DASH}": "-", "→": ">"})
"""What has no letters of English inside it."""
_LEFT, _RIGHT = 60, WIDTH - 60
_NAMES = 230
"""Width of the names of strips."""
_LOWEST, _HIGHEST, _HIGHEST_LANE = 30, 72, 44
"""Heights of a strip."""
_GAP, _AXIS = 10, 32
"""Between two of them, and for what is written under them."""
_TEXT, _STEP = 28, 38
"""Size of the text, and from line to line."""
_FINE = 4
"""How much larger shapes are drawn than shown, for smooth edges."""
_STROKE = re.compile(r"M(-?\d+) (-?\d+)([Hv])(-?\d+)")
_COMPRESSION = 4
"""Of zlib: 9 takes four times as long for a tenth less."""
_BARS: Mapping[str, tuple[str, int, tuple[int, int]]] = {
    "none": ("bar-none", 10, (6, 2)),
    "blind": ("bar-blind", 28, (6, 2)),
    "fine": ("bar", 28, (6, 2)),
    "unseen": ("bar-blind", 6, (0, 0)),
    "down": ("bar-down", 6, (0, 0)),
    "degraded": ("bar-slow", 6, (0, 0)),
    "planned": ("bar-planned", 6, (0, 0)),
}
"""Class -> colour, thickness, and how long it is drawn and left out in turn: as style.css has it."""
_LANES: Mapping[str, tuple[str, int, tuple[int, int]]] = {
    "total": ("bar-down", 12, (0, 0)),
    "intermittent": ("bar-down", 12, (9, 6)),
    "degraded": ("bar-slow", 6, (0, 0)),
    "planned": ("bar-planned", 12, (0, 0)),
    "unknown": ("bar-blind", 4, (0, 0)),
}
_Line = tuple[tuple[float, float], ...]
_TICK: _Line = ((4.8, 8.3), (7.2, 10.7), (11.2, 5.9))
_DISC, _SQUARE, _RING = "disc", "square", "ring"
_MARKS: Mapping[str, tuple[str, tuple[_Line, ...]]] = {
    "ok": (_DISC, (((4, 8.5), (7, 11.5), (12.2, 5.5)),)),
    "failed": (_SQUARE, (((4.5, 4.5), (11.5, 11.5)), ((11.5, 4.5), (4.5, 11.5)))),
    "unsure": ("triangle", (((8, 6), (8, 10.6)), ((8, 12.8), (8, 13.0)))),
    "recovering": (_DISC, (((8, 12.4), (8, 4.2)), ((4.4, 7.6), (8, 4), (11.6, 7.6)))),
    "planned": (_SQUARE, (((5.6, 4.5), (5.6, 11.5)), ((10.4, 4.5), (10.4, 11.5)))),
    "inconclusive": (
        "diamond",
        (((6.2, 6.4), (7, 4.9), (8.6, 4.7), (9.7, 6.2), (8.3, 8.2), (8, 9.4)), ((8, 11.6), (8, 11.8))),
    ),
    "waiting": (_RING, ()),
    "over": (_RING, (_TICK,)),
    "dismissed": (_RING, (((3.4, 12.6), (12.6, 3.4)),)),
}
"""The marks of layout.html, in the same 16 units: the ground, and what is cut into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """A font of one size, and how much it is thickened where there is no bold one."""

    font: ImageFont.FreeTypeFont
    stroke: float = 0.0

    def width(self, text: str) -> float:
        """Pixels."""
        return self.font.getlength(text)


@cache
def pen(size: int, *, is_bold: bool = False, folder: Path = _FONTS) -> Pen:
    """Of the font in ``folder``, else Pillow's own."""
    file = folder / ("DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf")
    if file.is_file():
        return Pen(font=ImageFont.truetype(file, size))
    own = ImageFont.load_default(size)
    if not isinstance(own, ImageFont.FreeTypeFont):
        raise TypeError("this Pillow was built without FreeType")
    return Pen(font=own, stroke=size / 40 if is_bold else 0.0)


class Canvas:
    """One picture in the making. Letters come from ``fonts``."""

    def __init__(self, preview: Preview, fonts: Path = _FONTS) -> None:
        self._preview = preview if fonts.is_dir() else _spelt(preview)
        self._fonts = fonts
        self._tone = COLOURS.get(preview.word, COLOURS["waiting"])
        self._image = Image.new("RGB", (WIDTH, HEIGHT), COLOURS["paper"])
        self._draw = ImageDraw.Draw(self._image)

    def png(self) -> bytes:
        """Everything, from above."""
        self._rectangle((0, 0, WIDTH, 14), self._tone)
        self._write((_LEFT, 38), "lastseen", self._pen(30, is_bold=True))
        self._write((_LEFT, HEIGHT - 50), self._fitting(self._preview.foot, 22, _RIGHT - _LEFT), self._pen(22), "soft")
        self._below(self._headline(96) + 24)
        body = BytesIO()
        self._image.save(body, "PNG", compress_level=_COMPRESSION)
        return body.getvalue()

    def _headline(self, top: int) -> int:
        """The box with the mark, the title, the state; where it ends."""
        left, right = _LEFT + 116, _RIGHT - 30
        size, lines = self._title(right - left)
        below = self._preview.state or self._preview.when
        bottom = top + 24 + len(lines) * round(size * 1.22) + (46 if below else 0) + 22
        box = (_LEFT, top, _RIGHT, bottom)
        edge = _mixed(self._tone, 0.45)
        ground = _mixed(self._tone, 0.12)
        self._draw.rounded_rectangle(box, radius=14, fill=ground, outline=edge, width=2)
        self._image.paste(_mark(self._preview.word, self._tone, ground, 64), (_LEFT + 28, top + round(size * 0.61) - 8))
        y = top + 24
        for line in lines:
            self._write((left, y), line, self._pen(size, is_bold=True))
            y += round(size * 1.22)
        if below:
            self._standing(left, y + 6, right)
        return bottom

    def _title(self, width: int) -> tuple[int, list[str]]:
        """As large as it fits: in a line, or in two smaller ones, or cut in three small ones."""
        for size, most in ((56, 1), (50, 1), (44, 1), (48, 2)):
            lines = wrapped(self._preview.title, width, most + 1, self._pen(size, is_bold=True).width)
            if len(lines) <= most:
                return size, lines
        return 38, wrapped(self._preview.title, width, 3, self._pen(38, is_bold=True).width)

    def _standing(self, left: int, y: int, right: int) -> None:
        """The state in words, and since when."""
        bold = self._pen(28, is_bold=True)
        state = self._fitting(self._preview.state, 28, (right - left) // 2, is_bold=True)
        self._draw.text((left, y), state, self._tone, bold.font, stroke_width=bold.stroke)
        start = left + (round(bold.width(state)) + 22 if state else 0)
        self._write((start, y), self._fitting(self._preview.when, 28, right - start), self._pen(28), "soft")

    def _below(self, top: int) -> None:
        """The text, and as large as the rest allows the strips: not at the cost of its first two lines."""
        bottom = HEIGHT - 74 - _AXIS
        strips = self._preview.strips
        text_pen = self._pen(_TEXT)
        reserved = len(wrapped(self._preview.text, _RIGHT - _LEFT, 2, text_pen.width)) * _STEP
        shown = strips[: max(1, (bottom - top - reserved - 2 * _GAP) // (_LOWEST + _GAP))]
        room = bottom - top - len(shown) * (_LOWEST + _GAP) - 2 * _GAP
        for line in wrapped(self._preview.text, _RIGHT - _LEFT, room // _STEP, text_pen.width):
            self._write((_LEFT, top), line, text_pen)
            top += _STEP
        if shown:
            most = _HIGHEST_LANE if shown[0].is_lane else _HIGHEST
            height = min(most, (bottom - top - 2 * _GAP) // len(shown) - _GAP)
            self._strips(shown, bottom - len(shown) * (height + _GAP), height)

    def _strips(self, shown: Sequence[Strip], top: int, height: int) -> None:
        """With their names, and where they begin and end."""
        start = _LEFT + _NAMES
        for strip in shown:
            self._write((_LEFT, top + height // 2 - 14), self._fitting(strip.name, 22, _NAMES - 16), self._pen(22))
            self._image.paste(_drawn(strip, (_RIGHT - start, height)), (start, top))
            top += height + _GAP
        small = self._pen(20)
        first, last = self._preview.axis
        self._write((start, top), first, small, "soft")
        self._write((_RIGHT - round(small.width(last)), top), last, small, "soft")

    def _pen(self, size: int, *, is_bold: bool = False) -> Pen:
        return pen(size, is_bold=is_bold, folder=self._fonts)

    def _fitting(self, text: str, size: int, width: int, *, is_bold: bool = False) -> str:
        return next(iter(wrapped(text, width, 1, self._pen(size, is_bold=is_bold).width)), "")

    def _write(self, at: tuple[int, int], text: str, pen: Pen, colour: str = "ink") -> None:
        self._draw.text(at, text, COLOURS[colour], pen.font, stroke_width=pen.stroke)

    def _rectangle(self, box: tuple[int, int, int, int], colour: str) -> None:
        self._draw.rectangle(box, fill=colour)


def draw(preview: Preview) -> bytes:
    """The picture as PNG."""
    return Canvas(preview).png()


def _spelt(preview: Preview) -> Preview:
    """With the letters of English, as far as it can be read so: ``déjà`` as ``deja``."""

    def bare(text: str) -> str:
        return "".join(each for each in normalize("NFKD", text.translate(_SPELT)) if not combining(each))

    return replace(
        preview,
        title=bare(preview.title),
        state=bare(preview.state),
        when=bare(preview.when),
        text=bare(preview.text),
        strips=tuple(replace(strip, name=bare(strip.name)) for strip in preview.strips),
        axis=(bare(preview.axis[0]), bare(preview.axis[1])),
        foot=bare(preview.foot),
    )


def _mixed(colour: str, share: float) -> str:
    """So much of a colour in white."""
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * share):02x}" for part in parts)


def _drawn(strip: Strip, size: tuple[int, int]) -> Image.Image:
    wide, high = strip.size
    large = Image.new("RGB", (size[0] * _FINE, size[1] * _FINE), COLOURS["field" if strip.is_lane else "paper"])
    pencil = ImageDraw.Draw(large)
    across, down = large.width / wide, large.height / high
    if strip.is_lane:
        pencil.rectangle((0, large.height * 5 / 12, large.width, large.height * 7 / 12), fill=COLOURS["bar"])
    for name, data in strip.paths:
        colour, thick, dashes = (_LANES if strip.is_lane else _BARS).get(name, ("bar", 0, (0, 0)))
        for left, top, right, bottom in _boxes(data, thick, dashes):
            box = (left * across, top * down, right * across - 1, bottom * down - 1)
            pencil.rectangle(box, fill=COLOURS[colour])
    return large.reduce(_FINE)


def _boxes(data: str, thick: int, dashes: tuple[int, int]) -> Sequence[tuple[float, float, float, float]]:
    """What the strokes of a path cover."""
    found: list[tuple[float, float, float, float]] = []
    for x, y, way, far in ((int(a), int(b), way, int(c)) for a, b, way, c in _STROKE.findall(data)):
        half = thick / 2
        if way == "v":
            found.append((x - half, min(y, y + far), x + half, max(y, y + far)))
            continue
        on, off = dashes if dashes[0] else (max(1, far - x), 1)
        found += [(left, y - half, min(far, left + on), y + half) for left in range(x, far, on + off)]
    return found


def _mark(word: str, tone: str, ground: str, size: int) -> Image.Image:
    unit = size * _FINE / 16
    large = Image.new("RGB", (size * _FINE, size * _FINE), ground)
    pencil = ImageDraw.Draw(large)
    shape, cuts = _MARKS.get(word, (_RING, ()))
    whole = (0, 0, large.width - 1, large.height - 1)
    if shape == _DISC:
        pencil.ellipse(whole, fill=tone)
    elif shape == _SQUARE:
        pencil.rounded_rectangle(whole, radius=2 * unit, fill=tone)
    elif shape == _RING:
        pencil.ellipse(whole, outline=tone, width=round(2 * unit))
    else:
        corners = ((8, 0.6), (16, 15.4), (0, 15.4)) if shape == "triangle" else ((8, 0), (16, 8), (8, 16), (0, 8))
        pencil.polygon([(x * unit, y * unit) for x, y in corners], fill=tone)
    for cut in cuts:
        points = [(x * unit, y * unit) for x, y in cut]
        colour = tone if shape == _RING else ground
        pencil.line(points, fill=colour, width=round(2 * unit), joint="curve")
        for x, y in points:
            pencil.ellipse((x - unit, y - unit, x + unit, y + unit), fill=colour)
    return large.reduce(_FINE)
