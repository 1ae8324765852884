import sqlite3
from dataclasses import replace
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from monitor.domain.attempt import Attempt
from monitor.domain.words import Outcome
from monitor.store.database import open_database
from monitor.store.rollups import HOUR, Rollups, Tally
from monitor.store.tables import metadata
from tests.support.fakes import a_check

T0 = 1_700_000_000 // HOUR * HOUR


def an_attempt(outcome: Outcome, started: float = T0) -> Attempt:
    return Attempt(
        check_id=a_check().id, started=started, duration=0.5, outcome=outcome, phases={}, facts={}, failure=None
    )


async def test_what_was_counted_before_a_restart_adds_to_what_comes_after(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    for _ in range(2):
        store = Rollups(url)
        for outcome in (Outcome.OK, Outcome.OK, Outcome.FAILED, Outcome.INCONCLUSIVE):
            store.observe(a_check(), an_attempt(outcome))
        await store.close()
    store = Rollups(url)
    store.observe(a_check(), an_attempt(Outcome.OK, T0 + HOUR + 1))
    assert await store.since(T0 + 5) == {a_check().id: Tally(5, 2, 2, 2.5)}
    assert await store.since(T0 + HOUR) == {a_check().id: Tally(1, 0, 0, 0.5)}
    await store.close()
    with sqlite3.connect(tmp_path / "x.db") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


async def test_a_store_that_cannot_be_written_delays_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    store = Rollups(f"sqlite:///{folder}/x.db")
    store.observe(a_check(), an_attempt(Outcome.OK))
    await store.flush()
    assert (store.errors, store.pending) == (1, 1)
    store.observe(a_check(), an_attempt(Outcome.FAILED))
    folder.mkdir()
    await store.flush()
    assert (store.errors, store.pending) == (1, 0)
    assert await store.since(T0) == {a_check().id: Tally(1, 1, 0, 0.5)}
    await store.close()


def test_the_migrations_lead_to_the_tables_as_they_are(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/x.db")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


async def test_many_rows_are_written_in_turns_and_none_is_lost_when_one_turn_fails(tmp_path: Path) -> None:
    store = Rollups(f"sqlite:///{tmp_path}/x.db")
    checks = [a_check(str(n)) for n in range(600)]
    for check in checks:
        store.observe(check, replace(an_attempt(Outcome.OK), check_id=check.id))
    await store.flush()
    for check in checks:
        store.observe(check, replace(an_attempt(Outcome.FAILED), check_id=check.id))
    with sqlite3.connect(tmp_path / "x.db") as database:
        database.execute("ALTER TABLE rollups RENAME TO away")
    database.close()
    await store.flush()
    assert (store.errors, store.pending) == (1, 600)
    with sqlite3.connect(tmp_path / "x.db") as database:
        database.execute("ALTER TABLE away RENAME TO rollups")
    database.close()
    await store.flush()
    assert store.pending == 0
    assert await store.since(T0) == {check.id: Tally(1, 1, 0, 0.5) for check in checks}
    await store.close()
