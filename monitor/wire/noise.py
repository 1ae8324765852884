"""The first two messages of Noise_XX_25519_AESGCM_SHA256, as an initiator speaks them.

Source: the Noise Protocol Framework, revision 34 (noiseprotocol.org), sections
5 and 7.5. One deviation, which WhatsApp's clients and servers share: the empty
payload of the first message is not hashed.
"""

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NAME = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0"  # 32 bytes, which is the length of a hash: used as it is
_FIRST = bytes(12)  # each key here opens one message only, with the counter at 0
_KEY, _TAG = 32, 16


class Altered(ValueError):
    """What came was not sealed for this handshake: another protocol, or bytes changed on the way."""


class Initiator:
    """One handshake: send ``ephemeral``, then `open` what the responder answers."""

    __slots__ = ("_chaining", "_hash", "_private", "ephemeral")

    def __init__(self, prologue: bytes, private: X25519PrivateKey | None = None) -> None:
        """``private`` is drawn afresh; a test may give one."""
        self._private = private or X25519PrivateKey.generate()
        self.ephemeral = self._private.public_key().public_bytes_raw()
        """The whole first message: 32 bytes."""
        self._chaining = _NAME
        self._hash = _NAME
        self._mix_hash(prologue)
        self._mix_hash(self.ephemeral)

    def open(self, ephemeral: bytes, static: bytes, payload: bytes) -> tuple[bytes, bytes]:
        """``(the responder's static key, its payload)`` from the three parts of its message.

        Payloads that open prove that the responder holds the static key's private half.
        Raises Altered, or ValueError for parts of a wrong length or a useless key.
        """
        if len(ephemeral) != _KEY or len(static) != _KEY + _TAG or len(payload) < _TAG:
            sizes = f"{len(ephemeral)}, {len(static)} and {len(payload)}"
            raise ValueError(f"parts of {sizes} bytes are no second message of Noise XX")
        self._mix_hash(ephemeral)
        key = self._mix_key(ephemeral)
        peer = self._decrypt(key, static)
        key = self._mix_key(peer)
        return peer, self._decrypt(key, payload)

    def _mix_hash(self, data: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + data).digest()

    def _mix_key(self, public: bytes) -> bytes:
        shared = self._private.exchange(X25519PublicKey.from_public_bytes(public))
        both = HKDF(SHA256(), 64, salt=self._chaining, info=b"").derive(shared)
        self._chaining = both[:32]
        return both[32:]

    def _decrypt(self, key: bytes, sealed: bytes) -> bytes:
        try:
            plain = AESGCM(key).decrypt(_FIRST, sealed, self._hash)
        except InvalidTag:
            raise Altered("the answer does not open with the key that both sides agreed on") from None
        self._mix_hash(sealed)
        return plain
