"""Servers that do exactly what a test says, for behaviour that no decent server shows."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from typing_extensions import override

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def scripted(
    handler: Handler, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """A TCP server whose connections run ``handler``; its port. The connection ends when the handler returns."""
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left, or the test is over
        finally:
            handlers.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, host, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(handlers):
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        await asyncio.sleep(0)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take everything, say nothing, until the client leaves."""
    while await reader.read(65536):
        pass


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End the connection in order, at once."""


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take what comes first, then end the connection in order."""
    await reader.read(65536)


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send RST as soon as the first bytes came."""
    await reader.read(1)
    reset(writer)


def reset(writer: asyncio.StreamWriter) -> None:
    """Answer with RST in place of FIN."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def says(data: bytes, *, piece: int | None = None, pause: float = 0.0) -> Handler:
    """A handler that sends ``data``, in pieces of so many bytes, and then waits for the client to leave."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = piece or len(data) or 1
        for start in range(0, len(data), size):
            writer.write(data[start : start + size])
            await writer.drain()
            await asyncio.sleep(pause)
        await silent(reader, writer)

    return handler


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[bytes], list[bytes]]) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        for packet in self._answer(data):
            self._transport.sendto(packet, addr)


@asynccontextmanager
async def scripted_udp(
    answer: Callable[[bytes], list[bytes]], *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """A UDP server that sends the packets that ``answer`` gives for each one received; its port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(answer), local_addr=(host, port))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
        await asyncio.sleep(0)
