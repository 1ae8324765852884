"""IRC's lines (RFC 1459, RFC 2812, IRCv3's message tags and capabilities), and what carries SASL in them."""

import re
from dataclasses import dataclass

LINE = 8191 + 512
"""The longest line a server may send, tags included (IRCv3 message-tags)."""

_LINE = re.compile(r"(?:@[^ ]+ +)?(?::([^ ]+) +)?([A-Za-z]+|[0-9]{3})((?: .*)?)", re.DOTALL)
_CAPABILITY = re.compile(r"[A-Za-z0-9./_-]{1,80}")
_CHUNK = 400  # of base64 in a line (IRCv3 sasl-3.1)
_CAPABILITIES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One line. ``command`` is in capitals, or three digits."""

    source: str
    command: str
    params: tuple[str, ...]

    @property
    def last(self) -> str:
        """The last parameter, where servers put what is for people."""
        return self.params[-1] if self.params else ""


def parse(line: bytes) -> Message:
    """A line without its end. Raises ValueError for what no server of IRC says."""
    if b"\0" in line or b"\r" in line or b"\n" in line:
        raise ValueError("a character that no line can have")
    found = _LINE.fullmatch(line.decode("utf-8", "replace"))
    if found is None:
        raise ValueError("no message of IRC")
    source, command, rest = found[1] or "", found[2].upper(), found[3]
    if command.isdigit() and not source:
        raise ValueError("a number without its sender")  # RFC 1459 section 2.4: mail servers speak so
    middle, colon, trailing = rest.partition(" :")
    params = (*middle.split(), trailing) if colon else tuple(middle.split())
    return Message(source=source, command=command, params=params)


def capabilities(text: str) -> dict[str, str]:
    """Name and value of each in a list of CAP LS 302, at most 200; no value is an empty one."""
    pairs = (word.partition("=") for word in text.split()[:_CAPABILITIES])
    return {name: value for name, _, value in pairs if _CAPABILITY.fullmatch(name)}


def authenticate(payload: str) -> list[str]:
    """The lines that carry a message of SASL in base64: a last one that is full needs an empty one after it."""
    starts = range(0, len(payload) + 1, _CHUNK)
    return [f"AUTHENTICATE {payload[start : start + _CHUNK] or '+'}" for start in starts]
