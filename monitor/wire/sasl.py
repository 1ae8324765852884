"""SASL from the client's side: PLAIN (RFC 4616), SCRAM (RFC 5802, RFC 7677), and SASLprep (RFC 4013).

Without channel binding: what a login here must prove is that it works.
"""

import base64
import binascii
import hashlib
import hmac
import re
import stringprep
import unicodedata
from dataclasses import dataclass

SCRAM = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
"""Mechanisms that prove both sides to each other, the best first, and their hashes."""

_ITERATIONS = 1_000_000  # the server's choice; so many take less than a second
_FIRST = re.compile(rb"r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]{0,8})(?:,.*)?", re.DOTALL)
_FINAL = re.compile(rb"v=([A-Za-z0-9+/=]+)(?:,.*)?", re.DOTALL)
_FORBIDDEN = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def prepared(text: str) -> str:
    """``text`` as SASLprep wants names and passwords. Raises ValueError for characters that it forbids.

    Those that Unicode 3.2 did not know yet are allowed, as in RFC 5802 section 5.1.
    """
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in text if not stringprep.in_table_b1(char)
    )
    normal = unicodedata.normalize("NFKC", mapped)
    if any(forbidden(char) for char in normal for forbidden in _FORBIDDEN):
        raise ValueError("a character that no login can have")
    right = [stringprep.in_table_d1(char) for char in normal]
    if any(right) and (any(map(stringprep.in_table_d2, normal)) or not (right[0] and right[-1])):
        raise ValueError("right-to-left and left-to-right characters are mixed")
    return normal


def encoded(data: bytes) -> str:
    """Base64, as most protocols carry SASL."""
    return base64.b64encode(data).decode()


def decoded(text: str | bytes) -> bytes:
    """The bytes of strict base64. Raises ValueError."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


class Account:
    """A login. Remembers what its password was stretched to, as RFC 5802 section 5.1 allows: that is the dear part."""

    def __init__(self, username: str, password: str) -> None:
        self.username = prepared(username)
        self._password = prepared(password).encode()
        self._key: tuple[str, bytes, int] | None = None
        self._salted = b""

    def plain(self) -> bytes:
        """The only message of PLAIN: it shows the password to the server."""
        return b"\0" + self.username.encode() + b"\0" + self._password

    def salted(self, algorithm: str, salt: bytes, iterations: int) -> bytes:
        """``SaltedPassword``. May take most of a second, without holding the interpreter."""
        key = (algorithm, salt, iterations)
        if key != self._key:
            self._salted = hashlib.pbkdf2_hmac(algorithm, self._password, salt, iterations)
            self._key = key
        return self._salted


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """The server's first message of SCRAM."""

    text: bytes
    nonce: bytes
    salt: bytes
    iterations: int

    @classmethod
    def parse(cls, text: bytes) -> "Challenge":
        """Raises ValueError for what is none, or asks for more than a million iterations."""
        found = _FIRST.fullmatch(text)
        if found is None:
            raise ValueError("not a challenge of SCRAM")
        iterations = int(found[3])
        if iterations > _ITERATIONS:
            raise ValueError(f"a challenge of more than {_ITERATIONS} iterations")
        return cls(text=text, nonce=found[1], salt=decoded(found[2]), iterations=iterations)


class Scram:
    """One login by SCRAM: `first` goes out, a `Challenge` comes, `final` goes out, and `is_proof` judges the end."""

    def __init__(self, account: Account, mechanism: str, nonce: str) -> None:
        self.mechanism = mechanism
        self._nonce = nonce.encode()
        self._account = account
        self._algorithm = SCRAM[mechanism]
        name = account.username.replace("=", "=3D").replace(",", "=2C")
        self._bare = f"n={name},r={nonce}".encode()
        self._proof = b""

    def first(self) -> bytes:
        """``client-first-message``."""
        return b"n,," + self._bare

    def is_asked(self, challenge: Challenge) -> bool:
        """Whether the challenge is to our first message: its nonce is ours and more."""
        return challenge.nonce.startswith(self._nonce) and challenge.nonce != self._nonce

    def final(self, challenge: Challenge) -> bytes:
        """``client-final-message``. Takes as long as `Account.salted`."""
        salted = self._account.salted(self._algorithm, challenge.salt, challenge.iterations)
        without_proof = b"c=biws,r=" + challenge.nonce
        message = b",".join((self._bare, challenge.text, without_proof))
        client_key = self._hmac(salted, b"Client Key")
        signature = self._hmac(hashlib.new(self._algorithm, client_key).digest(), message)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._proof = self._hmac(self._hmac(salted, b"Server Key"), message)
        return without_proof + b",p=" + base64.b64encode(proof)

    def is_proof(self, text: bytes) -> bool:
        """Whether ``server-final-message`` shows that the server knows the password, too."""
        found = _FINAL.fullmatch(text)
        if found is None or not self._proof:
            return False
        try:
            return hmac.compare_digest(decoded(found[1]), self._proof)
        except ValueError:
            return False

    def _hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.digest(key, message, self._algorithm)
