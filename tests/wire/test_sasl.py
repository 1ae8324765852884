from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire.sasl import Account, Challenge, Scram, decoded, encoded, prepared

# The exchanges of RFC 5802 section 5 and RFC 7677 section 3: nonce, challenge, client's proof, server's.
EXAMPLES = {
    "SCRAM-SHA-1": (
        "fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "SCRAM-SHA-256": (
        "rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


@pytest.mark.parametrize("mechanism", EXAMPLES)
def test_the_examples_of_the_rfcs(mechanism: str) -> None:
    nonce, text, proof, verifier = EXAMPLES[mechanism]
    scram = Scram(Account("user", "pencil"), mechanism, nonce)
    assert scram.first() == f"n,,n=user,r={nonce}".encode()
    challenge = Challenge.parse(text)
    assert scram.is_asked(challenge)
    assert scram.final(challenge) == b"c=biws,r=" + challenge.nonce + b",p=" + proof
    assert scram.is_proof(verifier)
    assert scram.is_proof(verifier + b",x=more")


@pytest.mark.parametrize("text", [b"", b"v=", b"v=AAAA", b"e=other-error", b"v=====", b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ"])
def test_what_is_no_proof_is_none(text: bytes) -> None:
    nonce, challenge, _, _ = EXAMPLES["SCRAM-SHA-1"]
    scram = Scram(Account("user", "pencil"), "SCRAM-SHA-1", nonce)
    assert not scram.is_proof(EXAMPLES["SCRAM-SHA-1"][3])  # before it was asked for
    scram.final(Challenge.parse(challenge))
    assert not scram.is_proof(text)


def test_a_password_is_stretched_once_for_one_salt() -> None:
    account = Account("user", "pencil")
    first = account.salted("sha1", b"salt", 4096)
    assert account.salted("sha1", b"salt", 4096) is first
    assert account.salted("sha1", b"pepper", 4096) != first
    assert account.salted("sha1", b"salt", 4096) == first


def test_names_are_escaped_and_plain_is_three_parts() -> None:
    account = Account("a=b,c", "pass")
    assert Scram(account, "SCRAM-SHA-1", "x").first() == b"n,,n=a=3Db=2Cc,r=x"
    assert account.plain() == b"\0a=b,c\0pass"


@pytest.mark.parametrize("nonce", [b"", b"abd", b"abc", b"ab", b"xabc"])
def test_a_challenge_must_carry_our_nonce_and_more(nonce: bytes) -> None:
    challenge = Challenge(text=b"", nonce=nonce, salt=b"s", iterations=1)
    assert not Scram(Account("u", "p"), "SCRAM-SHA-1", "abc").is_asked(challenge)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"r=a,s=AAAA",
        b"r=a,s=AAAA,i=0",
        b"r=a,s=AAAA,i=-1",
        b"r=a,s=AAAA,i=1000001",
        b"r=a,s=AAAA,i=99999999999",
        b"r=a,s=AAA,i=1",
        b"r=,s=AAAA,i=1",
        b"m=x,r=a,s=AAAA,i=1",
        b"r=a b,s=AAAA,i=1",
        b"e=unknown-user",
    ],
)
def test_a_challenge_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"challenge|base64"):
        Challenge.parse(text)


# RFC 4013 section 3
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("\U0001f98a", "\U0001f98a"),
    ],
)
def test_saslprep_maps(text: str, wanted: str) -> None:
    assert prepared(text) == wanted


@pytest.mark.parametrize("text", ["\u0007", "\u06271", "a\u0627", "\0", "\ud800"])
def test_saslprep_forbids(text: str) -> None:
    with pytest.raises(ValueError, match="character"):
        prepared(text)


@given(st.text())
def test_prepared_text_stays_as_it_is(text: str) -> None:
    try:
        once = prepared(text)
    except ValueError:
        return
    assert prepared(once) == once


def mutated(at: int, by: bytes) -> bytes:
    text = EXAMPLES["SCRAM-SHA-1"][1]
    return text[:at] + by + text[at + 1 :]


@settings(max_examples=400)
@given(st.one_of(st.binary(), st.builds(mutated, st.integers(0, 80), st.binary(max_size=3))))
def test_any_bytes_are_a_challenge_or_a_value_error(text: bytes) -> None:
    try:
        challenge = Challenge.parse(text)
    except ValueError:
        return
    assert challenge.text == text
    assert 1 <= challenge.iterations <= 1_000_000


@given(st.binary())
def test_base64_goes_there_and_back(data: bytes) -> None:
    assert decoded(encoded(data)) == data


@settings(max_examples=400)
@given(st.one_of(st.text(), st.binary()))
def test_what_is_not_base64_is_a_value_error(text: Any) -> None:
    try:
        decoded(text)
    except ValueError:
        return
