"""From a connection to a WebSocket, and from there to a stream of bytes again, for what is carried inside."""

from typing import Protocol

from monitor.domain.attempt import Run
from monitor.net.http import status_failure
from monitor.net.network import Network
from monitor.net.stream import Stream
from monitor.net.url import Url
from monitor.net.websocket import Opcode, WebSocket, ask_upgrade

_LIMIT = 1 << 20


class Channel(Protocol):
    """Bytes to and from a server: a `Stream`, or a `Tunnel` through one."""

    def write(self, data: bytes) -> None:
        """Send ``data``."""
        ...

    async def read_exactly(self, count: int) -> bytes:
        """Exactly ``count`` bytes. Raises ProbeFailed closed when there are fewer."""
        ...


class Tunnel:
    """The binary messages of a WebSocket, as the one stream of bytes that they carry."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._arrived = bytearray()

    def write(self, data: bytes) -> None:
        """Send ``data`` as one message."""
        self._socket.send(Opcode.BINARY, data)

    async def read_exactly(self, count: int) -> bytes:
        """Exactly ``count`` bytes, of one message or several."""
        while len(self._arrived) < count:
            self._arrived += await self._socket.message()
        taken = bytes(self._arrived[:count])
        del self._arrived[:count]
        return taken


async def tunnel(network: Network, run: Run, stream: Stream, url: Url, subprotocol: str) -> Tunnel:
    """Ask for a WebSocket that carries ``subprotocol``; phases request and response.

    Raises ProbeFailed http/status, http/denied, http/upgrade and what `exchange` does.
    """
    response = await ask_upgrade(run, stream, url, {"User-Agent": network.user_agent}, (subprotocol,))
    if response.status != 101:
        raise status_failure(run, response, network.now())
    return Tunnel(WebSocket(run, stream, _LIMIT))
