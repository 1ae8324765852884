"""Rulings on their way to the disk: in order, each whole, tried again until it is there."""

import asyncio
from functools import partial

import structlog

from monitor.domain.alert import Message
from monitor.domain.claim import Said
from monitor.domain.outage import Span, Transition, Window
from monitor.domain.ruling import Ruling
from monitor.store.worker import Worker

_SOON = 0.5
_SELDOM = 10.0
"""Seconds between two tries, first and last: they double from one to the other."""
_MOST_TRANSITIONS = 250_000
"""That wait to be written: some 100 MB. What the store holds of windows, spans and memory bounds itself."""

_log = structlog.get_logger(__name__)


class _Pile:
    """Rulings that became one while they waited: later ones replace what earlier ones said of the same thing."""

    def __init__(self, most_transitions: int) -> None:
        self._most_transitions = most_transitions
        self._at = 0.0
        self._windows: dict[str, Window] = {}
        self._transitions: list[Transition] = []
        self._spans: dict[tuple[str, float], Span] = {}
        self._memory: dict[str, str] = {}
        self._messages: list[Message] = []
        self._claims: list[Said] = []
        self.kept: list[asyncio.Future[None]] = []
        """Who waits for it."""

    def __len__(self) -> int:
        things = (self._windows, self._transitions, self._spans, self._memory, self._messages, self._claims)
        return sum(map(len, things))

    def add(self, ruling: Ruling) -> None:
        self._at = ruling.at
        self._windows.update((window.id, window) for window in ruling.windows)
        self._transitions += ruling.transitions
        self._spans.update(((span.vantage, span.start), span) for span in ruling.spans)
        self._memory.update(ruling.memory)
        self._messages += ruling.messages
        self._claims += ruling.claims
        excess = len(self._transitions) - self._most_transitions
        if excess > 0:
            del self._transitions[:excess]
            _log.error("store not writable for so long that the oldest transitions were dropped", lost=excess)

    def join(self, later: "_Pile") -> None:
        """Take in what came after it."""
        self.add(later.ruling())
        self.kept += later.kept

    def ruling(self) -> Ruling:
        """All of it as one."""
        return Ruling(
            at=self._at,
            windows=tuple(self._windows.values()),
            transitions=tuple(self._transitions),
            spans=tuple(self._spans.values()),
            memory=tuple(self._memory.items()),
            messages=tuple(self._messages),
            claims=tuple(self._claims),
        )


class Rulings:
    """Takes rulings at once and writes them one after the other.

    One at most is being written; all that come meanwhile, or while the disk is
    full, are joined into the one that is next. So what is on disk is always
    what some sitting left, and what waits is bounded: by the number of things
    that there are, and by a limit for transitions.
    """

    def __init__(self, worker: Worker, most_transitions: int = _MOST_TRANSITIONS) -> None:
        self._worker = worker
        self._most_transitions = most_transitions
        self._next = _Pile(most_transitions)
        self._writing: _Pile | None = None
        self._attempt: asyncio.Future[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._pause = _SOON

    @property
    def pending(self) -> int:
        """Windows, transitions, spans, pieces of memory, messages and claims that are not on disk."""
        return len(self._next) + (len(self._writing) if self._writing else 0)

    def keep(self, ruling: Ruling) -> None:
        """Write it as soon as those before it are written."""
        self._next.add(ruling)
        if self._retry is None:
            self._write()

    async def kept(self) -> None:
        """Return when all that was given so far is on disk. Raises CancelledError when it was given up at the end."""
        last = self._next if len(self._next) else self._writing
        if last is not None:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            last.kept.append(future)
            await future

    async def flush(self) -> None:
        """Write what waits now, until nothing does or it fails."""
        while True:
            if self._retry is not None:
                self._retry.cancel()
            self._write()
            if self._attempt is None:
                return
            attempt = self._attempt
            await asyncio.wait([attempt])
            if attempt.exception() is not None:
                return

    async def close(self) -> None:
        """Try a last time. What still cannot be written is lost, and the log says so."""
        await self.flush()
        if self._retry is not None:
            self._retry.cancel()
        if self.pending:
            _log.error("stopped with decisions that could not be stored", lost=self.pending)
        for future in self._next.kept:
            future.cancel()

    def _write(self) -> None:
        self._retry = None
        if self._attempt is None and len(self._next):
            self._writing, self._next = self._next, _Pile(self._most_transitions)
            ruling = self._writing.ruling()
            self._attempt = self._worker.do(lambda statements: statements.write.rule(ruling))
            self._attempt.add_done_callback(partial(self._written, self._writing))

    def _written(self, pile: _Pile, attempt: asyncio.Future[None]) -> None:
        self._writing = self._attempt = None
        error = attempt.exception()
        if error is None:
            self._pause = _SOON
            for future in pile.kept:
                if not future.done():
                    future.set_result(None)
            self._write()
            return
        pile.join(self._next)
        self._next = pile
        _log.warning("decisions not stored; will try again", error=str(error), rows=self.pending, pause=self._pause)
        self._retry = asyncio.get_running_loop().call_later(self._pause, self._write)
        self._pause = min(2 * self._pause, _SELDOM)
