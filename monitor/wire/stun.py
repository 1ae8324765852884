"""STUN messages (RFC 8489) and what TURN (RFC 8656) adds to them. See `monitor.wire` for the promise of a codec."""

import hmac
import ipaddress
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, unique
from hashlib import md5

COOKIE = 0x2112A442
HEADER = 20
"""Bytes before the attributes."""
UDP_TRANSPORT = b"\x11\x00\x00\x00"
"""REQUESTED-TRANSPORT: UDP, the only one that every TURN server relays (RFC 8656 section 18.7)."""
_LARGEST = 8192  # no answer of a server is near that
_HEAD = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_SUCCESS = 0x0100
_ERROR = 0x0110
_FINGERPRINT_XOR = 0x5354554E  # RFC 8489 section 14.7


@unique
class Method(IntEnum):
    """The request's message type; its answers have bits of a class added (RFC 8489 section 5)."""

    BINDING = 1
    ALLOCATE = 3
    REFRESH = 4


@unique
class Attribute(IntEnum):
    """The attributes that we write or read (RFC 8489 section 18.3, RFC 8656 section 18)."""

    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    LIFETIME = 0x000D
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_TRANSPORT = 0x0019
    XOR_MAPPED_ADDRESS = 0x0020
    SOFTWARE = 0x8022
    FINGERPRINT = 0x8028


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. Of an attribute that stands there twice the first counts (RFC 8489 section 14)."""

    transaction: bytes
    method: int
    error: int
    """The code of an error response, 300 to 699; 0 for a success."""
    attributes: dict[int, bytes]
    signed: bytes
    """What MESSAGE-INTEGRITY signs."""

    def is_signed_by(self, key: bytes) -> bool:
        """Whether MESSAGE-INTEGRITY is there and was made with ``key``."""
        given = self.attributes.get(Attribute.MESSAGE_INTEGRITY)
        return given is not None and hmac.compare_digest(given, hmac.digest(key, self.signed, "sha1"))


def long_term_key(username: str, realm: bytes, password: str) -> bytes:
    """The key of RFC 8489 section 9.2.2 with MD5, which is what servers take that offer no other algorithm."""
    return md5(b":".join((username.encode(), realm, password.encode())), usedforsecurity=False).digest()


def encode(
    method: Method, transaction: bytes, attributes: Iterable[tuple[Attribute, bytes]] = (), key: bytes | None = None
) -> bytes:
    """A request; with ``key``, signed by it. ``transaction``: 12 bytes that nobody can guess."""
    body = b"".join(_attribute(kind, value) for kind, value in attributes)
    if key is None:
        return _HEAD.pack(method, len(body), COOKIE, transaction) + body
    signed = _HEAD.pack(method, len(body) + 24, COOKIE, transaction) + body  # the length counts the signature already
    return signed + _attribute(Attribute.MESSAGE_INTEGRITY, hmac.digest(key, signed, "sha1"))


def _attribute(kind: Attribute, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def body_size(head: bytes) -> int:
    """How many bytes follow the `HEADER` bytes ``head`` on a stream. Raises ValueError for what is no STUN."""
    kind, size, cookie, _ = _HEAD.unpack(head)
    if kind & 0xC000 or cookie != COOKIE or size % 4:
        raise ValueError("not a STUN message")
    if size > _LARGEST:
        raise ValueError(f"a STUN message of {size} bytes")
    return int(size)


def decode(data: bytes) -> Answer:
    """The answer that ``data`` is, as a whole. Raises ValueError."""
    if len(data) < HEADER or body_size(data[:HEADER]) != len(data) - HEADER:
        raise ValueError("not a whole STUN message")
    kind = int.from_bytes(data[:2])
    attributes, signed = _attributes(data)
    if kind & _ERROR not in (_SUCCESS, _ERROR):
        raise ValueError("a STUN request in place of an answer")
    return Answer(
        transaction=data[8:HEADER],
        method=kind & ~_ERROR,
        error=_error_code(attributes) if kind & _ERROR == _ERROR else 0,
        attributes=attributes,
        signed=signed,
    )


def _attributes(data: bytes) -> tuple[dict[int, bytes], bytes]:
    """The attributes, and the bytes that the signature among them signs. What follows the signature does not count."""
    found: dict[int, bytes] = {}
    signed = b""
    at = HEADER
    while at < len(data):
        kind, size = _ATTRIBUTE.unpack_from(data, at)
        value = data[at + 4 : at + 4 + size]
        if len(value) < size:
            raise ValueError("an attribute that is longer than its message")
        if kind == Attribute.FINGERPRINT:
            _check_fingerprint(data[:at], value)
        elif not signed:
            found.setdefault(kind, value)
        if kind == Attribute.MESSAGE_INTEGRITY and not signed:
            signed = data[:2] + (at + 4).to_bytes(2) + data[4:at]  # + 24 of its own - 20 of the header
        at += 4 + size + -size % 4
    return found, signed


def _check_fingerprint(before: bytes, value: bytes) -> None:
    if value != (zlib.crc32(before) ^ _FINGERPRINT_XOR).to_bytes(4):
        raise ValueError("the fingerprint of the message is wrong")


def _error_code(attributes: dict[int, bytes]) -> int:
    value = attributes.get(Attribute.ERROR_CODE, b"")
    if len(value) < 4 or not 3 <= value[2] & 7 <= 6 or value[3] > 99:
        raise ValueError("an error response without an error code")
    return (value[2] & 7) * 100 + value[3]


def address(answer: Answer, attribute: Attribute) -> tuple[str, int]:
    """Address and port of an XOR-...-ADDRESS (RFC 8489 section 14.2). Raises ValueError when there is none."""
    value = answer.attributes.get(attribute)
    if value is None:
        raise ValueError(f"an answer without {attribute.name.replace('_', '-')}")
    mask = COOKIE.to_bytes(4) + answer.transaction
    size = {(1, 8): 4, (2, 20): 16}.get((value[1] if len(value) > 1 else 0, len(value)))
    if size is None:
        raise ValueError(f"{attribute.name.replace('_', '-')} holds no address")
    packed = bytes(byte ^ other for byte, other in zip(value[4:], mask, strict=False))
    return str(ipaddress.ip_address(packed)), int.from_bytes(value[2:4]) ^ COOKIE >> 16
