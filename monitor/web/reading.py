"""Reading the store for somebody who waits: never for long, and never in vain."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

import structlog

from monitor.domain.outage import OutageQuery, Window
from monitor.domain.words import Status
from monitor.formats.report import Report, report
from monitor.web.backend import Backend, History

_PATIENCE = 3.0
_ALIVE = (Status.PLANNED, Status.OPEN, Status.RECOVERING)
_MOST = 1000
_LONGEST_ID = 500
_T = TypeVar("_T")

_log = structlog.get_logger(__name__)


class Unreadable(Exception):
    """The store did not answer; the message is for people."""


async def read(history: History, reading: Awaitable[_T]) -> _T:
    """What ``reading`` gives. Raises Unreadable when the store fails, or takes longer than a reader waits."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await reading
    except TimeoutError as error:
        _log.warning("store too slow for a reader", patience=_PATIENCE)
        raise Unreadable("The store does not answer at the moment.") from error
    except history.errors as error:
        # What a database complains of names files and hosts: for the log, not for whoever reads the page.
        _log.warning("store not readable", error=str(error))
        raise Unreadable("The store cannot be read at the moment.") from error


async def reports(history: History, query: OutageQuery) -> list[Report]:
    """The windows that match, with their notes. Raises Unreadable."""
    return [report(window, notes) for window, notes in await read(history, history.windows(query))]


async def one(history: History, window_id: str) -> Report | None:
    """The window of that id, with its notes. Raises Unreadable."""
    if len(window_id) > _LONGEST_ID:
        return None
    found = await read(history, history.window(window_id))
    return None if found is None else report(*found)


async def alive(backend: Backend) -> tuple[list[Report], str]:
    """The windows that are not over, newest start first, and a sentence when the store cannot be read.

    What the judgement holds now has the last word; notes are the store's.
    """
    problem, stored = "", list[Report]()
    try:
        stored = await reports(backend.history, OutageQuery(is_open=True, limit=_MOST))
    except Unreadable as error:
        problem = str(error)
    return _latest(stored, backend.judged.windows()), problem


def _latest(stored: Iterable[Report], judged: Iterable[Window]) -> list[Report]:
    notes = {one.window.id: one.notes for one in stored}
    windows = {one.window.id: one for one in stored}
    windows.update({window.id: report(window, notes.get(window.id, ())) for window in judged})
    found = [one for one in windows.values() if one.window.status in _ALIVE]
    return sorted(found, key=lambda one: (one.window.start, one.window.id), reverse=True)
