"""The store of a running monitor."""

import asyncio
from collections.abc import Iterable, Mapping

import structlog

from monitor.domain.alert import Post
from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.outage import StateSeconds
from monitor.domain.ruling import Ruling
from monitor.store.archive import Archive
from monitor.store.claim import Claim, is_new, sqlite_path
from monitor.store.counts import Counts
from monitor.store.errors import StoreError
from monitor.store.inspection import Inspection
from monitor.store.rulings import Rulings
from monitor.store.values import Resumed, Retention, Tally
from monitor.store.worker import Worker

_SOON, _SELDOM = 0.5, 10.0
"""Seconds between two tries to read at the start, first and last."""
_KEEP = Retention()

_log = structlog.get_logger(__name__)


class Store:
    """A Sink, and where the judgement's decisions go. `claim` it, `resume` from it, `close` it.

    Nothing here blocks the loop. A database that is locked, full or gone costs
    nothing but itself: what should be written waits in memory, is tried again
    in order, and is counted (`pending`, `errors`).
    """

    def __init__(self, url: str) -> None:
        self._path = sqlite_path(url)
        self._worker = Worker(url)
        self._rulings = Rulings(self._worker)
        self._counts = Counts(self._worker)
        self._claim: Claim | None = None
        self._inspection: Inspection | None = None
        self.archive = Archive(self._worker)
        """All that can be asked of the past."""

    @property
    def pending(self) -> int:
        """Rows that wait to be written."""
        return self._rulings.pending + self._counts.pending

    @property
    def errors(self) -> int:
        """Times that the database could not be read or written."""
        return self._worker.errors

    @property
    def is_damaged(self) -> bool:
        """Whether the file turned out not to be whole: it is left as it is, and no longer written."""
        return self._worker.damage is not None

    def claim(self) -> None:
        """Make sure, in milliseconds, that the file can be ours, and keep others away for life.

        Raises StoreError with what to do: the place is missing or not writable,
        another process has the file, it is no store, a damaged one, or one of
        a newer version. A database that is not a file is claimed when it is opened.
        """
        if self._path is not None:
            self._claim = Claim(self._path)

    async def resume(self) -> Resumed:
        """What the last run left. Waits as long as it cannot be read; raises StoreError when waiting does not help."""
        if self._path is not None and is_new(self._path):
            # The tables are made when there is something to write: importing what makes them delays the first attempts.
            return Resumed(windows=(), spans=(), memory={})
        resumed = await self._read_patiently()
        if self._path is not None and self._claim is not None and not self._claim.is_checked:
            self._inspection = Inspection(self._path, self._on_damage)
        return resumed

    def observe(self, check: Check, attempt: Attempt) -> None:
        """Add one attempt to its hour."""
        self._counts.observe(check, attempt)

    def keep(self, ruling: Ruling) -> None:
        """Have it written as one, after all that were given before. Returns at once; `kept` tells when it is done."""
        self._rulings.keep(ruling)

    async def kept(self) -> None:
        """Return when every ruling that was given so far is on disk, and may be told.

        Raises CancelledError when the store was closed before.
        """
        await self._rulings.kept()

    def keep_seconds(self, rows: Iterable[StateSeconds]) -> None:
        """Add to what is known of each hour, service and component."""
        self._counts.keep_seconds(rows)

    async def flush(self, pause: float = 0.0) -> None:
        """Write what waits: rulings, then sums in turns ``pause`` seconds apart. Never raises: see `pending`."""
        await self._rulings.flush()
        await self._counts.flush(pause)

    async def waiting_posts(self) -> tuple[Post, ...]:
        """What is to be told and was not, in the order in which it was decided. Raises StoreError."""
        if self._path is not None and is_new(self._path):
            return ()
        found: tuple[Post, ...] = await self._worker.do(lambda statements: statements.post.waiting())
        return found

    async def sent_posts(self, talk: str) -> tuple[Post, ...]:
        """What was told in a conversation, oldest first. Raises StoreError."""
        found: tuple[Post, ...] = await self._worker.do(lambda statements: statements.post.sent(talk))
        return found

    async def update_post(self, post: Post) -> None:
        """How far a post came; on disk at the return. Raises StoreError."""
        await self._worker.do(lambda statements: statements.post.update(post))

    async def since(self, moment: float) -> Mapping[str, Tally]:
        """What is known of each check since the hour of ``moment``, what waits included."""
        return await self._counts.since(moment)

    async def forget(self, now: float, keep: Retention = _KEEP, pause: float = 0.05) -> None:
        """Let go of what is older than ``keep``, in turns ``pause`` seconds apart. Never raises."""
        try:
            more = True
            while more:
                more = await self._worker.do(lambda statements: statements.forget.turn(now, keep))
                await asyncio.sleep(pause)
        except StoreError as error:
            _log.warning("old rows not forgotten", error=str(error))

    async def close(self) -> None:
        """Write a last time and let the file go."""
        await self._rulings.close()
        await self._counts.flush(0)
        if self._inspection is not None:
            await self._inspection.stop()
        await self._worker.close()
        if self._claim is not None:
            self._claim.release()

    async def _read_patiently(self) -> Resumed:
        pause = _SOON
        while True:
            try:
                resumed: Resumed = await self._worker.do(lambda statements: statements.read.resumed())
            except StoreError as error:
                if error.permanent:
                    raise
                _log.warning("store not readable; will try again", error=str(error), pause=pause)
            else:
                return resumed
            await asyncio.sleep(pause)
            pause = min(2 * pause, _SELDOM)

    def _on_damage(self, error: StoreError) -> None:
        self._worker.damage = error
