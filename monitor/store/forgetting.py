"""Letting go of what is old, in turns so small that nobody waits for one."""

from collections.abc import Callable

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, delete, func, select

from monitor.store.tables import documents, notes, rollups, spans, state_days, state_hours, transitions
from monitor.store.tables import window_services, windows
from monitor.store.values import DAY, HOUR, Retention


class Forgetting:
    """Everything raises SQLAlchemyError, having changed nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def turn(self, now: float, keep: Retention) -> bool:
        """Forget some of it: one transaction over a few hours' rows. False when nothing old is left."""
        with self._engine.begin() as connection:
            return any(
                forget(connection, now - days * DAY)
                for forget, days in (
                    (_rollups, keep.rollups),
                    (_state_hours, keep.hours),
                    (_transitions, keep.transitions),
                    (_state_days, keep.windows),
                    (_spans, keep.windows),
                    (_windows, keep.windows),
                )
            )
