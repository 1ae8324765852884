"""WebSocket over a `Stream`, as a client (RFC 6455): opening handshake, frames, messages, ping, close.

No extensions are offered, so none may be used.
"""

import asyncio
import base64
import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from enum import IntEnum, unique

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Fact, Reason
from monitor.net.http import Response, encode_request, exchange
from monitor.net.stream import Stream
from monitor.net.url import Url

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_FAREWELL = 0.2  # seconds for the peer's close frame
_MOST_FRAMES = 10_000  # of one conversation: each ping wants an answer, which a peer need not take


@unique
class Opcode(IntEnum):
    """The kinds of frames (RFC 6455 section 5.2)."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


async def ask_upgrade(
    run: Run, stream: Stream, url: Url, headers: Mapping[str, str], subprotocols: tuple[str, ...] = ()
) -> Response:
    """Ask for an upgrade; with status 101 the stream is a WebSocket now, any other status is the caller's to judge.

    Raises ProbeFailed http/upgrade for a 101 that does not accept what was asked for, and what `exchange` raises.
    """
    key = new_key()
    request = encode_request("GET", url, {**headers, **upgrade_headers(key, subprotocols)})
    response = await exchange(run, stream, request, limit=0)
    run.facts[Fact.HTTP_STATUS] = response.status
    run.facts[Fact.HTTP_VERSION] = response.version
    run.facts[Fact.HTTP_SSL] = url.secure
    wrong = refusal(response, key, subprotocols) if response.status == 101 else None
    if wrong:
        raise run.failed(Reason.UPGRADE, wrong)
    return response


def upgrade_headers(key: str, subprotocols: tuple[str, ...]) -> Mapping[str, str]:
    """The header fields that ask for an upgrade; ``key`` is `new_key`'s."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
    }
    return headers | ({"Sec-WebSocket-Protocol": ", ".join(subprotocols)} if subprotocols else {})


def new_key() -> str:
    """A nonce that proves that the answer is to our question."""
    return base64.b64encode(os.urandom(16)).decode()


def refusal(response: Response, key: str, subprotocols: tuple[str, ...]) -> str | None:
    """What is wrong with a 101 response, None when the connection is a WebSocket now (RFC 6455 section 4.1)."""
    accept = base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest())
    chosen = response.header(b"sec-websocket-protocol")
    if (response.header(b"upgrade") or b"").strip().lower() != b"websocket":
        return "status 101 without Upgrade: websocket"
    if b"upgrade" not in (token.strip() for token in (response.header(b"connection") or b"").lower().split(b",")):
        return "status 101 without Connection: Upgrade"
    if (response.header(b"sec-websocket-accept") or b"").strip() != accept:
        return "Sec-WebSocket-Accept does not answer our key"
    if chosen is not None and chosen.strip().decode("latin-1") not in subprotocols:
        return "a subprotocol that was not offered"
    if response.header(b"sec-websocket-extensions"):
        return "an extension that was not offered"
    return None


class WebSocket:
    """An upgraded connection. Methods raise ProbeFailed closed, malformed or size in the run's current phase."""

    def __init__(self, run: Run, stream: Stream, limit: int) -> None:
        self._run = run
        self._stream = stream
        self._limit = limit
        self._pong = b""
        self._frames = 0
        self._opcode = Opcode.CONTINUATION
        self._partial = bytearray()
        self.close_code: int | None = None
        """Why the server closed, once it did and if it said so."""

    def send(self, opcode: Opcode, payload: bytes) -> None:
        """One unfragmented frame, masked as a client's must be."""
        size = len(payload)
        if size < 126:
            length = bytes([0x80 | size])
        elif size < 65536:
            length = b"\xfe" + size.to_bytes(2)
        else:
            length = b"\xff" + size.to_bytes(8)
        mask = os.urandom(4)
        self._stream.write(bytes([0x80 | opcode]) + length + mask + _masked(payload, mask))

    async def message(self) -> bytes:
        """The next complete message, text or binary."""
        while (message := await self._frame()) is None:
            pass
        return message

    async def ping(self) -> float:
        """Seconds until the answer to a ping; messages that come in between are dropped."""
        nonce = os.urandom(8)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self.send(Opcode.PING, nonce)
        while self._pong != nonce:
            await self._frame()
        return loop.time() - begun

    def leave(self) -> None:
        """Say goodbye and wait for nothing."""
        with suppress(ProbeFailed):
            self.send(Opcode.CLOSE, (1000).to_bytes(2))

    async def close(self) -> None:
        """Say goodbye, and wait for the answer a moment only: the verdict stands already."""
        self.leave()
        try:
            async with asyncio.timeout(_FAREWELL):
                while True:
                    await self._frame()
        except (ProbeFailed, TimeoutError):
            return

    async def _frame(self) -> bytes | None:
        """Take one frame and do what it asks for; the message that it completes, if any."""
        first, second = await self._stream.read_exactly(2)
        self._frames += 1
        if self._frames > _MOST_FRAMES:
            raise self._run.failed(Reason.SIZE, f"more than {_MOST_FRAMES} frames")
        payload = await self._payload(first, second)
        opcode = self._known(first & 0x0F)
        if opcode is Opcode.CLOSE:
            self.close_code = int.from_bytes(payload[:2]) if len(payload) > 1 else None
            code = "no code" if self.close_code is None else f"code {self.close_code}"
            raise self._run.failed(Reason.CLOSED, f"the server closed the WebSocket with {code}")
        if opcode is Opcode.PING:
            self.send(Opcode.PONG, payload)
        elif opcode is Opcode.PONG:
            self._pong = payload
        else:
            return self._collect(opcode, payload, final=first >= 0x80)
        return None

    async def _payload(self, first: int, second: int) -> bytes:
        if first & 0x70:
            raise self._malformed("reserved bits are set")
        if second & 0x80:
            raise self._malformed("a server's frame is masked")
        if first & 0x08 and (first < 0x80 or second > 125):
            raise self._malformed("a control frame is fragmented or too long")
        size = second
        if size > 125:
            size = int.from_bytes(await self._stream.read_exactly(2 if size == 126 else 8))
        if size + len(self._partial) > self._limit:
            raise self._run.failed(Reason.SIZE, f"a message of more than {self._limit} bytes")
        return await self._stream.read_exactly(size)

    def _known(self, number: int) -> Opcode:
        try:
            return Opcode(number)
        except ValueError:
            raise self._malformed(f"opcode {number} is not known") from None

    def _collect(self, opcode: Opcode, payload: bytes, *, final: bool) -> bytes | None:
        underway = self._opcode is not Opcode.CONTINUATION
        if underway is not (opcode is Opcode.CONTINUATION):
            raise self._malformed("fragments are out of order")
        if not underway:
            self._opcode = opcode
        self._partial += payload
        if not final:
            return None
        message, kind = bytes(self._partial), self._opcode
        self._partial.clear()
        self._opcode = Opcode.CONTINUATION
        if kind is Opcode.TEXT and not _is_utf8(message):
            raise self._malformed("a text message is not UTF-8")
        return message

    def _malformed(self, text: str) -> ProbeFailed:
        return self._run.failed(Reason.MALFORMED, f"not a WebSocket frame: {text}")


def _masked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    stretched = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(stretched)).to_bytes(size)


def _is_utf8(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True
