"""Statements for many rows at once, the same for SQLite and PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy import Connection, Delete, Engine, Insert, Table, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import KeyedColumnElement

Rows = Sequence[tuple[object, ...]]


class Batch:
    """A statement whose rows go to the driver as they are: SQLAlchemy's work on each of them took half of the time."""

    def __init__(self, engine: Engine, statement: Insert | Delete) -> None:
        self._sql = str(statement.compile(dialect=engine.dialect))

    def run(self, connection: Connection, rows: Rows) -> None:
        """For every row. Of an insert it has the table's columns, in their order."""
        if rows:
            connection.exec_driver_sql(self._sql, [*rows])


def adding(engine: Engine, table: Table, sums: Sequence[str]) -> Batch:
    """Insert, or where the key is known, add the columns ``sums`` up."""
    statement = insert(engine, table)
    changes = {name: table.c[name] + statement.excluded[name] for name in sums}
    return Batch(engine, statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes))


def replacing(engine: Engine, table: Table) -> Batch:
    """Insert, or where the key is known, replace all the rest."""
    statement = insert(engine, table)
    changes = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
    return Batch(engine, statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes))


def unless_known(engine: Engine, table: Table) -> Batch:
    """Insert, and where the key is known, do nothing."""
    return Batch(engine, insert(engine, table).on_conflict_do_nothing(index_elements=list(table.primary_key)))


def deleting(engine: Engine, column: KeyedColumnElement[str]) -> Batch:
    """Delete where ``column`` is the only value of the row."""
    return Batch(engine, delete(column.table).where(column == bindparam("value")))


def insert(engine: Engine, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that can say what to do with known keys."""
    return postgresql.insert(table) if engine.dialect.name == "postgresql" else sqlite.insert(table)
