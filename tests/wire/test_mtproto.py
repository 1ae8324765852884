"""The codec of MTProto against bytes of our own making, Telethon's codecs, and anything else."""

import contextlib
import os
from asyncio import StreamReader
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telethon.crypto import AESModeCTR
from telethon.network.connection.tcpabridged import AbridgedPacketCodec
from telethon.network.connection.tcpintermediate import IntermediatePacketCodec, RandomizedIntermediatePacketCodec
from telethon.network.connection.tcpobfuscated import ObfuscatedIO
from telethon.tl import TLObject
from telethon.tl.types import ResPQ

from monitor.wire.mtproto import (
    ForeignText,
    Link,
    Transport,
    TransportError,
    message,
    open_message,
    read_res_pq,
    req_pq_multi,
    take_bytes,
    tl_bytes,
)

NONCE = bytes(range(16))
ANSWER = bytes(ResPQ(5, 6, b"\x17\xed\x48\x94\x1a\x08\xf9\x81", [1, -2]))
PACKET = bytes(8) + (1_700_000_000 << 32 | 1).to_bytes(8, "little") + (92).to_bytes(4, "little") + ANSWER
CODECS: dict[Transport, Any] = {
    "abridged": AbridgedPacketCodec(None),
    "intermediate": IntermediatePacketCodec(None),
    "padded": RandomizedIntermediatePacketCodec(None),
    "obfuscated": IntermediatePacketCodec(None),
}
transports = st.sampled_from(list(CODECS))


def both_ways(transport: Transport) -> tuple[Link, Any]:
    """A link and, for an obfuscated one, what a server encrypts with."""
    link = Link(transport, os.urandom)
    if transport != "obfuscated":
        return link, bytes
    head = link.pack(b"")[:64]
    back = head[55:7:-1]
    return link, AESModeCTR(back[:32], back[32:48]).encrypt


def test_the_question_in_each_bare_transport() -> None:
    question = message(req_pq_multi(NONCE), 1_700_000_000.0)
    assert question == bytes.fromhex(
        "0000000000000000 0000000000f15365 14000000 f18e7ebe 000102030405060708090a0b0c0d0e0f"
    )
    assert Link("abridged", os.urandom).pack(question) == b"\xef\x0a" + question
    assert Link("intermediate", os.urandom).pack(question) == b"\xee\xee\xee\xee\x28\x00\x00\x00" + question
    padded = Link("padded", lambda count: b"\x23" * count).pack(question)
    assert padded == b"\xdd\xdd\xdd\xdd\x2b\x00\x00\x00" + question + b"\x23\x23\x23"


def test_a_connection_is_opened_once() -> None:
    link = Link("intermediate", os.urandom)
    assert link.pack(b"1234") == b"\xee" * 4 + b"\x04\x00\x00\x001234"
    assert link.pack(b"5678") == b"\x04\x00\x00\x005678"


def test_an_obfuscated_connection_never_begins_like_another_protocol() -> None:
    begins = [
        b"\xef",
        b"HEAD",
        b"POST",
        b"GET ",
        b"OPTI",
        b"\x16\x03\x01\x02",
        b"\xdd" * 4,
        b"\xee" * 4,
        b"1234\0\0\0\0",
    ]
    heads = iter([begin + b"x" * (64 - len(begin)) for begin in begins] + [b"fine" * 16])
    packed = Link("obfuscated", lambda _: next(heads)).pack(b"1234")
    assert packed[:56] == b"fine" * 14


def test_telethon_decrypts_what_we_obfuscate() -> None:
    packed = Link("obfuscated", os.urandom).pack(b"question")
    cipher = AESModeCTR(packed[8:40], packed[40:56])
    plain = cipher.encrypt(packed)
    assert plain[56:60] == b"\xee" * 4
    assert plain[64:] == b"\x08\x00\x00\x00question"
    assert len(ObfuscatedIO.init_header(AbridgedPacketCodec)[0]) == 64


@settings(max_examples=60)
@given(transport=transports, payloads=st.lists(st.binary(min_size=5, max_size=700), max_size=3), data=st.data())
def test_packets_of_telethon_arrive_however_they_are_cut(
    transport: Transport, payloads: list[bytes], data: st.DataObject
) -> None:
    link, seal = both_ways(transport)
    sent = [payload + bytes(-len(payload) % 4) for payload in payloads]
    stream = seal(b"".join(CODECS[transport].encode_packet(b"\0" + payload[1:]) for payload in sent))
    got = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        packet, stream = link.feed(stream[:cut]), stream[cut:]
        while packet is not None:
            got.append(packet)
            packet = link.feed(b"")
    assert [packet[: len(payload)] for packet, payload in zip(got, sent, strict=True)] == [
        b"\0" + payload[1:] for payload in sent
    ]
    assert link.pending == 0


@settings(max_examples=60)
@given(words=st.integers(1, 400), transport=st.sampled_from(["abridged", "intermediate", "padded"]))
async def test_packets_of_ours_are_read_by_telethon(words: int, transport: Transport) -> None:
    payload = os.urandom(words * 4)
    packed = Link(transport, os.urandom).pack(payload)
    reader = StreamReader()
    reader.feed_data(packed[1:] if transport == "abridged" else packed[4:])
    packet = await CODECS[transport].read_packet(reader)
    assert packet[: len(payload)] == payload
    assert len(packet) - len(payload) < 16


def test_an_answer_is_read_with_its_padding_and_whatever_length_it_states() -> None:
    for stated in (0, 72, 168, 2**31 - 1):
        answer = open_message(PACKET[:16] + stated.to_bytes(4, "little") + ANSWER + b"\xff" * 88)
        assert answer.sent == pytest.approx(1_700_000_000)
        offer = read_res_pq(answer.body)
        assert offer.nonce == (5).to_bytes(16, "little")
        assert offer.server_nonce == (6).to_bytes(16, "little")
        assert offer.pq == 0x17ED48941A08F981
        assert offer.fingerprints == (1, 2**64 - 2)


@pytest.mark.parametrize("tail", [0, 1, 15])
def test_a_transport_error_is_one_with_padding_too(tail: int) -> None:
    with pytest.raises(TransportError) as caught:
        open_message((-404).to_bytes(4, "little", signed=True) + bytes(tail))
    assert caught.value.code == -404


@pytest.mark.parametrize("payload", [b"", b"\x01\x02\x03", (404).to_bytes(4, "little"), PACKET[:19]])
def test_what_is_too_short_for_a_message_is_no_error_of_the_transport(payload: bytes) -> None:
    with pytest.raises(ValueError, match="too short") as caught:
        open_message(payload)
    assert not isinstance(caught.value, TransportError)


def _feed(link: Link, pieces: list[bytes]) -> None:
    for piece in pieces:
        link.feed(piece)


@pytest.mark.parametrize("transport", CODECS)
@pytest.mark.parametrize("text", [b"HTTP/1.1 400", b"<!DOCTYPE html>", b"<HTML>", b"SSH-2.0-x", b"220 mail"])
def test_plain_text_is_recognized(transport: Transport, text: bytes) -> None:
    for piece in (1, len(text)):
        link = Link(transport, os.urandom)
        with pytest.raises(ForeignText):
            _feed(link, [text[start : start + piece] for start in range(0, len(text), piece)])


@pytest.mark.parametrize("begin", [b"\x80", b"\xff"])
def test_a_quick_acknowledgement_is_refused(begin: bytes) -> None:
    with pytest.raises(ValueError, match="quick"):
        Link("abridged", os.urandom).feed(begin + bytes(4))


@pytest.mark.parametrize(("transport", "begin"), [("abridged", b"\x7f\x01\x40\x00"), ("padded", b"\x01\x00\x01\x00")])
def test_a_packet_beyond_the_limit_is_refused_before_it_is_stored(transport: Transport, begin: bytes) -> None:
    with pytest.raises(ValueError, match="bytes, where a few hundred"):
        Link(transport, os.urandom).feed(begin + b"\0")


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 253, 254, 255, 256, 1000])
def test_strings_are_those_of_telethon(size: int) -> None:
    data = os.urandom(size)
    assert tl_bytes(data) == TLObject.serialize_bytes(data)
    assert take_bytes(b"...." + tl_bytes(data) + b"more", 4) == (data, 4 + len(tl_bytes(data)))


# -- anything at all: a value or a ValueError ------------------------------------


@settings(max_examples=300)
@given(transport=transports, pieces=st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_are_packets_or_a_value_error(transport: Transport, pieces: list[bytes]) -> None:
    link = Link(transport, os.urandom)
    with contextlib.suppress(ValueError):
        for piece in pieces:
            packet = link.feed(piece)
            assert packet is None or len(packet) <= 65536
    assert link.pending <= 1000


@settings(max_examples=300)
@given(payload=st.binary(max_size=300))
def test_any_packet_is_a_message_or_a_value_error(payload: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_res_pq(open_message(payload).body)


@settings(max_examples=300)
@given(data=st.data())
def test_any_change_of_a_good_answer_is_an_answer_or_a_value_error(data: st.DataObject) -> None:
    packet = bytearray(PACKET)
    for _ in range(data.draw(st.integers(1, 4))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        offer = read_res_pq(open_message(bytes(packet[: data.draw(st.integers(0, len(packet)))])).body)
        assert 0 <= offer.pq < 2**64
        assert len(offer.fingerprints) <= 2
