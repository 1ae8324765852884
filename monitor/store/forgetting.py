"""Letting go of what is old, in turns so small that nobody waits for one."""

from typing import NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Engine, and_, delete, func, select, true

from monitor.domain.alert import PostState
from monitor.domain.words import Status
from monitor.store.tables import (
    acknowledgements,
    claims,
    documents,
    notes,
    outbox,
    outbox_windows,
    rollups,
    silences,
    spans,
    state_days,
    state_hours,
    transitions,
    window_services,
    windows,
)
from monitor.store.values import DAY, HOUR, Retention

_OVER = windows.c.status.in_((Status.CLOSED, Status.ABSORBED))


class _Old(NamedTuple):
    """Rows that are forgotten by their age, ``step`` seconds of them in one turn."""

    column: Column[float]
    days: int
    step: float
    only: ColumnElement[bool] = true()


class Forgetting:
    """Everything raises SQLAlchemyError, having changed nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def turn(self, now: float, keep: Retention) -> bool:
        """Forget some hours' rows, in one transaction. False when nothing old is left."""
        kinds = (
            _Old(rollups.c.hour, keep.rollups, 6 * HOUR),
            _Old(state_hours.c.hour, keep.hours, 6 * HOUR),
            _Old(transitions.c.decided, keep.transitions, 6 * HOUR),
            _Old(state_days.c.day, keep.windows, 7 * DAY),
            _Old(spans.c.start, keep.windows, 7 * DAY, spans.c.end.is_not(None)),
            _Old(windows.c.start, keep.windows, 7 * DAY, _OVER),
            _Old(outbox.c.decided, keep.transitions, DAY, outbox.c.state != PostState.WAITING),
            _Old(silences.c.until, keep.transitions, 7 * DAY),
            _Old(claims.c.at, keep.windows, 7 * DAY),
        )
        with self._engine.begin() as connection:
            return any(_forget(connection, old, now - old.days * DAY) for old in kinds)


def _forget(connection: Connection, old: _Old, before: float) -> bool:
    oldest: float | None = connection.scalar(select(func.min(old.column)).where(old.only))
    if oldest is None or oldest >= before:
        return False
    which = and_(old.column < min(before, oldest + old.step), old.only)
    if old.column.table is windows:
        ids = select(windows.c.id).where(which)
        for part in (documents, window_services, notes, acknowledgements):
            connection.execute(delete(part).where(part.c.window_id.in_(ids)))
    if old.column.table is outbox:
        keys = select(outbox.c.key).where(which)
        connection.execute(delete(outbox_windows).where(outbox_windows.c.key.in_(keys)))
    connection.execute(delete(old.column.table).where(which))
    return True
