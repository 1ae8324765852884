import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire import nats
from monitor.wire.nats import Verb

# As nats-server 2.9.10 says it.
INFO = (
    b'INFO {"server_id":"NAFF","server_name":"NAFF","version":"2.9.10","proto":1,"go":"go1.19.8","host":"127.0.0.1",'
    b'"port":4222,"headers":true,"auth_required":true,"tls_required":true,"max_payload":1048576,"client_id":4} '
)
GOOD = [INFO, b"-ERR 'Authorization Violation'", b"MSG ok 2 1", b"MSG ok 2 reply 17", b"PONG", b"+OK"]


def test_lines_are_read() -> None:
    verb, rest = nats.parse_line(INFO)
    assert verb is Verb.INFO
    assert nats.parse_info(rest) == ("2.9.10", True, False)
    verb, rest = nats.parse_line(GOOD[1])
    assert (verb, nats.parse_error(rest)) == (Verb.ERROR, "Authorization Violation")
    assert [nats.parse_size(nats.parse_line(line)[1]) for line in GOOD[2:4]] == [1, 17]
    assert [nats.parse_line(line) for line in GOOD[4:]] == [(Verb.PONG, b""), (Verb.OK, b"")]


@pytest.mark.parametrize("line", [b"", b"HTTP/1.1 400 Bad Request", b"220 mail", b"INFORM {}"])
def test_a_line_that_is_none_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError, match="no verb"):
        nats.parse_line(line)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 60_000])
def test_an_info_that_is_none_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        nats.parse_info(text)


@pytest.mark.parametrize("text", [b"", b"a", b"a 1", b"a 1 x", b"a 1 -1", b"a 1 99999999999", b"a 1 b 2 c"])
def test_a_message_without_its_length_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match="how long"):
        nats.parse_size(text)


def test_only_a_login_that_was_given_is_sent() -> None:
    assert b"user" not in nats.encode_connect(tls=False)
    assert b"auth_token" not in nats.encode_connect(tls=False, username="u")


def _parse(line: bytes) -> None:
    try:
        verb, rest = nats.parse_line(line)
        if verb is Verb.INFO:
            nats.parse_info(rest)
        elif verb is Verb.MESSAGE:
            nats.parse_size(rest)
        elif verb is Verb.ERROR:
            nats.parse_error(rest)
    except ValueError:
        return


@settings(max_examples=300)
@given(st.sampled_from([verb.value for verb in Verb]), st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_value_error(verb: bytes, rest: bytes) -> None:
    _parse(verb + b" " + rest)
    _parse(rest)


@settings(max_examples=300)
@given(st.sampled_from(GOOD), st.integers(0, 250), st.binary(max_size=3), st.integers(0, 3))
def test_so_is_a_good_line_with_some_bytes_changed(good: bytes, place: int, piece: bytes, cut: int) -> None:
    _parse(good[:place] + piece + good[place + cut :])
