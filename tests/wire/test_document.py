import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.wire.document import parse


def test_json_is_read() -> None:
    assert parse(b'{"a": [1, null, "\\u00e9"]}') == {"a": [1, None, "é"]}


@pytest.mark.parametrize(
    "data", [b"", b"<html>", b"NaN", b"[" * 60_000, b"1" * 5_000, b'"\xff"', b'{"a":1}x', b"[1e999,-Infinity]"]
)
def test_what_is_no_json_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="JSON"):
        parse(data)


@given(st.binary(max_size=60))
def test_anything_is_a_value_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse(data)
