from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.formats.moments import moment
from monitor.formats.times import between, clock, lasting, span, stamp_as_json

_NOW = 1_666_700_000.0


@given(st.floats(0.001, 2e11))
def test_both_forms_of_a_stamp_are_the_same_millisecond(seconds: float) -> None:
    stamp = stamp_as_json(seconds)
    assert stamp is not None
    read = datetime.fromisoformat(stamp["rfc3339"])
    assert round(read.timestamp() * 1000) == stamp["epoch_ms"]
    assert moment(stamp["rfc3339"], 0.0) == pytest.approx(seconds, abs=0.001)


def test_never_is_null() -> None:
    assert stamp_as_json(None) is None
    assert stamp_as_json(0.0) is None


def test_people_read_utc_and_the_second_day_only_where_it_differs() -> None:
    start, end = 1_666_679_700.0, 1_666_690_200.0
    assert clock(start) == "2022-10-25 06:35:00 UTC"
    assert span(start, end) == "2022-10-25 06:35:00 - 09:30:00 UTC"
    assert span(start, end + 86400) == "2022-10-25 06:35:00 - 2022-10-26 09:30:00 UTC"
    assert span(start, None) == "since 2022-10-25 06:35:00 UTC"
    assert between(start - 30, start) == "between 2022-10-25 06:34:30 and 06:35:00 UTC"
    assert between(start - 86400, start) == "between 2022-10-24 06:35:00 and 2022-10-25 06:35:00 UTC"
    assert between(None, start) == "at 2022-10-25 06:35:00 UTC or before"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (3601, "1 h"),
        (10500, "2 h 55 min"),
        (3 * 86400 + 4 * 3600 + 59, "3 d 4 h"),
        (86400 * 400, "400 d"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert lasting(seconds) == words


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2022-10-25T06:35:00Z", 1_666_679_700.0),
        ("2022-10-25t06:35:00z", 1_666_679_700.0),
        ("2022-10-25 06:35Z", 1_666_679_700.0),
        ("2022-10-25T08:35:00.25+02:00", 1_666_679_700.25),
        ("2022-10-25T08:35:00.123456789+02:00", 1_666_679_700.123456),
        ("2022-10-25", 1_666_656_000.0),
        ("1666679700000", 1_666_679_700.0),
        ("7d", _NOW - 7 * 86400),
        ("1.5h", _NOW - 5400),
        ("2w", _NOW - 14 * 86400),
        ("999999999w", 0.0),
        ("0001-01-01T00:00:00+14:00", 0.0),
        ("9999-12-31T23:59:59Z", 253402300799.0),
    ],
)
def test_a_moment_can_be_written_in_several_ways(text: str, seconds: float) -> None:
    assert moment(text, _NOW) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "write 2022-10-25T07:02:00Z"),
        ("yesterday", "write 2022-10-25T07:02:00Z"),
        ("-7d", "write 2022-10-25T07:02:00Z"),
        ("7 d", "write 2022-10-25T07:02:00Z"),
        ("\uff17d", "write 2022-10-25T07:02:00Z"),
        ("2022-10-25T06:35:00", "needs its zone: Z for UTC"),
        ("2022-13-25", "there is no such time: month must be in 1..12"),
        ("2022-02-30T00:00:00Z", "there is no such time: day is out of range for month"),
        ("2022-10-25T25:00:00Z", "there is no such time: hour must be in 0..23"),
        ("1666679700", "written in milliseconds"),
        ("999999999999999", "after the year 9999"),
        ("9999-12-31T23:59:59-14:00", "after the year 9999"),
        ("9" * 5000, "write 2022-10-25T07:02:00Z"),
    ],
)
def test_what_is_no_moment_is_refused_with_a_sentence(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        moment(text, _NOW)


@given(st.text(max_size=40))
def test_nothing_that_is_typed_breaks_the_reading_of_moments(text: str) -> None:
    with suppress(ValueError):
        assert 0 <= moment(text, _NOW) < 253402300800.0
