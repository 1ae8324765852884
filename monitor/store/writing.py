"""What the store writes, in SQLAlchemy Core. Blocking: runs in the store's own thread."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Executable, bindparam, delete, select

from monitor.domain.outage import Note, Ruling, Span, Transition, Window
from monitor.store import documents as texts
from monitor.store.database import adding, replacing, unless_known
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
from monitor.store.worker import ROWS_A_TURN

_BREATH = 0.005
"""Seconds between two turns of one transaction, in which the GIL is free."""

_Rows = Sequence[Mapping[str, Any]]
_forget_services = delete(window_services).where(window_services.c.window_id == bindparam("of"))
_forget_memory = delete(memory).where(memory.c.key == bindparam("of"))
_STATES_MS = [f"{state}_ms" for state in STATES]
_COLUMNS = [column.name for column in windows.c]


class Writing:
    """Everything raises SQLAlchemyError, having changed nothing."""

    def __init__(self, engine: Engine, checks: Numbers, subjects: Numbers) -> None:
        self._engine = engine
        self._checks = checks
        self._subjects = subjects
        # Adding in the database: two flushes in one hour, or a restart within it, sum up.
        self._add_tally = adding(engine, rollups, ("ok", "failed", "inconclusive", "ok_us"))
        self._add_hours = adding(engine, state_hours, _STATES_MS)
        self._add_days = adding(engine, state_days, _STATES_MS)
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

    def add_seconds(self, seconds: Mapping[tuple[int, str, str], Sequence[float]]) -> None:
        """Add to the hours and to their days, all or nothing. Keys: hour, service, component; values as `STATES`."""
        numbers = self._subjects.of((service, component) for _, service, component in seconds)
        sums = [
            (
                hour,
                {"subject_no": numbers[service, component]}
                | {column: round(value * 1000) for column, value in zip(_STATES_MS, values, strict=True)},
            )
            for (hour, service, component), values in seconds.items()
        ]
        with self._engine.begin() as connection:
            connection.execute(self._add_hours, [{"hour": hour, **row} for hour, row in sums])
            connection.execute(self._add_days, [{"day": hour // DAY * DAY, **row} for hour, row in sums])

    def rule(self, ruling: Ruling) -> None:
        """All that was decided at once, all or nothing. Doing it again changes nothing more."""
        numbers = self._checks.of((transition.check_id,) for transition in ruling.transitions)
        written = 0
        with self._engine.begin() as connection:
            for statement, rows in self._parts(ruling, numbers):
                for start in range(0, len(rows), ROWS_A_TURN):
                    turn = rows[start : start + ROWS_A_TURN]
                    connection.execute(statement, turn)
                    written += len(turn)
                    if written >= ROWS_A_TURN:
                        written = 0
                        time.sleep(_BREATH)

    def _parts(self, ruling: Ruling, numbers: Mapping[tuple[str, ...], int]) -> Iterator[tuple[Executable, _Rows]]:
        yield self._replace[windows], [_window_row(window) for window in ruling.windows]
        yield self._replace[documents], [_document_row(window) for window in ruling.windows]
        yield _forget_services, [{"of": window.id} for window in ruling.windows]
        yield self._add_service, [row for window in ruling.windows for row in _service_rows(window)]
        yield self._add_transition, [_transition_row(each, numbers[each.check_id,]) for each in ruling.transitions]
        yield self._replace[spans], [_span_row(span) for span in ruling.spans]
        yield self._replace[memory], [{"key": key, "text": text} for key, text in ruling.memory if text]
        yield _forget_memory, [{"of": key} for key, text in ruling.memory if not text]

    def note(self, note: Note) -> bool:
        """Add a note; False when there is no such window."""
        with self._engine.begin() as connection:
            if connection.scalar(select(windows.c.id).where(windows.c.id == note.window_id)) is None:
                return False
            connection.execute(
                notes.insert(),
                {
                    "window_id": note.window_id,
                    "at": note.at,
                    "author": note.author,
                    "text": note.text,
                    "changes": texts.encode_changes(note.changes),
                },
            )
            return True


def _window_row(window: Window) -> dict[str, Any]:
    return {name: getattr(window, name) for name in _COLUMNS}


def _document_row(window: Window) -> dict[str, Any]:
    return {"window_id": window.id, "document": texts.encode(window)}


def _service_rows(window: Window) -> Iterator[dict[str, Any]]:
    return ({"service": service, "window_id": window.id} for service in sorted(set(window.services)))


def _span_row(span: Span) -> dict[str, Any]:
    return {"vantage": span.vantage, "start": span.start, "state": span.state, "end": span.end}


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
