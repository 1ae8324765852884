import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire.smtp import Line, address_literal, auth_plain, auth_text, parse_extensions, parse_line, without_code

GOOD = [b"220 mail.example.org ESMTP", b"250-SIZE 1000", b"250", b"334 VXNlcm5hbWU6", b"421 4.3.2 bye", b"535-no"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"220 mail.example.org ESMTP", Line(220, False, "mail.example.org ESMTP")),
        (b"250-SIZE 1000", Line(250, True, "SIZE 1000")),
        (b"250", Line(250, False, "")),
        (b"250 ", Line(250, False, "")),
        (b"250-", Line(250, True, "")),
        (b"220 gr\xc3\xbc\xc3\x9fe \xff", Line(220, False, "grüße \ufffd")),
    ],
)
def test_lines_of_replies(line: bytes, expected: Line) -> None:
    assert parse_line(line) == expected


@pytest.mark.parametrize("line", [b"", b"22", b"220x", b"2200 a", b"999 a", b"\xb2\xb2\xb0 a", b"SSH-2.0-x", b" 220 a"])
def test_what_is_no_line_of_a_reply(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a line"):
        parse_line(line)


def test_extensions_have_parameters_and_are_known_in_any_case() -> None:
    lines = ["size 1000", "AUTH PLAIN login", "AUTH=LOGIN CRAM-MD5", "", "  ", "Starttls", "X-\x1b[31m", "X" * 65]
    found = parse_extensions(lines)
    assert found == {"SIZE": {"1000"}, "AUTH": {"PLAIN", "LOGIN", "CRAM-MD5"}, "STARTTLS": set()}


def test_the_enhanced_code_is_left_out() -> None:
    assert without_code("5.7.1 go away") == "go away"
    assert without_code("go 5.7.1 away") == "go 5.7.1 away"


def test_sasl_plain_as_in_its_rfc() -> None:
    assert base64.b64decode(auth_plain("tim", "tanstaaftanstaaf")) == b"\0tim\0tanstaaftanstaaf"  # RFC 4616 section 4
    assert auth_text("Username:") == b"VXNlcm5hbWU6"


def test_address_literals() -> None:
    assert [address_literal("192.0.2.1"), address_literal("2001:db8::1")] == ["[192.0.2.1]", "[IPv6:2001:db8::1]"]


@settings(max_examples=500)
@given(st.binary(max_size=80) | st.sampled_from(GOOD).flatmap(lambda line: st.binary(max_size=4).map(line.__add__)))
def test_any_bytes_are_a_line_or_a_value_error(data: bytes) -> None:
    try:
        line = parse_line(data)
    except ValueError:
        return
    assert 200 <= line.code < 600
    assert str(line.code).encode() == data[:3]


@settings(max_examples=300)
@given(st.lists(st.text(max_size=100), max_size=20))
def test_any_text_gives_words_of_ascii(lines: list[str]) -> None:
    for keyword, parameters in parse_extensions(lines).items():
        for word in (keyword, *parameters):
            assert word.isascii()
            assert word.isprintable()
            assert " " not in word
            assert 0 < len(word) <= 64
