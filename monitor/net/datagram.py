"""Connected datagram sockets: UDP for DNS, ICMP echo.

Connected, so that the kernel drops strangers' packets and reports ICMP errors.
"""

import asyncio
import socket
from types import TracebackType
from typing import Self

from monitor.domain.attempt import Run
from monitor.net.faults import os_fault


class Datagram:
    """One socket to one peer. Methods raise the probe error of any OSError."""

    def __init__(self, run: Run, sock: socket.socket) -> None:
        self._run = run
        self.socket = sock

    @classmethod
    def connect(cls, run: Run, address: tuple[str, int], *, source: str | None = None) -> Self:
        """A UDP socket connected to ``address`` (numeric host, port)."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise os_fault(run, error) from error
        return cls.adopt(run, sock, address, source=source)

    @classmethod
    def adopt(cls, run: Run, sock: socket.socket, address: tuple[str, int], *, source: str | None = None) -> Self:
        """Bind and connect a socket made elsewhere; closes it when that fails."""
        try:
            if source:
                sock.bind((source, 0))
            sock.connect(address)
        except OSError as error:
            sock.close()
            raise os_fault(run, error) from error
        return cls(run, sock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    async def send(self, data: bytes) -> None:
        """Send one packet."""
        try:
            await asyncio.get_running_loop().sock_sendall(self.socket, data)
        except OSError as error:
            raise os_fault(self._run, error) from error

    async def receive(self, size: int = 65535) -> bytes:
        """The next packet from the peer."""
        try:
            return await asyncio.get_running_loop().sock_recv(self.socket, size)
        except OSError as error:
            raise os_fault(self._run, error) from error
