import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from monitor.domain.attempt import Attempt
from monitor.domain.outage import StateSeconds
from monitor.domain.words import Outcome
from monitor.store import Store, Tally
from monitor.store.values import HOUR
from tests.support.fakes import a_check

T0 = 1_700_000_000 // HOUR * HOUR


def an_attempt(outcome: Outcome, started: float = T0) -> Attempt:
    return Attempt(
        check_id=a_check().id, started=started, duration=0.5, outcome=outcome, phases={}, facts={}, failure=None
    )


async def test_a_store_that_cannot_be_written_delays_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    store = Store(f"sqlite:///{folder}/x.db")
    store.observe(a_check(), an_attempt(Outcome.OK))
    await store.flush()
    assert (store.errors, store.pending) == (1, 1)
    assert await store.since(T0) == {a_check().id: Tally(1, 0, 0, 0.5)}
    store.observe(a_check(), an_attempt(Outcome.FAILED))
    folder.mkdir()
    await store.flush()
    assert (store.errors, store.pending) == (2, 0)
    assert await store.since(T0) == {a_check().id: Tally(1, 1, 0, 0.5)}
    await store.close()


async def test_many_rows_are_written_in_turns_and_none_is_lost_when_one_turn_fails(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/x.db")
    checks = [a_check(str(n)) for n in range(600)]
    for check in checks:
        store.observe(check, replace(an_attempt(Outcome.OK), check_id=check.id))
        store.keep_seconds([StateSeconds(hour=T0, service=check.target, component="", up=1)])
    await store.flush()
    for check in checks:
        store.observe(check, replace(an_attempt(Outcome.FAILED), check_id=check.id))
        store.keep_seconds([StateSeconds(hour=T0, service=check.target, component="", down=1)])
    with closing(sqlite3.connect(tmp_path / "x.db")) as database:
        database.execute("ALTER TABLE rollups RENAME TO away")
    await store.flush()
    assert (store.errors, store.pending) == (1, 1200)
    with closing(sqlite3.connect(tmp_path / "x.db")) as database:
        database.execute("ALTER TABLE away RENAME TO rollups")
    await store.flush()
    assert store.pending == 0
    assert await store.since(T0) == {check.id: Tally(1, 1, 0, 0.5) for check in checks}
    states = await store.archive.availability(T0, T0 + HOUR)
    assert [(each.service, each.up, each.down) for each in states] == [
        (str(n), 1, 1) for n in sorted(map(str, range(600)))
    ]
    await store.close()
