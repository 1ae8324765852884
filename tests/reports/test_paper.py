"""The words of a report, as people read them."""

from dataclasses import replace

import pytest

from monitor.languages.words import words_in
from monitor.reports.figures import Subject
from monitor.reports.paper import Chapter, paper
from monitor.reports.parts import Sort
from monitor.reports.wording import NONE, length, percent, used
from tests.reports.months import booked, days, october, running
from tests.reports.papers import eventful, findings

EN = words_in("en")
S = Subject(name="s", title="S", provider="p")


def chapters() -> dict[Sort, Chapter]:
    return {chapter.sort: chapter for chapter in paper(eventful(), EN).chapters}


def test_the_summary_says_how_many_how_bad_and_whether_what_was_promised_was_kept() -> None:
    made = paper(eventful(), EN)
    assert made.title == "Availability: October 2026"
    assert made.imprint == "Seen from fra-1, 2026-10-01 to 2026-10-31, UTC. Made 2026-11-02 08:00:00 UTC."
    outages, worst, met, seen = made.summary
    assert outages == "3 outages in 1 of 2 services."
    assert worst.startswith("Least available: S <script>")
    assert worst.endswith(", 99.470\u00a0%."), "14,100 s down of 31 d without 3 h planned and 1 h 45 min unseen"
    assert met == "The objective of 99.9\u00a0% was met by 1 of 2."
    assert seen == "Only 96.5\u00a0% of the time was seen: availability is said of that part alone."


def test_a_quiet_month_is_said_in_two_sentences() -> None:
    summary = ("No outage in 1 service.", "The objective of 99.9\u00a0% was met by 1 of 1.")
    assert paper(findings([(S, days())], []), EN).summary == summary


def test_a_month_that_nobody_saw_claims_nothing() -> None:
    made = paper(findings([(S, [])], []), EN)
    assert made.summary == ("Nothing was observed.",)
    (entry,) = made.entries
    assert (entry.numbers.availability, entry.numbers.down, entry.allowed, entry.is_met) == (NONE, NONE, NONE, None)


def test_a_month_that_is_not_over_says_so() -> None:
    now = october("10T12:00:00")
    made = paper(findings([(S, days(last=10))], [], running(now)), EN)
    assert made.summary[0] == "The period is not over: this is how it stands at 2026-10-10 12:00:00 UTC."


def test_the_least_available_comes_first() -> None:
    services = [
        (replace(S, name="fine", title="fine"), days()),
        (replace(S, name="unseen", title="unseen"), []),
        (replace(S, title="bad"), days(booked(1, down=60))),
    ]
    assert [entry.numbers.title for entry in paper(findings(services, []), EN).entries] == ["bad", "fine", "unseen"]


def test_each_sort_of_window_has_its_chapter_and_every_window_is_in_one() -> None:
    found = chapters()
    assert {sort: len(chapter.stories) for sort, chapter in found.items()} == {
        Sort.OUTAGE: 3,
        Sort.SLOW: 1,
        Sort.PLANNED: 1,
        Sort.DISMISSED: 1,
    }
    (dismissed,) = found[Sort.DISMISSED].stories
    assert dismissed.corrected == "Corrected by people: not an outage (judged: an outage)."


def test_only_what_was_planned_was_announced() -> None:
    titles = {sort: [story.title for story in chapter.stories] for sort, chapter in chapters().items()}
    assert titles[Sort.PLANNED] == ["S c was down for 1 h, as announced"]
    assert "S c was down for 2 h 30 min" in titles[Sort.OUTAGE]


def test_what_counts_only_in_part_says_so() -> None:
    told = {story.when: story.counts for story in chapters()[Sort.OUTAGE].stories}
    assert told == {
        "2026-10-04 02:00:00 - 04:30:00 UTC": (
            "It counts since 2026-10-04 04:00:00 UTC, the end of the announced maintenance. Counted: 30 min."
        ),
        "2026-10-25 06:35:00 - 09:30:00 UTC": "",
        "2026-10-31 23:30:00 - 2026-11-01 01:00:00 UTC": "It ended after the period. Counted: 30 min.",
    }


def test_what_was_not_observed_is_listed_by_day_and_by_vantage() -> None:
    made = paper(eventful(), EN)
    bad = made.entries[0].numbers.title
    assert made.unseen == (
        "2026-10-01 to 2026-10-02: nothing was recorded for 2 d (T)",
        f"2026-10-15: nothing could be told, or was taken back, for 30 min ({bad})",
        "2026-10-20: nothing could be told for 1 h 15 min (every service)",
        "2026-10-20 11:10:00 - 12:25:00 UTC, 1 h 15 min: fra-1 was offline; what it saw was thrown away",
    )


def test_days_that_were_bad_are_named_and_many_are_counted() -> None:
    two = paper(findings([(S, days(booked(3, down=0.4), booked(9, down=7200)))], []), EN)
    assert two.entries[0].bad_days == "Down on 2026-10-03 (under 1 s) and 2026-10-09 (2 h)."
    many = paper(findings([(S, days(*(booked(day, down=60) for day in range(1, 9))))], []), EN)
    assert many.entries[0].bad_days.endswith("2026-10-06 (1 min) and 2 more.")


@pytest.mark.parametrize(
    ("share", "said"),
    [(1.0, "100\u00a0%"), (0.999999999, "99.999\u00a0%"), (0.29, "29.000\u00a0%"), (0.0, "0.000\u00a0%"), (None, NONE)],
)
def test_a_share_is_never_rounded_up(share: float | None, said: str) -> None:
    assert percent(share, EN) == said


def test_more_than_all_of_a_budget_can_be_used() -> None:
    assert (used(4.8412, EN), used(0.29, EN), used(0.0, EN)) == ("484.1\u00a0%", "29.0\u00a0%", "0.0\u00a0%")


def test_what_was_down_for_less_than_a_second_was_down() -> None:
    assert (length(0.2, EN), length(0, EN), length(3725, EN)) == ("under 1 s", "0 s", "1 h 2 min")
