"""WhatsApp's opening: a client hello, a server hello, and the certificates inside the latter.

Sources: tulir/whatsmeow (socket/constants.go, socket/noisehandshake.go,
handshake.go) and WhiskeySockets/Baileys (src/Utils/noise-handler.ts), which
agree; the certificates' fields are those of whatsmeow's WACert.proto.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from monitor.wire.protobuf import Message, encode

PROLOGUE = b"WA\x06\x03"  # protocol 6, dictionary 3
ROOT = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
"""The public key (X25519) that signs the intermediate certificates, "WhatsAppLongTerm1" in the apps."""
_CLIENT_HELLO, _SERVER_HELLO = 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate. ``details`` are the signed bytes as they came: never encoded again."""

    details: bytes
    signature: bytes
    serial: int
    issuer: int
    """The serial of the certificate that signed this one; 0 stands for the root."""
    key: bytes
    not_before: int
    not_after: int
    """Both Unix seconds, inclusive."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Raises ValueError."""
        outer = Message.parse(data)
        details = outer.data(1)
        inner = Message.parse(details)
        return cls(
            details=details,
            signature=outer.data(2),
            serial=inner.number(1),
            issuer=inner.number(2),
            key=inner.data(3),
            not_before=inner.number(4),
            not_after=inner.number(5),
        )


def client_hello(ephemeral: bytes) -> bytes:
    """All that a client sends first: the prologue, then one frame with its ephemeral key."""
    hello = encode([(_CLIENT_HELLO, encode([(1, ephemeral)]))])
    return PROLOGUE + len(hello).to_bytes(3) + hello


def server_hello(frame: bytes) -> tuple[bytes, bytes, bytes]:
    """The parts of a server's first frame: its ephemeral key, its sealed static key, its sealed chain.

    Raises ValueError.
    """
    hello = Message.parse(Message.parse(frame).data(_SERVER_HELLO))
    return hello.data(1), hello.data(2), hello.data(3)


@lru_cache(maxsize=64)
def chain(data: bytes) -> tuple[Certificate, Certificate]:
    """``(leaf, intermediate)`` of an opened chain; what they prove is for the reader to check. Raises ValueError.

    The last ones are remembered: the same chain comes back at every attempt.
    """
    both = Message.parse(data)
    if not both.data(1) or not both.data(2):
        raise ValueError("a chain without a leaf or an intermediate certificate")
    return Certificate.parse(both.data(1)), Certificate.parse(both.data(2))
