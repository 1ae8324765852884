import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire import mqtt

# The exchanges of a session with Mosquitto 2.0.11, as they were on the line.
CONNACK_3, CONNACK_5 = bytes.fromhex("0000"), bytes.fromhex("0000 06 22000a 210014")
SUBACK_3, SUBACK_5 = bytes.fromhex("000101"), bytes.fromhex("00010001")
PUBLISH_3, PUBLISH_5 = bytes.fromhex("0003612f62 0002 7879"), bytes.fromhex("0003612f62 0002 00 7879")
GOOD = [CONNACK_3, CONNACK_5, SUBACK_3, SUBACK_5, PUBLISH_3, PUBLISH_5]


def test_connect_is_what_a_broker_took() -> None:
    assert mqtt.encode_connect(4, "probe-1") == bytes.fromhex("1013 0004 4d515454 04 02 003c 0007 70726f62652d31")
    assert mqtt.encode_connect(5, "probe-1") == bytes.fromhex("1014 0004 4d515454 05 02 003c 00 0007 70726f62652d31")


def test_credentials_follow_the_client_id() -> None:
    assert mqtt.encode_connect(4, "c", "us", "pw").endswith(bytes.fromhex("c2 003c 0001 63 0002 7573 0002 7077"))


def test_a_length_of_more_than_seven_bits_takes_more_bytes() -> None:
    assert mqtt.encode_publish(4, 2, "t", b"x" * 195)[:3] == bytes.fromhex("32 c801")
    assert mqtt.encode_publish(4, 2, "t", b"x" * 100)[:2] == bytes.fromhex("32 69")


def test_answers_are_read() -> None:
    assert mqtt.parse_connack(4, CONNACK_3) == (0, 2)
    assert mqtt.parse_connack(5, CONNACK_5) == (0, 2)
    assert mqtt.parse_connack(5, bytes.fromhex("0000 02 2401")) == (0, 1)
    assert mqtt.parse_suback(4, SUBACK_3) == (1, 1)
    assert mqtt.parse_suback(5, SUBACK_5) == (1, 1)
    assert mqtt.parse_puback(bytes.fromhex("0002")) == (2, 0)
    assert mqtt.parse_puback(bytes.fromhex("0002 87")) == (2, 0x87)
    assert mqtt.parse_disconnect(bytes.fromhex("8b00")) == 0x8B
    assert mqtt.parse_publish(4, 0x02, PUBLISH_3) == (1, False, b"a/b", 2, b"xy")
    assert mqtt.parse_publish(5, 0x03, PUBLISH_5) == (1, True, b"a/b", 2, b"xy")
    assert mqtt.parse_publish(4, 0x00, bytes.fromhex("0001 61 78")) == (0, False, b"a", 0, b"x")


def test_an_old_broker_says_no_to_version_5_in_the_old_form() -> None:
    assert mqtt.parse_connack(5, bytes.fromhex("0001")).code == 1


@pytest.mark.parametrize(
    ("level", "body"),
    [
        *[(level, body) for level in (4, 5) for body in ("", "00", "0200")],
        (4, "000000"),
        *[(5, body) for body in ("0000 02 2401 00", "0000 01 24", "0000 02 7f00", "0000 ffffffff7f")],
    ],
)
def test_a_connack_that_is_none_is_a_value_error(level: int, body: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        mqtt.parse_connack(level, bytes.fromhex(body))


def _parse(level: int, flags: int, body: bytes) -> None:
    for parse in (
        lambda: mqtt.parse_connack(level, body),
        lambda: mqtt.parse_suback(level, body),
        lambda: mqtt.parse_puback(body),
        lambda: mqtt.parse_disconnect(body),
        lambda: mqtt.parse_publish(level, flags, body),
    ):
        try:
            parse()
        except ValueError:
            continue


@settings(max_examples=300)
@given(st.sampled_from([4, 5]), st.integers(0, 15), st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_value_error(level: int, flags: int, body: bytes) -> None:
    _parse(level, flags, body)


@settings(max_examples=300)
@given(st.sampled_from([4, 5]), st.sampled_from(GOOD), st.integers(0, 20), st.binary(max_size=3), st.integers(0, 3))
def test_so_is_a_good_answer_with_some_bytes_changed(
    level: int, good: bytes, place: int, piece: bytes, cut: int
) -> None:
    _parse(level, 2, good[:place] + piece + good[place + cut :])
