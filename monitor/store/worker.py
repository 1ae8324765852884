"""The one thread that talks to the database."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from monitor.store.claim import damaged, sqlite_path
from monitor.store.errors import StoreError

ROWS_A_TURN = 250
"""Rows written in one go: the worker needs the GIL for about 5 ms of them, which the loop should not feel."""
_T = TypeVar("_T")


class Worker:
    """Does one thing after the other; opens the database when there is something to do, again and again if it must."""

    def __init__(self, url: str, *, visiting: bool = False) -> None:
        self._url = url
        self._visiting = visiting
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._statements: Any = None
        self.errors = 0
        """Times that something could not be done."""
        self.damage: StoreError | None = None
        """Once set, nothing is asked of the database any more."""

    def do(self, work: Callable[[Any], _T]) -> asyncio.Future[_T]:
        """What ``work`` makes of the `monitor.store.statements.Statements`. Raises StoreError only."""
        return asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    async def close(self) -> None:
        """Let database and thread go."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _do(self, work: Callable[[Any], _T]) -> _T:
        try:
            return work(self._open())
        except StoreError:
            self.errors += 1
            raise
        except Exception as error:
            self.errors += 1
            raise self._translated(error) from error

    def _open(self) -> Any:
        if self.damage is not None:
            raise self.damage
        if self._statements is None:
            # SQLAlchemy takes half a second to import: the first attempts need not wait for that.
            statements = import_module("monitor.store.statements")
            self._statements = statements.Statements(self._url, visiting=self._visiting)
        return self._statements

    def _close(self) -> None:
        if self._statements is not None:
            self._statements.close()
            self._statements = None

    def _translated(self, error: Exception) -> StoreError:
        """Every driver has its own errors; here they end."""
        cause = getattr(error, "orig", error)  # what SQLAlchemy wraps, if it does
        if str(getattr(cause, "sqlite_errorname", "")).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            self.damage = damaged(sqlite_path(self._url) or Path(self._url), str(cause))
            return self.damage
        first_line = (str(error).splitlines() or [""])[0]
        return StoreError(first_line or type(error).__name__)
