"""The geometry of the pictures: nothing leaves the frame, nothing bad is too small to be seen."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.formats.report import report
from monitor.languages.words import words_in
from monitor.reports.figures import Subject
from monitor.reports.findings import Findings
from monitor.reports.period import between
from monitor.reports.pictures import HEIGHT, LANE, UNIT, Pictures, axis, pictures
from tests.reports.months import AFTER, FIRST, LATER, OCTOBER, booked, days, october, running, window
from tests.reports.papers import eventful, findings

S = Subject(name="s", title="S", provider="p")


def drawn(made: Findings) -> Pictures:
    return pictures(made.services[0], made.parts, made.period, made.reader(words_in("en")))


def heights(made: Pictures, day: int) -> dict[str, float]:
    return {bar.word: bar.height for bar in made.days[day - 1].bars}


def test_a_day_is_a_bar_of_its_time() -> None:
    made = drawn(findings([(S, days(booked(2, down=43_200), booked(3, unknown=86_400)))], []))
    assert made.width == 31 * UNIT
    assert heights(made, 1) == {"up": HEIGHT}
    assert heights(made, 2) == {"up": HEIGHT / 2, "down": HEIGHT / 2}
    assert heights(made, 3) == {"unseen": HEIGHT}
    assert made.days[1].label == "2026-10-02: 50.000\u00a0%; down 12 h"
    assert made.days[2].label == "2026-10-03; not seen 1 d"


def test_ten_seconds_are_seen() -> None:
    made = drawn(findings([(S, days(booked(2, down=10)))], []))
    assert heights(made, 2)["down"] > HEIGHT / 10
    assert sum(heights(made, 2).values()) == pytest.approx(HEIGHT)
    assert made.days[1].label == "2026-10-02: 99.988\u00a0%; down 10 s"


def test_days_that_have_not_come_are_not_drawn() -> None:
    assert len(drawn(findings([(S, days(last=10))], [], running(october("10T12:00:00")))).days) == 10


def test_outages_are_where_they_were_and_wide_enough() -> None:
    made = drawn(eventful())
    words = [cell.bars[0].word for cell in made.outages]
    assert sorted(words) == ["down", "down", "down", "part", "planned", "unseen"]
    for cell in made.outages:
        (bar,) = cell.bars
        assert bar.width >= made.width / 250
        assert (bar.x >= 0, bar.x + bar.width <= made.width + 1e-9, bar.height) == (True, True, LANE)
    assert made.outages[0].bars[0].x == pytest.approx(24 * UNIT + 6.583 / 24 * UNIT, abs=0.01)


def test_the_budget_is_followed_day_by_day() -> None:
    made = findings([(S, days(booked(2, down=1339.2), booked(30, down=1339.2)))], [], objective=0.999)
    burn = drawn(made).burn
    assert burn is not None
    points = [tuple(map(float, point.split(","))) for point in burn.line.split()]
    assert points[0] == (0, 0)
    assert points[1] == (10, 0)
    assert points[2] == (20, 50)
    assert points[29] == (290, 50)
    assert points[31] == (310, 100), "nothing left: the line of nothing left"
    assert (burn.zero, burn.height) == (100, 100)


def test_what_was_not_used_or_cannot_be_is_not_drawn() -> None:
    assert drawn(findings([(S, days())], [])).burn is None
    assert drawn(findings([(S, days(booked(1, down=5)))], [], objective=1.0)).burn is None


def test_far_overspent_ends_at_the_frame() -> None:
    burn = drawn(findings([(S, days(booked(1, down=80_000), booked(2, down=80_000)))], [])).burn
    assert burn is not None
    assert burn.height == 300
    assert max(float(point.split(",")[1]) for point in burn.line.split()) == 300


@settings(max_examples=40)
@given(
    st.lists(st.tuples(*[st.floats(0, 21_600)] * 4), min_size=31, max_size=31),
    st.lists(st.tuples(st.floats(FIRST - 9e5, AFTER + 9e5), st.floats(0, 9e5)), max_size=5),
)
def test_whatever_happened_nothing_leaves_the_frame(
    month: list[tuple[float, ...]], outages: list[tuple[float, float]]
) -> None:
    names = ("down", "degraded", "unknown", "planned")
    rows = [booked(day, "", **dict(zip(names, spent, strict=True))) for day, spent in enumerate(month, 1)]
    made = drawn(findings([(S, rows)], [report(window(start, start + long)) for start, long in outages]))
    for cell in made.days:
        assert sum(bar.height for bar in cell.bars) == pytest.approx(HEIGHT)
        assert all(bar.height >= 0 for bar in cell.bars)
    for (bar,) in (cell.bars for cell in made.outages):
        assert -1e-9 <= bar.x <= bar.x + bar.width <= made.width + 1e-9


def test_the_axis_names_some_days_whatever_the_period() -> None:
    assert [mark.text for mark in axis(OCTOBER)] == ["1", "4", "7", "10", "13", "16", "19", "22", "25", "28", "31"]
    assert axis(OCTOBER)[0].at == pytest.approx(50 / 31)
    assert axis(between("2026-01-01", "2026-10-01", LATER))[0].text == "01-01"
    assert len(axis(between("2017-01-01", "2026-10-01", LATER))) <= 12
    assert [mark.text for mark in axis(between("2026-10-05", "2026-10-07", LATER))] == ["5", "6"]
