"""Small integers for long names, given once and for ever."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Engine, Table, select

from monitor.store.batch import insert
from monitor.store.database import to_read

Name = tuple[str, ...]


class Numbers:
    """The numbers in one table, whose first column is the number and whose others are the name. Remembers all."""

    def __init__(self, engine: Engine, table: Table) -> None:
        self._engine = engine
        self._number, *self._parts = table.c
        self._insert = insert(engine, table).on_conflict_do_nothing(index_elements=self._parts)
        self._known: dict[Name, int] = {}

    def of(self, names: Iterable[Name]) -> Mapping[Name, int]:
        """At least the numbers of ``names``; unknown ones get theirs now, in a transaction of its own.

        A name whose rows are then not written does no harm; a number that was
        rolled back and is remembered would.
        """
        missing = sorted({name for name in names if name not in self._known})
        if missing:
            columns = [part.name for part in self._parts]
            with self._engine.begin() as connection:
                connection.execute(self._insert, [dict(zip(columns, name, strict=True)) for name in missing])
            self.all()
        return self._known

    def all(self) -> Mapping[Name, int]:
        """Every name that has a number."""
        with to_read(self._engine).connect() as connection:
            rows = connection.execute(select(self._number, *self._parts)).all()
        self._known = {tuple(name): number for number, *name in rows}
        return self._known
