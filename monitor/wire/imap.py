"""IMAP as a client reads and writes it: responses, capabilities, SASL PLAIN, quoted strings (RFC 9051, 3501, 5530)."""

import base64
import re
from typing import NamedTuple

_LINE = re.compile(rb"(\*|\+|[A-Za-z0-9]{1,32})(?: (.*))?", re.DOTALL)
_CODE = re.compile(r"\[([^\]]*)\] ?(.*)", re.DOTALL)
_CAPABILITY = re.compile(r"[\x21-\x7e]{1,64}")
_STATES = ("OK", "NO", "BAD", "BYE", "PREAUTH")
_QUOTABLE = re.compile(r"[\x01-\x09\x0b\x0c\x0e-\x7f]*")


class Response(NamedTuple):
    """One line of the server.

    ``tag`` is ``*`` for what nobody asked for in particular, ``+`` for a wish to hear more,
    else that of the command it ends. ``word`` is the first word, in capitals; ``code`` what
    stands in brackets after a state (``CAPABILITY IMAP4rev1 ...``), or empty.
    """

    tag: str
    word: str
    code: str
    text: str

    @property
    def code_name(self) -> str:
        """The first word of the code, in capitals."""
        return self.code.partition(" ")[0].upper()

    @property
    def capabilities(self) -> frozenset[str] | None:
        """What the line says that the server can do, in capitals; None when it is about something else."""
        if self.word == "CAPABILITY":
            return _words(self.text)
        return _words(self.code.partition(" ")[2]) if self.code_name == "CAPABILITY" else None


def parse_response(line: bytes) -> Response:
    """A line without its end (RFC 9051 section 7). Raises ValueError."""
    found = _LINE.fullmatch(line)
    if found is None or (found[2] is None and found[1] != b"+"):
        raise ValueError("not a line of an IMAP server")
    tag, text = found[1].decode(), (found[2] or b"").decode("utf-8", "replace")
    if tag == "+":
        return Response(tag, "", "", text)
    word, _, rest = text.partition(" ")
    word = word.upper()
    if word not in _STATES:
        if tag != "*":
            raise ValueError("a tag without OK, NO or BAD")
        return Response(tag, word, "", rest)
    code = _CODE.fullmatch(rest)
    return Response(tag, word, code[1], code[2]) if code else Response(tag, word, "", rest)


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in text.upper().split(" ") if _CAPABILITY.fullmatch(word))


def auth_plain(username: str, password: str) -> bytes:
    """The one response of SASL PLAIN, without a line end (RFC 4616)."""
    return base64.b64encode(f"\0{username}\0{password}".encode())


def quoted(text: str) -> bytes:
    """``text`` as a quoted string (RFC 3501 section 9). Raises ValueError for what only a literal can hold."""
    if not _QUOTABLE.fullmatch(text):
        raise ValueError("a quoted string holds one line of ASCII")
    return b'"' + re.sub(r'(["\\])', r"\\\1", text).encode() + b'"'
