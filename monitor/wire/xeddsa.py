"""Signatures that verify under an X25519 key, as Signal and WhatsApp make them.

Source: the XEdDSA and VXEdDSA specification (signal.org), section 2; and
libsignal, which keeps the sign of the Edwards point in the highest bit of the
signature where the specification fixes it to 0. Both kinds are accepted.
"""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_P = (1 << 255) - 19
_SIGN = 0x80


@lru_cache(maxsize=64)
def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` of ``message`` was made with the private half of ``key``, a Montgomery u of 32 bytes.

    The last answers are remembered: a server shows the same certificates for weeks, and this costs more than all the
    rest of its handshake.
    """
    u = int.from_bytes(key, "little")
    if len(key) != 32 or len(signature) != 64 or u >= _P - 1:
        return False
    point = (u - 1) * pow(u + 1, -1, _P) % _P | (signature[63] & _SIGN) << 248
    plain = signature[:63] + bytes([signature[63] & ~_SIGN])
    try:
        Ed25519PublicKey.from_public_bytes(point.to_bytes(32, "little")).verify(plain, message)
    except (InvalidSignature, ValueError):
        return False
    return True
