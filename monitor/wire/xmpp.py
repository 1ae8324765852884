"""XMPP's bytes (RFC 6120): what opens a stream, its elements one by one, and what they say.

A stream is one long XML document. DTDs, processing instructions, comments and
entities other than the five of XML are not allowed in it (section 11.1), so
nothing can be expanded.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.parsers import expat

STREAMS = "http://etherx.jabber.org/streams"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
PING = "urn:xmpp:ping"  # XEP-0199
DIALBACK = "dialback"
"""What `offered` calls server dialback (XEP-0220), which is no SASL mechanism."""

_DIALBACK = "urn:xmpp:features:dialback"
_LIMIT = 65536  # bytes of one stream
_TAGS = 1000  # also bounds how often expat looks at the same bytes again
_DEPTH = 16
_MECHANISM = re.compile(r"[A-Z0-9_-]{1,20}")  # RFC 4422 section 3.1
_CONDITION = re.compile(r"[a-z-]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """An element with all that is in it; that which opens a stream is alone."""

    name: str
    """``namespace local``, or only the local name where there is no namespace."""
    attributes: Mapping[str, str]
    children: "tuple[Element, ...]" = ()
    text: str = ""

    def child(self, name: str) -> "Element | None":
        """The first of that name."""
        return next((child for child in self.children if child.name == name), None)


class _Builder:
    """What expat's events amount to. Knows no parser, so that no cycle waits for the collector."""

    def __init__(self) -> None:
        self.done: Element | None = None
        self.ended = False
        self._open: list[tuple[str, dict[str, str], list[Element], list[str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _DEPTH:
            raise ValueError(f"elements nested deeper than {_DEPTH}")
        if not self._open:
            self.done = Element(name=name, attributes=attributes)
        self._open.append((name, attributes, [], []))

    def end(self, _: str) -> None:
        name, attributes, children, text = self._open.pop()
        if not self._open:
            self.ended = True
            return
        element = Element(name=name, attributes=attributes, children=tuple(children), text="".join(text))
        if len(self._open) == 1:
            self.done = element
        else:
            self._open[-1][2].append(element)

    def text(self, data: str) -> None:
        if len(self._open) > 1:
            self._open[-1][3].append(data)
        elif data.strip():
            raise ValueError("text between elements")


def _refuse(*_: object) -> None:
    raise ValueError("a DTD, a comment or a processing instruction")


class Reader:
    """Bytes of one stream in, elements out: first the one that opens it, then each of its children when whole.

    Reads no further than the element it gives, so that what follows is untouched (`rest`).
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._came = self._tags = 0
        self._builder = builder = _Builder()
        self._parser = parser = expat.ParserCreate("UTF-8", " ")
        parser.buffer_text = True
        parser.StartElementHandler = builder.start
        parser.EndElementHandler = builder.end
        parser.CharacterDataHandler = builder.text
        parser.StartDoctypeDeclHandler = _refuse
        parser.CommentHandler = _refuse
        parser.ProcessingInstructionHandler = _refuse

    def feed(self, data: bytes) -> None:
        """Take what came. Raises ValueError beyond 64 KiB."""
        self._came += len(data)
        if self._came > _LIMIT:
            raise ValueError(f"more than {_LIMIT} bytes")
        self._buffer += data

    @property
    def rest(self) -> bytes:
        """What came and was not yet looked at."""
        return bytes(self._buffer)

    @property
    def ended(self) -> bool:
        """Whether the other side closed its stream."""
        return self._builder.ended

    def next(self) -> Element | None:
        """The next element, None until more bytes come. Raises ValueError for what is no XMPP."""
        if not self._tags and self._buffer and not self._buffer.startswith(b"<"):
            raise ValueError("no XML")
        builder = self._builder
        # Whole tags only: newer expats put off a tag that comes in pieces until yet more has come.
        while not builder.ended and (end := self._buffer.find(b">") + 1):
            self._tags += 1
            if self._tags > _TAGS:
                raise ValueError(f"more than {_TAGS} tags")
            piece = bytes(self._buffer[:end])
            del self._buffer[:end]
            try:
                self._parser.Parse(piece)
            except expat.ExpatError as error:
                raise ValueError(f"not well-formed XML: {error}") from error
            if builder.done is not None:
                element, builder.done = builder.done, None
                return element
        return None


def head(domain: str, namespace: str) -> bytes:
    """What opens a stream to ``domain``: ``jabber:client`` or ``jabber:server``."""
    dialback = " xmlns:db='jabber:server:dialback'" if namespace == "jabber:server" else ""
    return (
        f"<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xml:lang='en' xmlns='{namespace}'{dialback} "
        f"xmlns:stream='{STREAMS}'>"
    ).encode()


def sasl(name: str, payload: str, attributes: str = "") -> bytes:
    """An element of a SASL negotiation; ``payload`` is base64."""
    return f"<{name} xmlns='{SASL}'{attributes}>{payload}</{name}>".encode()


def iq(kind: str, number: str, payload: str, to: str | None = None) -> bytes:
    """A question to the server (RFC 6120 section 8.2.3)."""
    addressed = f" to='{to}'" if to is not None else ""
    return f"<iq type='{kind}' id='{number}'{addressed}>{payload}</iq>".encode()


def offered(features: Element) -> tuple[str, ...]:
    """The SASL mechanisms that are offered, and `DIALBACK`."""
    mechanisms = features.child(f"{SASL} mechanisms")
    names = [child.text.strip() for child in mechanisms.children] if mechanisms is not None else []
    dialback = (DIALBACK,) if features.child(f"{_DIALBACK} dialback") is not None else ()
    return tuple(name for name in names if _MECHANISM.fullmatch(name)) + dialback


def condition(error: Element) -> str:
    """The condition that an error names: of a stream, a stanza, or a SASL failure."""
    for child in error.children:
        local = child.name.rpartition(" ")[2]
        if local != "text" and _CONDITION.fullmatch(local):
            return local
    return "no condition"
