from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.maintenance import WEEKDAYS, Announced, Dated, Maintenance, Monthly, Recurring, Weekly, instant

HOUR = 3600.0
DAY = 86400.0
DAILY = Weekly(weekdays=frozenset(range(7)))


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def shown(seconds: float, zone: str) -> str:
    return datetime.fromtimestamp(seconds, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def recurring(days: Weekly | Monthly, at: str, zone: str, duration: float = HOUR) -> Maintenance:
    when = Recurring(days=days, at=time.fromisoformat(at), duration=duration, zone=ZoneInfo(zone))
    return Maintenance(name="patches", targets=("acme",), when=when)


def starts(maintenance: Maintenance, since: str, until: str, zone: str) -> list[str]:
    return [shown(found.starts, zone) for found in maintenance.occurrences(utc(since), utc(until))]


@pytest.mark.parametrize(
    ("wall", "zone", "wanted"),
    [
        ("2026-01-15 02:00", "Europe/Rome", "2026-01-15 01:00"),
        ("2026-07-15 02:00", "Europe/Rome", "2026-07-15 00:00"),
        ("2026-03-29 01:59", "Europe/Rome", "2026-03-29 00:59"),
        ("2026-03-29 02:00", "Europe/Rome", "2026-03-29 01:00"),
        ("2026-03-29 02:30", "Europe/Rome", "2026-03-29 01:00"),
        ("2026-03-29 03:00", "Europe/Rome", "2026-03-29 01:00"),
        ("2026-10-25 02:30", "Europe/Rome", "2026-10-25 00:30"),
        ("2026-10-25 03:00", "Europe/Rome", "2026-10-25 02:00"),
        # Lord Howe moves its clocks by half an hour, at 02:00.
        ("2026-10-04 02:15", "Australia/Lord_Howe", "2026-10-03 15:30"),
        ("2026-10-04 02:30", "Australia/Lord_Howe", "2026-10-03 15:30"),
        ("2026-04-05 01:45", "Australia/Lord_Howe", "2026-04-04 14:45"),
        ("2026-04-05 02:00", "Australia/Lord_Howe", "2026-04-04 15:30"),
        # Troll moves by two hours, Dublin's winter is the exception to its law, Sao Paulo changed at midnight.
        ("2026-03-29 02:30", "Antarctica/Troll", "2026-03-29 01:00"),
        ("2026-03-29 01:30", "Europe/Dublin", "2026-03-29 01:00"),
        ("2026-10-25 01:30", "Europe/Dublin", "2026-10-25 00:30"),
        ("2018-11-04 00:30", "America/Sao_Paulo", "2018-11-04 03:00"),
        # Apia had no 30 December 2011.
        ("2011-12-29 23:59", "Pacific/Apia", "2011-12-30 09:59"),
        ("2011-12-30 12:00", "Pacific/Apia", "2011-12-30 10:00"),
        ("2011-12-31 00:00", "Pacific/Apia", "2011-12-30 10:00"),
        ("2026-03-29 02:30", "UTC", "2026-03-29 02:30"),
    ],
)
def test_a_wall_clock_time_is_the_first_instant_that_shows_it_or_something_later(
    wall: str, zone: str, wanted: str
) -> None:
    assert instant(datetime.fromisoformat(wall), ZoneInfo(zone)) == utc(wanted)


def test_a_nightly_time_that_is_left_out_begins_right_after_the_change() -> None:
    found = starts(recurring(DAILY, "02:30", "Europe/Rome"), "2026-03-28", "2026-03-31", "Europe/Rome")
    assert found == ["2026-03-28 02:30", "2026-03-29 03:00", "2026-03-30 02:30"]


def test_a_nightly_time_that_exists_twice_is_taken_once_the_first_time() -> None:
    found = list(recurring(DAILY, "02:30", "Europe/Rome").occurrences(utc("2026-10-25"), utc("2026-10-25 12:00")))
    assert [(each.starts, each.ends) for each in found] == [(utc("2026-10-25 00:30"), utc("2026-10-25 01:30"))]


@pytest.mark.parametrize(("night", "ends"), [("2026-03-29", "04:00"), ("2026-10-25", "02:00"), ("2026-06-01", "03:00")])
def test_a_length_is_elapsed_time_whatever_the_clocks_do(night: str, ends: str) -> None:
    nightly = recurring(DAILY, "01:00", "Europe/Rome", 2 * HOUR)
    noon = utc(night) + 12 * HOUR
    (found,) = nightly.occurrences(noon - 14 * HOUR, noon)
    assert shown(found.starts, "Europe/Rome") == f"{night} 01:00"
    assert shown(found.ends, "Europe/Rome") == f"{night} {ends}"
    assert found.ends - found.starts == 2 * HOUR


@pytest.mark.parametrize("at", ["00:00", "02:00", "23:59"])
def test_a_date_that_a_zone_left_out_has_no_occurrence(at: str) -> None:
    daily = recurring(DAILY, at, "Pacific/Apia", 1.0)
    found = starts(daily, "2011-12-29 10:00", "2012-01-01 10:00", "Pacific/Apia")
    assert found == [f"{day} {at}" for day in ("2011-12-29", "2011-12-31", "2012-01-01")]
    friday = Weekly(weekdays=frozenset((4,)))
    found = starts(recurring(friday, at, "Pacific/Apia"), "2011-12-26", "2012-01-08", "Pacific/Apia")
    assert found == [f"2012-01-06 {at}"]


def test_a_change_at_midnight_puts_off_within_the_day_or_into_the_next() -> None:
    found = starts(recurring(DAILY, "00:30", "America/Sao_Paulo"), "2018-11-03", "2018-11-05", "America/Sao_Paulo")
    assert found == ["2018-11-03 00:30", "2018-11-04 01:00"]
    # In 1919 Toronto went from 23:30 on 30 March to 00:30 on 31 March.
    late = recurring(DAILY, "23:45", "America/Toronto")
    assert starts(late, "1919-03-30", "1919-04-01 12:00", "America/Toronto") == [
        "1919-03-29 23:45",
        "1919-03-31 00:30",
        "1919-03-31 23:45",
    ]
    begun = utc("1919-03-31 04:30")
    assert [each.starts for each in late.occurrences(begun, begun + HOUR)] == [begun]


def test_days_of_the_week_are_those_of_the_zone() -> None:
    sunday = Weekly(weekdays=frozenset((WEEKDAYS.index("sunday"),)))
    tokyo = recurring(sunday, "02:00", "Asia/Tokyo")
    assert [each.starts for each in tokyo.occurrences(utc("2026-06-01"), utc("2026-06-08"))] == [
        utc("2026-06-06 17:00")
    ]
    some = Weekly(weekdays=frozenset((0, 3)))
    assert starts(recurring(some, "22:00", "UTC"), "2026-06-01", "2026-06-12", "UTC") == [
        "2026-06-01 22:00",
        "2026-06-04 22:00",
        "2026-06-08 22:00",
        "2026-06-11 22:00",
    ]


@pytest.mark.parametrize(
    ("day", "wanted"),
    [
        (15, ["2028-01-15", "2028-02-15", "2028-03-15", "2028-04-15"]),
        (29, ["2028-01-29", "2028-02-29", "2028-03-29", "2028-04-29"]),
        (31, ["2028-01-31", "2028-03-31"]),
        (None, ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]),
    ],
)
def test_a_month_that_lacks_the_day_is_left_out_and_the_last_is_whichever_it_is(
    day: int | None, wanted: list[str]
) -> None:
    found = starts(recurring(Monthly(day=day), "03:00", "UTC"), "2028-01-01", "2028-05-01", "UTC")
    assert found == [f"{each} 03:00" for each in wanted]


def test_a_stretch_belongs_to_a_range_that_it_has_a_part_in() -> None:
    nightly = recurring(DAILY, "02:00", "UTC", 2 * HOUR)

    def found(since: str, until: str) -> int:
        return sum(1 for _ in nightly.occurrences(utc(f"2026-06-01 {since}"), utc(f"2026-06-01 {until}")))

    assert found("03:00", "03:01") == 1
    assert found("00:00", "02:00") == 0
    assert found("04:00", "23:00") == 0
    assert found("00:00", "02:01") == 1
    assert found("03:59", "05:00") == 1
    once = Maintenance(name="x", targets=("a",), when=Dated(starts=100.0, ends=200.0))
    ranges = [(0.0, 100.0), (0.0, 100.1), (150.0, 160.0), (199.9, 300.0), (200.0, 300.0)]
    assert [len(list(once.occurrences(*each))) for each in ranges] == [0, 1, 1, 1, 0]
    assert next(once.occurrences(0, 150)) == Announced(name="x", targets=("a",), starts=100.0, ends=200.0)


def test_endless_ranges_cost_nothing_by_themselves() -> None:
    monthly = recurring(Monthly(day=31), "02:00", "Europe/Rome")
    ahead = monthly.occurrences(utc("2026-01-01"), float("inf"))
    assert [shown(each.starts, "Europe/Rome")[:10] for each in islice(ahead, 3)] == [
        "2026-01-31",
        "2026-03-31",
        "2026-05-31",
    ]
    assert next(monthly.occurrences(float("-inf"), float("inf"))).starts < utc("1801-01-01")
    assert list(monthly.occurrences(float("inf"), float("inf"))) == []


@pytest.mark.parametrize(
    ("targets", "covered"),
    [
        (("acme",), {"acme.web", "acme.chat"}),
        (("acme.web",), {"acme.web"}),
        (("acme.*",), {"acme.web", "acme.chat"}),
        (("*.chat",), {"acme.chat", "slack.chat"}),
        (("ac?e", "slack.web"), {"acme.web", "acme.chat", "slack.web"}),
        (("*",), {"acme.web", "acme.chat", "slack.web", "slack.chat"}),
        (("ACME", "acm", "web"), set()),
    ],
)
def test_targets_are_services_components_or_patterns_of_either(targets: tuple[str, ...], covered: set[str]) -> None:
    announced = Announced(name="x", targets=targets, starts=0.0, ends=1.0)
    names = [(service, component) for service in ("acme", "slack") for component in ("web", "chat")]
    assert {f"{service}.{component}" for service, component in names if announced.covers(service, component)} == covered


ZONES = [
    "Africa/Casablanca",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/Rome",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",
    "UTC",
]
WEEKLY = st.frozensets(st.integers(0, 6), min_size=1).map(lambda days: Weekly(weekdays=days))
MONTHLY = st.integers(1, 31).map(lambda day: Monthly(day=day)) | st.just(Monthly(day=None))
TIMES = st.builds(time, st.integers(0, 23), st.integers(0, 59))
CHANGES = ["1969-09-28", "1993-08-19", "1994-12-29", "2011-12-28", "2018-11-03"]
CHANGES += ["2026-03-27", "2026-04-03", "2026-10-02", "2026-10-23"]
"""Days about which some of these zones changed their clocks or their date."""
BEGINS = st.integers(0, 1_100_000).map(lambda half_hours: half_hours * 1800.0) | st.sampled_from(
    list(map(utc, CHANGES))
)


@given(
    days=WEEKLY | MONTHLY,
    at=TIMES,
    zone=st.sampled_from(ZONES),
    hours=st.integers(1, 24),
    since=BEGINS,
    length=st.integers(0, 90),
)
@settings(max_examples=300)
def test_occurrences_are_in_order_in_range_as_long_as_said_and_begin_at_their_time(
    *, days: Weekly | Monthly, at: time, zone: str, hours: int, since: float, length: int
) -> None:
    until = since + length * DAY
    found = list(recurring(days, at.isoformat(), zone, hours * HOUR).occurrences(since, until))
    for each in found:
        assert each.ends - each.starts == hours * HOUR
        assert each.starts < until
        assert each.ends > since
        begun = datetime.fromtimestamp(each.starts, ZoneInfo(zone))
        if begun.time() != at:  # left out: the clocks went past it
            before = datetime.fromtimestamp(each.starts - 1, ZoneInfo(zone)).replace(tzinfo=None)
            passed = [datetime.combine(day, at) for day in (before.date(), before.date() + timedelta(days=1))]
            assert any(before < wanted < begun.replace(tzinfo=None) for wanted in passed)
    # A day that the clocks make shorter may overlap with the next by what they left out, no more.
    assert all(later.starts - earlier.starts >= 22 * HOUR for earlier, later in pairwise(found))


@given(days=WEEKLY | MONTHLY, at=TIMES, zone=st.sampled_from(ZONES), since=BEGINS)
@settings(max_examples=25)
def test_every_date_that_the_clocks_show_and_the_rule_names_has_exactly_one_occurrence(
    days: Weekly | Monthly, at: time, zone: str, since: float
) -> None:
    """Against the slow and certain way: look at the clock every minute."""
    until = since + 5 * DAY
    looks = [since + 60.0 * minute for minute in range(-2 * 1440, 7 * 1440)]
    clock = {look: datetime.fromtimestamp(look, ZoneInfo(zone)).replace(tzinfo=None) for look in looks}
    dates = sorted({face.date() for face in clock.values()})
    wanted = [datetime.combine(day, at) for day in dates[1:-1] if is_named(days, day)]  # the outer ones are not whole
    reached = [next(look for look, face in clock.items() if face >= wall) for wall in wanted]
    found = recurring(days, at.isoformat(), zone, 1.0).occurrences(since, until)
    assert [each.starts for each in found] == [look for look in reached if since <= look < until]


def is_named(days: Weekly | Monthly, day: date) -> bool:
    if isinstance(days, Weekly):
        return day.weekday() in days.weekdays
    is_last = (day + timedelta(days=1)).day == 1
    return is_last if days.day is None else day.day == days.day
