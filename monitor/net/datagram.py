"""Connected datagram sockets: UDP for DNS, ICMP echo.

Connected, so that the kernel drops strangers' packets and reports ICMP errors.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeError, ProbeFailed, ProbeInconclusive
from monitor.domain.words import Layer, Reason
from monitor.net.faults import os_fault
from monitor.net.room import require_room

# linux/in.h and linux/in6.h; the socket module has them from Python 3.14 on.
_IP_RECVERR = 11
_IPV6_RECVERR = 25

Ancillary = list[tuple[int, int, bytes]]
Answer = TypeVar("Answer")
_BREATH = 100  # packets that are there already, after which others on the loop get their turn


class Datagram:
    """One socket to one peer. Methods raise the probe error of any OSError.

    After an error the socket is done for: the kernel's error queue keeps it readable.
    """

    def __init__(self, run: Run, sock: socket.socket, peer: str) -> None:
        self._run = run
        self._peer = peer
        self.socket = sock
        self._unwaited = 0

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
            require_room(sock.fileno())
            _report_icmp_errors(sock)
            if source:
                sock.bind((source, 0))
            sock.connect(address)
        except ProbeInconclusive:
            sock.close()
            raise
        except OSError as error:
            sock.close()
            raise os_fault(run, error, address[0]) from error
        return cls(run, sock, address[0])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send one packet. Never waits: a full buffer is a fault of this machine."""
        try:
            self.socket.send(data)
        except BlockingIOError as error:
            raise os_fault(self._run, OSError(errno.ENOBUFS, "")) from error
        except OSError as error:
            raise self._fault(error) from error

    async def receive(self) -> tuple[bytes, Ancillary]:
        """The next packet from the peer, and its control messages."""
        self._unwaited += 1
        if self._unwaited > _BREATH:  # a flood may come faster than it can be looked at
            self._unwaited = 0
            await asyncio.sleep(0)
        while (packet := self.poll()) is None:
            self._unwaited = 0
            await readable(self.socket)
        return packet

    async def ask(
        self, packet: bytes, accept: Callable[[bytes], Answer | None], patience: float, longest: float = 60.0
    ) -> Answer:
        """Send ``packet`` until ``accept`` makes something of a packet that came, for as long as the run may last.

        It is sent again after ``patience`` seconds, and then after twice as long each time, ``longest`` at most.
        """
        while True:
            self.send(packet)
            try:
                async with asyncio.timeout(patience):
                    while True:
                        if (answer := accept((await self.receive())[0])) is not None:
                            return answer
            except TimeoutError:
                patience = min(2 * patience, longest)

    def poll(self) -> tuple[bytes, Ancillary] | None:
        """A packet that is there already, or None."""
        try:
            data, ancillary, _, _ = self.socket.recvmsg(65535, 256)
        except BlockingIOError:
            return None
        except OSError as error:
            raise self._fault(error) from error
        return data, ancillary

    def _fault(self, error: OSError) -> ProbeError:
        if error.errno == errno.ECONNREFUSED:  # ICMP port unreachable; "refused" is a DNS server's word
            return self._run.failed(Reason.UNREACHABLE, "ICMP says that nobody listens on that port")
        if error.errno == errno.EMSGSIZE:
            return ProbeFailed(Layer.ROUTE, Reason.SIZE, "a packet of this size does not fit through the path")
        return os_fault(self._run, error, self._peer)


def _report_icmp_errors(sock: socket.socket) -> None:
    """Let every ICMP error end a receive, not only those that Linux calls fatal (ip(7), IP_RECVERR)."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


async def readable(*sockets: socket.socket) -> None:
    """Wait until one of the sockets has a packet or an error."""
    # add_reader, because sock_recv cannot tell the hop limit and asks one socket at a time.
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    for sock in sockets:
        loop.add_reader(sock, _set, ready)
    try:
        await ready
    finally:
        for sock in sockets:
            loop.remove_reader(sock)


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
