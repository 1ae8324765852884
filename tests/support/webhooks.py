"""A web server that takes what is posted to it, and answers as a test says."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass(slots=True)
class Hook:
    """``status``, ``headers`` and ``body`` are what it answers; ``is_silent`` lets everybody wait."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_silent: bool = False
    taken: list[Taken] = field(default_factory=list)
    port: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Take note of a request."""
        body = await request.read()
        self.taken.append(Taken(method=request.method, path=request.path_qs, headers=request.headers, body=body))
        if self.is_silent:
            await asyncio.sleep(3600)
        return web.Response(status=self.status, headers=self.headers, body=self.body)


@asynccontextmanager
async def hook(tls: ssl.SSLContext | None = None) -> AsyncIterator[Hook]:
    """One on a free port of 127.0.0.1."""
    there = Hook()
    async with serving(there.answer, tls) as there.port:
        yield there


@asynccontextmanager
async def serving(answer: Any, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A handler for every path and method; its port."""
    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    assert site._server is not None
    try:
        yield site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # a Server of asyncio
    finally:
        await runner.cleanup()
