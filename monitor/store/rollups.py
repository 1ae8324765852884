"""Hourly roll-ups: how often each check was asked, and what came of it."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import structlog

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.words import Outcome

HOUR = 3600
_ROWS_A_TURN = 250
"""Rows in one transaction: the worker needs the GIL for about 5 ms of them, which the loop should not feel."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Tally:
    """The attempts of one check in some time."""

    ok: int = 0
    failed: int = 0
    inconclusive: int = 0
    seconds_ok: float = 0.0

    def count(self, attempt: Attempt) -> None:
        """Add one attempt."""
        if attempt.outcome is Outcome.OK:
            self.ok += 1
            self.seconds_ok += attempt.duration
        elif attempt.outcome is Outcome.FAILED:
            self.failed += 1
        else:
            self.inconclusive += 1

    def add(self, other: "Tally") -> None:
        """Add all of another tally."""
        self.ok += other.ok
        self.failed += other.failed
        self.inconclusive += other.inconclusive
        self.seconds_ok += other.seconds_ok


class Rollups:
    """A Sink that adds up in memory and writes when told to.

    What could not be written stays in memory and is written the next time, so
    a full disk or a locked file delays, and loses nothing while we live.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pending: dict[tuple[int, str], Tally] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._statements: Any = None
        self.errors = 0

    @property
    def pending(self) -> int:
        """Rows that wait to be written."""
        return len(self._pending)

    def observe(self, check: Check, attempt: Attempt) -> None:
        """Add one attempt to the hour it began in."""
        key = (int(attempt.started) // HOUR * HOUR, check.id)
        tally = self._pending.get(key)
        if tally is None:
            tally = self._pending[key] = Tally()
        tally.count(attempt)

    async def flush(self, pause: float = 0.0) -> None:
        """Write what is pending, some rows at a time, ``pause`` seconds apart.

        A failure is counted and logged, and the rows stay pending.
        """
        keys = list(self._pending)
        for start in range(0, len(keys), _ROWS_A_TURN):
            rows = {key: self._pending.pop(key) for key in keys[start : start + _ROWS_A_TURN]}
            try:
                await self._in_worker(self._write, rows)
            except Exception as error:  # noqa: BLE001  # drivers raise what they like; none of it may reach probing
                self.errors += 1
                for key, tally in rows.items():
                    self._pending.setdefault(key, Tally()).add(tally)
                _log.warning("store not writable; will try again", error=_first_line(error), rows=self.pending)
                return
            await asyncio.sleep(pause)

    async def since(self, moment: float) -> Mapping[str, Tally]:
        """What is known of each check since the hour of ``moment``; empty when the store cannot be read."""
        hour = int(moment) // HOUR * HOUR
        try:
            stored: dict[str, Tally] = await self._in_worker(self._read, hour)
        except Exception as error:  # noqa: BLE001  # as above
            self.errors += 1
            _log.warning("store not readable", error=_first_line(error))
            stored = {}
        for (begin, check_id), tally in self._pending.items():
            if begin >= hour:
                stored.setdefault(check_id, Tally()).add(tally)
        return stored

    async def close(self) -> None:
        """Write a last time and let the thread go."""
        await self.flush()
        if self._statements is not None:
            await self._in_worker(self._statements.close)
        self._worker.shutdown(wait=False)

    async def _in_worker(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work, *arguments)

    def _open(self) -> Any:
        if self._statements is None:
            # SQLAlchemy and Alembic take half a second to import: the first attempts need not wait for that.
            self._statements = import_module("monitor.store.statements").Statements(self._url)
        return self._statements

    def _write(self, rows: Mapping[tuple[int, str], Tally]) -> None:
        self._open().add(
            [
                {
                    "hour": hour,
                    "check_id": check_id,
                    "ok": tally.ok,
                    "failed": tally.failed,
                    "inconclusive": tally.inconclusive,
                    "seconds_ok": tally.seconds_ok,
                }
                for (hour, check_id), tally in rows.items()
            ]
        )

    def _read(self, hour: int) -> dict[str, Tally]:
        rows: Sequence[Any] = self._open().sums_since(hour)
        return {row.check_id: Tally(row.ok, row.failed, row.inconclusive, row.seconds_ok) for row in rows}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
