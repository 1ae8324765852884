"""How one peer is asked: again and again over one connection, and less and less often while it does not answer."""

import asyncio
import random
import ssl
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
import structlog

from monitor.domain.ports import Clock
from monitor.domain.vitals import PeerTrouble, PeerVitals
from monitor.formats.feed import LARGEST, Unreadable, read_page
from monitor.formats.text import NAME, plain
from monitor.peers.circle import Circle, Impostor
from monitor.peers.hearing import Hearing

_PATH = "/api/v1/attempts"
_WAIT = 10
"""Seconds that a peer without news may take to say so."""
_PATIENCE = 10.0
"""Seconds more until it counts as silent."""
_AT_ONCE = 20
"""Pages read without a pause, when it has so much to tell."""
_FIRST_PAUSE, _LAST_PAUSE = 1.0, 60.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where a peer listens, and what it wants to be shown."""

    url: str
    """Without a slash at its end."""
    interval: float
    """Seconds between two questions."""
    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""


class _BadStatus(Exception):
    """An answer that is not 200."""


class Follower:
    """Follows the peer at one address."""

    def __init__(self, line: Line, circle: Circle, hearing: Hearing, clock: Clock) -> None:
        self.line = line
        self.hearing = hearing
        self._circle = circle
        self._clock = clock
        self._is_up = False
        self._answered = 0.0
        self._troubles: Counter[PeerTrouble] = Counter()
        self._said: PeerTrouble | None = None
        """The trouble that the log has named already."""

    async def follow(self, user_agent: str) -> None:
        """Ask until cancelled. Raises nothing."""
        pause = _FIRST_PAUSE
        while True:
            answered = self._answered
            try:
                await self._converse(user_agent)
            except Exception as error:  # noqa: BLE001  # a peer that is away or mad, or a bug of ours, costs this peer only
                self._note_trouble(error)
            pause = min(2 * pause, _LAST_PAUSE) if self._answered == answered else _FIRST_PAUSE
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret

    def vitals(self) -> PeerVitals:
        """How it goes."""
        hearing = self.hearing
        return PeerVitals(
            url=self.line.url,
            vantage=self._circle.name(self.line.url),
            is_up=self._is_up,
            answered=self._answered,
            taken=hearing.taken,
            ignored=dict(hearing.ignored),
            troubles=dict(self._troubles),
            lost=hearing.lost,
            lag=hearing.lag,
            skew=hearing.skew.seconds,
        )

    async def _converse(self, user_agent: str) -> None:
        """Ask as long as it answers. Raises whatever goes wrong."""
        line = self.line
        # By a thread: it reads files.
        trust = await asyncio.to_thread(_trust, line.ca_file) if urlsplit(line.url).scheme == "https" else True
        headers = {"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "identity"}
        if line.token:
            headers["Authorization"] = f"Bearer {line.token}"
        elif line.username:
            headers["Authorization"] = f"Basic {b64encode(f'{line.username}:{line.password}'.encode()).decode()}"
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, limit=1),
            headers=headers,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=_WAIT + _PATIENCE, connect=_PATIENCE),
        ) as session:
            while True:
                began = self._clock.monotonic()
                await self._catch_up(session)
                await asyncio.sleep(max(0.0, began + line.interval - self._clock.monotonic()))

    async def _catch_up(self, session: aiohttp.ClientSession) -> None:
        for _ in range(_AT_ONCE):
            is_more = await self._ask(session)
            self._note_answer()
            if not is_more:
                return

    async def _ask(self, session: aiohttp.ClientSession) -> bool:
        after = self.hearing.after
        asked = {"wait": str(_WAIT)} if after is None else {"wait": str(_WAIT), "after": str(after)}
        # A redirection is not followed: it would carry our token to somebody else.
        async with session.get(self.line.url + _PATH, params=asked, allow_redirects=False) as response:
            came = self._clock.now()
            if response.status != 200:
                raise _BadStatus(f"it answers with status {response.status}")
            page = read_page(await _read(response.content))
        self._circle.admit(self.line.url, page.vantage)
        return await self.hearing.take(page.vantage.name, page, came)

    def _note_answer(self) -> None:
        if not self._is_up:
            _log.info("peer answers", peer=self.line.url, vantage=self._circle.name(self.line.url))
        self._is_up, self._answered, self._said = True, self._clock.now(), None

    def _note_trouble(self, error: Exception) -> None:
        trouble = _trouble(error)
        self._troubles[trouble] += 1
        self._is_up = False
        if trouble is PeerTrouble.INTERNAL:
            _log.error("bug in following a peer", peer=self.line.url, exc_info=error)
        elif trouble is not self._said:
            why = plain(str(error) or type(error).__name__, NAME)
            _log.warning("peer not heard; will try again", peer=self.line.url, trouble=str(trouble), why=why)
        self._said = trouble


def _trust(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file or None)


async def _read(content: aiohttp.StreamReader) -> bytes:
    """All of it. Raises Unreadable when it is more than a page can be."""
    pieces: list[bytes] = []
    size = 0
    async for piece in content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST:
            raise Unreadable(f"more than {LARGEST} bytes")
    return b"".join(pieces)


def _trouble(error: Exception) -> PeerTrouble:
    if isinstance(error, _BadStatus):
        return PeerTrouble.STATUS
    if isinstance(error, Unreadable | aiohttp.ClientPayloadError):
        return PeerTrouble.MALFORMED
    if isinstance(error, Impostor):
        return PeerTrouble.NAME
    return PeerTrouble.UNREACHABLE if isinstance(error, OSError | aiohttp.ClientError) else PeerTrouble.INTERNAL
