"""The codec of STUN against the vectors of RFC 5769, and against anything else."""

import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.wire.stun import Attribute, Method, address, body_size, decode, encode, long_term_key

IPV4 = bytes.fromhex(  # RFC 5769 section 2.2; signed with the short-term password below
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
IPV6 = bytes.fromhex(  # RFC 5769 section 2.3
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147"
    "0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)
PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
LONG_TERM = bytes.fromhex(  # RFC 5769 section 2.4
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c"
    "662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f7267000008001"
    "4f67024656dd64a3e02b8e0712e85c9a28ca89666"
)


@pytest.mark.parametrize(
    ("data", "where"), [(IPV4, ("192.0.2.1", 32853)), (IPV6, ("2001:db8:1234:5678:11:2233:4455:6677", 32853))]
)
def test_the_answers_of_the_rfc_are_read(data: bytes, where: tuple[str, int]) -> None:
    answer = decode(data)
    assert (answer.method, answer.error) == (Method.BINDING, 0)
    assert answer.transaction == bytes.fromhex("b7e7a701bc34d686fa87dfae")
    assert answer.attributes[Attribute.SOFTWARE] == b"test vector"
    assert address(answer, Attribute.XOR_MAPPED_ADDRESS) == where
    assert answer.is_signed_by(PASSWORD)
    assert not answer.is_signed_by(b"another")


def test_the_signed_request_of_the_rfc_is_written() -> None:
    user = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9"
    key = long_term_key(user, b"example.org", "TheMatrIX")
    attributes = [
        (Attribute.USERNAME, user.encode()),
        (Attribute.NONCE, b"f//499k954d6OL34oL9FSTvy64sA"),
        (Attribute.REALM, b"example.org"),
    ]
    assert encode(Method.BINDING, LONG_TERM[8:20], attributes, key) == LONG_TERM


def test_a_request_without_anything_is_twenty_bytes() -> None:
    assert encode(Method.BINDING, b"0123456789ab").hex() == "000100002112a442" + b"0123456789ab".hex()


def test_an_answer_without_a_signature_is_signed_by_nobody() -> None:
    unsigned = b"\x01\x01\x00\x0c" + IPV4[4:20] + IPV4[36:48]
    assert not decode(unsigned).is_signed_by(PASSWORD)
    assert address(decode(unsigned), Attribute.XOR_MAPPED_ADDRESS) == ("192.0.2.1", 32853)


def test_what_follows_the_signature_does_not_count() -> None:
    data = bytearray(IPV4[:-8])  # without the fingerprint, and with a second address behind the signature
    data += IPV6[36:60]
    data[2:4] = (len(data) - 20).to_bytes(2)
    assert address(decode(bytes(data)), Attribute.XOR_MAPPED_ADDRESS) == ("192.0.2.1", 32853)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "not a whole"),
        (IPV4[:-4], "not a whole"),
        (IPV4 + b"\0", "not a whole"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not a STUN message"),
        (IPV4[:4] + b"\x21\x12\xa4\x43" + IPV4[8:], "not a STUN message"),
        (b"\x00\x01" + IPV4[2:-8], "not a whole"),
        (LONG_TERM, "request in place of an answer"),
        (IPV4[:30] + b"x" + IPV4[31:], "fingerprint"),
        (b"\x01\x01\x00\x04" + IPV4[4:20] + b"\x80\x22\x00\x0b", "longer than its message"),
        (b"\x01\x11\x00\x00" + IPV4[4:20], "without an error code"),
        (b"\x01\x11\x00\x08" + IPV4[4:20] + b"\x00\x09\x00\x04\x00\x00\x07\x01", "without an error code"),
        (b"\x01\x11\x00\x08" + IPV4[4:20] + b"\x00\x09\x00\x04\x00\x00\x04\x64", "without an error code"),
    ],
)
def test_what_is_no_answer_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        decode(data)


def test_a_message_beyond_all_measure_is_not_read() -> None:
    with pytest.raises(ValueError, match="65532 bytes"):
        body_size(b"\x01\x01\xff\xfc" + IPV4[4:20])


@pytest.mark.parametrize("value", ["", "0001a147", "0003a147e112a643", "0002a147e112a643", "0001a147e112a64300000000"])
def test_an_address_that_is_none_is_refused(value: str) -> None:
    body = b"\x00\x20" + (len(value) // 2).to_bytes(2) + bytes.fromhex(value)
    answer = decode(b"\x01\x01" + len(body).to_bytes(2) + IPV4[4:20] + body)
    with pytest.raises(ValueError, match="XOR-MAPPED-ADDRESS holds no address"):
        address(answer, Attribute.XOR_MAPPED_ADDRESS)


@settings(max_examples=300)
@given(st.binary(max_size=200), st.integers(0, 79), st.booleans())
@example(b"", 0, False)
def test_anything_is_an_answer_or_a_value_error(noise: bytes, at: int, framed: bool) -> None:
    body = noise[: len(noise) // 4 * 4]
    data = IPV4[:2] + len(body).to_bytes(2) + IPV4[4:20] + body if framed else IPV4[:at] + noise + IPV4[at + 1 :]
    with contextlib.suppress(ValueError):
        answer = decode(data)
        assert not answer.is_signed_by(b"nobody's")
        address(answer, Attribute.XOR_MAPPED_ADDRESS)
