"""A stand-in for Signal's chat service; libsignal's own client takes its keepalives and understands its refusals.

Messages are Google's Protocol Buffers, the WebSocket is aiohttp's: nothing of ours is inside.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support.certificates import server_context
from tests.support.protobufs import message_types

MESSAGES = message_types(
    "signal",
    {
        "WebSocketMessage": {1: "uint32 type", 2: "Request request", 3: "Response response"},
        "Request": {1: "string verb", 2: "string path", 3: "bytes body", 4: "uint64 id", 5: "repeated string headers"},
        "Response": {
            1: "uint64 id",
            2: "uint32 status",
            3: "string message",
            4: "bytes body",
            5: "repeated string headers",
        },
    },
)
PATH = "/v1/websocket/"


def _same(message: Any) -> Any:
    return message


@dataclass
class SignalChat:
    """One server: how it takes the upgrade, and what it says to a keepalive."""

    upgrade: int = 101
    keepalive: int = 200
    stamped: bool = True
    """Whether it is the application that answers, which stamps everything."""
    ahead: float = 0.0
    """Seconds that its clock is ahead."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of a refused upgrade or keepalive."""
    bend: Callable[[Any], Any] = _same
    """Changes the response before it is sent; bytes are sent as they are, None is silence."""
    speaks_first: bool = False
    """Whether it has a request of its own before it answers."""
    upgrades: list[Mapping[str, str]] = field(default_factory=list)
    """The headers of the upgrades that were asked for."""
    requests: list[Any] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One client."""
        self.upgrades.append({name.lower(): value for name, value in request.headers.items()})
        if self.upgrade != 101:
            return web.Response(status=self.upgrade, headers={**self.headers, **self._stamp()})
        socket = web.WebSocketResponse()
        socket.headers.update(self._stamp())
        await socket.prepare(request)
        async for message in socket:
            asked = MESSAGES["WebSocketMessage"].FromString(message.data)
            self.requests.append(asked)
            if self.speaks_first:
                own = {"verb": "PUT", "path": "/api/v1/queue/empty", "id": 7}
                await socket.send_bytes(MESSAGES["WebSocketMessage"](type=1, request=own).SerializeToString())
            answer = self.bend(self._answer(asked.request))
            if answer is not None:
                await socket.send_bytes(answer if isinstance(answer, bytes) else answer.SerializeToString())
        return socket

    def _answer(self, request: Any) -> Any:
        known = (request.verb, request.path) == ("GET", "/v1/keepalive")
        status = self.keepalive if known else 404
        headers = [f"{name}:{value}" for name, value in {**self.headers, **self._stamp()}.items()]
        response = {"id": request.id, "status": status, "message": "OK" if status == 200 else "", "headers": headers}
        return MESSAGES["WebSocketMessage"](type=2, response=response)

    def _stamp(self) -> dict[str, str]:
        return {"X-Signal-Timestamp": str(int((time.time() + self.ahead) * 1000))} if self.stamped else {}


@asynccontextmanager
async def signal_chat(server: SignalChat, leaf: tuple[Path, Path] | None = None) -> AsyncIterator[int]:
    """The server on loopback, with TLS when there is a ``leaf``; its port."""
    app = web.Application()
    app.router.add_get(PATH, server.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(leaf) if leaf else None)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
