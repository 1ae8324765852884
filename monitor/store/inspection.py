"""Reading a large file through, after the start and beside the work: is it whole?"""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import structlog

from monitor.store.claim import examine, open_to_read
from monitor.store.errors import StoreError

_NICE = 15
_log = structlog.get_logger(__name__)


class Inspection:
    """Under way from the beginning; ``on_damage`` is called, on the loop, if the file is not whole.

    A connection that changes nothing, and a thread of its own that yields to
    all others: neither reading nor writing waits for it. Half a gigabyte takes
    some ten seconds of CPU.
    """

    def __init__(self, path: Path, on_damage: Callable[[StoreError], None]) -> None:
        self._path = path
        self._on_damage = on_damage
        self._connection = open_to_read(path)
        self._began = time.monotonic()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inspection", initializer=_yield_to_others)
        self._verdict = asyncio.get_running_loop().run_in_executor(self._thread, self._examine)
        self._verdict.add_done_callback(self._tell)

    async def stop(self) -> None:
        """End it, whether or not it is done."""
        with suppress(sqlite3.ProgrammingError):  # it has ended, and closed it
            self._connection.interrupt()
        await asyncio.wait([self._verdict])

    def _examine(self) -> None:
        with closing(self._connection):
            examine(self._connection, self._path)

    def _tell(self, verdict: asyncio.Future[None]) -> None:
        self._thread.shutdown(wait=False)
        error = verdict.exception()
        seconds = round(time.monotonic() - self._began, 1)
        if isinstance(error, StoreError):
            _log.error("the store is damaged and will not be written any more", error=str(error))
            self._on_damage(error)
        elif isinstance(error, sqlite3.Error):
            _log.info("the store was not checked to its end", reason=str(error), seconds=seconds)
        elif error is not None:
            raise error
        else:
            _log.info("the store is whole", seconds=seconds)


def _yield_to_others() -> None:
    # Linux counts niceness by thread
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
