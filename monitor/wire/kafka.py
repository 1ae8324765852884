"""Requests and answers of the Kafka protocol (kafka.apache.org/protocol), in the oldest versions that brokers keep."""

from collections.abc import Mapping
from enum import IntEnum, unique
from typing import NamedTuple

from monitor.wire.cursor import Cursor

CLIENT = "lastseen"
_MOST = 1000  # requests that a broker knows, mechanisms that it offers


@unique
class Api(IntEnum):
    """The keys of the requests that are made here."""

    SASL_HANDSHAKE = 17
    API_VERSIONS = 18
    SASL_AUTHENTICATE = 36


class ApiVersions(NamedTuple):
    """An error code (0: none) and, by the key of each request, the oldest and the newest version of it."""

    error: int
    versions: Mapping[int, tuple[int, int]]


class SaslHandshake(NamedTuple):
    """An error code and the mechanisms on offer."""

    error: int
    mechanisms: tuple[str, ...]


def encode_api_versions(correlation: int) -> bytes:
    """ApiVersions, version 0."""
    return _request(Api.API_VERSIONS, 0, correlation, b"")


def encode_sasl_handshake(correlation: int, mechanism: str) -> bytes:
    """SaslHandshake, version 1: what follows is SaslAuthenticate."""
    return _request(Api.SASL_HANDSHAKE, 1, correlation, _string(mechanism))


def encode_sasl_plain(correlation: int, username: str, password: str) -> bytes:
    """SaslAuthenticate, version 0, with the message of PLAIN (RFC 4616)."""
    message = b"\0" + username.encode() + b"\0" + password.encode()
    return _request(Api.SASL_AUTHENTICATE, 0, correlation, len(message).to_bytes(4) + message)


def parse_correlation(frame: bytes) -> tuple[int, Cursor]:
    """The number of the request that a frame (without its size) answers, and the answer."""
    cursor = Cursor(frame)
    return cursor.uint(4), cursor


def parse_api_versions(cursor: Cursor) -> ApiVersions:
    """Read the answer to ApiVersions; a broker that knows no such version answers in version 0, too."""
    error = _error(cursor)
    versions = {}
    for _ in range(_count(cursor, 6)):
        key = cursor.uint(2)
        versions[key] = (cursor.uint(2), cursor.uint(2))
    _end(cursor)
    return ApiVersions(error, versions)


def parse_sasl_handshake(cursor: Cursor) -> SaslHandshake:
    """Read the answer to SaslHandshake."""
    error = _error(cursor)
    names = tuple(cursor.counted(2).decode("utf-8", "replace") for _ in range(_count(cursor, 2)))
    _end(cursor)
    return SaslHandshake(error, names)


def parse_sasl_authenticate(cursor: Cursor) -> int:
    """The error code of the answer to SaslAuthenticate; its text is for nobody here."""
    return _error(cursor)


def _error(cursor: Cursor) -> int:
    return int.from_bytes(cursor.take(2), signed=True)


def _count(cursor: Cursor, least: int) -> int:
    """How many items of at least so many bytes an array announces."""
    count = cursor.uint(4)
    if count > _MOST or count * least > cursor.left:
        raise ValueError(f"an array of {count} items in {cursor.left} bytes")
    return count


def _end(cursor: Cursor) -> None:
    if not cursor.ended:
        raise ValueError(f"{cursor.left} bytes too many")


def _request(api: Api, version: int, correlation: int, body: bytes) -> bytes:
    head = api.to_bytes(2) + version.to_bytes(2) + correlation.to_bytes(4) + _string(CLIENT)
    return (len(head) + len(body)).to_bytes(4) + head + body


def _string(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2) + data
