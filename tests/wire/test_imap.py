import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire.imap import Response, auth_plain, parse_response, quoted

GOOD = [
    b"* OK [CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN] Dovecot ready.",
    b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED",
    b"a3 NO [AUTHENTICATIONFAILED] no",
    b"* BYE Logging out",
    b"+ idling",
    b"+",
    b"* 1 EXISTS",
]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (GOOD[0], Response("*", "OK", "CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN", "Dovecot ready.")),
        (GOOD[1], Response("*", "CAPABILITY", "", "IMAP4rev1 STARTTLS LOGINDISABLED")),
        (GOOD[2], Response("a3", "NO", "AUTHENTICATIONFAILED", "no")),
        (b"* bye x", Response("*", "BYE", "", "x")),
        (b"+ idling", Response("+", "", "", "idling")),
        (b"+", Response("+", "", "", "")),
        (b"+ ", Response("+", "", "", "")),
        (b"* 1 EXISTS", Response("*", "1", "", "EXISTS")),
        (b"* OK", Response("*", "OK", "", "")),
        (b"* OK [half", Response("*", "OK", "", "[half")),
    ],
)
def test_lines_of_a_server(line: bytes, expected: Response) -> None:
    assert parse_response(line) == expected


@pytest.mark.parametrize(
    "line", [b"", b"*", b"a1", b"a1 MAYBE", b"HTTP/1.1 400 Bad", b"220 mail", b"\xff OK", b" * OK"]
)
def test_what_no_server_says(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a line|a tag without"):
        parse_response(line)


def test_capabilities_come_by_themselves_or_in_brackets() -> None:
    assert parse_response(GOOD[0]).capabilities == frozenset({"IMAP4REV1", "IDLE", "AUTH=PLAIN"})
    assert parse_response(GOOD[1]).capabilities == frozenset({"IMAP4REV1", "STARTTLS", "LOGINDISABLED"})
    assert parse_response(b"* OK [CAPABILITY] x").capabilities == frozenset()
    assert parse_response(b"* OK ready").capabilities is None
    assert parse_response(b"* CAPABILITY a\x1b " + b"x" * 65 + b" b").capabilities == frozenset({"B"})


def test_quoted_strings() -> None:
    assert quoted('a "b" \\c') == rb'"a \"b\" \\c"'
    for text in ("a\r\nb", "a\0b", "grün"):
        with pytest.raises(ValueError, match="one line of ASCII"):
            quoted(text)


def test_sasl_plain() -> None:
    assert auth_plain("tim", "tanstaaftanstaaf") == b"AHRpbQB0YW5zdGFhZnRhbnN0YWFm"  # RFC 4616 section 4


@settings(max_examples=500)
@given(
    st.binary(max_size=80)
    | st.tuples(st.sampled_from(GOOD), st.integers(0, 60), st.binary(max_size=3)).map(
        lambda made: made[0][: made[1]] + made[2] + made[0][made[1] + len(made[2]) :]
    )
)
def test_any_bytes_are_a_response_or_a_value_error(data: bytes) -> None:
    try:
        response = parse_response(data)
    except ValueError:
        return
    assert response.tag in ("*", "+") or response.word in ("OK", "NO", "BAD", "BYE", "PREAUTH")
    for word in response.capabilities or ():
        assert word.isascii()
        assert word.isprintable()
