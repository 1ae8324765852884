"""MTProto 2.0, how a server proves that it holds its RSA key: req_DH_params and server_DH_params_ok.

Bytes as on core.telegram.org: mtproto/auth_key, steps 3 to 5, and mtproto/samples-auth_key.
Nothing here makes an auth key: that would take one more question.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha1, sha256
from math import gcd
from struct import Struct
from typing import NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from monitor.wire.mtproto import Random, take_bytes, tl_bytes

DH_PRIME = int(  # the only one that servers use (core.telegram.org/mtproto/security_guidelines; Telethon, password.py)
    "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f"
    "48198a0aa7c14058229493d22530f4dbfa336f6e0ac925139543aed44cce7c37"
    "20fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64"
    "2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4"
    "a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754"
    "fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4"
    "e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f"
    "0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5b",
    16,
)
PRODUCTION_KEY = """\
-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEA6LszBcC1LGzyr992NzE0ieY+BSaOW622Aa9Bd4ZHLl+TuFQ4lo4g
5nKaMBwK/BIb9xUfg0Q29/2mgIR6Zr9krM7HjuIcCzFvDtr+L0GQjae9H0pRB2OO
62cECs5HKhT5DZ98K33vmWiLowc621dQuwKWSQKjWf50XYFw42h21P2KXUGyp2y/
+aEyZ+uVgLLQbRA1dEjSDZ2iGRy12Mk5gpYc397aYp438fsJoHIgJ2lgMv5h7WY9
t6N/byY9Nw9p21Og3AoXSL2q/2IJ1WRUhebgAdGVMlV1fkuOQoEzR7EdpqtQD9Cs
5+bfo3Nhmcyvk5ftB0WkJ9z6bNZ7yxrP8wIDAQAB
-----END RSA PUBLIC KEY-----
"""
"""The one in use (mtproto/samples-auth_key names it); its fingerprint is the first below."""
FINGERPRINTS = frozenset(
    (
        0xD09D1D85DE64FD85,
        *(0x0BC35F3509F7B7A5, 0x15AE5FA8B5529542, 0xAEAE98E13CD7F94F, 0x5A181B2235057D98),
        *(0xC3B42B026CE86B21, 0x9A996A1DB11C729B, 0xB05B2A6F70CDEA78, 0x71E025B6C76033E3),
    )
)
"""By these servers name their keys, those of former years too (Telethon, crypto/rsa.py)."""

_STEPS = 2048  # of Pollard's rho at a time: about 0.4 ms
_SLICES = 600  # ten times what primes of 31 bits take on average; nothing a server can ask holds us longer
_KEY_BITS = 2048
_KEY_BYTES = _KEY_BITS // 8
_PADDED = 192

_INNER = Struct("<16s16s32si")
_REQ_DH_PARAMS = Struct("<I16s16s")
_SERVER_DH = Struct("<I16s16s")
_ANSWER = Struct("<I16s16si")
_TIME = Struct("<i")


class ProofRefused(ValueError):
    """The server answers that it could not use our question (server_DH_params_fail)."""


class PublicKey(NamedTuple):
    """A server's RSA key."""

    modulus: int
    exponent: int

    @classmethod
    def parse(cls, pem: str) -> Self:
        """Read PEM, PKCS #1 or X.509. Raises ValueError."""
        key = load_pem_public_key(pem.encode())
        if not isinstance(key, RSAPublicKey) or key.key_size != _KEY_BITS:
            raise ValueError(f"not an RSA public key of {_KEY_BITS} bits")
        numbers = key.public_numbers()
        return cls(numbers.n, numbers.e)

    @property
    def fingerprint(self) -> int:
        """What a server names the key by: the low 64 bits of SHA-1 over modulus and exponent."""
        digest = sha1(tl_bytes(_natural(self.modulus)) + tl_bytes(_natural(self.exponent)), usedforsecurity=False)
        return int.from_bytes(digest.digest()[-8:], "little")

    def encrypt(self, data: bytes, random: Random) -> bytes:
        """RSA_PAD: up to 144 bytes made so that nobody without the private key can tell or change them."""
        padded = data + random(_PADDED - len(data))
        while True:
            key = random(32)
            inside = ige_encrypt(padded[::-1] + sha256(key + padded).digest(), key, bytes(32))
            mask = int.from_bytes(key) ^ int.from_bytes(sha256(inside).digest())
            number = int.from_bytes(mask.to_bytes(32) + inside)
            if number < self.modulus:
                return pow(number, self.exponent, self.modulus).to_bytes(_KEY_BYTES)


class Sealed(NamedTuple):
    """server_DH_params_ok."""

    nonce: bytes
    server_nonce: bytes
    encrypted: bytes


class Proof(NamedTuple):
    """What only the holder of the RSA key could write: server_DH_inner_data."""

    nonce: bytes
    server_nonce: bytes
    prime: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The nonces of one exchange. ``new_nonce`` (32 bytes) is the secret that the server must decrypt to answer."""

    nonce: bytes
    server_nonce: bytes
    new_nonce: bytes

    def req_dh_params(self, factors: tuple[int, int], key: PublicKey, dc: int, random: Random) -> bytes:
        """Step 4, to the server; ``factors`` are those of pq, the smaller one first."""
        p, q = (tl_bytes(_natural(factor)) for factor in factors)
        pq = tl_bytes(_natural(factors[0] * factors[1]))
        nonces = _INNER.pack(self.nonce, self.server_nonce, self.new_nonce, dc)
        inner = (0xA9F55F95).to_bytes(4, "little") + pq + p + q + nonces  # p_q_inner_data_dc
        sealed = tl_bytes(key.encrypt(inner, random))
        head = _REQ_DH_PARAMS.pack(0xD712E4BE, self.nonce, self.server_nonce)
        return head + p + q + key.fingerprint.to_bytes(8, "little") + sealed

    def unseal(self, encrypted: bytes) -> Proof | None:
        """The server's proof, None when ``encrypted`` was not written by somebody who knows the new nonce."""
        key, vector = self._answer_key()
        plain = ige_decrypt(encrypted, key, vector)
        try:
            proof, end = _read_answer(plain)
        except ValueError:
            return None
        return proof if sha1(plain[20:end], usedforsecurity=False).digest() == plain[:20] else None

    def _answer_key(self) -> tuple[bytes, bytes]:
        new, server = self.new_nonce, self.server_nonce
        one, two, three = (
            sha1(text, usedforsecurity=False).digest() for text in (new + server, server + new, new + new)
        )
        return one + two[:12], two[12:] + three + new[:4]


def read_server_dh(body: bytes) -> Sealed:
    """Step 5, from the server; what follows the object is ignored. Raises ProofRefused, ValueError."""
    if len(body) < _SERVER_DH.size:
        raise ValueError("the answer ends before its nonces")
    constructor, nonce, server_nonce = _SERVER_DH.unpack_from(body)
    if constructor == 0x79CB045D:
        raise ProofRefused("server_DH_params_fail")
    if constructor != 0xD0E8075C:
        raise ValueError(f"not server_DH_params_ok but constructor {constructor:08x}")
    encrypted, _ = take_bytes(body, _SERVER_DH.size)
    if not encrypted or len(encrypted) % 16:
        raise ValueError(f"{len(encrypted)} encrypted bytes, which are not whole blocks")
    return Sealed(nonce, server_nonce, encrypted)


def _read_answer(plain: bytes) -> tuple[Proof, int]:
    """SHA-1, server_DH_inner_data, random bytes: the middle, and where it ends."""
    offset = 20 + _ANSWER.size
    if len(plain) < offset:
        raise ValueError("too short")
    constructor, nonce, server_nonce, _ = _ANSWER.unpack_from(plain, 20)
    if constructor != 0xB5890DBA:
        raise ValueError("another constructor")
    prime, offset = take_bytes(plain, offset)
    _, offset = take_bytes(plain, offset)  # g_a: of use only to who makes a key
    return Proof(nonce, server_nonce, int.from_bytes(prime)), offset + _TIME.size


def factor(pq: int) -> Iterator[tuple[int, int] | None]:
    """None after each bit of the work, so that an event loop can breathe, and then the factors, the smaller one first.

    Pollard's rho with Brent's cycles (BIT 20, 1980). Raises ValueError for what a server has no reason to ask:
    a prime, more than 63 bits, what does not yield within a bounded number of rounds.
    """
    if not 3 < pq < 1 << 63 or pow(2, pq - 1, pq) == 1:
        raise ValueError("pq is no product of two primes")
    for constant in (1, 3):
        for found in _rho(pq, constant):
            yield None if found is None else (min(found, pq // found), max(found, pq // found))
            if found is not None:
                return
    raise ValueError("pq does not yield its factors")


def _rho(number: int, constant: int) -> Iterator[int | None]:
    """A factor of ``number``, after None for each slice; ends without one when the sequence has none to show."""
    fixed = moving = 2
    reach, walked = 1, 0
    for _ in range(_SLICES):
        begin, product = moving, 1
        steps = min(_STEPS, reach - walked)
        for _ in range(steps):
            moving = (moving * moving + constant) % number
            product = product * (fixed - moving) % number
        if (found := gcd(product, number)) > 1:
            found = _first(number, constant, fixed, begin) if found == number else found
            if found < number:
                yield found
            return
        walked += steps
        if walked == reach:
            fixed, reach, walked = moving, 2 * reach, 0
        yield None


def _first(number: int, constant: int, fixed: int, moving: int) -> int:
    """Walk a slice that met several factors again, to the first of them."""
    while True:
        moving = (moving * moving + constant) % number
        if (found := gcd(fixed - moving, number)) > 1:
            return found


def ige_encrypt(data: bytes, key: bytes, vector: bytes) -> bytes:
    """AES-256 in infinite garble extension (mtproto/AES-IGE): whole blocks; ``vector`` is c0 and m0."""
    block = Cipher(AES(key), ECB()).encryptor().update  # noqa: S305  # IGE chains the blocks
    return _ige(block, data, vector[:16], vector[16:])


def ige_decrypt(data: bytes, key: bytes, vector: bytes) -> bytes:
    """The inverse of `ige_encrypt`."""
    block = Cipher(AES(key), ECB()).decryptor().update  # noqa: S305  # IGE chains the blocks
    return _ige(block, data, vector[16:], vector[:16])


def _ige(block: Callable[[bytes], bytes], data: bytes, last_out: bytes, last_in: bytes) -> bytes:
    out, into = int.from_bytes(last_out), int.from_bytes(last_in)
    done = bytearray()
    for start in range(0, len(data), 16):
        now = int.from_bytes(data[start : start + 16])
        out = int.from_bytes(block((now ^ out).to_bytes(16))) ^ into
        into = now
        done += out.to_bytes(16)
    return bytes(done)


def _natural(number: int) -> bytes:
    """A natural number as MTProto writes it: big-endian, no zeros in front."""
    return number.to_bytes((number.bit_length() + 7) // 8)
