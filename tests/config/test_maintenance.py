"""``maintenance:``, right and wrong. The rules of time have their tests in tests/domain."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.domain.maintenance import Announced, Dated, Maintenance, Monthly, Recurring, Weekly
from tests.config.kinds import mistakes, read

SERVICES = """\
services:
  - {name: acme-chat, components: [{name: home, targets: [{probe: tcp, address: "a:1"}]}]}
  - {name: slack, components: [{name: api, targets: [{probe: tcp, address: "b:1"}]}]}
  - {name: off, enabled: false, components: [{name: web, targets: [{probe: tcp, address: "c:1"}]}]}
"""
RECURRING = "every: sunday, at: 02:00, for: 2h, zone: Europe/Rome"


def announced(line: str) -> Maintenance:
    (found,) = read(f"{SERVICES}maintenance: [{{name: patches, {line}}}]").maintenance
    return found


def say(line: str) -> list[str]:
    """What is wrong with one announcement, by column."""
    text = f"{SERVICES}maintenance: [{{{line}}}]"
    return [message.removeprefix("f.yaml:5:") for message in mistakes(text)]


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_a_weekly_announcement_knows_its_next_stretches() -> None:
    patches = announced(f'targets: [acme-chat, "slack.*"], {RECURRING}')
    assert list(patches.occurrences(utc("2026-10-18"), utc("2026-10-26"))) == [
        Announced(name="patches", targets=("acme-chat", "slack.*"), starts=begin, ends=begin + 7200)
        for begin in (utc("2026-10-18 00:00"), utc("2026-10-25 00:00"))
    ]


@pytest.mark.parametrize(
    ("every", "days"),
    [
        ("every: sunday", Weekly(weekdays=frozenset((6,)))),
        ("every: [monday, thursday]", Weekly(weekdays=frozenset((0, 3)))),
        ("every: day", Weekly(weekdays=frozenset(range(7)))),
        ("every: month, day: 31", Monthly(day=31)),
        ("every: month, day: last", Monthly(day=None)),
    ],
)
def test_days_are_of_the_week_or_of_the_month(every: str, days: Weekly | Monthly) -> None:
    when = announced(f"targets: slack, {every}, at: '23:30', for: 45m, zone: Asia/Tokyo").when
    assert isinstance(when, Recurring)
    assert when.days == days
    assert (when.at.isoformat(), when.duration, when.zone) == ("23:30:00", 2700.0, ZoneInfo("Asia/Tokyo"))


@pytest.mark.parametrize(
    ("line", "starts", "ends"),
    [
        ("from: 2026-12-24 22:00, to: 2026-12-25 06:00, zone: Europe/Rome", "2026-12-24 21:00", "2026-12-25 05:00"),
        ("from: 2026-12-24T22:00:30Z, to: 2026-12-25T06:00:00+01:00", "2026-12-24 22:00:30", "2026-12-25 05:00"),
        ("from: 2026-12-24T22:00:00z, to: 2026-12-25 06:00, zone: Europe/Rome", "2026-12-24 22:00", "2026-12-25 05:00"),
        ("from: 2026-03-29 02:30, to: 2026-10-25 02:30, zone: Europe/Rome", "2026-03-29 01:00", "2026-10-25 00:30"),
    ],
)
def test_a_dated_announcement_is_told_by_a_zone_or_by_offsets(line: str, starts: str, ends: str) -> None:
    assert announced(f"targets: slack.api, {line}").when == Dated(starts=utc(starts), ends=utc(ends))


def test_the_example_in_the_default_file_is_right() -> None:
    lines = (Path(__file__).parents[2] / "config" / "monitor.yaml").read_text().splitlines()
    begin = lines.index("# maintenance:")
    example = "\n".join(line.removeprefix("# ") for line in lines[begin : begin + 3])
    smtp = '{name: smtp, targets: [{probe: tcp, address: "d:1"}]}'
    found = read(f"{SERVICES}  - {{name: acme-mail, components: [{smtp}]}}\n{example}").maintenance
    assert [each.name for each in found] == ["weekly patches", "new rack"]


def test_a_service_that_is_switched_off_may_be_named() -> None:
    assert announced(f"targets: [off, off.web], {RECURRING}").targets == ("off", "off.web")


def test_equal_files_announce_the_same() -> None:
    assert announced(f"targets: slack, {RECURRING}") == announced(f"targets: slack, {RECURRING}")


NAMED = "name: x, targets: slack"
WEEK = "must be 'day', 'month', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday' or 'sunday'"


@pytest.mark.parametrize(
    ("line", "messages"),
    [
        (f"targets: slack, {RECURRING}", ["15: 'name' is missing"]),
        (f"name: x, {RECURRING}", ["15: 'targets' is missing"]),
        (f"name: x, targets: [], {RECURRING}", ["34: must not be empty"]),
        (
            f"name: x, targets: [acme, slack.apy, 'zzz*', acme-chat], {RECURRING}",
            [
                "35: no service or component 'acme' in this file (did you mean 'acme-chat'?)",
                "41: no service or component 'slack.apy' in this file (did you mean 'slack.api'?)",
                "52: no service or component 'zzz*' in this file",
            ],
        ),
        (NAMED, ["15: say when: 'from' and 'to', or 'every', 'at' and 'for'"]),
        (f"{NAMED}, at: 02:00", [f"15: {key!r} is missing" for key in ("every", "for", "zone")]),
        (f"{NAMED}, from: 2026-12-24 22:00", ["15: 'to' is missing"]),
        (
            f"{NAMED}, from: 2026-12-24 22:00, to: 2026-12-24 23:00, {RECURRING}",
            [f"{column}: {key!r} and 'from' exclude each other" for key, column in (("every", 87), ("at", 102))]
            + ["113: 'for' and 'from' exclude each other"],
        ),
        (
            f"{NAMED}, from: 2026-12-24 22:00, to: 2026-12-24T23:00:00Z",
            ["15: 'zone' is missing: a time without an offset is one of a zone's clocks"],
        ),
        (
            f"{NAMED}, from: 2026-12-24T22:00:00Z, to: 2026-12-24T23:00:00Z, zone: UTC",
            ["95: 'zone' changes nothing: both times have an offset of their own"],
        ),
        (
            f"{NAMED}, from: 2026-12-24 22:00, to: 2026-12-24 22:00, zone: UTC",
            ["69: the end must be after the start"],
        ),
        (
            f"{NAMED}, from: 2026-13-24 22:00, to: tomorrow, zone: UTC",
            [
                "47: month must be in 1..12",
                "69: not a date and time: 'tomorrow'; write 2026-12-24 22:00 and a zone, or 2026-12-24T22:00:00Z",
            ],
        ),
        (
            f"{NAMED}, from: 1969-12-24 22:00, to: 2026-12-24 22:00, zone: UTC",
            ["47: must be between the years 1970 and 3000"],
        ),
        (f"{NAMED}, every: sonday, at: 02:00, for: 2h, zone: UTC", [f"48: {WEEK} (did you mean 'sunday'?)"]),
        (f"{NAMED}, every: [monday, 7], at: 02:00, for: 2h, zone: UTC", [f"57: {WEEK}"]),
        (f"{NAMED}, every: [], at: 02:00, for: 2h, zone: UTC", ["48: must not be empty"]),
        (f"{NAMED}, every: [day, sunday], at: 02:00, for: 2h, zone: UTC", ["48: 'day' and 'month' stand alone"]),
        (f"{NAMED}, every: month, at: 02:00, for: 2h, zone: UTC", ["48: 'day' is missing: 1 to 31, or last"]),
        (f"{NAMED}, every: day, day: 3, at: 02:00, for: 2h, zone: UTC", ["53: 'day' goes with 'every: month'"]),
        (f"{NAMED}, every: month, day: 32, at: 02:00, for: 2h, zone: UTC", ["60: must be at most 31"]),
        (f"{NAMED}, every: month, day: first, at: 02:00, for: 2h, zone: UTC", ["60: must be a whole number or 'last'"]),
        (
            f"{NAMED}, every: day, at: 2, for: 2h, zone: UTC",
            ["57: not a time of day: 2; write hours and minutes, as in 02:00"],
        ),
        (f"{NAMED}, every: day, at: '24:00', for: 2h, zone: UTC", ["57: hour must be in 0..23"]),
        (
            f"{NAMED}, every: day, at: 02:00, for: 0s, zone: UTC",
            ["69: must be more than 0s, and at most the 1d to the next"],
        ),
        (
            f"{NAMED}, every: day, at: 02:00, for: 25h, zone: UTC",
            ["69: must be more than 0s, and at most the 1d to the next"],
        ),
        (
            f"{NAMED}, every: [saturday, tuesday], at: 02:00, for: 5d, zone: UTC",
            ["85: must be more than 0s, and at most the 3d to the next"],
        ),
        (
            f"{NAMED}, every: day, at: 02:00, for: 2h, zone: Europe/Roma",
            ["79: no time zone 'Europe/Roma'; write a name such as Europe/Rome, or UTC (did you mean 'Europe/Rome'?)"],
        ),
        (
            f"{NAMED}, every: day, at: 02:00, for: 2h, zone: lord howe",
            [
                "79: no time zone 'lord howe'; write a name such as Europe/Rome, or UTC"
                " (did you mean 'Australia/Lord_Howe'?)"
            ],
        ),
        (f"{NAMED}, every: day, at: 02:00, for: 2h, zone: 5", ["79: must be text; put it in quotes"]),
        (f"{NAMED}, evry: day, {RECURRING}", ["41: unknown key 'evry' (did you mean 'every'?)"]),
    ],
)
def test_a_mistake_is_told_with_its_place(line: str, messages: list[str]) -> None:
    assert say(line) == messages


@pytest.mark.parametrize(
    "zone",
    [
        "right/UTC",
        "posix/UTC",
        "localtime",
        "../UTC",
        "/etc/localtime",
        "Europe",
        "tzdata.zi",
        "x" * 300,
        '"a\\0b"',
        '""',
    ],
)
def test_what_is_no_name_of_a_zone_is_refused(zone: str) -> None:
    (message,) = say(f"{NAMED}, every: day, at: 02:00, for: 2h, zone: {zone}")
    assert message.startswith("79: no time zone ")


def test_all_mistakes_of_one_announcement_are_told_at_once() -> None:
    assert say("name: '', targets: slak, every: sonday, at: 25:00, for: -1h, zone: Rome") == [
        "22: must be one line of text",
        "35: no service or component 'slak' in this file (did you mean 'slack'?)",
        f"48: {WEEK} (did you mean 'sunday'?)",
        "60: hour must be in 0..23",
        "72: not a duration: '-1h'; write a number with a unit, as in 500ms, 30s, 5m, 1h30m",
        "83: no time zone 'Rome'; write a name such as Europe/Rome, or UTC (did you mean 'Europe/Rome'?)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [("maintenance: 5", "1:14: 'maintenance' must be a list"), ("maintenance: [5]", "1:15: must be a mapping")],
)
def test_announcements_are_a_list_of_mappings(text: str, message: str) -> None:
    assert mistakes(text) == [f"f.yaml:{message}"]


def test_what_comes_from_the_environment_is_not_shown() -> None:
    line = "{name: '${A}', targets: '${A}', every: '${A}', at: '${A}', for: '${A}', zone: '${A}', from: '${A}'}"
    found = mistakes(f"maintenance: [{line}]", A="hunter2")
    assert len(found) > 5
    assert "hunter2" not in "".join(found)
