"""What a note says of a window changes the time that counts, and never what was booked."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from monitor.domain.outage import Note, StateSeconds, Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import Breadth, Kind, Status
from monitor.store import Availability, Retention, Store
from monitor.store.values import DAY, HOUR, Stretch
from tests.support.judged import T0, a_window

H7 = int(T0)
"""Seven in the morning, UTC."""
D0 = H7 // DAY * DAY
_clock = count(H7 + 90 * DAY)


def window(begin: float, end: float | None, name: str = "w", **changes: Any) -> Window:
    """Of ``s.c``; closed, unless it has no end."""
    life = {"status": Status.OPEN} if end is None else {"status": Status.CLOSED, "end": end, "closed": end + 900}
    return a_window(**{"id": name, "start": begin, "opened": begin, **life, **changes})


def planned(begin: float, end: float, until: float, **changes: Any) -> Window:
    return window(begin, end, planned_until=until, **changes)


async def keep(store: Store, *windows: Window) -> None:
    store.keep(Ruling(at=T0, windows=windows))
    await store.kept()


def book(store: Store, hour: int, component: str = "", service: str = "s", **states: float) -> None:
    store.keep_seconds([StateSeconds(hour=hour, service=service, component=component, **states)])


async def say(store: Store, window: Window, **changes: str) -> None:
    await store.flush()
    note = Note(window_id=window.id, at=next(_clock), author="Ada", text="so", changes=tuple(changes.items()))
    await store.archive.annotate(note)


def states(found: Availability | Stretch) -> Mapping[str, float]:
    names = ("up", "degraded", "down", "unknown", "planned")
    return {name: value for name in names if (value := getattr(found, name))}


async def of_service(store: Store, since: float = D0, until: float = D0 + DAY) -> Mapping[str, float]:
    (found,) = await store.archive.availability(since, until)
    return states(found)


async def of_parts(store: Store, since: float = D0, until: float = D0 + DAY) -> Mapping[str, Mapping[str, float]]:
    return {each.component: states(each) for each in await store.archive.availability(since, until, "s")}


async def test_an_outage_that_was_meant_counts_as_planned_until_somebody_takes_that_back(store: Store) -> None:
    outage = window(H7 + 1800, H7 + HOUR + 900.5)
    await keep(store, outage)
    for component in ("", "c"):
        book(store, H7, component, up=1800, down=1800)
        book(store, H7 + HOUR, component, up=2699.5, down=900.5)
    book(store, H7, "d", up=3500, down=100)
    await store.flush()
    before = {"": {"up": 4499.5, "down": 2700.5}, "c": {"up": 4499.5, "down": 2700.5}, "d": {"up": 3500, "down": 100}}
    assert await of_parts(store) == before
    await say(store, outage, planned="yes")
    after = {"up": 4499.5, "planned": 2700.5}
    assert await of_parts(store) == {"": after, "c": after, "d": before["d"]}
    assert await of_service(store) == after
    assert (await store.archive.availability(D0, D0 + DAY))[0].share == 1
    await say(store, outage, planned="no")
    assert await of_parts(store) == before


async def test_what_was_no_outage_was_not_seen(store: Store) -> None:
    outage = window(H7, H7 + 900)
    await keep(store, outage)
    book(store, H7, up=2700, down=900)
    await say(store, outage, planned="yes", outage="no")
    (found,) = await store.archive.availability(D0, D0 + DAY)
    assert states(found) == {"up": 2700, "unknown": 900}
    assert (found.share, found.coverage) == (1, 0.75)
    await say(store, outage, outage="yes")
    assert await of_service(store) == {"up": 2700, "planned": 900}


async def test_a_maintenance_that_was_none_counts_as_down_or_as_slow(store: Store) -> None:
    outage = planned(H7 + 600, H7 + 1800, H7 + HOUR)
    slow = planned(H7 + DAY, H7 + DAY + 1200, H7 + DAY + HOUR, name="x", kind=Kind.DEGRADED)
    await keep(store, outage, slow)
    for hour in (H7, H7 + DAY):
        book(store, hour, up=2300, planned=1300)
    await say(store, outage, planned="no")
    await say(store, slow, planned="no")
    assert await of_service(store) == {"up": 2300, "down": 1200, "planned": 100}
    assert await of_service(store, D0 + DAY, D0 + 2 * DAY) == {"up": 2300, "degraded": 1200, "planned": 100}


async def test_a_maintenance_that_overran_was_down_only_after_its_end(store: Store) -> None:
    overrun = planned(H7, H7 + 1800, H7 + 1200)
    await keep(store, overrun)
    book(store, H7, up=1000, planned=1500, down=1100)
    await say(store, overrun, planned="no")
    assert await of_service(store) == {"up": 1000, "planned": 300, "down": 2300}
    await say(store, overrun, outage="no")
    assert await of_service(store) == {"up": 1000, "planned": 300, "down": 500, "unknown": 1800}


async def test_no_more_is_moved_than_there_is_also_when_two_share_an_hour(store: Store) -> None:
    first, second = window(H7, H7 + 1800), window(H7 + 1800, H7 + 3000, "x")
    await keep(store, first, second)
    book(store, H7, up=1600, down=2000)
    await say(store, second, outage="no")
    await say(store, first, planned="yes")
    found = await of_service(store)
    assert found == {"up": 1600, "planned": 1800, "unknown": 200}


async def test_a_note_hides_no_other_outage_of_the_same_hour(store: Store) -> None:
    minor = window(H7, H7 + 3000, "m", components=("s.d",))
    other = window(H7 + 600, H7 + 1200, "o")
    slow = window(H7, H7 + HOUR, "p", kind=Kind.DEGRADED)
    await keep(store, minor, other, slow)
    book(store, H7, up=3000, down=600)
    book(store, H7, "d", up=600, down=3000)
    await say(store, minor, planned="yes")
    assert await of_parts(store) == {"": {"up": 3000, "down": 600}, "d": {"up": 600, "planned": 3000}}
    book(store, H7, down=400)
    await store.flush()
    assert await of_service(store) == {"up": 3000, "down": 600, "planned": 400}


async def test_only_the_hours_that_are_asked_for_change(store: Store) -> None:
    outage = window(H7, H7 + 4 * HOUR)
    await keep(store, outage)
    for hour in range(H7, H7 + 4 * HOUR, HOUR):
        book(store, hour, down=3600)
    await say(store, outage, planned="yes")
    assert await of_service(store, H7 + HOUR, H7 + 2 * HOUR) == {"planned": 3600}
    assert await of_service(store, H7 + HOUR + 1, H7 + 3 * HOUR + 1) == {"planned": 3 * 3600}
    assert await of_service(store) == {"planned": 4 * 3600}
    book(store, H7 + 4 * HOUR, down=3600)
    await store.flush()
    assert await of_service(store, H7 + 4 * HOUR, H7 + 5 * HOUR) == {"down": 3600}


async def test_what_is_open_goes_on_changing(store: Store) -> None:
    outage = window(H7 + 1800, None)
    await keep(store, outage)
    await say(store, outage, planned="yes")
    for hour in (H7, H7 + HOUR, H7 + DAY):
        book(store, hour, "c", down=2000)
    await store.flush()
    assert await of_parts(store, D0, D0 + 2 * DAY) == {"c": {"down": 200, "planned": 5800}}
    await keep(store, replace(outage, status=Status.CLOSED, end=H7 + HOUR + 500.0, closed=H7 + HOUR + 999.0))
    assert await of_parts(store, D0, D0 + 2 * DAY) == {"c": {"down": 3700, "planned": 2300}}


async def test_days_change_each_by_itself(store: Store) -> None:
    midnight = D0 + DAY
    outage = window(midnight - 1200, midnight + 600)
    await keep(store, outage)
    for component in ("", "c", "d"):
        book(store, midnight - HOUR, component, up=2000, down=1500)
        book(store, midnight, component, up=3000, down=600)
    await say(store, outage, planned="yes")
    changed = [{"up": 2000, "down": 300, "planned": 1200}, {"up": 3000, "planned": 600}]
    as_booked = [{"up": 2000, "down": 1500}, {"up": 3000, "down": 600}]
    days = await store.archive.days("s", D0)
    assert [(day.begin, day.component, states(day)) for day in days] == [
        (D0 + DAY * n, component, (as_booked if component == "d" else changed)[n])
        for n in range(2)
        for component in ("", "c", "d")
    ]
    assert [states(day) for day in await store.archive.days("s", midnight)] == [changed[1], changed[1], as_booked[1]]
    assert [states(day) for day in await store.archive.days_of(["s", "u"], D0, midnight)] == changed
    hours = await store.archive.hours("s", midnight - 2 * HOUR, midnight)
    assert [(hour.begin, states(hour)) for hour in hours if hour.component == "c"] == [
        (midnight - HOUR, changed[0]),
        (midnight, changed[1]),
    ]


async def test_where_hours_are_forgotten_the_day_changes(store: Store) -> None:
    first, last = window(H7, H7 + 1200), window(H7 + 9 * DAY, H7 + 9 * DAY + 1200, "x")
    half_a_day = window(D0 + 5 * DAY, D0 + 5 * DAY + 60, "y")
    await keep(store, first, last, half_a_day)
    for day in (0, 5, 9):
        for hour in range(24):
            book(store, D0 + day * DAY + hour * HOUR, up=3500, down=100)
    for outage in (first, last, half_a_day):
        await say(store, outage, planned="yes")
    hourly = {"up": 24 * 3500 * 3, "down": 24 * 100 * 3 - 260, "planned": 260}
    assert await of_service(store, D0, D0 + 10 * DAY) == hourly
    await store.forget(D0 + 9 * DAY + 12 * HOUR, Retention(hours=4), pause=0)
    assert await of_service(store, D0, D0 + DAY) == {"up": 24 * 3500, "down": 1200, "planned": 1200}
    assert await of_service(store, D0 + 5 * DAY, D0 + 6 * DAY) == {"up": 24 * 3500, "down": 2340, "planned": 60}
    assert await of_service(store, D0 + 5 * DAY + 12 * HOUR, D0 + 6 * DAY) == {"up": 12 * 3500, "down": 1200}
    assert await of_service(store, D0 + 9 * DAY, D0 + 10 * DAY) == {"up": 24 * 3500, "down": 2300, "planned": 100}
    days = await store.archive.days("s", D0)
    assert [day.planned for day in days] == [1200, 60, 100]


async def test_a_window_of_a_provider_changes_all_that_it_covers_and_nothing_else(store: Store) -> None:
    wide = window(H7, H7 + 600, services=("s", "s.t"), components=("s.c", "s.t.c"), breadth=Breadth.PROVIDER)
    await keep(store, wide)
    for service in ("s", "s.t", "u"):
        for component in ("", "c", "t.x"):
            book(store, H7, component, service, up=3000, down=600)
    await say(store, wide, planned="yes")
    changed, as_booked = {"up": 3000, "planned": 600}, {"up": 3000, "down": 600}
    found = await store.archive.availability(D0, D0 + DAY)
    assert {each.service: states(each) for each in found} == {"s": changed, "s.t": changed, "u": as_booked}
    for service in ("s", "s.t"):
        parts = await store.archive.availability(D0, D0 + DAY, service)
        assert {each.component: states(each) for each in parts} == {"": changed, "c": changed, "t.x": as_booked}
    assert {day.component: day.planned for day in await store.archive.days("u", D0)} == {"": 0, "c": 0, "t.x": 0}


async def test_notes_that_correct_nothing_of_that_kind_move_nothing(store: Store) -> None:
    outage, part = window(H7, H7 + 600), window(H7, H7 + 600, "x", status=Status.ABSORBED)
    announced = planned(H7, H7 + 600, H7 + 600, name="y")
    await keep(store, outage, part, announced)
    book(store, H7, up=2400, down=600, planned=600)
    await say(store, outage)
    await say(store, outage, cause="path", kind="degraded", planned="perhaps", colour="red", outage="yes")
    await say(store, part, planned="yes", outage="no")
    await say(store, announced, planned="yes")
    assert await of_service(store) == {"up": 2400, "down": 600, "planned": 600}
