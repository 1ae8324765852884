"""What every store does, whatever the database."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from monitor.domain.attempt import Attempt
from monitor.domain.outage import Note, OutageQuery, StateSeconds, Transition, Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import Outcome, Status
from monitor.store import Archive, Availability, Noted, Resumed, Retention, Store, StoreError, Tally
from monitor.store.database import open_database
from monitor.store.migrate import migrate
from monitor.store.tables import metadata
from monitor.store.values import DAY, HOUR
from tests.support.fakes import a_check
from tests.support.judged import T0, a_span, a_transition, a_window, closed, ruling
from tests.support.postgres import Postgres

H0 = int(T0) // DAY * DAY


def an_attempt(outcome: Outcome, started: float = H0) -> Attempt:
    return Attempt(
        check_id=a_check().id, started=started, duration=0.5, outcome=outcome, phases={}, facts={}, failure=None
    )


async def keep(store: Store, *windows: Window, transitions: tuple[Transition, ...] = ()) -> None:
    store.keep(Ruling(at=T0, windows=windows, transitions=transitions))
    await store.kept()


async def ids(store: Store, **query: object) -> list[str]:
    found = await store.archive.windows(OutageQuery(**query))  # type: ignore[arg-type]  # each test names its fields
    return [noted.window.id for noted in found]


async def test_a_new_store_knows_nothing(store: Store) -> None:
    assert await store.resume() == Resumed(windows=(), spans=(), memory={})
    assert await store.archive.windows(OutageQuery()) == ()
    assert await store.archive.window("x") is None
    assert await store.archive.course("x") == ()
    assert await store.archive.availability(0, time.time()) == ()
    assert await store.since(0) == {}
    assert (store.pending, store.errors, store.is_damaged) == (0, 0, False)


async def test_what_the_first_version_stored_is_moved_over(url: str, open_store: Callable[[], Store]) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    migrate(engine, "0001")
    with engine.begin() as connection:
        for hour, check, seconds in ((0, "b", 0.5), (3600, "a", 1.25), (3600, "b", 3e3)):
            values = f"({hour}, '{check}/c/t/tcp', 1, 2, 3, {seconds})"
            connection.exec_driver_sql(f"INSERT INTO rollups VALUES {values}")  # noqa: S608  # our own numbers
    engine.dispose()
    store = open_store()
    assert await store.since(0) == {"b/c/t/tcp": Tally(2, 4, 6, 3000.5), "a/c/t/tcp": Tally(1, 2, 3, 1.25)}
    assert await store.since(3600) == {"b/c/t/tcp": Tally(1, 2, 3, 3000.0), "a/c/t/tcp": Tally(1, 2, 3, 1.25)}


def test_the_migrations_lead_to_the_tables_as_they_are(url: str) -> None:
    engine = open_database(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


async def test_what_was_decided_is_there_after_a_restart_whole_and_as_it_last_was(
    open_store: Callable[[], Store],
) -> None:
    first = a_window(1)
    store = open_store()
    await store.resume()
    store.keep(
        Ruling(at=T0, windows=(a_window(2), first), spans=(a_span(T0), a_span(T0, 9e9, "b")), memory=(("k", "v"),))
    )
    changed = replace(
        first, status=Status.RECOVERING, end=first.start + 60, services=("s", "u"), evidence=(), updated=T0
    )
    store.keep(Ruling(at=T0 + 1, windows=(changed, a_window(3, **closed(a_window(3))))))
    store.keep(Ruling(at=T0 + 2, spans=(a_span(T0, T0 + 9), a_span(T0 + 9)), memory=(("k", ""), ("l", "ü"))))
    await store.close()
    assert store.pending == 0
    resumed = await open_store().resume()
    assert resumed == Resumed(
        windows=(changed, a_window(2)), spans=(a_span(T0, 9e9, "b"), a_span(T0 + 9)), memory={"l": "ü"}
    )
    assert [window.updated for window in resumed.windows] == [changed.updated, 0]


async def test_every_ruling_of_a_long_row_arrives(store: Store) -> None:
    memory: dict[str, str] = {}
    windows: dict[str, Window] = {}
    transitions: list[Transition] = []
    for number in range(60):
        given = ruling(number)
        store.keep(given)
        memory.update(given.memory)
        windows.update((window.id, window) for window in given.windows)
        transitions += given.transitions
        if number % 7 == 0:
            await store.kept()
    await store.kept()
    assert store.pending == 0
    assert (await store.resume()).memory == {key: text for key, text in memory.items() if text}
    stored = await store.archive.windows(OutageQuery())
    assert [noted.window for noted in stored] == list(reversed(windows.values()))
    checks = {transition.check_id for transition in transitions}
    assert await store.archive.transitions(checks, T0) == tuple(
        sorted(transitions, key=lambda each: (each.decided, each.check_id))
    )


async def test_the_same_ruling_again_changes_nothing(store: Store) -> None:
    given = ruling(3)
    for _ in range(2):
        store.keep(given)
        await store.kept()
    assert await store.archive.windows(OutageQuery()) == (Noted(given.windows[0], ()),)
    assert await store.archive.transitions(["s/c/t0/fake"], 0) == given.transitions[:1]


async def test_windows_are_listed_newest_first_and_by_what_is_asked(store: Store) -> None:
    old, new = a_window(0), a_window(5)
    wide = a_window(1, services=("s", "u"), provider="q", status=Status.PLANNED)
    await keep(
        store,
        replace(old, **closed(old)),
        replace(new, id="z"),
        replace(new, services=("u",)),
        wide,
        a_window(2, status=Status.ABSORBED),
    )
    assert await ids(store) == ["z", new.id, wide.id, old.id]
    assert await ids(store, limit=2) == ["z", new.id]
    assert await ids(store, limit=2, offset=1) == [new.id, wide.id]
    assert await ids(store, service="u") == [new.id, wide.id]
    assert await ids(store, provider="q") == [wide.id]
    assert await ids(store, is_open=True) == ["z", new.id, wide.id]
    assert await ids(store, is_open=False) == [old.id]
    assert await ids(store, since=old.start + 600) == ["z", new.id, wide.id, old.id]
    assert await ids(store, since=old.start + 601) == ["z", new.id, wide.id]
    assert await ids(store, until=new.start) == [wide.id, old.id]
    assert await ids(store, service="nobody") == []
    assert (await store.archive.window(a_window(2).id)) == Noted(a_window(2, status=Status.ABSORBED), ())


async def test_a_window_that_lost_a_service_is_not_listed_for_it(store: Store) -> None:
    await keep(store, a_window(services=("s", "u")))
    await keep(store, a_window())
    assert await ids(store, service="u") == []


async def test_a_window_tells_the_course_of_its_checks(store: Store) -> None:
    window = a_window()
    start = window.start
    window = replace(window, **closed(window), components=("s.c", "s.d.e"))
    of = [
        a_transition(start),
        a_transition(start + 1, "s/d.e/t/fake"),
        a_transition(start + 2, after=None, layer=None, reason=None),
    ]
    others = [a_transition(start - 99), a_transition(start + 2000), a_transition(start, "s/cc/t/fake")]
    await keep(store, window, transitions=(*reversed(of), *others))
    assert await store.archive.course(window.id) == tuple(of)
    assert await store.archive.transitions(["s/cc/t/fake", "unknown"], start) == (others[2],)
    assert await store.archive.transitions(["s/c/t/fake"], start, start + 8) == (of[0],)


async def test_notes_are_kept_beside_what_the_judgement_said(url: str, store: Store) -> None:
    await keep(store, a_window())
    notes = [
        Note(window_id=a_window().id, at=T0 + n, author="Ada", text="a\nb", changes=(("kind", "degraded"),) * n)
        for n in range(3)
    ]
    visitor = Archive.visit(url)
    for note in (notes[1], notes[0], notes[2]):
        await visitor.annotate(note)
    with pytest.raises(StoreError, match="there is no window x"):
        await visitor.annotate(replace(notes[0], window_id="x"))
    await visitor.close()
    await keep(store, a_window(**closed(a_window())))
    assert await store.archive.window(a_window().id) == Noted(a_window(**closed(a_window())), tuple(notes))
    assert await store.archive.windows(OutageQuery()) == (await store.archive.window(a_window().id),)


async def test_a_second_monitor_is_refused_and_a_visitor_is_not(url: str, store: Store) -> None:
    await keep(store, a_window())
    with pytest.raises(StoreError, match=r"in use by another (lastseen|monitor).*process"):
        await _open_and_close(url)
    visitor = Archive.visit(url)
    assert await visitor.windows(OutageQuery()) == (Noted(a_window(), ()),)
    await visitor.close()


async def _open_and_close(url: str) -> None:
    store = Store(url)
    try:
        store.claim()
        await store.resume()
    finally:
        await store.close()


async def test_seconds_in_each_state_add_up_by_hour_and_day(store: Store) -> None:
    for hour in range(72):
        store.keep_seconds(
            [
                StateSeconds(hour=H0 + hour * HOUR, service="s", component="", up=3000.25, down=500, unknown=99.75),
                StateSeconds(hour=H0 + hour * HOUR, service="s", component="c", degraded=1800, planned=1800),
                StateSeconds(hour=H0 + hour * HOUR, service="u", component="", unknown=3600),
            ]
        )
        if hour % 20 == 0:
            await store.flush()
            store.keep_seconds([StateSeconds(hour=H0 + hour * HOUR, service="s", component="", up=0.5)])
            store.keep_seconds([StateSeconds(hour=H0 + hour * HOUR, service="s", component="", up=0.25)])
    await store.flush()
    whole, other = await store.archive.availability(H0 + 1800, H0 + 49 * HOUR + 1)
    assert (whole.begin, whole.service, whole.component) == (H0, "s", "")
    assert (whole.up, whole.down, whole.unknown) == (50 * 3000.25 + 3 * 0.75, 25000, 50 * 99.75)
    assert whole.share == pytest.approx(0.85716, abs=1e-5)
    assert whole.coverage == pytest.approx(0.97229, abs=1e-5)
    assert (other.service, other.unknown, other.share, other.coverage) == ("u", 180_000, None, 0)
    one_day = await store.archive.availability(H0 + 20 * HOUR, H0 + 49 * HOUR, "s")
    assert [(each.component, each.up, each.planned) for each in one_day] == [
        ("", 29 * 3000.25 + 2 * 0.75, 0),
        ("c", 0, 29 * 1800),
    ]
    assert (await store.archive.availability(H0 + 5 * HOUR, H0 + 6 * HOUR))[0].up == 3000.25
    days = await store.archive.days("s", H0 + DAY + 5)
    assert [(day.begin, day.component) for day in days] == [
        (H0 + DAY, ""), (H0 + DAY, "c"), (H0 + 2 * DAY, ""), (H0 + 2 * DAY, "c"),
    ]  # fmt: skip
    assert days[1] == Availability(
        begin=H0 + DAY, service="s", component="c",
        up=0, degraded=24 * 1800, down=0, unknown=0, planned=24 * 1800,
    )  # fmt: skip


async def test_what_was_counted_before_a_restart_adds_to_what_comes_after(open_store: Callable[[], Store]) -> None:
    for _ in range(2):
        store = open_store()
        for outcome in (Outcome.OK, Outcome.OK, Outcome.FAILED, Outcome.INCONCLUSIVE):
            store.observe(a_check(), an_attempt(outcome))
        await store.close()
    store = open_store()
    store.observe(a_check(), an_attempt(Outcome.OK, H0 + HOUR + 1))
    assert await store.since(H0 + 5) == {a_check().id: Tally(5, 2, 2, 2.5)}
    assert await store.since(H0 + HOUR) == {a_check().id: Tally(1, 0, 0, 0.5)}


async def test_old_rows_are_forgotten_and_the_rest_stays(store: Store) -> None:
    now = T0 + 400 * DAY
    keep_for = Retention(rollups=300, hours=200, transitions=300, windows=350)
    recent = a_window(390 * 24)
    alive = a_window(1)
    start = a_window(0).start
    await keep(store, replace(a_window(0), **closed(a_window(0))), alive, replace(recent, **closed(recent)))
    await keep(store, a_window(9, status=Status.ABSORBED), transitions=(a_transition(start), a_transition(now)))
    store.keep(Ruling(at=T0, spans=(a_span(T0, T0 + 1), a_span(T0 + 1), a_span(now, now + 1))))
    await store.archive.annotate(Note(window_id=a_window(0).id, at=T0, author="a", text="b"))
    for day in (0, 150, 250, 399):
        store.observe(a_check(), an_attempt(Outcome.OK, H0 + day * DAY))
        store.keep_seconds([StateSeconds(hour=H0 + day * DAY, service="s", component="", up=1)])
    await store.flush()
    await store.forget(now, keep_for, pause=0)
    assert await ids(store) == [recent.id, alive.id]
    assert await store.archive.window(a_window(0).id) is None
    assert await store.archive.window(a_window(9).id) is None
    assert await store.archive.transitions(["s/c/t/fake"], 0) == (a_transition(now),)
    assert await store.since(0) == {a_check().id: Tally(3, 0, 0, 1.5)}
    assert [day.begin for day in await store.archive.days("s", 0)] == [H0 + day * DAY for day in (150, 250, 399)]
    assert (await store.archive.availability(H0 + 150 * DAY, H0 + 150 * DAY + HOUR)) == ()
    assert (await store.archive.availability(H0 + 250 * DAY, H0 + 250 * DAY + HOUR))[0].up == 1
    assert (await store.resume()).spans == (a_span(now, now + 1),)
    assert store.errors == 0


async def test_a_connection_that_is_cut_delays_and_loses_nothing(postgres: Postgres) -> None:
    url = postgres.database()
    name = url.rpartition("/")[2]
    store = Store(url)
    await store.resume()
    for number in range(20):
        store.keep(ruling(number))
        if number % 5 == 0:
            await store.kept()
            postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'", "postgres")  # noqa: S608  # our own name
    await store.kept()
    assert store.errors == 4
    given = [transition for number in range(20) for transition in ruling(number).transitions]
    stored = await store.archive.transitions({transition.check_id for transition in given}, 0)
    assert len(stored) == len(given)
    assert (await store.resume()).memory["number"] == "19"
    await store.close()


async def test_whoever_stops_waiting_stops_nobody_else(store: Store) -> None:
    store.keep(ruling(0))
    async with asyncio.TaskGroup() as tasks:
        impatient = tasks.create_task(store.kept())
        patient = tasks.create_task(store.kept())
        await asyncio.sleep(0)
        impatient.cancel()
        await patient
    assert store.pending == 0
    await store.kept()
