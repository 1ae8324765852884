"""AMQP 0-9-1 (amqp0-9-1.pdf section 4.2, and RabbitMQ's errata for the types of fields), as far as opening needs it."""

from collections.abc import Mapping
from enum import Enum, unique
from typing import NamedTuple

from monitor.wire.cursor import Cursor

HEADER = b"AMQP\x00\x00\x09\x01"
HEAD_SIZE = 7
_METHOD, _HEARTBEAT = 1, 8
_END = b"\xce"
_DEPTH = 8
_LARGEST = 16384  # of the table that a server describes itself with; half of that in fields takes some 20 ms
# The value of a field by the letter before it: how many bytes, as far as that is fixed.
_SIZES = {b"b": 1, b"B": 1, b"s": 2, b"u": 2, b"U": 2, b"I": 4, b"i": 4, b"f": 4} | {
    b"l": 8,
    b"L": 8,
    b"d": 8,
    b"T": 8,
    b"D": 5,
    b"V": 0,
}

Value = str | bool | None | Mapping[str, "Value"]
"""A field of a table: texts, truths and tables; everything else is None, for nobody asks."""


@unique
class Method(Enum):
    """The methods of class connection (section 1.4 of the reference), with class and method number."""

    START = (10, 10)
    TUNE = (10, 30)
    OPEN_OK = (10, 41)
    CLOSE = (10, 50)


class Start(NamedTuple):
    """What a server says of itself."""

    properties: Mapping[str, Value]
    mechanisms: tuple[str, ...]


class Tune(NamedTuple):
    """What a server proposes."""

    channel_max: int
    frame_max: int


class Close(NamedTuple):
    """Why a server ends the connection."""

    code: int
    text: str


def frame_size(head: bytes) -> int:
    """How many bytes follow the first seven of a frame, its end included."""
    kind, channel, size = head[0], int.from_bytes(head[1:3]), int.from_bytes(head[3:7])
    if kind not in (_METHOD, _HEARTBEAT) or channel:
        raise ValueError(f"a frame of type {kind} on channel {channel}")
    return size + 1


def parse_method(head: bytes, rest: bytes) -> tuple[Method, Cursor] | None:
    """The method that a frame holds, and its arguments; None for a heartbeat."""
    if rest[-1:] != _END:
        raise ValueError("a frame without its end")
    if head[0] == _HEARTBEAT:
        return None
    cursor = Cursor(rest[:-1])
    number = (cursor.uint(2), cursor.uint(2))
    try:
        return Method(number), cursor
    except ValueError:
        raise ValueError(f"method {number[0]}.{number[1]} at this place") from None


def parse_start(cursor: Cursor) -> Start:
    """Read the arguments of connection.start."""
    version = (cursor.uint(1), cursor.uint(1))
    if version != (0, 9):
        raise ValueError(f"version {version[0]}-{version[1]}")
    table = cursor.counted(4)
    if len(table) > _LARGEST:
        raise ValueError(f"a table of {len(table)} bytes")
    properties = _table(table, _DEPTH)
    mechanisms = cursor.counted(4).decode("ascii", "replace")
    cursor.counted(4)
    return Start(properties, tuple(mechanisms.split()))


def parse_tune(cursor: Cursor) -> Tune:
    """Read the arguments of connection.tune."""
    tune = Tune(cursor.uint(2), cursor.uint(4))
    cursor.uint(2)
    return tune


def parse_close(cursor: Cursor) -> Close:
    """Read the arguments of connection.close."""
    return Close(cursor.uint(2), cursor.counted(1).decode("utf-8", "replace"))


def encode_start_ok(username: str, password: str) -> bytes:
    """connection.start-ok with SASL PLAIN (RFC 4616), by a client that wants to be told why it is refused."""
    capabilities = _short("authentication_failure_close") + b"t\x01"
    properties = _short("product") + b"S" + _long(b"lastseen") + _short("capabilities") + b"F" + _long(capabilities)
    response = b"\0" + username.encode() + b"\0" + password.encode()
    return _frame(11, _long(properties) + _short("PLAIN") + _long(response) + _short("en_US"))


def encode_tune_ok(tune: Tune) -> bytes:
    """connection.tune-ok: as the server says, without heartbeats."""
    return _frame(31, tune.channel_max.to_bytes(2) + tune.frame_max.to_bytes(4) + bytes(2))


def encode_open(vhost: str) -> bytes:
    """connection.open."""
    return _frame(40, _short(vhost) + bytes(2))


def encode_close() -> bytes:
    """connection.close: all is well."""
    return _frame(50, (200).to_bytes(2) + _short("bye") + bytes(4))


def encode_close_ok() -> bytes:
    """connection.close-ok."""
    return _frame(51, b"")


def _table(data: bytes, depth: int) -> dict[str, Value]:
    cursor = Cursor(data)
    fields: dict[str, Value] = {}
    while not cursor.ended:
        name = cursor.counted(1).decode("utf-8", "replace")
        fields[name] = _value(cursor, depth)
    return fields


def _value(cursor: Cursor, depth: int) -> Value:
    if depth < 1:
        raise ValueError(f"tables nested deeper than {_DEPTH}")
    kind = cursor.take(1)
    if kind == b"t":
        return cursor.uint(1) != 0
    if kind == b"F":
        return _table(cursor.counted(4), depth - 1)
    if kind in b"SxA":
        data = cursor.counted(4)
        return data.decode("utf-8", "replace") if kind == b"S" else None
    if kind not in _SIZES:
        raise ValueError(f"a field of type {kind!r}")
    cursor.take(_SIZES[kind])
    return None


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes((len(data),)) + data


def _long(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data


def _frame(method: int, arguments: bytes) -> bytes:
    payload = (10).to_bytes(2) + method.to_bytes(2) + arguments
    return bytes((_METHOD, 0, 0)) + _long(payload) + _END
