"""/events: tells pages that are open when they would show something else (Server-Sent Events)."""

import asyncio
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import inf

from aiohttp import web

from monitor.web.backend import Backend

_LOOK = 1.0
"""Seconds between two looks, and so at least between two events."""
_FRESH = 5.0
"""Seconds that may lie between the making of a page and the opening of its stream."""
_HEARTBEAT = 15.0
"""Seconds of silence after which proxies would begin to doubt."""
_READERS = 500
_AT_ONCE = 25
_PAUSE = 0.02
"""Readers come back for the page at once: they are told in groups, so many seconds apart."""
_GONE = 30_000
"""Milliseconds after which a reader that acknowledges nothing is given up."""
_AGAIN = 3_000
"""Milliseconds, and up to twice as many, until a reader whose stream broke comes back."""


class Stream:
    """One open stream."""

    def __init__(self, transport: asyncio.Transport | None) -> None:
        self._transport = transport
        self._woken = asyncio.Event()

    @property
    def is_gone(self) -> bool:
        """Whether the connection was closed meanwhile."""
        return self._transport is None or self._transport.is_closing()

    def wake(self) -> None:
        """There is news, or an end."""
        self._woken.set()

    async def woken(self, seconds: float) -> None:
        """Return when there is news, after so many seconds at the latest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()


class News:
    """Whether pages would show something else, and who wants to know."""

    def __init__(self, picture: Callable[[], object]) -> None:
        """``picture`` is all that pages show and that does not change by the mere passing of time."""
        self._picture = picture
        self._seen = picture()
        self._streams: dict[Stream, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._changed = -inf
        self._version = 0
        self._is_wanted = False
        self.is_over = False

    @property
    def readers(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    @property
    def version(self) -> int:
        """Another number after each change that was seen; who asks wants the next look to be taken."""
        self._is_wanted = True
        return self._version

    @property
    def is_fresh(self) -> bool:
        """Whether the last change was a few seconds ago."""
        return asyncio.get_running_loop().time() < self._changed + _FRESH

    def begin(self) -> None:
        """Look once a second from now on."""
        self._timer = asyncio.get_running_loop().call_later(_LOOK, self._tick)

    def end(self) -> None:
        """Look no longer, and let every stream end."""
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._wake(list(self._streams))

    def look(self) -> None:
        """Compare, and tell."""
        picture = self._picture()
        if picture != self._seen:
            self._seen = picture
            self._changed = asyncio.get_running_loop().time()
            self._version += 1
            self._wake(list(self._streams))
        for stream in self._streams:
            if stream.is_gone:
                stream.wake()

    @contextmanager
    def reading(self, transport: asyncio.Transport | None) -> Iterator[Stream]:
        """A reader for as long as it lasts. Raises HTTPServiceUnavailable when there are too many."""
        if len(self._streams) >= _READERS or self.is_over:
            raise web.HTTPServiceUnavailable(text="too many readers\n", headers={"Retry-After": "30"})
        stream = Stream(transport)
        self._streams[stream] = None
        try:
            yield stream
        finally:
            del self._streams[stream]

    def _tick(self) -> None:
        self.begin()
        if self._streams or self._is_wanted:  # it takes 5 ms of 10,000 checks: not for nobody
            self._is_wanted = False
            self.look()

    def _wake(self, streams: list[Stream]) -> None:
        for stream in streams[:_AT_ONCE]:
            stream.wake()
        if len(streams) > _AT_ONCE:
            pause = 0.0 if self.is_over else _PAUSE
            asyncio.get_running_loop().call_later(pause, self._wake, streams[_AT_ONCE:])


NEWS = web.AppKey("news", News)


async def events(request: web.Request) -> web.StreamResponse:
    """An event for each change, a comment now and then, until the reader or the monitor goes."""
    news = request.app[NEWS]
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    with news.reading(request.transport) as stream, suppress(ConnectionError):
        _give_up_early(request.transport)
        version = news.version - news.is_fresh  # the page may have been made before what happened just now
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        again = _AGAIN + random.randrange(_AGAIN)  # noqa: S311  # spreads readers, hides nothing
        await response.write(f"retry: {again}\n\n".encode())
        while not (news.is_over or stream.is_gone):
            told, version = version, news.version
            await response.write(b"event: news\ndata: %d\n\n" % version if version != told else b":\n\n")
            await stream.woken(_HEARTBEAT)
    return response


def picture(backend: Backend) -> object:
    """Windows and who was told of them, states, claims, our own state; whether anything fails or was asked at all."""
    judged, rows = backend.judged, backend.board.watched()
    components = {(row.check.service, row.check.component) for row in rows}
    places = [*components, *{(service, "") for service, _ in components}]
    return (
        judged.standing(),
        backend.online(),
        tuple(judged.windows()),
        backend.telling.changes(),
        tuple(backend.claims()),
        {place: judged.state(*place) for place in places},
        any(row.failing_since for row in rows),
        any(row.last for row in rows),
    )


async def begin(app: web.Application) -> None:
    """Look from now on."""
    app[NEWS].begin()


async def end(app: web.Application) -> None:
    """Nobody who listens may hold up a stop."""
    app[NEWS].end()


def _give_up_early(transport: asyncio.Transport | None) -> None:
    """A reader whose machine vanished acknowledges no heartbeat; the system would go on for a quarter of an hour."""
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GONE)
