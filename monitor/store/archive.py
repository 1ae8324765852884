"""What is known of the past, for pages, commands and formats."""

from collections.abc import Collection
from typing import Self

from monitor.domain.outage import Note, OutageQuery, Transition
from monitor.store.errors import StoreError
from monitor.store.values import Availability, Noted
from monitor.store.worker import Worker


class Archive:
    """Reads, and takes notes. Everything raises StoreError."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    @classmethod
    def visit(cls, url: str) -> Self:
        """Beside the monitor that owns the database: takes no lock, and never makes or changes a schema."""
        return cls(Worker(url, visiting=True))

    async def windows(self, query: OutageQuery) -> tuple[Noted, ...]:
        """Those that match, newest start first."""
        found: tuple[Noted, ...] = await self._worker.do(lambda statements: statements.read.windows(query))
        return found

    async def window(self, window_id: str) -> Noted | None:
        """One window, absorbed ones too."""
        found: Noted | None = await self._worker.do(lambda statements: statements.read.window(window_id))
        return found

    async def course(self, window_id: str) -> tuple[Transition, ...]:
        """The transitions of the checks of all components of a window, from its start until it was closed."""
        found: tuple[Transition, ...] = await self._worker.do(lambda statements: statements.read.course(window_id))
        return found

    async def transitions(
        self, check_ids: Collection[str], since: float, until: float | None = None
    ) -> tuple[Transition, ...]:
        """Those of these checks that were decided in that time, oldest first."""
        found: tuple[Transition, ...] = await self._worker.do(
            lambda statements: statements.read.transitions(check_ids, since, until)
        )
        return found

    async def annotate(self, note: Note) -> None:
        """Keep a note; on disk at the return. What the judgement stored of the window stays as it is.

        Raises StoreError also when there is no such window.
        """
        if not await self._worker.do(lambda statements: statements.write.note(note)):
            raise StoreError(f"there is no window {note.window_id}", permanent=True)

    async def availability(self, since: float, until: float, service: str = "") -> tuple[Availability, ...]:
        """One for each service; with ``service`` for that one and each of its components. By name.

        Over all hours that lie at least partly in that time, as far as they are
        written. Of days older than `Retention.hours` only whole ones (UTC) count.
        """
        found: tuple[Availability, ...] = await self._worker.do(
            lambda statements: statements.sums.availability(since, until, service)
        )
        return found

    async def days(self, service: str, since: float) -> tuple[Availability, ...]:
        """Each day (UTC) since the one of ``since``, oldest first; of a day the service first, then its components."""
        found: tuple[Availability, ...] = await self._worker.do(lambda statements: statements.sums.days(service, since))
        return found

    async def close(self) -> None:
        """Let the database go; for who opened it by `visit`."""
        await self._worker.close()
