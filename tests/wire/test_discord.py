import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire.discord import HEARTBEAT, Op, decode

# docs/topics/Gateway.md of discord/discord-api-docs, "Hello event", with the trace that servers add
HELLO = b'{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250,"_trace":["[\\"gateway-prd-1\\",{}]"]}}'


def test_the_hello_and_the_answer_to_a_heartbeat_are_read() -> None:
    assert decode(HELLO) == Op.HELLO
    assert decode(b'{"op":11}') == Op.HEARTBEAT_ACK
    assert decode(b'{"op": 4711, "d": null}') == 4711


def test_the_heartbeat_is_json_with_op_1() -> None:
    assert json.loads(HEARTBEAT) == {"op": 1, "d": None}


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"hello",
        b"[]",
        b"{}",
        b'{"op":"10"}',
        b'{"op":true}',
        b'{"op":10}',
        b'{"op":10,"d":[]}',
        b'{"op":10,"d":{"heartbeat_interval":0}}',
        b'{"op":10,"d":{"heartbeat_interval":true}}',
        b'{"op":10.0,"d":{"heartbeat_interval":1}}',
        b"[" * 60_000,
    ],
    ids=range(12),
)
def test_what_is_no_event_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"gateway|interval|JSON"):
        decode(message)


@settings(max_examples=300)
@given(st.binary(max_size=20), st.integers(0, len(HELLO)), st.integers(0, 30))
def test_anything_is_an_event_or_a_value_error(noise: bytes, at: int, gone: int) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(decode(HELLO[:at] + noise + HELLO[at + gone :]), int)
