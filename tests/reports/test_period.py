"""Which time a report is about."""

import pytest

from monitor.languages.words import words_in
from monitor.reports.period import between, month
from tests.reports.months import AFTER, FIRST, LATER, OCTOBER, october, running
from tests.support.windows import at

EN = words_in("en")


def test_a_month_begins_and_ends_at_midnight_utc() -> None:
    assert (OCTOBER.since, OCTOBER.until, OCTOBER.end) == (FIRST, AFTER, AFTER)
    assert (OCTOBER.name(EN), OCTOBER.dates(EN)) == ("October 2026", "2026-10-01 to 2026-10-31")
    assert len(list(OCTOBER.days())) == 31
    assert len(list(month("2024-02", LATER).days())) == 29


@pytest.mark.parametrize(
    ("now", "name"), [("2026-11-22T12:00:00", "October 2026"), ("2027-01-01T00:00:00", "December 2026")]
)
def test_without_a_name_it_is_the_last_month_that_is_over(now: str, name: str) -> None:
    assert month("", at(now)).name(EN) == name


def test_a_month_that_is_not_over_ends_now() -> None:
    period = running(october("10T12:00:00"))
    assert not period.is_over
    assert period.end == october("10T12:00:00")
    assert [period.elapsed(FIRST + day * 86400) for day in (8, 9, 10)] == [86400, 43200, 0]


def test_other_periods_are_whole_days_and_a_month_keeps_its_name() -> None:
    assert between("2026-10-05", "2026-10-06", LATER).dates(EN) == "2026-10-05"
    assert between("2026-10-05", "2026-10-12", LATER).name(EN) == "2026-10-05 to 2026-10-11"
    assert between("2026-10-01", "2026-11-01", LATER).name(EN) == "October 2026"
    assert between("2026-10-20", "", LATER).dates(EN) == "2026-10-20 to 2026-11-02", "today included"


@pytest.mark.parametrize(
    ("since", "until", "complaint"),
    [
        ("october", "", "write a day as 2026-10-01"),
        ("2026-02-30", "", "there is no 2026-02-30"),
        ("2026-10-05", "2026-10-05", "2026-10-05 is not before 2026-10-05"),
        ("2026-12-01", "2026-12-02", "2026-12-01 has not come yet"),
        ("1970-01-01", "", "a report is about ten years at most"),
        ("0001-01-01", "", "nothing is known of 0001-01-01"),
    ],
)
def test_mistakes_are_sentences(since: str, until: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        between(since, until, LATER)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("10/2026", "write a month as"), ("2026-13", "there is no 2026-13"), ("2026-12", "has not come yet")],
)
def test_what_is_no_month_is_said(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        month(text, LATER)


def test_of_a_stretch_only_what_lies_within_is_left() -> None:
    assert OCTOBER.clip(FIRST - 60, FIRST + 60) == (FIRST, FIRST + 60)
    assert OCTOBER.clip(AFTER - 60, AFTER + 60) == (AFTER - 60, AFTER)
    assert OCTOBER.clip(FIRST + 5, None) == (FIRST + 5, AFTER)
    assert OCTOBER.clip(FIRST + 5, FIRST + 5) == (FIRST + 5, FIRST + 5), "it happened, if for no time"
    assert OCTOBER.clip(FIRST - 60, FIRST) is None
    assert OCTOBER.clip(AFTER, AFTER + 60) is None
    assert running(FIRST + 100).clip(FIRST + 5, None) == (FIRST + 5, FIRST + 100)
