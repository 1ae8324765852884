import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire.irc import Message, authenticate, capabilities, parse


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b":irc.test CAP * LS :multi-prefix sasl", ("irc.test", "CAP", ("*", "LS", "multi-prefix sasl"))),
        (b"PING :a b", ("", "PING", ("a b",))),
        (b"ping x", ("", "PING", ("x",))),
        (b"@time=2026;x :a!b@c PRIVMSG  #d   :e :f", ("a!b@c", "PRIVMSG", ("#d", "e :f"))),
        (b":s 001 nick :", ("s", "001", ("nick", ""))),
        (b"AUTHENTICATE +", ("", "AUTHENTICATE", ("+",))),
        (b"ERROR", ("", "ERROR", ())),
        (b":s NOTICE * :\xff\xfe", ("s", "NOTICE", ("*", "\ufffd\ufffd"))),
    ],
)
def test_a_line_is_a_message(line: bytes, message: tuple[str, str, tuple[str, ...]]) -> None:
    source, command, params = message
    assert parse(line) == Message(source=source, command=command, params=params)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b":only.source",
        b"220 mail.example.org ESMTP",
        b"* OK IMAP ready",
        b"+OK",
        b"HTTP/1.1 400 Bad Request",
        b"SSH-2.0-OpenSSH_9.2",
        b"<?xml version='1.0'?>",
        b"CAP\0",
        b"a\rb",
        b":s 01 x",
        b":s 0001 x",
    ],
)
def test_what_no_irc_server_says_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(line)


def test_capabilities_have_values_or_none() -> None:
    assert capabilities("sasl=PLAIN,EXTERNAL  multi-prefix draft/x=1=2 \u2603") == {
        "sasl": "PLAIN,EXTERNAL",
        "multi-prefix": "",
        "draft/x": "1=2",
    }
    assert capabilities("") == {}
    assert len(capabilities(" ".join(f"c{n}" for n in range(5000)))) == 200


@given(st.binary(min_size=1, max_size=1200))
def test_a_message_of_sasl_comes_back_from_its_lines(data: bytes) -> None:
    payload = base64.b64encode(data).decode()
    words = [line.removeprefix("AUTHENTICATE ") for line in authenticate(payload)]
    assert all(len(word) <= 400 for word in words)
    assert all(len(word) == 400 for word in words[:-1])
    assert len(words[-1]) < 400
    assert "".join(word for word in words if word != "+") == payload


@settings(max_examples=400)
@given(st.binary(max_size=600))
def test_any_line_is_a_message_or_a_value_error(line: bytes) -> None:
    try:
        message = parse(line)
    except ValueError:
        return
    assert message.command == message.command.upper()


@settings(max_examples=400)
@given(st.lists(st.sampled_from([b":", b"@", b" ", b"s", b"001", b"CAP", b"*", b"LS", b" :", b"\xff", b"=", b"\0"])))
def test_any_pieces_of_a_line_are_a_message_or_a_value_error(pieces: list[bytes]) -> None:
    try:
        message = parse(b"".join(pieces))
    except ValueError:
        return
    assert all(" " not in param for param in message.params[:-1])
    capabilities(message.last)
