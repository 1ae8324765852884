r"""Expressions of Go's RE2, as module files are written in, made ready for Python's engine.

What comes out means the same when it is searched in bytes, multi-line, as all
our expressions are: ``^`` and ``$`` hold at the borders of the whole text
unless ``(?m)`` asks otherwise, flags may begin anywhere. What RE2 does not
have (looking around, back references) is refused as blackbox_exporter refuses
it, and so is the little of RE2 that cannot be said here (``\pL``, classes with
letters beyond ASCII).
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

_POSIX: Mapping[str, str] = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_SPACE = r"\t\n\f\r "  # RE2's \s has no vertical tab
_ESCAPE = re.compile(r"\\(?:x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|(0[0-7]{0,2}|[1-7][0-7]{2})|(.))", re.DOTALL)
_GROUP = re.compile(r"\(\?(?:P?<(\w+)>|([a-zA-Z-]*)([:)]))")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})\??")
_LITERAL = re.compile(r"\\Q(.*?)(?:\\E|\Z)", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?")
_KEPT = "afnrtvdDwW"
_BORDERS: Mapping[str, str] = {"A": r"\A", "z": r"\Z", "b": r"\b", "B": r"\B"}


class _Group:
    """One open group: whether ``(?m)`` holds in it, and the flags that were switched on midway."""

    def __init__(self, *, multiline: bool) -> None:
        self.multiline = multiline
        self.flags: list[str] = []


class _Translator:
    """A walk from left to right over one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._out: list[str] = []
        self._groups = [_Group(multiline=False)]
        self._special: Mapping[str, Callable[[], None]] = {
            "\\": self._escape,
            "[": self._class,
            "(": self._open,
            ")": self._close,
            "|": self._alternative,
            "^": lambda: self._border("^" if self._groups[-1].multiline else r"\A", 1),
            "$": lambda: self._border("$" if self._groups[-1].multiline else r"\Z", 1),
        }

    def run(self) -> str:
        """The expression for Python. Raises ValueError."""
        while self._at < len(self._text):
            character = self._text[self._at]
            if character in self._special:
                self._special[character]()
            elif found := _QUANTIFIER.match(self._text, self._at):
                self._quantifier(found)
            elif character == "{":
                self._put(r"\{", 1)
            else:
                self._put(character if character.isascii() else f"(?:{character})", 1)
        if len(self._groups) > 1:
            raise ValueError("a group is not closed")
        return "".join(self._out) + ")" * len(self._groups[0].flags)

    def _put(self, text: str, length: int) -> None:
        self._out.append(text)
        self._at += length

    def _border(self, text: str, length: int) -> None:
        # ^+ is as good as ^ in RE2; Python repeats a border only as a group.
        repeated = _QUANTIFIER.match(self._text, self._at + length)
        self._put(f"(?:{text})" if repeated else text, length)

    def _quantifier(self, found: re.Match[str]) -> None:
        self._put(found[0], len(found[0]))
        if _QUANTIFIER.match(self._text, self._at):
            raise ValueError("nested repetition")

    def _escape(self) -> None:
        if quoted := _LITERAL.match(self._text, self._at):
            self._put(re.escape(quoted[1]), len(quoted[0]))
            return
        found = _ESCAPE.match(self._text, self._at)
        if found is None:
            raise ValueError("a backslash at the end")
        letter = found[4] or ""
        if letter in _BORDERS:
            self._border(_BORDERS[letter], 2)
            return
        text = {"s": f"[{_SPACE}]", "S": f"[^{_SPACE}]"}.get(letter) or _character(found)
        self._put(text if text.isascii() else f"(?:{text})", len(found[0]))

    def _class(self) -> None:
        opening = _CLASS.match(self._text, self._at)
        self._put((opening[0] if opening else "[").replace("]", r"\]"), len(opening[0]) if opening else 1)
        while self._at < len(self._text) and self._text[self._at] != "]":
            self._class_item()
        if self._at == len(self._text):
            raise ValueError("a class is not closed")
        self._put("]", 1)

    def _class_item(self) -> None:
        text, at = self._text, self._at
        if posix := re.compile(r"\[:(\w+):\]").match(text, at):
            if posix[1] not in _POSIX:
                raise ValueError(f"no class of characters is called {posix[1]!r} here")
            self._put(_POSIX[posix[1]], len(posix[0]))
        elif found := _ESCAPE.match(text, at):
            item = _SPACE if found[4] == "s" else _character(found)
            if not item.isascii():
                raise ValueError(f"{found[0]} in a class is not supported")
            self._put(item, len(found[0]))
        elif not text[at].isascii():
            raise ValueError("a character beyond ASCII in a class is not supported; write alternatives (a|b)")
        else:
            self._put("\\" + text[at] if text[at] in "[&~|" else text[at], 1)

    def _open(self) -> None:
        multiline = self._groups[-1].multiline
        if not self._text.startswith("(?", self._at):
            self._groups.append(_Group(multiline=multiline))
            self._put("(", 1)
            return
        found = _GROUP.match(self._text, self._at)
        if found is None:
            raise ValueError("RE2 has no such group: it cannot look around")
        name, flags, end = found.groups()
        self._at += len(found[0])
        if name is not None:
            self._groups.append(_Group(multiline=multiline))
            self._out.append(f"(?P<{name}>")
            return
        group = self._groups[-1] if end == ")" else _Group(multiline=multiline)
        group.multiline, ours = _flags(flags, multiline=multiline)
        if end == ":":
            self._groups.append(group)
            self._out.append(f"(?{ours}:")
        elif ours:
            group.flags.append(ours)
            self._out.append(f"(?{ours}:")

    def _close(self) -> None:
        if len(self._groups) == 1:
            raise ValueError("a group is closed that is not open")
        self._put(")" * (len(self._groups.pop().flags) + 1), 1)

    def _alternative(self) -> None:
        flags = self._groups[-1].flags
        self._put(")" * len(flags) + "|" + "".join(f"(?{flag}:" for flag in flags), 1)


def _flags(text: str, *, multiline: bool) -> tuple[bool, str]:
    """Whether ``(?m)`` holds now, and the other flags as Python writes them."""
    on, _, off = text.partition("-")
    if set(on + off) - set("ims"):
        raise ValueError(f"the flags {text!r} are not supported")
    kept_on, kept_off = on.replace("m", ""), off.replace("m", "")
    multiline = ("m" in on) or (multiline and "m" not in off)
    return multiline, kept_on + (f"-{kept_off}" if kept_off else "")


def _character(found: re.Match[str]) -> str:
    long, short, octal, letter = found.groups()
    if letter is None:
        code = int(octal, 8) if octal else int(long or short, 16)
        return re.escape(chr(code)) if code < 0x110000 else ""
    if letter in _KEPT or not letter.isalnum():
        return f"\\{letter}" if letter.isascii() else letter
    raise ValueError(f"\\{letter} is not supported")


@lru_cache(maxsize=4096)
def translated(text: str) -> str:
    """A Go expression as a Python one. Raises ValueError that says what is wrong."""
    try:
        pattern = _Translator(text).run()
        re.compile(pattern.encode(), re.MULTILINE)
    except (ValueError, re.error) as error:
        raise ValueError(f"not a regular expression that we can search: {error}") from error
    return pattern


GoExpression = Annotated[str, AfterValidator(lambda text: (translated(text), text)[1])]
"""An expression as it is written; `translated` makes it ready."""
