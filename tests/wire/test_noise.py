"""Our initiator against noiseprotocol's responder, and vectors of its own."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.wire.noise import Altered, Initiator
from tests.support import whatsapp

PROLOGUE = whatsapp.PROLOGUE
SEEDS = st.binary(min_size=32, max_size=32)


def private(seed: bytes) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest())


def answered(initiator: Initiator, static: X25519PrivateKey, payload: bytes) -> tuple[bytes, bytes, bytes]:
    """The three parts of the responder's message."""
    noise = whatsapp.responder(static)
    noise.read_message(initiator.ephemeral)
    answer = bytes(noise.write_message(payload))
    return answer[:32], answer[32:80], answer[80:]


@settings(max_examples=100)
@given(SEEDS, st.binary(max_size=2000))
def test_it_opens_what_another_implementation_sealed(seed: bytes, payload: bytes) -> None:
    initiator, static = Initiator(PROLOGUE), private(seed)
    opened = initiator.open(*answered(initiator, static, payload))
    assert opened == (static.public_key().public_bytes_raw(), payload)


def test_it_ends_where_another_initiator_with_its_key_ends() -> None:
    ours, theirs = Initiator(PROLOGUE, private(b"ephemeral")), whatsapp.initiator(private(b"ephemeral"))
    assert bytes(theirs.write_message()) == ours.ephemeral
    parts = answered(ours, private(b"static"), b"payload")
    assert bytes(theirs.read_message(b"".join(parts))) == ours.open(*parts)[1] == b"payload"
    state = theirs.noise_protocol.handshake_state.symmetric_state
    assert (ours._hash, ours._chaining) == (state.h, state.ck)


def test_a_known_answer() -> None:
    """All keys from seeds; the responder's message was computed by noiseprotocol 0.3.1."""
    initiator = Initiator(PROLOGUE, private(b"ephemeral"))
    static, payload = initiator.open(
        bytes.fromhex("aa06d590115f342d1c4cf1a7a010e4ece85422ccd389540c830046153485dd3a"),
        bytes.fromhex(
            "b7c814ac7133694591abdc6a2507cf52d6435baa24124465c895cb6b29bad7f9bfcd54541046a3c20c234185ff99a5d0"
        ),
        bytes.fromhex("a965537ca2ec4db745a1f084d851e2acf63185b616c76ed3b1c0a655d345c3bd0f0da570cca8b3"),
    )
    assert static.hex() == "8d18db90ce08ff93354d628cee9a0f8804d32e970e4ff9d7fdcc4a6937c9b366"
    assert payload == b"a chain of certificates"
    assert initiator._hash.hex() == "578972c474ac82642e45e138745ffd1667f379eea412202547b842da73ea527e"


def test_the_first_hashes_are_those_of_a_known_answer() -> None:
    """Computed apart, with sha256sum, from the name of the protocol, the prologue and the key."""
    initiator = Initiator(PROLOGUE, private(b"ephemeral"))
    prologue = hashlib.sha256(b"Noise_XX_25519_AESGCM_SHA256".ljust(32, b"\0") + PROLOGUE)
    assert prologue.hexdigest() == "ffff0c9267310966f1311170c04b38c79504285bf5edf763e5c946492a50a755"
    assert initiator._hash == hashlib.sha256(prologue.digest() + initiator.ephemeral).digest()


def test_every_key_is_drawn_afresh() -> None:
    assert len({Initiator(PROLOGUE).ephemeral for _ in range(20)}) == 20


@settings(max_examples=150)
@given(st.integers(0, 8 * 120 - 1))
@example(255)
def test_a_flipped_bit_anywhere_is_seen(bit: int) -> None:
    """Bit 255, too: X25519 ignores the highest bit of a public key, the hash does not."""
    initiator = Initiator(PROLOGUE)
    message = bytearray(b"".join(answered(initiator, private(b"static"), bytes(24))))
    message[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Altered):
        initiator.open(bytes(message[:32]), bytes(message[32:80]), bytes(message[80:]))


@pytest.mark.parametrize("prologue", [b"", b"WA\x05\x02", b"WA\x06\x02"])
def test_another_prologue_does_not_open(prologue: bytes) -> None:
    initiator = Initiator(prologue)
    with pytest.raises(Altered):
        initiator.open(*answered(initiator, private(b"static"), b"payload"))


def test_an_answer_to_another_hello_does_not_open() -> None:
    recorded = answered(Initiator(PROLOGUE), private(b"static"), b"payload")
    with pytest.raises(Altered):
        Initiator(PROLOGUE).open(*recorded)


@pytest.mark.parametrize("sizes", [(31, 48, 16), (32, 47, 16), (32, 48, 15), (0, 0, 0), (33, 48, 16)])
def test_parts_of_a_wrong_length_are_a_value_error(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="bytes are no second message"):
        Initiator(PROLOGUE).open(*(bytes(size) for size in sizes))


def test_a_key_without_a_secret_is_a_value_error() -> None:
    """RFC 7748 section 6.1: a point of small order makes the shared secret all zero."""
    with pytest.raises(ValueError, match="shared key"):
        Initiator(PROLOGUE).open(bytes(32), bytes(48), bytes(16))


@settings(max_examples=200)
@given(st.binary(max_size=64), st.binary(max_size=64), st.binary(max_size=64))
def test_any_parts_are_a_value_error(ephemeral: bytes, static: bytes, payload: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whichever it is
        Initiator(PROLOGUE).open(ephemeral, static, payload)
