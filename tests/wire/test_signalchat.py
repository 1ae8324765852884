from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire.signalchat import Answer, keepalive
from tests.support.signalchat import MESSAGES


def test_a_keepalive_is_what_libsignal_sends() -> None:
    """The bytes of libsignal 0.103.0, seen on loopback, for its id 0."""
    assert keepalive(0).hex() == "080112160a03474554120d2f76312f6b656570616c6976652000"


@settings(max_examples=100)
@given(st.integers(0, 2**64 - 1))
def test_a_keepalive_is_a_request_to_another_implementation(number: int) -> None:
    message = MESSAGES["WebSocketMessage"].FromString(keepalive(number))
    request = message.request
    assert (message.type, request.verb, request.path, request.id) == (1, "GET", "/v1/keepalive", number)


@settings(max_examples=60)
@given(
    st.integers(0, 2**64 - 1),
    st.integers(0, 999),
    st.lists(st.tuples(st.from_regex("[a-z-]{1,20}", fullmatch=True), st.from_regex("[!-~]{0,20}", fullmatch=True))),
)
def test_a_response_of_another_implementation_is_read(number: int, status: int, fields: list[tuple[str, str]]) -> None:
    lines = [f"{name.title()}: {value}" for name, value in fields]
    message = MESSAGES["WebSocketMessage"](type=2, response={"id": number, "status": status, "headers": lines})
    answer = Answer.parse(message.SerializeToString())
    assert answer is not None
    assert (answer.id, answer.status) == (number, status)
    assert answer.headers == tuple((name.encode(), value.encode()) for name, value in fields)


def test_a_request_of_the_servers_is_no_answer() -> None:
    message = MESSAGES["WebSocketMessage"](type=1, request={"verb": "PUT", "path": "/api/v1/queue/empty", "id": 7})
    assert Answer.parse(message.SerializeToString()) is None


@pytest.mark.parametrize("kind", [0, 3, 99])
def test_a_message_of_another_type_is_a_value_error(kind: int) -> None:
    with pytest.raises(ValueError, match=f"type {kind}"):
        Answer.parse(MESSAGES["WebSocketMessage"](type=kind).SerializeToString())


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_a_value_error(data: bytes) -> None:
    for message in (data, b"\x08\x02\x1a" + bytes([len(data) & 0x7F]) + data):
        with suppress(ValueError):
            Answer.parse(message)
