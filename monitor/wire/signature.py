"""Signed webhooks: what proves that a request is ours, whole and recent.

``t=1666681320,v1=5257a8...``: the sender's clock in Unix seconds, and the
HMAC-SHA256 (RFC 2104), in hexadecimal, of these digits, a dot, and the body.
"""

import hashlib
import hmac


def sign(secret: bytes, stamp: int, body: bytes) -> str:
    """The value of the header."""
    digest = hmac.new(secret, b"%d." % stamp + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"
