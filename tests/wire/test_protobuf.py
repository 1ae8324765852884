"""Our reader and writer against Google's."""

from typing import Any

import pytest
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire.protobuf import Message, encode, varint
from tests.support.protobufs import message_types

TYPES = message_types(
    "test",
    {
        "Empty": {},
        "All": {
            1: "uint64 number",
            2: "bytes data",
            3: "repeated string names",
            4: "fixed32 narrow",
            5: "fixed64 wide",
            6: "All inner",
            2047: "bytes far",
        },
    },
)
numbers = st.integers(0, 2**64 - 1)
fields = st.lists(st.tuples(st.integers(1, 2**29 - 1), numbers | st.binary(max_size=300)), max_size=20)


@settings(max_examples=150)
@given(fields)
def test_what_we_write_google_reads(written: list[tuple[int, int | bytes]]) -> None:
    unknown: Any = UnknownFieldSet(TYPES["Empty"].FromString(encode(written)))
    assert [(field.field_number, field.data) for field in unknown] == written


@settings(max_examples=150)
@given(
    numbers, st.binary(max_size=300), st.lists(st.text(max_size=20), max_size=5), st.integers(0, 2**32 - 1), st.binary()
)
def test_what_google_writes_we_read(number: int, data: bytes, names: list[str], narrow: int, far: bytes) -> None:
    inner = {"number": number, "names": names}
    message = TYPES["All"](number=number, data=data, names=names, narrow=narrow, wide=number, inner=inner, far=far)
    read = Message.parse(message.SerializeToString())
    assert (read.number(1), read.data(2), read.data(2047)) == (number, data, far)
    assert read.every(3) == [name.encode() for name in names]
    assert (read.data(4), read.data(5)) == (narrow.to_bytes(4, "little"), number.to_bytes(8, "little"))
    assert Message.parse(read.data(6)).number(1) == number


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_a_value_error(data: bytes) -> None:
    try:
        read = Message.parse(data)
    except ValueError:
        return
    assert all(isinstance(read.number(field), int) and isinstance(read.data(field), bytes) for field in range(20))


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_google_refuses_nothing_that_we_take(data: bytes) -> None:
    try:
        Message.parse(data)
    except ValueError:
        return
    TYPES["Empty"].FromString(data)


@settings(max_examples=150)
@given(fields, st.data())
def test_a_message_that_was_cut_short_is_a_value_error_or_shorter(
    written: list[tuple[int, int | bytes]], draw: Any
) -> None:
    whole = encode(written)
    cut = whole[: draw.draw(st.integers(0, len(whole)))]
    borders = [encode(written[:count]) for count in range(len(written) + 1)]
    if cut in borders:
        Message.parse(cut)
    else:
        with pytest.raises(ValueError, match=r"field|end"):
            Message.parse(cut)


def test_of_several_values_of_one_field_the_last_counts() -> None:
    read = Message.parse(encode([(1, 5), (1, 6), (2, b"a"), (2, b"b")]))
    assert (read.number(1), read.data(2), read.every(2)) == (6, b"b", [b"a", b"b"])


def test_a_field_that_is_absent_or_of_another_type_has_its_default() -> None:
    read = Message.parse(encode([(1, b"text"), (2, 7)]))
    assert (read.number(1), read.data(2), read.number(3), read.data(3), read.every(3)) == (0, b"", 0, b"", [])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x00\x01", "number 0"),
        (b"\x80\x80\x80\x80\x10\x01", "number 536870912"),
        (b"\x0b", "wire type 3"),
        (b"\x0f", "wire type 7"),
        (b"\x08", "does not end"),
        (b"\x08" + b"\xff" * 10, "does not end"),
        (b"\x0a\x05ab", "5 bytes of which 2 are there"),
        (b"\x0d\x01\x02", "4 bytes of which 2 are there"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "of which 0 are there"),
    ],
)
def test_what_does_not_parse_says_why(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Message.parse(data)


def test_varints_as_the_encoding_guide_has_them() -> None:
    assert (varint(1), varint(150), varint(2**64 - 1)) == (b"\x01", b"\x96\x01", b"\xff" * 9 + b"\x01")
