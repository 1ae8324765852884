"""What is added up by the hour: attempts of each check, seconds in each state. In memory first, then on disk."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

import structlog

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.outage import StateSeconds
from monitor.store.errors import StoreError
from monitor.store.values import HOUR, Tally
from monitor.store.worker import ROWS_A_TURN, Worker

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_log = structlog.get_logger(__name__)


class _Sums(Generic[_Key, _Value]):
    """Sums that wait, by their key. ``merge`` adds its second argument to its first."""

    def __init__(
        self, write: Callable[[Any, dict[_Key, _Value]], None], merge: Callable[[_Value, _Value], None]
    ) -> None:
        self.rows: dict[_Key, _Value] = {}
        self._write = write
        self._merge = merge

    async def flush(self, worker: Worker, pause: float) -> None:
        """Write all that waits now, in turns. Raises StoreError, and then what was not written waits again."""
        keys = list(self.rows)
        for start in range(0, len(keys), ROWS_A_TURN):
            turn = {key: self.rows.pop(key) for key in keys[start : start + ROWS_A_TURN] if key in self.rows}
            attempt = worker.do(partial(self._write_turn, turn))
            attempt.add_done_callback(partial(self._written, turn))
            await asyncio.wait([attempt])  # whoever cancels us does not cancel the thread: the rows are accounted for
            attempt.result()
            await asyncio.sleep(pause)

    def _write_turn(self, turn: dict[_Key, _Value], statements: Any) -> None:
        self._write(statements, turn)

    def _written(self, turn: dict[_Key, _Value], attempt: asyncio.Future[None]) -> None:
        if attempt.exception() is None:
            return
        for key, value in turn.items():
            newer = self.rows.get(key)
            self.rows[key] = value
            if newer is not None:
                self._merge(value, newer)


class Counts:
    """Adds up in memory and writes when told to.

    What could not be written stays in memory and is written the next time: a
    full disk or a locked file delays, and loses nothing while we live. That is
    one row for each hour and check, service and component: with 10,000 checks
    some 5 MB an hour.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._tallies = _Sums[tuple[int, str], Tally](lambda s, rows: s.write.add_tallies(rows), Tally.add)
        self._seconds = _Sums[tuple[int, str, str], list[float]](lambda s, rows: s.write.add_seconds(rows), _add)

    @property
    def pending(self) -> int:
        """Rows that wait to be written."""
        return len(self._tallies.rows) + len(self._seconds.rows)

    def observe(self, check: Check, attempt: Attempt) -> None:
        """Add one attempt to the hour it began in."""
        key = (int(attempt.started) // HOUR * HOUR, check.id)
        tally = self._tallies.rows.get(key)
        if tally is None:
            tally = self._tallies.rows[key] = Tally()
        tally.count(attempt)

    def keep_seconds(self, rows: Iterable[StateSeconds]) -> None:
        """Add to what is known of the same hour, service and component. About 1 us a row."""
        for row in rows:
            key = (row.hour, row.service, row.component)
            sums = self._seconds.rows.get(key)
            if sums is None:
                self._seconds.rows[key] = [row.up, row.degraded, row.down, row.unknown, row.planned]
            else:
                _add(sums, (row.up, row.degraded, row.down, row.unknown, row.planned))

    async def flush(self, pause: float) -> None:
        """Write what waits, some rows at a time, ``pause`` seconds apart. A failure is logged and ends it."""
        try:
            await self._tallies.flush(self._worker, pause)
            await self._seconds.flush(self._worker, pause)
        except StoreError as error:
            _log.warning("hourly sums not stored; will try again", error=str(error), rows=self.pending)

    async def since(self, moment: float) -> Mapping[str, Tally]:
        """What is known of each check since the hour of ``moment``; when the store cannot be read, what waits here."""
        hour = int(moment) // HOUR * HOUR
        try:
            stored: dict[str, Tally] = await self._worker.do(lambda statements: statements.sums.tallies(hour))
        except StoreError as error:
            _log.warning("store not readable", error=str(error))
            stored = {}
        for (begin, check_id), tally in self._tallies.rows.items():
            if begin >= hour:
                stored.setdefault(check_id, Tally()).add(tally)
        return stored


def _add(sums: list[float], more: Iterable[float]) -> None:
    for index, seconds in enumerate(more):
        sums[index] += seconds
