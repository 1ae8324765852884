"""What the store writes, in SQLAlchemy Core. Blocking: runs in the store's own thread."""

import time
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Engine, select

from monitor.domain.outage import Note, Transition
from monitor.domain.ruling import Ruling
from monitor.store import documents as texts
from monitor.store.batch import Batch, Rows, adding, deleting, replacing, unless_known
from monitor.store.numbers import Numbers
from monitor.store.posting import new_rows
from monitor.store.tables import (
    STATES,
    claims,
    documents,
    memory,
    notes,
    outbox,
    outbox_windows,
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

_WINDOW = [column.name for column in windows.c]
_GROWING = (window_services, transitions, outbox, outbox_windows, claims)
"""Tables whose rows are written once."""
_CLAIM = [column.name for column in claims.c]
_STATES_MS = [f"{state}_ms" for state in STATES]


class Writing:
    """Everything raises SQLAlchemyError, having changed nothing. Rows are in the order of the tables' columns."""

    def __init__(self, engine: Engine, checks: Numbers, subjects: Numbers) -> None:
        self._engine = engine
        self._checks = checks
        self._subjects = subjects
        # Adding in the database: two flushes in one hour, or a restart within it, sum up.
        self._add_tally = adding(engine, rollups, ("ok", "failed", "inconclusive", "ok_us"))
        self._add_hour = adding(engine, state_hours, _STATES_MS)
        self._add_day = adding(engine, state_days, _STATES_MS)
        self._replace = {table: replacing(engine, table) for table in (windows, documents, spans, memory)}
        self._add = {table: unless_known(engine, table) for table in _GROWING}
        self._forget_services = deleting(engine, window_services.c.window_id)
        self._forget_memory = deleting(engine, memory.c.key)

    def add_tallies(self, tallies: Mapping[tuple[int, str], Tally]) -> None:
        """Add to the hours, all or nothing. Keys: the hour and the check's id."""
        numbers = self._checks.of((check_id,) for _, check_id in tallies)
        rows = [
            (hour, numbers[check_id,], tally.ok, tally.failed, tally.inconclusive, round(tally.seconds_ok * 1e6))
            for (hour, check_id), tally in tallies.items()
        ]
        with self._engine.begin() as connection:
            self._add_tally.run(connection, rows)

    def add_seconds(self, seconds: Mapping[tuple[int, str, str], Sequence[float]]) -> None:
        """Add to the hours and to their days, all or nothing. Keys: hour, service, component; values as `STATES`."""
        numbers = self._subjects.of((service, component) for _, service, component in seconds)
        rows = [
            (hour, numbers[service, component], *[round(value * 1000) for value in values])
            for (hour, service, component), values in seconds.items()
        ]
        with self._engine.begin() as connection:
            self._add_hour.run(connection, rows)
            self._add_day.run(connection, [(hour // DAY * DAY, *rest) for hour, *rest in rows])

    def rule(self, ruling: Ruling) -> None:
        """All that was decided at once, all or nothing. Doing it again changes nothing more."""
        numbers = self._checks.of((transition.check_id,) for transition in ruling.transitions)
        written = 0
        with self._engine.begin() as connection:
            for batch, rows in self._parts(ruling, numbers):
                for start in range(0, len(rows), ROWS_A_TURN):
                    turn = rows[start : start + ROWS_A_TURN]
                    batch.run(connection, turn)
                    written += len(turn)
                    if written >= ROWS_A_TURN:
                        written = 0
                        time.sleep(_BREATH)

    def _parts(self, ruling: Ruling, numbers: Mapping[tuple[str, ...], int]) -> Iterator[tuple[Batch, Rows]]:
        yield self._replace[windows], [tuple(getattr(window, name) for name in _WINDOW) for window in ruling.windows]
        yield self._replace[documents], [(window.id, texts.encode(window)) for window in ruling.windows]
        yield self._forget_services, [(window.id,) for window in ruling.windows]
        yield self._add[window_services], [(name, window.id) for window in ruling.windows for name in window.services]
        yield self._add[transitions], [_transition(each, numbers[each.check_id,]) for each in ruling.transitions]
        yield self._replace[spans], [(span.vantage, span.start, span.state, span.end) for span in ruling.spans]
        yield self._replace[memory], [(key, text) for key, text in ruling.memory if text]
        yield self._forget_memory, [(key,) for key, text in ruling.memory if not text]
        posts, about = new_rows(ruling.messages)
        yield self._add[outbox], posts
        yield self._add[outbox_windows], about
        said = [tuple(getattr(each, name) for name in _CLAIM) for each in ruling.claims]
        yield self._add[claims], said

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


def _transition(transition: Transition, number: int) -> tuple[object, ...]:
    return (
        transition.decided,
        number,
        transition.vantage,
        transition.at,
        transition.state,
        transition.after,
        transition.before,
        transition.layer,
        transition.reason,
    )
