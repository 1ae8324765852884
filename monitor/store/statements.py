"""The SQL of the store, in SQLAlchemy Core. Blocking: runs in the store's own thread."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.database import open_database
from monitor.store.tables import rollups

_SUMS = ("ok", "failed", "inconclusive", "seconds_ok")


class Statements:
    """What the store can say to its database. Everything raises SQLAlchemyError."""

    def __init__(self, url: str) -> None:
        self._engine = open_database(url)
        insert = (postgresql if self._engine.dialect.name == "postgresql" else sqlite).insert(rollups)
        # Adding in the database: two flushes in one hour, or a restart within it, sum up.
        self._upsert = insert.on_conflict_do_update(
            index_elements=["hour", "check_id"],
            set_={name: rollups.c[name] + insert.excluded[name] for name in _SUMS},
        )

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add to the hours, all or nothing."""
        if rows:
            with self._engine.begin() as connection:
                connection.execute(self._upsert, rows)

    def sums_since(self, hour: int) -> Sequence[Row[Any]]:
        """One row a check: its sums since ``hour``."""
        sums = [func.sum(rollups.c[name]).label(name) for name in _SUMS]
        query = select(rollups.c.check_id, *sums).where(rollups.c.hour >= hour).group_by(rollups.c.check_id)
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def close(self) -> None:
        """Let the connections go."""
        self._engine.dispose()
