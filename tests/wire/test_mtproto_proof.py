"""The proof of a server's key against Telethon's ciphers and types, and against anything else."""

import contextlib
import os
import time
from hashlib import sha1
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from telethon.crypto import AES
from telethon.extensions import BinaryReader
from telethon.helpers import generate_key_data_from_nonce
from telethon.password import check_prime_and_good
from telethon.tl.functions import ReqDHParamsRequest
from telethon.tl.types import ServerDHInnerData, ServerDHParamsFail, ServerDHParamsOk

from monitor.wire.mtproto_proof import (
    DH_PRIME,
    FINGERPRINTS,
    PRODUCTION_KEY,
    Exchange,
    ProofRefused,
    PublicKey,
    factor,
    ige_decrypt,
    ige_encrypt,
    read_server_dh,
)

EXCHANGE = Exchange(nonce=b"N" * 16, server_nonce=b"S" * 16, new_nonce=b"n" * 32)
PRIME = DH_PRIME.to_bytes(256)


def sealed(inner: bytes, size: int | None = None) -> bytes:
    """What a server makes of ``inner``, by Telethon's means."""
    server, new = (int.from_bytes(nonce, "little", signed=True) for nonce in (b"S" * 16, b"n" * 32))
    plain = sha1(inner, usedforsecurity=False).digest() + inner
    return bytes(AES.encrypt_ige((plain + bytes(-len(plain) % 16))[:size], *generate_key_data_from_nonce(server, new)))


def inner(prime: bytes = PRIME) -> bytes:
    nonce, server_nonce = (int.from_bytes(text, "little", signed=True) for text in (b"N" * 16, b"S" * 16))
    return bytes(ServerDHInnerData(nonce, server_nonce, 3, prime, b"\x77" * 256, 1_700_000_000))


def factors(pq: int) -> tuple[int, int]:
    return next(found for found in factor(pq) if found is not None)


def test_the_key_in_use_has_the_name_that_servers_give_it() -> None:
    assert PublicKey.parse(PRODUCTION_KEY).fingerprint == 0xD09D1D85DE64FD85
    assert PublicKey.parse(PRODUCTION_KEY).fingerprint in FINGERPRINTS


def test_telethon_takes_the_prime_for_good() -> None:
    check_prime_and_good(PRIME, 3)


@pytest.mark.parametrize("blocks", [0, 1, 2, 14, 37])
def test_the_cipher_is_that_of_telethon(blocks: int) -> None:
    data, key, vector = os.urandom(16 * blocks), os.urandom(32), os.urandom(32)
    assert ige_encrypt(data, key, vector) == AES.encrypt_ige(data, key, vector)
    assert ige_decrypt(AES.encrypt_ige(data, key, vector), key, vector) == data


@pytest.mark.parametrize(
    ("p", "q"), [(3, 5), (2, 2_147_483_629), (1_073_741_827, 2_147_483_647), (2_147_483_629, 2_147_483_647)]
)
def test_the_factors_of_what_servers_ask(p: int, q: int) -> None:
    assert factors(p * q) == (p, q)


@pytest.mark.parametrize("pq", [0, 1, 2, 3, 4, 2_147_483_647, 2**61 - 1, 2**63 - 25, 2**63, 2**64 - 1])
def test_what_is_no_product_of_two_primes_is_refused_quickly(pq: int) -> None:
    began = time.thread_time()
    with pytest.raises(ValueError, match="pq"):
        factors(pq)
    assert time.thread_time() - began < 0.02


def test_the_work_is_cut_small_and_has_an_end() -> None:
    """The hardest that 63 bits can hold: nobody else on the loop waits for more than a slice of it."""
    moments = [time.thread_time() for _ in factor(3_037_000_453 * 3_037_000_493)]
    assert max(later - earlier for earlier, later in pairwise(moments)) < 0.02
    assert len(moments) < 600


@settings(max_examples=200)
@given(pq=st.integers(0, 1 << 40))
def test_any_number_has_factors_or_is_refused(pq: int) -> None:
    with contextlib.suppress(ValueError):
        p, q = factors(pq)
        assert p * q == pq
        assert 1 < p <= q


def test_the_question_is_one_for_telethon() -> None:
    key = PublicKey.parse(PRODUCTION_KEY)
    question = EXCHANGE.req_dh_params((3, 5), key, -2, os.urandom)
    with BinaryReader(question) as reader:
        read = reader.tgread_object()
    assert isinstance(read, ReqDHParamsRequest)
    assert (read.p, read.q) == (b"\x03", b"\x05")
    assert read.public_key_fingerprint % (1 << 64) == key.fingerprint
    assert len(read.encrypted_data) == 256


def test_a_number_beyond_the_modulus_is_drawn_again() -> None:
    key = PublicKey.parse(PRODUCTION_KEY)._replace(modulus=(1 << 2047) + 1, exponent=1)
    for _ in range(20):  # each of which is too big once in two times
        assert int.from_bytes(key.encrypt(b"data", os.urandom)) < key.modulus


def test_the_proof_is_opened_by_who_knows_the_secret() -> None:
    proof = EXCHANGE.unseal(sealed(inner()))
    assert proof is not None
    assert (proof.nonce, proof.server_nonce, proof.prime) == (b"N" * 16, b"S" * 16, DH_PRIME)
    other = Exchange(nonce=b"N" * 16, server_nonce=b"S" * 16, new_nonce=b"m" * 32)
    assert other.unseal(sealed(inner())) is None


@pytest.mark.parametrize("size", [16, 32, 80, 320, 576])
def test_a_proof_that_ends_early_proves_nothing(size: int) -> None:
    assert EXCHANGE.unseal(sealed(inner(), size)) is None


def test_another_object_proves_nothing() -> None:
    assert EXCHANGE.unseal(sealed(b"\x01\x02\x03\x04" + inner()[4:])) is None


def test_answers_to_the_second_question() -> None:
    assert read_server_dh(bytes(ServerDHParamsOk(1, 2, b"x" * 592)) + b"tail").encrypted == b"x" * 592
    with pytest.raises(ProofRefused):
        read_server_dh(bytes(ServerDHParamsFail(1, 2, 3)))
    with pytest.raises(ValueError, match="whole blocks"):
        read_server_dh(bytes(ServerDHParamsOk(1, 2, b"x" * 17)))


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(public_exponent=65537, key_size=3072).public_key(),
        ec.generate_private_key(ec.SECP256R1()).public_key(),
    ],
    ids=["too long", "not RSA"],
)
def test_other_keys_are_refused(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> None:
    with pytest.raises(ValueError, match="2048 bits"):
        PublicKey.parse(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


# -- anything at all: a value or a ValueError ------------------------------------


@settings(max_examples=300)
@given(body=st.binary(max_size=400), head=st.sampled_from([b"", bytes(ServerDHParamsOk(1, 2, b""))[:36]]))
def test_any_bytes_are_an_answer_or_a_value_error(body: bytes, head: bytes) -> None:
    with contextlib.suppress(ValueError):
        EXCHANGE.unseal(read_server_dh(head + body).encrypted)


@settings(max_examples=200)
@given(plain=st.binary(max_size=700), cut=st.integers(0, 564))
def test_whatever_was_sealed_is_a_proof_or_none(plain: bytes, cut: int) -> None:
    for text in (plain, inner()[:cut] + plain):
        proof = EXCHANGE.unseal(sealed(text))
        assert proof is None or proof.prime >= 0
