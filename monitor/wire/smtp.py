"""SMTP as a client reads and writes it: replies, extensions, SASL (RFC 5321, 4954, 4616)."""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_LINE = re.compile(rb"([2-5][0-9][0-9])([ -]?)(.*)", re.DOTALL)
_WORD = re.compile(r"[\x21-\x7e]{1,64}")
_CODE = re.compile(r"^[245]\.[0-9]{1,3}\.[0-9]{1,3} ")  # RFC 3463


class Line(NamedTuple):
    """One line of a reply: its code, whether more lines follow, and the text after them."""

    code: int
    more: bool
    text: str


def parse_line(line: bytes) -> Line:
    """A line without its end (RFC 5321 section 4.2.1). Raises ValueError."""
    found = _LINE.fullmatch(line)
    if found is None or (not found[2] and found[3]):
        raise ValueError("not a line of an SMTP reply")
    return Line(int(found[1]), found[2] == b"-", found[3].decode("utf-8", "replace"))


def without_code(text: str) -> str:
    """The text without the enhanced status code in front, if there is one."""
    return _CODE.sub("", text, count=1)


def parse_extensions(lines: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """By keyword, in capitals, the parameters of each extension: the lines of a reply to EHLO after the first.

    ``AUTH=LOGIN``, as servers of before RFC 2554 write it, is ``AUTH LOGIN``. What is not a
    word of ASCII is passed over.
    """
    extensions: dict[str, frozenset[str]] = {}
    for line in lines:
        words = [word for word in line.upper().replace("AUTH=", "AUTH ", 1).split(" ") if _WORD.fullmatch(word)]
        if words:
            extensions[words[0]] = extensions.get(words[0], frozenset()).union(words[1:])
    return extensions


def auth_plain(username: str, password: str) -> bytes:
    """The one response of SASL PLAIN, without a line end (RFC 4616)."""
    return base64.b64encode(f"\0{username}\0{password}".encode())


def auth_text(text: str) -> bytes:
    """A response of AUTH LOGIN: the name, then the password (draft-murchison-sasl-login)."""
    return base64.b64encode(text.encode())


def address_literal(address: str) -> str:
    """How a client without a name of its own presents itself (RFC 5321 section 4.1.3)."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
