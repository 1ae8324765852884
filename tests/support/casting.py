"""Where a probe meets the stand-in that it is fuzzed with: on a stream, with packets, or as ICMP."""

import asyncio
import secrets
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.support.bending import Line, Script
from tests.support.certificates import server_context
from tests.support.scripted import scripted

Serve = Callable[[Line], Awaitable[None]]
Reply = Callable[[bytes], Sequence[bytes]]

_PACKETS = 0.7  # seconds for which packets are sent without a pause
_ECHO_REQUEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a stand-in is reached. ``ca_file`` vouches for its certificate, which `leaf` is."""

    host: str
    port: int
    folder: Path

    @override
    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def ca_file(self) -> str:
        """The certificate of the authority."""
        return str(self.folder / "ca.pem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """A stand-in for one way that a probe can go, the settings that lead there, and what is dear to read there."""

    name: str
    settings: Callable[[Place], Mapping[str, Any]]
    serve: Serve | None = None
    """Of a stream."""
    reply: Reply | None = None
    """Of packets, each answered for itself."""
    inside_tls: bool = False
    """The stream is TLS, and what is bent is inside."""
    echo: bool = False
    """The packets are ICMP's; `reply` takes and gives its messages, where the kernel does not."""
    dear: tuple[Serve, ...] = ()
    """Conversations of a stream, not bent, that cost as much to read as can be."""


class Stage:
    """One attempt after the other, at one place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.script = Script()
        self.serve: Serve | None = None
        self._over = threading.Event()

    def play(self, script: Script, serve: Serve | None = None) -> None:
        """What the next attempt meets; ``serve`` in place of the cast's own."""
        self.script, self.serve = script, serve
        self._over = threading.Event()

    def stop(self) -> None:
        """The attempt is over."""
        self._over.set()

    def flood(self, sock: socket.socket, to: Any) -> None:
        """Packets without a pause, as only a thread can send them."""
        threading.Thread(target=_pour, args=(sock, to, self.script.bend.flood[:1400], self._over)).start()


def _pour(sock: socket.socket, to: Any, packet: bytes, over: threading.Event) -> None:
    end = time.monotonic() + _PACKETS
    while not over.is_set() and time.monotonic() < end:
        with suppress(OSError):  # no room, or nobody is there any more
            sock.sendto(packet, to)


@asynccontextmanager
async def staged(cast: Cast, folder: Path) -> AsyncIterator[Stage]:
    """A place with the cast's stand-in, on loopback."""
    if cast.serve is not None:
        made = _stream(cast, cast.serve, folder)
    else:
        assert cast.reply is not None
        made = _packets(cast, cast.reply, folder)
    async with made as stage:
        yield stage


@asynccontextmanager
async def _stream(cast: Cast, serve: Serve, folder: Path) -> AsyncIterator[Stage]:
    stage = Stage(Place(host="127.0.0.1", port=0, folder=folder))

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer, stage.script)
        # A stand-in may stumble over what a probe says that was misled; that is not what is looked for.
        with suppress(Exception):
            await (stage.serve or serve)(line)
            await line.drain()

    tls = server_context(leaf_in(folder)) if cast.inside_tls else None
    async with scripted(handle, tls=tls) as port:
        stage.place = Place(host="127.0.0.1", port=port, folder=folder)
        yield stage


@asynccontextmanager
async def _packets(cast: Cast, reply: Reply, folder: Path) -> AsyncIterator[Stage]:
    loop = asyncio.get_running_loop()
    with _bound(echo=cast.echo) as sock:
        host, port = sock.getsockname()
        stage = Stage(Place(host=host, port=port, folder=folder))

        def arrived() -> None:
            data, sender = sock.recvfrom(65535)
            if cast.echo:
                data = data[(data[0] & 15) * 4 :]
                if data[:1] != bytes((_ECHO_REQUEST,)):
                    return  # our own replies come past, too
            for answer in reply(data):
                for packet in stage.script.packets(answer):
                    with suppress(OSError):  # too long, or nobody is there any more
                        sock.sendto(packet, sender)
            if stage.script.bend.then == "flood":
                stage.flood(sock, sender)

        loop.add_reader(sock, arrived)
        try:
            yield stage
        finally:
            loop.remove_reader(sock)


def _bound(*, echo: bool) -> socket.socket:
    if not echo:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.bind(("127.0.0.1", 0))
        return sock
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP)
    sock.bind((f"127.{secrets.randbelow(250) + 2}.{secrets.randbelow(250)}.{secrets.randbelow(250) + 2}", 0))
    return sock


async def tls_server(line: Line, folder: Path) -> None:
    """The server's side of a TLS handshake on ``line``, its own bytes bent; then it hangs up."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = server_context(leaf_in(folder)).wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            line.write(outgoing.read())
            if not (heard := await line.read()):
                return  # the client is gone
            incoming.write(heard)
            continue
        line.write(outgoing.read())
        await line.drain()
        return


def leaf_in(folder: Path) -> tuple[Path, Path]:
    """The certificate of all stand-ins, which an authority has made there first of all."""
    return folder / "leaf-1.pem", folder / "leaf-1.key"
