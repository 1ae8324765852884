"""Answers kept for a moment: many readers who ask the same cost one rendering.

An answer is good until the page would show something else, and for a second
at most. While one is being made, whoever asks the same waits for it.
"""

import asyncio
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from aiohttp import web
from multidict import CIMultiDict

from monitor.web.backend import BACKEND
from monitor.web.door import HEADERS, Handler
from monitor.web.language import language_of

_FRESH = 1.0
"""Seconds: ages and clocks on a page go on meanwhile."""
_MOST = 256
_MOST_BYTES = 16_000_000
_WORTH_PACKING = 600
"""Bytes below which the head outweighs what is saved."""
_LONG = 50_000
"""Bytes that take more than half a millisecond to compress: in a thread."""
_TOLD_AGAIN = ("ETag", "Cache-Control", "Vary", *HEADERS)
"""What an answer says of itself without its body (RFC 9110 15.4.5)."""


class Key(NamedTuple):
    """What makes two answers differ."""

    target: str
    """Path and query, as written."""
    host: str
    """Links may lead to the host that was asked."""
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """A body in one coding, with all of its headers."""

    etag: str
    body: bytes
    headers: CIMultiDict[str]


class Answer:
    """One answer, ready to be sent as it is or compressed."""

    def __init__(self, body: bytes, packed: bytes | None, headers: CIMultiDict[str], status: int = 200) -> None:
        tag = blake2b(body, digest_size=12).hexdigest()
        self._status = status
        self._plain = _form(body, f'"{tag}"', headers)
        self._packed = None
        if packed is not None:
            self._packed = _form(packed, f'"{tag}-gzip"', headers, **{"Content-Encoding": "gzip"})
        self.size = len(body) + len(packed or b"")

    def reply(self, request: web.Request) -> web.Response:
        """In the coding that the reader takes; without a body when he has it already (RFC 9110 13.1.2)."""
        form = self._plain
        if self._packed is not None and takes_gzip(request.headers.get("Accept-Encoding", "")):
            form = self._packed
        known = request.headers.get("If-None-Match")
        if known is not None and self._status == 200 and _has(known, form.etag):
            return web.Response(status=304, headers={name: form.headers[name] for name in _TOLD_AGAIN})
        return web.Response(status=self._status, body=form.body, headers=form.headers)


class Cache:
    """The answers of the last second, refusals too, by what was asked."""

    def __init__(self, now: Callable[[], float], version: Callable[[], int], *, control: str) -> None:
        """``now`` in seconds that never jump, ``version`` another number whenever pages show something else."""
        self._now = now
        self._version = version
        self._control = control
        self._kept: dict[Key, tuple[float, int, Answer]] = {}
        self._making: dict[Key, asyncio.Event] = {}
        self._bytes = 0

    async def answer(self, key: Key, handler: Handler, request: web.Request) -> web.Response:
        """What ``handler`` says to ``request``, or said a moment ago."""
        since = self._version()
        while (found := self._fresh(key, since)) is None and key in self._making:
            await self._making[key].wait()  # what comes of it may be older than what this reader may know
        return (found or await self._make(key, handler, request)).reply(request)

    def _fresh(self, key: Key, since: int) -> Answer | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        made, version, answer = kept
        return answer if version >= since and self._now() - made < _FRESH else None

    async def _make(self, key: Key, handler: Handler, request: web.Request) -> Answer:
        version = self._version()
        done = self._making[key] = asyncio.Event()
        try:
            response = await _said(handler, request)
            headers = _headers(response, self._control, speaks=bool(key.language))
            answer = await packed(response.body, headers, response.status)
            self._keep(key, version, answer)
            return answer
        finally:
            del self._making[key]
            done.set()

    def _keep(self, key: Key, version: int, answer: Answer) -> None:
        self._forget(key)
        self._kept[key] = (self._now(), version, answer)
        self._bytes += answer.size
        while len(self._kept) > _MOST or self._bytes > _MOST_BYTES:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Key) -> None:
        with suppress(KeyError):
            self._bytes -= self._kept.pop(key)[2].size


CACHE = web.AppKey("cache", Cache)


def cached(handler: Handler, *, speaks: bool = False) -> Handler:
    """``handler``, which sets no cookies, behind the cache of its application. ``speaks``: in the reader's language."""

    async def answer(request: web.Request) -> web.StreamResponse:
        language = language_of(request) if speaks else ""
        host = "" if request.app[BACKEND].url else request.headers.get("Host", "")
        return await request.app[CACHE].answer(Key(request.raw_path, host, language), handler, request)

    return answer


async def _said(handler: Handler, request: web.Request) -> web.Response:
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        response = refusal
    if not isinstance(response, web.Response):
        raise TypeError(f"{request.path} answers with a stream, which cannot be kept")
    return response


async def packed(body: object, headers: CIMultiDict[str], status: int) -> Answer:
    """The answer with its compressed form, where that is worth it: pictures are compressed already."""
    body = body if isinstance(body, bytes) else b""
    if len(body) < _WORTH_PACKING or headers.get("Content-Type") == "image/png":
        return Answer(body, None, headers, status)
    small = compress(body) if len(body) < _LONG else await asyncio.to_thread(compress, body)
    return Answer(body, small, headers, status)


def takes_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header admits gzip (RFC 9110 12.5.3)."""
    weights = dict(_weighed(part) for part in header.lower().split(","))
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))


def _weighed(part: str) -> tuple[str, bool]:
    coding, _, weight = part.partition(";")
    return coding.strip(), weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")


def compress(body: bytes) -> bytes:
    """In the format of gzip."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
    return compressor.compress(body) + compressor.flush()


def _has(header: str, etag: str) -> bool:
    """Whether an If-None-Match header names it; weak tags count (RFC 9110 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return etag in tags or "*" in tags


def _headers(response: web.Response, control: str, *, speaks: bool) -> CIMultiDict[str]:
    headers = CIMultiDict(response.headers)
    headers.popall("Content-Length", None)
    vary = "Accept-Encoding, Accept-Language, Cookie" if speaks else "Accept-Encoding"
    for name, text in {"Cache-Control": control, "Vary": vary, **HEADERS}.items():
        headers.setdefault(name, text)
    return headers


def _form(body: bytes, etag: str, headers: CIMultiDict[str], **more: str) -> _Form:
    whole = headers.copy()
    whole.update({"ETag": etag, "Content-Length": str(len(body)), **more})
    return _Form(etag=etag, body=body, headers=whole)
