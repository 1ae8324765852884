"""A server that answers a request with the bytes it was given: for what no real server says."""

import asyncio
from contextlib import AbstractAsyncContextManager

from tests.support.scripted import scripted


def answering(*pieces: bytes, hold: bool = False) -> AbstractAsyncContextManager[int]:
    """The port of a server that reads a request's head, writes the pieces one by one, then closes or holds open."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if hold:
            await reader.read()

    return scripted(answer)
