"""Small servers on loopback that stand in for the real services, and fail as they failed on the day."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from monitor.domain.words import Layer
from monitor.replay.scenario import Target
from monitor.replay.simulation import Seen

HELLO, WELCOME = "HELLO lastseen", "WELCOME"
MESSAGE, ACCEPTED = "MESSAGE to a friend", "ACCEPTED"
_REFUSED = "REFUSED"
_NETWORK = "127.10.25"
"""Loopback is a whole /8 on Linux. Each service has an address of its own here: .1, .2, ..."""
_FIRST_PORT = 7001
_PATIENCE = 10.0
"""Seconds after which a visitor who says nothing, or waits for what never comes, is shown out."""
_HEAD_END = b"\r\n\r\n"

Met = Callable[[str], Seen]
"""What an attempt at ``service.component`` meets now."""
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """Where one component is played."""

    target: Target
    host: str
    port: int

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"

    @property
    def speaks_http(self) -> bool:
        """HTTP, or else the little language of our own for chats."""
        return Layer.HTTP in self.target.chain


def plan(targets: Iterable[Target]) -> list[StandIn]:
    """A place for each target: always the same one, so that a configuration for them can be written beforehand."""
    services: dict[str, list[Target]] = {}
    for target in targets:
        services.setdefault(target.service, []).append(target)
    return [
        StandIn(target=target, host=f"{_NETWORK}.{number}", port=_FIRST_PORT + index)
        for number, members in enumerate(services.values(), 1)
        for index, target in enumerate(members)
    ]


async def open_all(planned: Iterable[StandIn], met: Met, stack: AsyncExitStack) -> list[StandIn]:
    """Let all of them serve until ``stack`` unwinds, and tell where they stand in the end."""
    return [await _open(one, met, stack) for one in planned]


async def _open(planned: StandIn, met: Met, stack: AsyncExitStack) -> StandIn:
    bound = _bind(planned)
    host, port = bound.getsockname()
    visit = partial(_receive, _answer_http if planned.speaks_http else _chat, partial(met, planned.target.name))
    server = await asyncio.start_server(visit, sock=bound)
    stack.callback(server.close)
    return StandIn(target=planned.target, host=host, port=port)


def _bind(planned: StandIn) -> socket.socket:
    """A socket at the planned place, or at any free one where that is taken, or not to be had on this system."""
    try:
        return socket.create_server((planned.host, planned.port))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


async def _receive(
    serve: Callable[[_Streams, Seen], Awaitable[None]],
    met: Callable[[], Seen],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """One visitor, who meets what there is when he comes."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await serve((reader, writer), met())
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # he went away, or did not speak as our probes do
    finally:
        writer.close()


async def _chat(streams: _Streams, seen: Seen) -> None:
    """A hello and a message; what broke at the handshake accepts, and then says nothing."""
    reader, writer = streams
    if seen.layer is Layer.HANDSHAKE:
        while await reader.read(1024):
            pass
        return
    await reader.readuntil(b"\n")
    await asyncio.sleep(seen.latency)
    writer.write(f"{WELCOME}\r\n".encode())
    await reader.readuntil(b"\n")
    writer.write(f"{_REFUSED if seen.layer is Layer.SEND else ACCEPTED}\r\n".encode())
    await writer.drain()


async def _answer_http(streams: _Streams, seen: Seen) -> None:
    """One request, one answer: fine, or with the status that the day had."""
    reader, writer = streams
    await reader.readuntil(_HEAD_END)
    await asyncio.sleep(seen.latency)
    status = HTTPStatus.OK if seen.layer is None else HTTPStatus(int(seen.error.removeprefix("http_")))
    body = f"{status.phrase}\n"
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: {len(body)}\r\nConnection: close"
    writer.write(f"{head}{_HEAD_END.decode()}{body}".encode())
    await writer.drain()
