import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Vantage
from monitor.domain.words import Layer, Outcome, Reason
from monitor.formats.feed import (
    COLUMNS,
    Made,
    Malformed,
    Page,
    UnknownWord,
    Unreadable,
    page_as_json,
    read_page,
    read_row,
    rows_as_json,
)

HOME = Vantage(name="fra-1", region="eu", country="DE", network="AS3320")
PAGE = Page(vantage=HOME, run="ab12", now=1_700_000_000.25, next=2, newest=9, is_lost=True, rows=())
OK: Made = ("s/c/t/tcp", 1_700_000_000.123456, 0.031, Outcome.OK, 0, None)
FAILED: Made = (
    *("s/c/t/tcp", 1_700_000_002.5, 0.25, Outcome.FAILED, 2),
    Failure(layer=Layer.TLS, reason=Reason.RESET, message="reset by peer"),
)
OURS: Made = (
    *("s/c/t/tcp", 1_700_000_004.0, 3.0, Outcome.INCONCLUSIVE, 0),
    Failure(layer=None, reason=Reason.VANTAGE_OFFLINE, message="no witness answers"),
)
NO_FAILURE: list[Any] = [None, None, None]
ROW: list[Any] = [7, "s/c/t/tcp", 1_700_000_000.5, 0.5, "ok", 0, *NO_FAILURE]
BROKEN = ["tls", "reset", "no"]


def as_attempt(made: Made) -> Attempt:
    check_id, started, duration, outcome, confirmation, failure = made
    return Attempt(
        check_id=check_id,
        started=started,
        duration=duration,
        outcome=outcome,
        phases={},
        facts={},
        failure=failure,
        confirmation=confirmation,
    )


def test_what_was_written_is_read_again() -> None:
    page = read_page(page_as_json(PAGE, [rows_as_json(1, [OK, FAILED]), b"", rows_as_json(3, [OURS])]))
    assert replace(page, rows=()) == PAGE
    assert [read_row(row) for row in page.rows] == [
        (1, as_attempt(OK)),
        (2, as_attempt(FAILED)),
        (3, as_attempt(OURS)),
    ]


def test_a_page_names_its_columns_and_may_be_empty() -> None:
    found = json.loads(page_as_json(PAGE, []))
    assert found["columns"] == list(COLUMNS)
    assert found["attempts"] == []
    assert "resolver" not in found["vantage"]


def test_text_of_servers_is_bounded_and_on_one_line_whoever_wrote_it() -> None:
    evil = Failure(layer=Layer.HTTP, reason=Reason.BODY, message="\u202e\ud800\n" + "x" * 10_000)
    (row,) = json.loads(b"[" + rows_as_json(1, [(*OK[:3], Outcome.FAILED, 0, evil)]) + b"]")
    assert len(row[-1]) == 300
    assert row[-1].isprintable()
    _, attempt = read_row([*ROW[:4], "failed", 0, "http", "body", "\u202e\n" + "y" * 10_000])
    assert attempt.failure is not None
    assert len(attempt.failure.message) == 300
    assert attempt.failure.message.isprintable()


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(page_as_json(PAGE, [])), **changes}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[" * 200_000,
        b"[]",
        b"9" * 10_000,
        changed(attempts=None),
        changed(attempts={}),
        changed(run=7),
        changed(run=""),
        changed(run="x" * 10),
        changed(run="ab" * 100),
        changed(lost="no"),
        changed(next=-1),
        changed(next=1.5),
        changed(next=True),
        changed(next=10),
        changed(newest=1 << 60),
        changed(now=None),
        changed(now="1"),
        changed(now=-1),
        changed(now=1e300),
        changed(now=True),
        page_as_json(PAGE, []).replace(b"1700000000.25", b"NaN"),
        page_as_json(PAGE, []).replace(b"1700000000.25", b"-Infinity"),
        changed(vantage=None),
        changed(vantage={}),
        changed(vantage={"name": "a b"}),
        changed(vantage={"name": "a" * 64}),
        changed(vantage={"name": "a\n"}),
        changed(vantage={"name": "a", "region": "e\u202eu"}),
        changed(vantage={"name": "a", "region": "x" * 101}),
        changed(vantage={"name": "a", "network": 3320}),
        changed(vantage={"name": "a", "country": "de"}),
    ],
)
def test_what_is_no_page_is_refused_with_a_short_sentence(body: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        read_page(body)
    assert 0 < len(str(refused.value)) < 150


def row(**changes: Any) -> list[Any]:
    return [changes.get(name, value) for name, value in zip(COLUMNS, ROW, strict=True)]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {},
        [],
        ROW[:-1],
        [*ROW, None],
        row(sequence="1"),
        row(sequence=-1),
        row(sequence=1.0),
        row(sequence=True),
        row(check=None),
        row(check=["a"]),
        row(check="x" * 3000),
        row(started=None),
        row(started="now"),
        row(started=True),
        row(started=10**400),
        row(duration=-0.1),
        row(duration=1e9),
        row(outcome=None),
        row(outcome=["ok"]),
        row(outcome={"a": 1}),
        row(confirmation=-1),
        row(confirmation=11),
        row(confirmation="0"),
        row(layer="tls"),
        row(message="no"),
        row(outcome="ok", layer="tls", reason="reset", message="no"),
        row(outcome="failed"),
        row(outcome="failed", reason="reset", message="a failure has a layer"),
        row(outcome="failed", layer="tls", reason="reset"),
        row(outcome="failed", layer="tls", reason=["reset"], message="no"),
        row(outcome="inconclusive"),
        row(outcome="inconclusive", layer="tls", reason="reset", message="what is ours has none"),
    ],
)
def test_a_row_that_no_monitor_writes_is_malformed(bad: object) -> None:
    with pytest.raises(Malformed):
        read_row(bad)


@pytest.mark.parametrize(
    "newer",
    [
        row(outcome="sort_of"),
        row(outcome="failed", layer="quic", reason="reset", message="no"),
        row(outcome="failed", layer="tls", reason="ech_required", message="no"),
    ],
)
def test_a_word_of_a_newer_version_is_told_apart(newer: object) -> None:
    with pytest.raises(UnknownWord):
        read_row(newer)


_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=9) | some.dictionaries(some.text(), inner, max_size=5),
    max_leaves=20,
)
_WORDS = some.sampled_from([*Outcome, *Layer, *Reason])


@given(some.lists(_JSON | _WORDS, min_size=9, max_size=9) | _JSON)
def test_whatever_stands_in_a_row_nothing_comes_of_it_but_an_attempt_or_a_reason(found: object) -> None:
    with suppress(Malformed, UnknownWord):
        number, attempt = read_row(found)
        assert number >= 0
        assert (attempt.outcome is Outcome.OK) is (attempt.failure is None)


@given(some.dictionaries(some.sampled_from(["vantage", "run", "now", "next", "newest", "lost", "attempts"]), _JSON))
def test_whatever_stands_on_a_page_it_is_a_page_or_refused(changes: dict[str, Any]) -> None:
    with suppress(Unreadable):
        assert read_page(changed(**changes)).vantage.name


@given(some.binary(max_size=200), some.integers(0, 400))
def test_damaged_bytes_are_a_page_or_refused(noise: bytes, place: int) -> None:
    body = page_as_json(PAGE, [rows_as_json(1, [OK, FAILED])])
    with suppress(Unreadable):
        read_page(body[:place] + noise + body[place + len(noise) :])
