import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from monitor.store import Archive, Store, StoreError, Tally
from monitor.store.database import open_database
from monitor.store.revision import REVISION
from monitor.store.tables import metadata

FIRST = """
CREATE TABLE rollups (
    hour INTEGER NOT NULL, check_id VARCHAR NOT NULL, ok INTEGER NOT NULL, failed INTEGER NOT NULL,
    inconclusive INTEGER NOT NULL, seconds_ok FLOAT NOT NULL, PRIMARY KEY (hour, check_id)
);
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0001');
INSERT INTO rollups VALUES
    (0, 'b/c/t/tcp', 9, 8, 7, 0.5), (3600, 'a/c/t/tcp', 1, 2, 3, 1.25), (3600, 'b/c/t/tcp', 4, 5, 6, 3e3);
"""
"""What the version before windows left behind."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(FIRST)
    return path


async def test_moving_over_leaves_nothing_of_the_old_table(old: Path) -> None:
    store = Store(f"sqlite:///{old}")
    store.claim()
    assert await store.since(0) == {"b/c/t/tcp": Tally(13, 13, 13, 3000.5), "a/c/t/tcp": Tally(1, 2, 3, 1.25)}
    await store.close()
    with closing(sqlite3.connect(old)) as database:
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE '%0001%'").fetchone() == (0,)


async def test_a_migration_that_fails_halfway_leaves_everything_as_it_was(old: Path) -> None:
    with closing(sqlite3.connect(old)) as database:
        database.execute("CREATE TABLE memory (x)")  # what the migration will want to make late
        database.commit()
        before = list(database.iterdump())
    store = Store(f"sqlite:///{old}")
    await store.flush()
    assert await store.since(0) == {}
    assert store.errors == 1
    await store.close()
    with closing(sqlite3.connect(old)) as database:
        assert list(database.iterdump()) == before


async def test_a_visitor_does_not_migrate(old: Path) -> None:
    archive = Archive.visit(f"sqlite:///{old}")
    with pytest.raises(StoreError, match="older lastseen: start the monitor once"):
        await archive.window("x")
    await archive.close()


@pytest.mark.parametrize("start", ["new", "old"])
def test_the_migrations_lead_to_the_tables_as_they_are(tmp_path: Path, old: Path, start: str) -> None:
    engine = open_database(f"sqlite:///{old if start == 'old' else tmp_path / 'new.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()
    engine.dispose()
    migrated = {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}
    reference = create_engine("sqlite://")
    metadata.create_all(reference)
    with reference.connect() as connection:
        made = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()
    reference.dispose()
    # what Alembic compares leaves out whether a table is WITHOUT ROWID: a third of the file
    assert migrated == {name: " ".join(sql.split()) for name, sql in made}


def test_the_revision_that_we_know_is_the_newest_there_is() -> None:
    config = Config()
    config.set_main_option("script_location", str(files("monitor.store") / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]
