"""Availability, coverage, repair times and budgets of months that were worked out by hand."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.words import Kind
from monitor.reports.figures import Service
from monitor.reports.parts import Sort
from tests.reports.months import (
    AFTER,
    FIRST,
    OCTOBER,
    WHOLE,
    booked,
    days,
    note,
    october,
    overran,
    parts,
    provider_wide,
    running,
    service,
    window,
)

HOUR = 3600.0


def test_a_month_with_one_outage() -> None:
    made = service(days(booked(25, down=10_500)), window(october("25T06:35:00"), october("25T09:30:00")))
    assert made.spent.availability == pytest.approx(1 - 10_500 / 2_678_400)
    assert made.spent.coverage == 1
    assert (len(made.outages.parts), made.outages.seconds, made.outages.longest) == (1, 10_500, 10_500)
    assert made.outages.to_recover == 10_500
    assert made.outages.between == 2_678_400 - 10_500
    assert made.budget.allowed == pytest.approx(2678.4)
    assert made.budget.left == pytest.approx(2678.4 - 10_500)
    assert made.budget.share == pytest.approx(10_500 / 2678.4)
    assert not made.budget.is_met


def test_a_month_without_any_has_neither_repair_time_nor_time_between_failures() -> None:
    made = service(days())
    assert (made.spent.availability, made.spent.coverage) == (1, 1)
    assert made.outages.parts == ()
    assert (made.outages.longest, made.outages.to_recover, made.outages.between) == (None, None, None)
    assert (made.budget.used, made.budget.is_met) == (0, True)


def test_repair_times_are_means_of_all_outages() -> None:
    made = service(
        days(booked(3, down=600), booked(4, down=1800), booked(5, down=3000)),
        window(october("03T10:00:00"), october("03T10:10:00")),
        window(october("04T10:00:00"), october("04T10:30:00")),
        window(october("05T10:00:00"), october("05T10:50:00")),
    )
    assert (made.outages.seconds, made.outages.longest) == (5400, 3000)
    assert made.outages.to_recover == 1800
    assert made.outages.between == (WHOLE - 5400) / 3


def test_of_what_crosses_the_edges_only_the_part_within_counts() -> None:
    before = window(FIRST - HOUR, FIRST + HOUR)
    after = window(AFTER - HOUR / 2, AFTER + 2 * HOUR)
    made = service(days(booked(1, down=3600), booked(31, down=1800)), before, after)
    first, last = made.outages.parts
    assert (first.seconds, first.is_begun, first.is_over) == (3600, False, True)
    assert (last.seconds, last.is_begun, last.is_over) == (1800, True, False)
    assert (made.outages.seconds, made.outages.longest) == (5400, 3600)
    assert made.outages.to_recover == 3600, "of the one that ended in October"
    assert made.outages.between == WHOLE - 5400, "for the one that began in October"


def test_what_covers_the_whole_month_neither_began_nor_ended_in_it() -> None:
    made = service([booked(day, down=86400) for day in range(1, 32)], window(FIRST - HOUR, AFTER + HOUR))
    assert (made.spent.availability, made.outages.seconds) == (0, WHOLE)
    assert (made.outages.to_recover, made.outages.between) == (None, None)
    assert made.budget.left == pytest.approx(-0.999 * WHOLE)


def test_what_ended_as_the_month_began_or_began_as_it_ended_is_no_part_of_it() -> None:
    assert parts([window(FIRST - HOUR, FIRST), window(AFTER, AFTER + HOUR)]) == []


def test_what_is_open_counts_until_now_and_has_not_recovered() -> None:
    now = october("10T12:00:00")
    rows = [*(booked(day) for day in range(1, 10)), replace(booked(10), up=41_400.0, down=1800.0)]
    made = service(rows, window(now - 1800, None), period=running(now))
    assert made.spent.total == now - FIRST
    assert made.spent.coverage == 1
    assert (made.outages.seconds, made.outages.to_recover) == (1800, None)
    assert made.outages.between == 9 * 86400 + 41_400


def test_what_is_open_since_last_month_counts_for_last_month_to_its_end() -> None:
    made = service(days(booked(31, down=600)), window(AFTER - 600, None))
    assert made.outages.seconds == 600
    assert made.outages.to_recover is None


def test_blind_time_lowers_coverage_and_not_availability() -> None:
    seen = service(days(booked(2, down=864)))
    blind = service(days(booked(2, down=864, unknown=43_200), booked(3, unknown=43_200)))
    assert blind.spent.coverage == pytest.approx(1 - 1 / 31)
    assert blind.spent.availability == pytest.approx(1 - 864 / (30 * 86400))
    assert seen.spent.availability == pytest.approx(1 - 864 / (31 * 86400))
    assert blind.budget.allowed == pytest.approx(0.001 * 30 * 86400), "of the time that was seen"


def test_half_a_month_before_the_monitor_existed_is_not_covered() -> None:
    made = service(days(booked(16, unknown=43_200), first=16))
    assert made.spent.unrecorded == 15 * 86400
    assert made.spent.coverage == pytest.approx(15.5 / 31)
    assert made.spent.availability == 1
    assert made.budget.allowed == pytest.approx(0.001 * 15.5 * 86400)


def test_hours_in_which_the_monitor_did_not_run_are_not_covered() -> None:
    made = service(days(replace(booked(7), up=80_000.0)))
    assert made.spent.unrecorded == 6400
    assert made.spent.coverage == pytest.approx(1 - 6400 / WHOLE)


def test_what_rounding_or_the_last_minute_leaves_out_is_not_missed() -> None:
    assert service(days(replace(booked(7), up=86_399.2))).spent.coverage == 1
    now = october("10T12:00:00")
    rows = [*(booked(day) for day in range(1, 10)), replace(booked(10), up=43_110.0)]
    assert service(rows, period=running(now)).spent.coverage == 1
    rows[-1] = replace(booked(10), up=40_000.0)
    assert service(rows, period=running(now)).spent.unrecorded == 3200


def test_a_month_of_which_nothing_is_known_has_no_availability() -> None:
    made = service([])
    assert (made.spent.availability, made.spent.coverage) == (None, 0)
    assert made.spent.unrecorded == WHOLE


def test_planned_time_counts_neither_way_and_is_covered() -> None:
    planned = window(october("04T02:00:00"), october("04T04:00:00"), planned_until=october("04T05:00:00"))
    made = service(days(booked(4, planned=7200)), planned)
    assert (made.spent.availability, made.spent.coverage, made.spent.planned) == (1, 1, 7200)
    assert made.outages.parts == ()
    assert made.spent.counted == WHOLE - 7200


def test_what_outlasts_its_maintenance_counts_from_the_announced_end() -> None:
    late = overran(october("04T02:00:00"), october("04T04:00:00"), october("04T04:30:00"))
    made = service(days(booked(4, planned=7200, down=1800)), late)
    (part,) = made.outages.parts
    assert (part.stretch, part.seconds) == ((october("04T04:00:00"), october("04T04:30:00")), 1800)
    assert made.outages.to_recover == 1800


def test_a_maintenance_that_goes_over_the_edge_and_outlasts_only_afterwards_is_planned() -> None:
    late = overran(AFTER - HOUR, AFTER + HOUR, AFTER + 2 * HOUR)
    (part,) = parts([late])
    assert (part.sort, part.seconds) == (Sort.PLANNED, HOUR)
    crossing = overran(FIRST - 2 * HOUR, FIRST - HOUR, FIRST + HOUR)
    (part,) = parts([crossing])
    assert (part.sort, part.seconds, part.is_begun) == (Sort.OUTAGE, HOUR, False)


def test_what_people_say_decides_how_a_window_counts() -> None:
    plain = window(october("05T01:00:00"), october("05T02:00:00"))
    planned = window(october("04T02:00:00"), october("04T04:00:00"), planned_until=october("04T05:00:00"))
    late = overran(october("06T02:00:00"), october("06T04:00:00"), october("06T04:30:00"))

    def sorts(**changes: str) -> list[tuple[Sort, float]]:
        return [
            (part.sort, part.seconds)
            for part in parts([plain, planned, late], [note(w, **changes) for w in (plain, planned, late)])
        ]

    assert sorts() == [(Sort.OUTAGE, HOUR), (Sort.PLANNED, 2 * HOUR), (Sort.OUTAGE, HOUR / 2)]
    assert [sort for sort, _ in sorts(outage="no")] == [Sort.DISMISSED] * 3
    assert sorts(planned="yes") == [(Sort.PLANNED, HOUR), (Sort.PLANNED, 2 * HOUR), (Sort.OUTAGE, HOUR / 2)]
    assert sorts(planned="no") == [(Sort.OUTAGE, HOUR), (Sort.OUTAGE, 2 * HOUR), (Sort.OUTAGE, 2.5 * HOUR)]
    assert [sort for sort, _ in sorts(kind="degraded")] == [Sort.SLOW, Sort.PLANNED, Sort.SLOW]


def test_what_was_only_slow_is_counted_apart() -> None:
    slow = window(october("08T10:00:00"), october("08T10:35:00"), kind=Kind.DEGRADED)
    made = service(days(booked(8, degraded=2100)), slow)
    assert (made.outages.parts, made.outages.slow, made.outages.to_recover) == ((), 1, None)
    assert (made.spent.availability, made.spent.answered) == (1, WHOLE)


def test_time_in_overlapping_outages_is_counted_once_and_each_has_its_own_repair() -> None:
    first = window(october("08T10:00:00"), october("08T12:00:00"))
    second = window(october("08T11:00:00"), october("08T14:00:00"), id="other", components=("s.d",))
    made = service(days(booked(8, down=7200)), first, second)
    assert (made.outages.seconds, made.outages.longest, made.outages.to_recover) == (4 * HOUR, 3 * HOUR, 2.5 * HOUR)


def test_components_have_their_own_numbers() -> None:
    rows = [
        *days(booked(8, degraded=7200)),
        *days(component="c"),
        *days(booked(8, "d", down=7200), component="d"),
        *days(component="gone", last=10),
    ]
    made = service(rows, window(october("08T10:00:00"), october("08T12:00:00"), components=("s.d",)))
    c, d, gone = made.components
    assert [(one.name, one.title, one.critical) for one in made.components] == [
        ("c", "C", True),
        ("d", "D", False),
        ("gone", "gone", None),
    ]
    assert made.spent.availability == 1, "a minor one takes nothing down"
    assert len(made.outages.parts) == 1, "and is an outage nevertheless"
    assert (c.spent.availability, c.outages.parts) == (1, ())
    assert (d.spent.down, d.outages.seconds) == (7200, 7200)
    assert gone.spent.coverage == pytest.approx(10 / 31)


def test_an_outage_of_a_provider_is_one_of_each_service() -> None:
    wide = window(october("08T10:00:00"), october("08T12:00:00"))
    wide = replace(wide, **provider_wide(wide, "s", "t"))
    (part,) = parts([wide])
    assert part.affects("s")
    assert part.affects("t", "c")
    assert not part.affects("u")
    assert len(service(days(), wide).outages.parts) == 1
    assert service(days(), replace(wide, services=("t",), components=("t.c",))).outages.parts == ()


def test_an_objective_of_all_the_time_allows_nothing() -> None:
    made = service(days(booked(1, down=1)), objective=1.0)
    assert (made.budget.allowed, made.budget.share, made.budget.is_met) == (0, None, False)
    assert service(days(), objective=1.0).budget.is_met


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(*[st.integers(0, 21_600)] * 4),
        min_size=31,
        max_size=31,
    ),
    st.sampled_from([0.9, 0.99, 0.995, 0.999, 0.9999]),
)
def test_the_budget_is_overspent_exactly_when_the_objective_is_missed_and_all_time_is_accounted_for(
    month: list[tuple[int, ...]], objective: float
) -> None:
    rows = [
        booked(day, down=down / 40, degraded=degraded, unknown=unknown, planned=planned)
        for day, (down, degraded, unknown, planned) in enumerate(month, 1)
    ]
    made: Service = service(rows, objective=objective)
    availability = made.spent.availability
    assert availability is not None
    if abs(availability - objective) > 1e-9:
        assert made.budget.is_met == (availability > objective)
    assert made.spent.total == pytest.approx(WHOLE)
    assert sum(day.spent.down for day in made.days) == pytest.approx(made.spent.down)
    assert len(made.days) == len(list(OCTOBER.days()))
