"""MTProto 2.0 before there is a key: transports, unencrypted messages, req_pq_multi and resPQ.

Bytes as on core.telegram.org: mtproto/mtproto-transports, mtproto/description
(unencrypted messages), mtproto/auth_key (steps 1 and 2), mtproto/serialize.
"""

import re
from collections.abc import Callable, Mapping
from struct import Struct
from typing import Literal, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

Random = Callable[[int], bytes]
"""Gives so many bytes that nobody can foresee."""

_LARGEST = 65536  # resPQ has about 170 bytes, server_DH_params_ok about 710
_SHORTEST = 20  # key id, message id, length: whatever is shorter is no message
_SMALLEST = 5  # no packet of any transport is shorter on the wire
_FOREIGN = re.compile(rb"HTTP/|<!doc|<html|SSH-2|220[ -].", re.IGNORECASE)
_FORBIDDEN = (b"HEAD", b"POST", b"GET ", b"OPTI", b"\x16\x03\x01\x02", b"\xdd" * 4, b"\xee" * 4)

_PLAIN = Struct("<qqi")
_REQ_PQ_MULTI = Struct("<I16s")
_RES_PQ = Struct("<I16s16s")
_VECTOR = Struct("<II")


Transport = Literal["obfuscated", "abridged", "intermediate", "padded"]
"""How packets are cut on the wire: abridged, intermediate, intermediate with up to 15 bytes more than the message,
or (obfuscated) intermediate inside AES-256-CTR with keys that are sent first."""

_TAGS: Mapping[Transport, bytes] = {"abridged": b"\xef", "intermediate": b"\xee" * 4, "padded": b"\xdd" * 4}


class ForeignText(ValueError):
    """What answers is no MTProto server: a page, or another protocol's greeting, in plain text."""


class TransportError(ValueError):
    """The server refused the connection or the query with a number, an HTTP status in the negative."""

    def __init__(self, code: int) -> None:
        super().__init__(f"transport error {code}")
        self.code = code


class Link:
    """The framing of one connection, both ways."""

    __slots__ = ("_arrived", "_decrypt", "_encrypt", "_head", "_opening", "_random", "_transport")

    def __init__(self, transport: Transport, random: Random) -> None:
        self._transport = transport
        self._random = random
        self._arrived = bytearray()
        self._head = b""
        self._encrypt: Callable[[bytes], bytes] = bytes
        self._decrypt: Callable[[bytes], bytes] = bytes
        self._opening = self._obfuscate() if transport == "obfuscated" else _TAGS[transport]

    def _obfuscate(self) -> bytes:
        head = _obfuscation_head(self._random)
        self._encrypt = _stream_cipher(head[8:40], head[40:56])
        back = head[55:7:-1]
        self._decrypt = _stream_cipher(back[:32], back[32:])
        return head[:56] + self._encrypt(head)[56:]

    @property
    def pending(self) -> int:
        """How many bytes have arrived of a packet that is not whole."""
        return len(self._arrived)

    def pack(self, payload: bytes) -> bytes:
        """What to send for ``payload`` (of whole words); the first time with what opens the connection."""
        opening, self._opening = self._opening, b""
        if self._transport == "abridged":
            words = len(payload) // 4
            return opening + (bytes([words]) if words < 0x7F else b"\x7f" + words.to_bytes(3, "little")) + payload
        if self._transport == "padded":
            payload += self._random(self._random(1)[0] & 15)
        return opening + self._encrypt(len(payload).to_bytes(4, "little") + payload)

    def feed(self, data: bytes) -> bytes | None:
        """Take what arrived; the next packet's payload, padding and all, None while it is not whole.

        Raises ValueError, after which the link is of no use.
        """
        if len(self._head) < _SMALLEST:
            self._head += data[: _SMALLEST - len(self._head)]
            if _FOREIGN.match(self._head):
                raise ForeignText("plain text of another protocol")
        self._arrived += self._decrypt(data)
        if len(self._arrived) < _SMALLEST:
            return None
        start, size = self._measure()
        if size > _LARGEST:
            raise ValueError(f"a packet of {size} bytes, where a few hundred are expected")
        if len(self._arrived) < start + size:
            return None
        payload = bytes(self._arrived[start : start + size])
        del self._arrived[: start + size]
        return payload

    def _measure(self) -> tuple[int, int]:
        """Where the payload begins, and its size."""
        if self._transport != "abridged":
            return 4, int.from_bytes(self._arrived[:4], "little")
        words = self._arrived[0]
        if words > 0x7F:
            raise ValueError("a quick acknowledgement, which was not asked for")
        return (1, words * 4) if words < 0x7F else (4, int.from_bytes(self._arrived[1:4], "little") * 4)


def _obfuscation_head(random: Random) -> bytes:
    """64 random bytes, but for the transport's tag, that look like the begin of no other protocol or transport."""
    while True:
        head = random(64)
        if head[0] != 0xEF and head[:4] not in _FORBIDDEN and head[4:8] != bytes(4):
            return head[:56] + _TAGS["intermediate"] + head[60:]


def _stream_cipher(key: bytes, counter: bytes) -> Callable[[bytes], bytes]:
    return Cipher(AES(key), CTR(counter)).encryptor().update  # both directions of CTR are the same


class Message(NamedTuple):
    """An unencrypted message of a server. ``sent`` is its clock, Unix seconds; ``body`` may have a tail of padding."""

    sent: float
    body: bytes


class ResPQ(NamedTuple):
    """The server's answer to req_pq_multi: alive, and these are the keys it claims to hold."""

    nonce: bytes
    server_nonce: bytes
    pq: int
    fingerprints: tuple[int, ...]


def message(body: bytes, now: float) -> bytes:
    """An unencrypted message; its id is our clock, divisible by 4 as a client's must be."""
    return _PLAIN.pack(0, int(now * 2**32) & ~3, len(body)) + body


def open_message(payload: bytes) -> Message:
    """The message in a packet. Raises TransportError, or ValueError for what a server does not send without a key.

    The length it states is no part of the proof: servers add to messages, and state more than there is.
    """
    if len(payload) < _SHORTEST:
        code = int.from_bytes(payload[:4], "little", signed=True)
        if len(payload) >= 4 and code < 0:
            raise TransportError(code)
        raise ValueError(f"a packet of {len(payload)} bytes, too short for a message")
    key_id, message_id, _ = _PLAIN.unpack_from(payload)
    if key_id != 0:
        raise ValueError("an encrypted message, though no key was agreed")
    if message_id % 4 != 1:
        raise ValueError("the message id is not one of an answer")
    return Message(message_id / 2**32, payload[_SHORTEST:])


def req_pq_multi(nonce: bytes) -> bytes:
    """Step 1, to the server."""
    return _REQ_PQ_MULTI.pack(0xBE7E8EF1, nonce)


def read_res_pq(body: bytes) -> ResPQ:
    """Step 1, from the server; what follows the object is ignored. Raises ValueError."""
    if len(body) < _RES_PQ.size:
        raise ValueError("the answer ends before its nonces")
    constructor, nonce, server_nonce = _RES_PQ.unpack_from(body)
    if constructor != 0x05162463:
        raise ValueError(f"not resPQ but constructor {constructor:08x}")
    pq, offset = take_bytes(body, _RES_PQ.size)
    if not 0 < len(pq) <= 8:
        raise ValueError(f"pq of {len(pq)} bytes")
    return ResPQ(nonce, server_nonce, int.from_bytes(pq), _fingerprints(body, offset))


def _fingerprints(body: bytes, offset: int) -> tuple[int, ...]:
    start = offset + _VECTOR.size
    if len(body) < start:
        raise ValueError("the answer ends before its list of keys")
    constructor, count = _VECTOR.unpack_from(body, offset)
    if constructor != 0x1CB5C415:
        raise ValueError(f"not a vector but constructor {constructor:08x}")
    if len(body) - start < count * 8:
        raise ValueError(f"the answer ends before the {count} keys of its list")
    return tuple(Struct(f"<{count}Q").unpack_from(body, start))


def tl_bytes(data: bytes) -> bytes:
    """A string of TL: length, bytes, zeros up to a whole word."""
    size = len(data)
    head = bytes([size]) if size < 254 else b"\xfe" + size.to_bytes(3, "little")
    return head + data + bytes(-(len(head) + size) % 4)


def take_bytes(body: bytes, offset: int) -> tuple[bytes, int]:
    """The string of TL at ``offset``, and where the next value begins. Raises ValueError."""
    start, size = offset + 1, body[offset] if offset < len(body) else 255
    if size == 254:
        start, size = offset + 4, int.from_bytes(body[offset + 1 : offset + 4], "little")
    elif size == 255:
        raise ValueError("no string where one must be")
    end = start + size
    if end > len(body):
        raise ValueError("a string runs beyond the end of the message")
    return body[start:end], end + -(end - offset) % 4
