"""Our verification against libxeddsa's signatures and verdicts."""

import hashlib

import pytest
import xeddsa
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire.xeddsa import verify

P = (1 << 255) - 19
seeds = st.binary(min_size=32, max_size=32)


def signed(seed: bytes, message: bytes) -> tuple[bytes, bytes]:
    """``(Montgomery key, signature)`` as libsignal makes them: with the sign of the point in the highest bit."""
    private = xeddsa.seed_to_priv(seed)
    signature = bytearray(xeddsa.ed25519_priv_sign(private, message, hashlib.sha512(seed + message).digest()))
    signature[63] |= xeddsa.priv_to_ed25519_pub(private)[31] & 0x80
    return xeddsa.priv_to_curve25519_pub(private), bytes(signature)


@settings(max_examples=150)
@given(seeds, st.binary(max_size=200))
def test_signatures_with_the_sign_in_the_highest_bit_verify(seed: bytes, message: bytes) -> None:
    key, signature = signed(seed, message)
    assert verify(key, message, signature)
    assert not verify(key, message + b"!", signature)


@settings(max_examples=100)
@given(seeds, st.binary(max_size=200))
def test_signatures_of_the_specification_itself_verify(seed: bytes, message: bytes) -> None:
    private = xeddsa.seed_to_priv(seed)
    positive = xeddsa.priv_force_sign(private, set_sign_bit=False)
    signature = xeddsa.ed25519_priv_sign(positive, message, hashlib.sha512(seed).digest())
    assert signature[63] < 0x80
    assert verify(xeddsa.priv_to_curve25519_pub(private), message, signature)


def test_both_signs_came_up() -> None:
    signs = {signed(bytes([n]) * 32, b"m")[1][63] & 0x80 for n in range(16)}
    assert signs == {0, 0x80}


@settings(max_examples=150)
@given(st.integers(0, 15), st.integers(0, 511))
def test_a_flipped_bit_of_the_signature_is_seen(number: int, bit: int) -> None:
    key, signature = signed(bytes([number]) * 32, b"message")
    spoilt = bytearray(signature)
    spoilt[bit // 8] ^= 1 << bit % 8
    assert not verify(key, b"message", bytes(spoilt))


@settings(max_examples=150)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_the_verdict_on_anything_is_libxeddsas(key: bytes, signature: bytes) -> None:
    canonical = bytes([*key[:31], key[31] & 0x3F])
    edwards = xeddsa.curve25519_pub_to_ed25519_pub(canonical, bool(signature[63] & 0x80))
    plain = bytes([*signature[:63], signature[63] & 0x7F])
    assert verify(canonical, b"m", signature) is xeddsa.ed25519_verify(plain, edwards, b"m")


@pytest.mark.parametrize("u", [P - 1, P, P + 1, (1 << 255) - 1, (1 << 256) - 1])
def test_keys_that_are_no_point_are_refused(u: int) -> None:
    assert not verify(u.to_bytes(32, "little"), b"m", bytes(64))


@pytest.mark.parametrize(("key", "signature"), [(31, 64), (33, 64), (32, 63), (32, 65), (0, 0)])
def test_wrong_lengths_are_refused(key: int, signature: int) -> None:
    assert not verify(bytes(key), b"m", bytes(signature))
