"""WebSockets and what is behind them; the messengers that speak through one, or without."""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from functools import cache, partial
from typing import Any

from tests.support import telegram
from tests.support.bending import Line
from tests.support.casting import Cast, Place, Serve
from tests.support.fuzzed.common import (
    Way,
    at_place,
    at_url,
    http_request,
)
from tests.support.signalchat import MESSAGES as SIGNAL
from tests.support.telegram import DataCentre, Key
from tests.support.threema import Threema
from tests.support.whatsapp import WhatsApp

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


def _frame(payload: bytes, opcode: int = 2) -> bytes:
    size = len(payload)
    length = (
        bytes((size,)) if size < 126 else b"\x7e" + size.to_bytes(2) if size < 65536 else b"\x7f" + size.to_bytes(8)
    )
    return bytes((0x80 | opcode,)) + length + payload


class _Frames:
    """What is inside a WebSocket, after its handshake: a reader and a writer again."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._heard = b""

    async def accept(self) -> None:
        _, headers = await http_request(self._line)
        key = hashlib.sha1(headers[b"sec-websocket-key"] + _GUID, usedforsecurity=False).digest()
        lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
        lines.append(b"Sec-WebSocket-Accept: " + base64.b64encode(key))
        if offered := headers.get(b"sec-websocket-protocol"):
            lines.append(b"Sec-WebSocket-Protocol: " + offered)
        self._line.write(b"\r\n".join((*lines, b"X-Signal-Timestamp: 1700000000000", b"", b"")))

    def write(self, data: bytes) -> None:
        self._line.write(_frame(data))

    async def drain(self) -> None:
        await self._line.drain()

    async def message(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame."""
        first, second = await self._line.readexactly(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(await self._line.readexactly(2 if size == 126 else 8))
        mask = await self._line.readexactly(4)
        data = await self._line.readexactly(size)
        return first & 15, bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))

    async def readexactly(self, size: int) -> bytes:
        while len(self._heard) < size:
            self._heard += (await self.message())[1]
        taken, self._heard = self._heard[:size], self._heard[size:]
        return taken

    async def read(self, size: int = 65536) -> bytes:
        return await self.readexactly(1)


def behind_socket(talk: Callable[[_Frames], Awaitable[None]]) -> Serve:
    """A server behind a WebSocket."""

    async def serve(line: Line) -> None:
        frames = _Frames(line)
        await frames.accept()
        await talk(frames)

    return serve


def socket_saying(*data: bytes) -> Serve:
    """After the handshake, these bytes, whatever is asked."""

    async def serve(line: Line) -> None:
        await _Frames(line).accept()
        line.write(b"".join(data))
        while await line.read():
            pass

    return serve


_PINGS = b"\x89\x00" * 300_000
_CRUMBS = b"\x02\x00" + b"\x00\x00" * 300_000
SOCKET_DEAR = (socket_saying(_PINGS), socket_saying(_CRUMBS), socket_saying(b"\x89\x7d" + b"x" * 125))
_HELLO = b'{"op": 10, "d": {"heartbeat_interval": 41250}}'


async def _discord(frames: _Frames) -> None:
    frames._line.write(_frame(_HELLO, 1))
    while True:
        opcode, _ = await frames.message()
        if opcode == 1:
            frames._line.write(_frame(b'{"op": 11}', 1))


async def _signal(frames: _Frames) -> None:
    while True:
        opcode, data = await frames.message()
        if opcode == 2:
            asked = SIGNAL["WebSocketMessage"].FromString(data).request
            headers = ["X-Signal-Timestamp:1700000000000"]
            response = {"id": asked.id, "status": 200, "message": "OK", "headers": headers}
            frames.write(SIGNAL["WebSocketMessage"](type=2, response=response).SerializeToString())


async def _chatty(frames: _Frames) -> None:
    """Greets, answers pings and a closing frame."""
    frames._line.write(_frame(b"hello you", 1))
    while True:
        opcode, data = await frames.message()
        frames._line.write(_frame(data, {9: 10, 8: 8}.get(opcode, 2)))


async def _whatsapp(line: Any) -> None:
    await WhatsApp().serve(line, line)


@cache
def _telegram_key() -> Key:
    return Key()


async def _telegram(line: Any, *, plain: bool = True) -> None:
    async def write(data: bytes) -> None:
        line.write(data)
        await line.drain()

    await telegram.serve(DataCentre(key=_telegram_key()), line, write, plain=plain)


def _telegram_settings(transport: str, place: Place, **more: Any) -> Mapping[str, Any]:
    return at_place(place, transport=transport, keys=[_telegram_key().pem], **more)


_THREEMA = Threema()


async def _threema(line: Line) -> None:
    await _THREEMA.handle(line, line)  # type: ignore[arg-type]  # both ends in one
    await line.read()


CASTS: dict[str, Way] = {
    "discord": lambda _: (
        Cast(
            name="heartbeat",
            settings=lambda place: at_url("ws", "/?v=10", place, heartbeat=True),
            serve=behind_socket(_discord),
            dear=(*SOCKET_DEAR, socket_saying(_frame(b"[" + b"[]," * 21_000 + b"[]]", 1))),
        ),
    ),
    "signal": lambda _: (
        Cast(
            name="keepalive",
            settings=partial(at_url, "ws", "/v1/websocket/"),
            serve=behind_socket(_signal),
            dear=(
                *SOCKET_DEAR,
                socket_saying(_frame(b"\x08\x01") * 100_000),
                socket_saying(_frame(b"\x08\x01" * 4000)),
            ),
        ),
    ),
    "telegram": lambda _: (
        *(
            Cast(name=transport, settings=partial(_telegram_settings, transport), serve=_telegram)
            for transport in ("abridged", "intermediate", "padded", "obfuscated")
        ),
        Cast(
            name="genuine",
            settings=lambda place: _telegram_settings("intermediate", place, genuine=True, dc=2),
            serve=_telegram,
        ),
        Cast(
            name="WebSocket",
            settings=lambda place: at_url("ws", "/apiws", place, keys=[_telegram_key().pem]),
            serve=behind_socket(lambda frames: _telegram(frames, plain=False)),
            dear=SOCKET_DEAR,
        ),
    ),
    "threema": lambda _: (
        Cast(name="hello", settings=lambda place: at_place(place, keys=[_THREEMA.key]), serve=_threema),
    ),
    "websocket": lambda _: (
        Cast(
            name="dialogue",
            settings=lambda place: at_url("ws", "/", place, ping=True, dialogue=[{"expect": "hello"}, {"send": "a"}]),
            serve=behind_socket(_chatty),
            dear=(*SOCKET_DEAR, socket_saying(_frame(b"hello", 1), _frame(b"x", 1) * 100_000)),
        ),
    ),
    "whatsapp": lambda _: (
        Cast(name="phone", settings=lambda place: at_place(place, root=WhatsApp().root), serve=_whatsapp),
        Cast(
            name="web",
            settings=lambda place: at_url("ws", "/ws/chat", place, root=WhatsApp().root),
            serve=behind_socket(_whatsapp),
            dear=SOCKET_DEAR,
        ),
    ),
}
