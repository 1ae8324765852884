"""A stand-in for a chat server of Threema, on `cryptography` and a Salsa20 written from its specification.

The probe uses PyNaCl: what both agree on, no mistake of one alone can have made. Sources: D. J. Bernstein,
Salsa20 specification, and Extending the Salsa20 nonce; the hello as csp.struct.yml of threema-android has it.
"""

import asyncio
import os
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.poly1305 import Poly1305

_SIGMA = struct.unpack("<4I", b"expand 32-byte k")
_MASK = 0xFFFFFFFF
_QUARTERS = (  # target, two summands, rotation: columns, then rows (section 4 to 6 of the specification)
    *((4, 0, 12, 7), (8, 4, 0, 9), (12, 8, 4, 13), (0, 12, 8, 18)),
    *((9, 5, 1, 7), (13, 9, 5, 9), (1, 13, 9, 13), (5, 1, 13, 18)),
    *((14, 10, 6, 7), (2, 14, 10, 9), (6, 2, 14, 13), (10, 6, 2, 18)),
    *((3, 15, 11, 7), (7, 3, 15, 9), (11, 7, 3, 13), (15, 11, 7, 18)),
    *((1, 0, 3, 7), (2, 1, 0, 9), (3, 2, 1, 13), (0, 3, 2, 18)),
    *((6, 5, 4, 7), (7, 6, 5, 9), (4, 7, 6, 13), (5, 4, 7, 18)),
    *((11, 10, 9, 7), (8, 11, 10, 9), (9, 8, 11, 13), (10, 9, 8, 18)),
    *((12, 15, 14, 7), (13, 12, 15, 9), (14, 13, 12, 13), (15, 14, 13, 18)),
)


def _rounds(key: bytes, block: bytes) -> tuple[list[int], list[int]]:
    """The words before and after the twenty rounds."""
    k, n = struct.unpack("<8I", key), struct.unpack("<4I", block)
    start = [_SIGMA[0], *k[:4], _SIGMA[1], *n, _SIGMA[2], *k[4:], _SIGMA[3]]
    words = list(start)
    for _ in range(10):
        for target, one, two, turn in _QUARTERS:
            total = words[one] + words[two] & _MASK
            words[target] ^= (total << turn | total >> 32 - turn) & _MASK
    return start, words


def _hsalsa20(key: bytes, block: bytes) -> bytes:
    _, words = _rounds(key, block)
    return struct.pack("<8I", *(words[at] for at in (0, 5, 10, 15, 6, 7, 8, 9)))


def _xsalsa20(key: bytes, nonce: bytes, size: int) -> bytes:
    key = _hsalsa20(key, nonce[:16])
    stream = b""
    while len(stream) < size:
        start, words = _rounds(key, nonce[16:] + (len(stream) // 64).to_bytes(8, "little"))
        stream += struct.pack("<16I", *(one + two & _MASK for one, two in zip(start, words, strict=True)))
    return stream[:size]


def crypto_box(plain: bytes, nonce: bytes, public: bytes, secret: X25519PrivateKey) -> bytes:
    """NaCl's crypto_box: the authenticator, then the cipher text."""
    key = _hsalsa20(secret.exchange(X25519PublicKey.from_public_bytes(public)), bytes(16))
    stream = _xsalsa20(key, nonce, 32 + len(plain))
    cipher = bytes(one ^ two for one, two in zip(plain, stream[32:], strict=True))
    return Poly1305.generate_tag(stream[:32], cipher) + cipher


@dataclass(kw_only=True)
class Threema:
    """One chat server; ``handle`` is for `scripted`. What is set makes it misbehave."""

    secret: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    repeats: bytes | None = None
    """Repeat this cookie and not the client's."""
    echoes: bool = False
    """Use the client's cookie as its own."""
    says: int = 80
    """Of so many bytes."""

    @property
    def key(self) -> str:
        """The public key, for the probe's settings."""
        return self.secret.public_key().public_bytes_raw().hex()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one hello."""
        hello = await reader.readexactly(48)
        public, cookie = hello[:32], hello[32:]
        own = cookie if self.echoes else os.urandom(16)
        session = X25519PrivateKey.generate().public_key().public_bytes_raw()
        plain = session + (cookie if self.repeats is None else self.repeats)
        box = crypto_box(plain, own + (1).to_bytes(8, "little"), public, self.secret)
        writer.write((own + box)[: self.says])
        await writer.drain()
