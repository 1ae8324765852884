import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire import amqp
from monitor.wire.amqp import Method
from monitor.wire.cursor import Cursor


def _text(text: str) -> bytes:
    return len(text).to_bytes(4) + text.encode()


def table(*fields: tuple[str, bytes]) -> bytes:
    body = b"".join(bytes((len(name),)) + name.encode() + value for name, value in fields)
    return len(body).to_bytes(4) + body


def method(number: int, arguments: bytes) -> bytes:
    payload = bytes((0, 10, 0, number)) + arguments
    return b"\x01\x00\x00" + len(payload).to_bytes(4) + payload + b"\xce"


def started(properties: bytes, version: bytes = b"\x00\x09") -> bytes:
    return method(10, version + properties + _text("PLAIN AMQPLAIN") + _text("en_US"))


PROPERTIES = table(
    ("capabilities", b"F" + table(("authentication_failure_close", b"t\x01"), ("basic.nack", b"t\x00"))),
    ("product", b"S" + _text("RabbitMQ")),
    ("started", b"T" + bytes(8)),
    ("list", b"A" + table(("x", b"t\x01"))),
    ("nothing", b"V"),
    ("number", b"l" + bytes(8)),
)
GOOD = [
    started(PROPERTIES),
    method(30, bytes.fromhex("07ff 00020000 003c")),
    method(41, b"\x00"),
    method(50, (403).to_bytes(2) + b"\x02no" + bytes(4)),
    b"\x08" + bytes(6) + b"\xce",
]


def arguments(frame: bytes) -> Cursor:
    found = amqp.parse_method(frame[:7], frame[7:])
    assert found is not None
    return found[1]


def test_answers_are_read() -> None:
    start = amqp.parse_start(arguments(GOOD[0]))
    assert start.mechanisms == ("PLAIN", "AMQPLAIN")
    assert start.properties["product"] == "RabbitMQ"
    assert start.properties["capabilities"] == {"authentication_failure_close": True, "basic.nack": False}
    assert start.properties["number"] is None
    assert amqp.parse_tune(arguments(GOOD[1])) == (2047, 131072)
    assert amqp.parse_close(arguments(GOOD[3])) == (403, "no")
    assert amqp.parse_method(GOOD[4][:7], GOOD[4][7:]) is None
    assert [amqp.parse_method(frame[:7], frame[7:])[0] for frame in GOOD[:4]] == list(Method)  # type: ignore[index]  # not None
    assert amqp.frame_size(GOOD[0][:7]) == len(GOOD[0]) - 7


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (b"\x02" + GOOD[2][1:], "type 2"),
        (b"\x01\x00\x01" + GOOD[2][3:], "channel 1"),
        (GOOD[2][:-1] + b"\xcd", "without its end"),
        (method(11, b""), "method 10.11"),
        (started(PROPERTIES, b"\x08\x00"), "version 8-0"),
        (started(table(("a", b"?"))), "type b'\\?'"),
        (started(table(("a", b"S\x00\x00\x00\x09"))), "9 bytes"),
    ],
)
def test_what_is_no_answer_is_a_value_error(frame: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        _parse(frame)


def test_tables_in_tables_end_somewhere() -> None:
    nested = table()
    for _ in range(1000):
        nested = table(("a", b"F" + nested))
    with pytest.raises(ValueError, match="nested"):
        _parse(started(nested))


def _parse(frame: bytes) -> None:
    amqp.frame_size(frame[:7])
    found = amqp.parse_method(frame[:7], frame[7:])
    match found:
        case (Method.START, cursor):
            amqp.parse_start(cursor)
        case (Method.TUNE, cursor):
            amqp.parse_tune(cursor)
        case (Method.CLOSE, cursor):
            amqp.parse_close(cursor)
        case _:
            pass


def _parse_any(frame: bytes) -> None:
    try:
        _parse(frame)
    except ValueError:
        return


@settings(max_examples=300)
@given(st.binary(min_size=7, max_size=60))
def test_any_bytes_are_a_value_or_a_value_error(frame: bytes) -> None:
    _parse_any(frame)


@settings(max_examples=300)
@given(st.sampled_from(GOOD), st.integers(7, 250), st.binary(max_size=3), st.integers(0, 3))
def test_so_is_a_good_answer_with_some_bytes_changed(good: bytes, place: int, piece: bytes, cut: int) -> None:
    _parse_any(good[:place] + piece + good[place + cut :])
