"""The codec of SIP against what RFC 3261 and 4475 show, and against anything else."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire.sip import Question, decode

ASKED = Question(
    nonce="0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    transport="UDP",
    sent_by="192.0.2.1:5070",
    uri="sip:example.org",
    user_agent="lastseen/0",
)
VIA = f"SIP/2.0/UDP 192.0.2.1:5070;branch={ASKED.branch};rport=5070;received=192.0.2.1"
HEAD = (
    f"SIP/2.0 200 OK\r\nVia: {VIA}\r\nTo: <sip:example.org>;tag=a6a1\r\nFrom: <sip:a@example.com>;tag=x\r\n"
    f"Call-ID: {ASKED.nonce}\r\nCSeq: 1 OPTIONS\r\nServer: x (y)\r\nContent-Length: 0"
).encode()


def test_the_request_is_an_options_request_of_the_rfc() -> None:
    lines = ASKED.encode().decode().split("\r\n")
    assert lines[0] == "OPTIONS sip:example.org SIP/2.0"
    assert lines[-2:] == ["", ""]
    fields = dict(line.split(": ", 1) for line in lines[1:-2])
    # RFC 3261 section 8.1.1: To, From, CSeq, Call-ID, Max-Forwards and Via are mandatory in all requests.
    assert fields["Via"] == f"SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK{ASKED.nonce};rport"
    assert fields["CSeq"] == "1 OPTIONS"
    assert {"To", "From", "Call-ID", "Max-Forwards", "User-Agent"} <= set(fields)
    assert ";tag=" in fields["From"]
    assert ";tag=" not in fields["To"]


def test_a_response_is_read() -> None:
    answer = decode(HEAD)
    assert (answer.status, answer.size, answer.headers["server"]) == (200, 0, "x (y)")
    assert answer.is_to(ASKED)


def test_compact_names_folded_lines_and_bare_newlines_are_read() -> None:
    folded = VIA.replace(";branch", "\n \t;branch")
    head = f"sip/2.0 404\nv: {folded}\nI:{ASKED.nonce}\nCSEQ :   1\n  OPTIONS\nl: 12\nretry-AFTER: 18 (in a meeting)"
    answer = decode(head.encode())
    assert (answer.status, answer.size, answer.retry_after) == (404, 12, 18)
    assert answer.is_to(ASKED)


@pytest.mark.parametrize(
    "change",
    [
        (ASKED.branch, "z9hG4bKother"),
        (f"Call-ID: {ASKED.nonce}", "Call-ID: another"),
        ("1 OPTIONS", "2 OPTIONS"),
        ("1 OPTIONS", "1 INVITE"),
        ("Via: ", "Via: SIP/2.0/TCP proxy.example.org;branch=z9hG4bKproxy, "),
        ("Via: ", "Route: "),
    ],
)
def test_a_response_to_somebody_else_is_not_to_us(change: tuple[str, str]) -> None:
    assert not decode(HEAD.replace(change[0].encode(), change[1].encode())).is_to(ASKED)


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7.0), ("3600;duration=60", 3600.0), ("Mon, 22 Nov 2026", None), ("", None)]
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert decode(HEAD + f"\r\nRetry-After: {text}".encode()).retry_after == seconds


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK",
        b"SIP/2.0 700 X",
        b"SIP/3.0 200 OK",
        b"SIP/2.0 200OK",
        b"OPTIONS sip:a SIP/2.0",
        b"SIP/2.0 200 OK\r\nno colon",
        b"SIP/2.0 200 OK\r\n: value",
        b"SIP/2.0 200 OK\r\nContent-Length: -1",
        b"SIP/2.0 200 OK\r\nContent-Length: 9999999999",
        "SIP/2.0 200 OK\r\nContent-Length: ٣".encode(),
        b"SIP/2.0 200 OK" + b"\r\nX: y" * 300,
    ],
)
def test_what_is_no_response_is_refused(head: bytes) -> None:
    with pytest.raises(ValueError, match=r"SIP|content length"):
        decode(head)


@settings(max_examples=300)
@given(st.binary(max_size=60), st.integers(0, len(HEAD)), st.integers(0, 40))
def test_anything_is_a_response_or_a_value_error(noise: bytes, at: int, gone: int) -> None:
    for data in (noise, HEAD[:at] + noise + HEAD[at + gone :]):
        with contextlib.suppress(ValueError):
            answer = decode(data)
            answer.is_to(ASKED)
            assert answer.retry_after is None or answer.retry_after >= 0
