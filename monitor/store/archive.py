"""What is known of the past, for pages, commands and formats."""

from collections.abc import Collection, Mapping
from typing import Self

from monitor.domain.alert import Acknowledgement, Post, Silence
from monitor.domain.claim import Said
from monitor.domain.outage import Note, OutageQuery, Span, Transition
from monitor.store.errors import StoreError
from monitor.store.values import Availability, Noted, Stretch, Tally
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
        found: tuple[Noted, ...] = await self._worker.do(
            lambda statements: (statements.search if query.kind or query.text else statements.read).windows(query)
        )
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

    async def spans(self, since: float, until: float) -> tuple[Span, ...]:
        """What each vantage was in that time, by vantage and start; a span reaches out of it where it did."""
        found: tuple[Span, ...] = await self._worker.do(lambda statements: statements.read.spans(since, until))
        return found

    async def annotate(self, note: Note) -> None:
        """Keep a note; on disk at the return. What the judgement stored of the window stays as it is.

        Raises StoreError also when there is no such window.
        """
        if not await self._worker.do(lambda statements: statements.write.note(note)):
            raise StoreError(f"there is no window {note.window_id}", permanent=True)

    async def posts(self, window_id: str) -> tuple[Post, ...]:
        """What was told of a window, or will be, oldest first."""
        found: tuple[Post, ...] = await self._worker.do(lambda statements: statements.post.about(window_id))
        return found

    async def newest_posts(self, limit: int) -> tuple[Post, ...]:
        """What was decided last to be told, newest first."""
        found: tuple[Post, ...] = await self._worker.do(lambda statements: statements.post.newest(limit))
        return found

    async def acknowledge(self, note: Acknowledgement) -> None:
        """Keep who looks after a window; on disk at the return. Raises StoreError also when there is no such window."""
        if not await self._worker.do(lambda statements: statements.post.acknowledge(note)):
            raise StoreError(f"there is no window {note.window_id}", permanent=True)

    async def acknowledged(self, window_ids: Collection[str]) -> tuple[Acknowledgement, ...]:
        """Of these windows, those that somebody looks after."""
        found: tuple[Acknowledgement, ...] = await self._worker.do(
            lambda statements: statements.post.acknowledged(window_ids)
        )
        return found

    async def claims(self, services: Collection[str], since: float, until: float) -> tuple[Said, ...]:
        """What providers began to say of these services in that time, oldest first."""
        found: tuple[Said, ...] = await self._worker.do(
            lambda statements: statements.read.claims(services, since, until)
        )
        return found

    async def remembered(self, key: str) -> str:
        """What the monitor keeps for itself under a key, or nothing."""
        found: str = await self._worker.do(lambda statements: statements.read.remembered(key))
        return found

    async def silence(self, silence: Silence) -> None:
        """Keep a silence, in place of one of the same id; on disk at the return."""
        await self._worker.do(lambda statements: statements.post.silence(silence))

    async def end_silence(self, silence_id: str, now: float) -> bool:
        """Let it end at ``now``, if it would end later; False when there is no such."""
        found: bool = await self._worker.do(lambda statements: statements.post.end_silence(silence_id, now))
        return found

    async def silences(self, since: float) -> tuple[Silence, ...]:
        """Those that end after ``since``, by their begin."""
        found: tuple[Silence, ...] = await self._worker.do(lambda statements: statements.post.silences(since))
        return found

    async def availability(self, since: float, until: float, service: str = "") -> tuple[Availability, ...]:
        """One for each service; with ``service`` for that one and each of its components. By name.

        Over all hours that lie at least partly in that time, as far as they are
        written, and as notes amend them. Of days older than `Retention.hours`
        only whole ones (UTC) count.
        """
        found: tuple[Availability, ...] = await self._worker.do(
            lambda statements: statements.sums.availability(since, until, service)
        )
        return found

    async def days(self, service: str, since: float) -> tuple[Availability, ...]:
        """Each day (UTC) since that of ``since``, as notes amend it, oldest first; the service, then its components."""
        found: tuple[Availability, ...] = await self._worker.do(lambda statements: statements.sums.days(service, since))
        return found

    async def days_of(
        self, services: Collection[str], since: float, until: float
    ) -> tuple[Availability | Stretch, ...]:
        """Of these services as a whole, each day (UTC) that begins before ``until``, oldest first."""
        found: tuple[Availability | Stretch, ...] = await self._worker.do(
            lambda statements: statements.calendar.days(services, since, until)
        )
        return found

    async def hours(self, service: str, since: float, until: float) -> tuple[Availability | Stretch, ...]:
        """Of one service and each of its components, each hour that is kept, oldest first."""
        found: tuple[Availability | Stretch, ...] = await self._worker.do(
            lambda statements: statements.calendar.hours(service, since, until)
        )
        return found

    async def pace(self, check_ids: Collection[str], since: float, until: float) -> Mapping[str, Mapping[int, Tally]]:
        """The attempts of these checks by the hour, as far as they are written."""
        found: Mapping[str, Mapping[int, Tally]] = await self._worker.do(
            lambda statements: statements.calendar.pace(check_ids, since, until)
        )
        return found

    async def close(self) -> None:
        """Let the database go; for who opened it by `visit`."""
        await self._worker.close()
