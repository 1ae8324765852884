"""MQTT control packets (OASIS MQTT 3.1.1 and 5.0), as far as a client that tries a session and one message needs them.

``level`` is the protocol's own number of its version: 4 for 3.1.1, 5 for 5.0.
"""

from enum import IntEnum, unique
from typing import NamedTuple

from monitor.wire.cursor import Cursor

DISCONNECT = b"\xe0\x00"
_PAIR = 0x26
_MAXIMUM_QOS = 0x24
_MOST = 1000
# 5.0 section 2.2.2.2: the size of a property's value, 0 for what begins with its own size in two bytes.
_SIZES = (
    dict.fromkeys((0x01, 0x17, 0x19, _MAXIMUM_QOS, 0x25, 0x28, 0x29, 0x2A), 1)
    | dict.fromkeys((0x13, 0x21, 0x22, 0x23), 2)
    | dict.fromkeys((0x02, 0x11, 0x18, 0x27), 4)
    | dict.fromkeys((0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F, _PAIR), 0)
)


@unique
class Kind(IntEnum):
    """The control packets that a server may send to a client that does not use QoS 2 or AUTH."""

    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBACK = 9
    DISCONNECT = 14


class Connack(NamedTuple):
    """The answer to CONNECT. ``code`` 0 is yes; ``maximum_qos`` is what the server takes."""

    code: int
    maximum_qos: int


class Acknowledgement(NamedTuple):
    """SUBACK (of one subscription) or PUBACK: for which packet, and how it was received (128 and above: not)."""

    number: int
    code: int


class Publication(NamedTuple):
    """A message. ``number`` is 0 at QoS 0."""

    qos: int
    retained: bool
    topic: bytes
    number: int
    payload: bytes


def encode_connect(level: int, client_id: str, username: str = "", password: str = "") -> bytes:
    """CONNECT with a clean session and a keep-alive of one minute; without a username no credentials are sent."""
    flags = 0x02 | (0xC0 if username else 0)
    fields = [client_id, username, password] if username else [client_id]
    head = b"\x00\x04MQTT" + bytes((level, flags)) + (60).to_bytes(2) + _no_properties(level)
    return _packet(0x10, head + b"".join(_text(field) for field in fields))


def encode_subscribe(level: int, number: int, topic: str) -> bytes:
    """SUBSCRIBE to ``topic`` at QoS 1; in 5.0 with the wish not to be sent what was retained there."""
    options = 0x21 if level == 5 else 0x01
    return _packet(0x82, number.to_bytes(2) + _no_properties(level) + _text(topic) + bytes((options,)))


def encode_publish(level: int, number: int, topic: str, payload: bytes) -> bytes:
    """PUBLISH at QoS 1, not retained."""
    return _packet(0x32, _text(topic) + number.to_bytes(2) + _no_properties(level) + payload)


def encode_puback(number: int) -> bytes:
    """PUBACK: the message arrived."""
    return b"\x40\x02" + number.to_bytes(2)


def parse_connack(level: int, body: bytes) -> Connack:
    """Read a CONNACK; ``level`` is what was asked for, the answer of a server that knows no 5.0 has the older form."""
    cursor = Cursor(body)
    if cursor.uint(1) & 0xFE:
        raise ValueError("CONNACK with reserved flags")
    code = cursor.uint(1)
    qos = _maximum_qos(_properties(cursor)) if level == 5 and not cursor.ended else 2
    if not cursor.ended:
        raise ValueError("CONNACK is longer than its fields")
    return Connack(code, qos)


def parse_suback(level: int, body: bytes) -> Acknowledgement:
    """Read the SUBACK of a single subscription."""
    cursor = Cursor(body)
    number = cursor.uint(2)
    if level == 5:
        _properties(cursor)
    code = cursor.uint(1)
    if not cursor.ended:
        raise ValueError("SUBACK for more topics than were asked for")
    return Acknowledgement(number, code)


def parse_puback(body: bytes) -> Acknowledgement:
    """Read a PUBACK; 5.0 may add a reason code, and properties after it."""
    cursor = Cursor(body)
    number = cursor.uint(2)
    return Acknowledgement(number, 0 if cursor.ended else cursor.uint(1))


def parse_disconnect(body: bytes) -> int:
    """The reason code of a DISCONNECT, which only 5.0 lets a server send; 0 when it gives none."""
    return body[0] if body else 0


def parse_publish(level: int, flags: int, body: bytes) -> Publication:
    """Read a PUBLISH; ``flags`` are the low four bits of its first byte."""
    qos = flags >> 1 & 3
    if qos > 1:
        raise ValueError("a message at a higher QoS than was subscribed to")
    cursor = Cursor(body)
    topic = cursor.counted(2)
    number = cursor.uint(2) if qos else 0
    if level == 5:
        _properties(cursor)
    return Publication(qos, bool(flags & 1), topic, number, cursor.rest())


def _maximum_qos(properties: bytes) -> int:
    cursor = Cursor(properties)
    found = 2
    for _ in range(_MOST):
        if cursor.ended:
            return found
        name = cursor.uint(1)
        if name not in _SIZES:
            raise ValueError("an unknown property")
        size = _SIZES[name]
        value = cursor.take(size) if size else cursor.counted(2)
        if name == _PAIR:
            cursor.counted(2)
        if name == _MAXIMUM_QOS:
            found = value[0]
    raise ValueError(f"more than {_MOST} properties")


def _properties(cursor: Cursor) -> bytes:
    size = 0
    for shift in (0, 7, 14, 21):
        byte = cursor.uint(1)
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return cursor.take(size)
    raise ValueError("a length of more than four bytes")


def _no_properties(level: int) -> bytes:
    return b"\x00" if level == 5 else b""


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2) + data


def _packet(first: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes((first,)) + bytes(length) + body
