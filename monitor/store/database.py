"""Opening the database: SQLite in WAL mode by default, PostgreSQL by its URL, always at the schema that we know."""

import os
import socket
from collections.abc import Callable
from importlib import import_module
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text

from monitor.store.claim import sqlite_path
from monitor.store.errors import StoreError
from monitor.store.revision import REVISION, refuse_newer

_READING = "lastseen_reading"
_PATIENCE = 1
"""Seconds to wait for a lock of somebody else; what could not be written then is tried again anyway."""
_LOCK = 0x6C617374
"""Key of the advisory lock in PostgreSQL: "last" in ASCII."""


def open_database(url: str, *, visiting: bool = False) -> Engine:
    """An engine whose schema is ours. Raises StoreError, sqlalchemy.exc.SQLAlchemyError.

    A visitor shares the database with the monitor that owns it: it takes no
    lock and never changes the schema.
    """
    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        engine = _open_sqlite(target, url, visiting=visiting)
    else:
        engine = _open_postgresql(target, visiting=visiting)
    try:
        _reach_revision(engine, visiting=visiting)
    except BaseException:
        engine.dispose()
        raise
    return engine


def to_read(engine: Engine) -> Engine:
    """The same engine for transactions that only read: they wait for no writer."""
    return engine.execution_options(**{_READING: True})


def _open_sqlite(target: URL, url: str, *, visiting: bool) -> Engine:
    path = sqlite_path(url)
    if visiting and (path is None or not path.is_file()):
        raise StoreError(f"there is no store at {path or url} yet", permanent=True)
    engine = create_engine(target, connect_args={"timeout": _PATIENCE})
    event.listen(engine, "connect", _tune_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _tune_sqlite(connection: Any, _: object) -> None:
    # pysqlite begins transactions late, and none for DDL: a migration cut short would be half done. We begin ourselves.
    connection.isolation_level = None
    # WAL: readers never wait for the writer. FULL: what was committed is there after a power cut, too.
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and then writes fails at once when another has written meanwhile: lock early.
    reading = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _open_postgresql(target: URL, *, visiting: bool) -> Engine:
    if target.get_backend_name() != "postgresql":
        raise StoreError(f"{target.get_backend_name()} is not supported: SQLite or PostgreSQL", permanent=True)
    try:
        import_module("psycopg")
    except ImportError as error:
        raise StoreError(
            f"PostgreSQL needs psycopg ({error}): pip install 'lastseen[postgres]'", permanent=True
        ) from error
    us = f"lastseen, process {os.getpid()} on {socket.gethostname()}"
    patience = {"connect_timeout": 5, "tcp_user_timeout": 10_000, "options": f"-c lock_timeout={_PATIENCE}s"}
    engine = create_engine(
        target.set(drivername="postgresql+psycopg"),
        connect_args={"application_name": us, **patience},
        paramstyle="format",  # rows are tuples, as with SQLite: see `Batch`
        pool_size=1,
        max_overflow=0,
    )
    if not visiting:
        event.listen(engine, "connect", _claim_postgresql)
    return engine


def _claim_postgresql(connection: Any, _: object) -> None:
    """One monitor a database; the lock lives as long as the connection."""
    with connection.cursor() as cursor:
        ((ours,),) = cursor.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchall()
        if not ours:
            cursor.execute(
                "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE locktype = 'advisory' AND objid = %s AND granted",
                (_LOCK,),
            )
            holder = ", ".join(name for (name,) in cursor.fetchall())
            raise StoreError(f"this database is in use by another monitor ({holder})", permanent=True)
    connection.commit()


def _reach_revision(engine: Engine, *, visiting: bool) -> None:
    where = engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string()
    with to_read(engine).connect() as connection:
        has_any = inspect(connection).has_table("alembic_version")
        found = connection.scalar(text("SELECT version_num FROM alembic_version")) if has_any else None
    refuse_newer(found or "", str(where))
    if found == REVISION:
        return
    if visiting:
        raise StoreError(f"{where} is of an older lastseen: start the monitor once, it moves it over", permanent=True)
    # Alembic takes a third of a second to import: only where there is something to do.
    migrate: Callable[[Engine], None] = import_module("monitor.store.migrate").migrate
    migrate(engine)
