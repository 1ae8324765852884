from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire import whatsapp, xeddsa
from tests.support.whatsapp import MESSAGES, PROLOGUE, WhatsApp


def test_the_client_hello_is_what_whatsapps_own_clients_send() -> None:
    """43 bytes: prologue, length 36, field 2 of 34 bytes, in it field 1 of 32 bytes."""
    ephemeral = bytes(range(32))
    sent = whatsapp.client_hello(ephemeral)
    assert sent == bytes.fromhex("57410603 000024 12220a20") + ephemeral
    assert sent[:4] == PROLOGUE
    assert MESSAGES["HandshakeMessage"].FromString(sent[7:]).client.ephemeral == ephemeral


def test_a_server_hello_is_taken_apart() -> None:
    hello = {"ephemeral": b"e" * 32, "static": b"s" * 48, "payload": b"p" * 257}
    frame = MESSAGES["HandshakeMessage"](server=hello).SerializeToString()
    assert whatsapp.server_hello(frame) == (b"e" * 32, b"s" * 48, b"p" * 257)


def test_fields_that_nobody_knows_are_passed_over() -> None:
    hello = {"ephemeral": b"e" * 32, "static": b"s" * 48, "payload": b"p"}
    server = MESSAGES["ServerHello"](**hello).SerializeToString() + b"\x22\x03new" + b"\x3d\x01\x02\x03\x04"
    frame = b"\x18\x07" + b"\x1a" + bytes([len(server) & 0x7F | 0x80, len(server) >> 7]) + server
    assert whatsapp.server_hello(frame) == (b"e" * 32, b"s" * 48, b"p")


def test_a_chain_holds_what_was_signed() -> None:
    server = WhatsApp()
    leaf, intermediate = whatsapp.chain(server.chain().SerializeToString())
    assert (leaf.serial, leaf.issuer, leaf.key) == (329, 3, server.static.public_key().public_bytes_raw())
    assert (intermediate.serial, intermediate.issuer) == (3, 0)
    assert leaf.not_after - leaf.not_before == 91 * 86400
    assert xeddsa.verify(bytes.fromhex(server.root), intermediate.details, intermediate.signature)
    assert xeddsa.verify(intermediate.key, leaf.details, leaf.signature)


@pytest.mark.parametrize("missing", ["leaf", "intermediate"])
def test_a_chain_with_one_certificate_is_none(missing: str) -> None:
    chain = WhatsApp().chain()
    chain.ClearField(missing)
    with pytest.raises(ValueError, match="without a leaf or an intermediate"):
        whatsapp.chain(chain.SerializeToString())


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_value_or_a_value_error(data: bytes) -> None:
    for read in (whatsapp.server_hello, whatsapp.chain):
        with suppress(ValueError):
            read(data)


@settings(max_examples=150)
@given(st.data())
def test_a_chain_that_was_changed_is_a_value_or_a_value_error(data: st.DataObject) -> None:
    good = bytearray(WhatsApp().chain().SerializeToString())
    for place in data.draw(st.lists(st.integers(0, len(good) - 1), min_size=1, max_size=4)):
        good[place] = data.draw(st.integers(0, 255))
    try:
        leaf, intermediate = whatsapp.chain(bytes(good))
    except ValueError:
        return
    assert isinstance(leaf.key, bytes)
    assert isinstance(intermediate.not_after, int)
