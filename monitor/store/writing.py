"""What the store writes, in SQLAlchemy Core. Blocking: runs in the store's own thread."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Executable, bindparam, delete

from monitor.domain.outage import Note, Ruling, StateSeconds, Transition, Window
from monitor.store import documents as documents_as_text
from monitor.store.database import adding, replacing, unless_known
from monitor.store.errors import StoreError
from monitor.store.numbers import Numbers
from monitor.store.tables import (
    STATES,
    documents,
    memory,
    notes,
    rollups,
    spans,
    state_days,
    state_hours,
    transitions,
    window_services,
    windows,
)
from monitor.store.values import DAY, Tally

ROWS_A_TURN = 250
"""Rows written in one go: the worker needs the GIL for about 5 ms of them, which the loop should not feel."""
_BREATH = 0.005
"""Seconds between two turns of one transaction, in which the GIL is free."""

_Rows = Sequence[Mapping[str, Any]]
_COLUMNS = [column.name for column in windows.c]


class Writing:
    """Everything raises SQLAlchemyError, having changed nothing."""

    def __init__(self, engine: Engine, checks: Numbers, subjects: Numbers) -> None:
        self._engine = engine
        self._checks = checks
        self._subjects = subjects
        # Adding in the database: two flushes in one hour, or a restart within it, sum up.
        self._add_tally = adding(engine, rollups, ("ok", "failed", "inconclusive", "ok_us"))
        sums = [f"{state}_ms" for state in STATES]
        self._add_states = {table: adding(engine, table, sums) for table in (state_hours, state_days)}
        self._replace = {table: replacing(engine, table) for table in (windows, documents, spans, memory)}
        self._add_service = unless_known(engine, window_services, ("service", "window_id"))
        self._add_transition = unless_known(engine, transitions, [key.name for key in transitions.primary_key])

    def add_tallies(self, tallies: Mapping[tuple[int, str], Tally]) -> None:
        """Add to the hours, all or nothing. Keys: the hour and the check's id."""
        numbers = self._checks.of((check_id,) for _, check_id in tallies)
        rows = [
            {
                "hour": hour,
                "check_no": numbers[check_id,],
                "ok": tally.ok,
                "failed": tally.failed,
                "inconclusive": tally.inconclusive,
                "ok_us": round(tally.seconds_ok * 1e6),
            }
            for (hour, check_id), tally in tallies.items()
        ]
        with self._engine.begin() as connection:
            connection.execute(self._add_tally, rows)

    def add_seconds(self, seconds: Sequence[StateSeconds]) -> None:
        """Add to the hours and to their days, all or nothing."""
        numbers = self._subjects.of((row.service, row.component) for row in seconds)
        rows = [
            {
                "hour": row.hour,
                "day": row.hour // DAY * DAY,
                "subject_no": numbers[row.service, row.component],
                **{f"{state}_ms": round(getattr(row, state) * 1000) for state in STATES},
            }
            for row in seconds
        ]
        with self._engine.begin() as connection:
            for table, statement in self._add_states.items():
                names = {column.name for column in table.c}
                connection.execute(statement, [{name: row[name] for name in names} for row in rows])

    def rule(self, ruling: Ruling) -> None:
        """All that was decided at once, all or nothing. Doing it again changes nothing more."""
        numbers = self._checks.of((transition.check_id,) for transition in ruling.transitions)
        with self._engine.begin() as connection:
            for statement, rows in self._parts(ruling, numbers):
                for start in range(0, len(rows), ROWS_A_TURN):
                    connection.execute(statement, rows[start : start + ROWS_A_TURN])
                    time.sleep(_BREATH)

    def _parts(self, ruling: Ruling, numbers: Mapping[tuple[str, ...], int]) -> Iterator[tuple[Executable, _Rows]]:
        named = [{"window_id": window.id, "document": documents_as_text.encode(window)} for window in ruling.windows]
        yield self._replace[windows], [_window_row(window) for window in ruling.windows]
        yield self._replace[documents], named
        yield delete(window_services).where(window_services.c.window_id == bindparam("of")), [
            {"of": window.id} for window in ruling.windows
        ]
        yield self._add_service, [
            {"service": service, "window_id": window.id} for window in ruling.windows for service in window.services
        ]
        yield self._add_transition, [_transition_row(each, numbers[each.check_id,]) for each in ruling.transitions]
        yield self._replace[spans], [
            {"vantage": span.vantage, "start": span.start, "state": span.state, "end": span.end}
            for span in ruling.spans
        ]
        yield self._replace[memory], [{"key": key, "text": text} for key, text in ruling.memory if text]
        yield delete(memory).where(memory.c.key == bindparam("of")), [
            {"of": key} for key, text in ruling.memory if not text
        ]

    def note(self, note: Note) -> None:
        """Add a note. Raises StoreError when there is no such window."""
        with self._engine.begin() as connection:
            _refuse_unknown(connection, note.window_id)
            connection.execute(
                notes.insert(),
                {
                    "window_id": note.window_id,
                    "at": note.at,
                    "author": note.author,
                    "text": note.text,
                    "changes": documents_as_text.encode_changes(note.changes),
                },
            )


def _refuse_unknown(connection: Connection, window_id: str) -> None:
    if connection.execute(windows.select().where(windows.c.id == window_id)).first() is None:
        raise StoreError(f"there is no window {window_id}", permanent=True)


def _window_row(window: Window) -> dict[str, Any]:
    return {name: getattr(window, name) for name in _COLUMNS}


def _transition_row(transition: Transition, number: int) -> dict[str, Any]:
    return {
        "decided": transition.decided,
        "check_no": number,
        "vantage": transition.vantage,
        "at": transition.at,
        "state": transition.state,
        "after": transition.after,
        "before": transition.before,
        "layer": transition.layer,
        "reason": transition.reason,
    }
