"""What a server says, bent at random: cut, flipped, repeated, stuffed, torn to pieces, or without end.

The same random numbers bend the same way again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.support.scripted import reset

_IDLE = 0.15  # seconds without a word from the client after which a server gives up: not all can wait for the deadline
_FLOOD = 64 << 20  # bytes; no probe takes so many
_WORDS = (
    *(b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\0", b"\xff\xff", b"\0", b"\xff", b"\xff" * 8),
    *(b"\x80" * 11, b"\x7e\xff\xff", b"\x7f" + b"\xff" * 8, b"\xc0\x0c", b"\xc0\0", b"\x89\0", b"\x8a\0", b"\x81\x80"),
    *(b"\r\n", b"\n", b"\r\n\r\n", b" ", b"\t", b":", b"-", b'"', b"'", b"<", b">", b"&", b"/", b"=", b";", b","),
    *(b"99999999999999999999", b"-1", b"0", b"1e999", b"NaN", b"null", b"true", b"{}", b"[]", b'"\\ud800"', b"%s%n"),
    *(b"[" * 5000, b'{"a":' * 5000, b"<a>" * 2000, b"<!DOCTYPE a>", b"&amp;" * 500, b"A" * 70000, b"\xf0\x9f\x92\xa9"),
    *(
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\x15\x03\x01\0\x02\x02\x28",
        b"\xed\xa0\x80",
        b"\xc3",
        b"1\r\nx\r\n",
    ),
)
_T = TypeVar("_T")


class Over(Exception):
    """The end of a bent conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """At ``at``, say ``put`` in place of ``drop`` bytes, and turn the bits of ``mask`` in what follows."""

    at: int
    drop: int = 0
    put: bytes = b""
    mask: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bend:
    """What becomes of a server's words. Offsets count what it says to one attempt; of packets, each from its begin."""

    edits: tuple[Edit, ...] = ()
    cut: int | None = None
    """Where it stops following its protocol; None: never."""
    then: str = "close"
    """What it does there: close, reset, hold, flood."""
    flood: bytes = b""
    """What is said without end."""
    piece: int = 0
    """How much is sent at once; 0: as it comes."""

    @classmethod
    def draw(cls, rng: random.Random, sample: bytes) -> "Bend":
        """One of many; ``sample`` is what the server says when nothing is bent."""
        drawn = (_edit(rng, sample) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 8))))
        edits = tuple(sorted(drawn, key=lambda edit: edit.at))
        piece = rng.choice((0, 0, 0, 0, 0, 1, 2, 7, 100)) if len(sample) < 5000 else rng.choice((0, 1000))
        kind = rng.random()
        if kind < 0.05:
            garbage = rng.randbytes(rng.choice((1, 7, 64, 1500, 70_000)))
            return cls(edits=(Edit(at=0, drop=len(sample), put=garbage),), piece=1000, cut=len(sample))
        cut = rng.randrange(len(sample) + 1) if kind < 0.3 or not (edits or piece) else None
        then = rng.choices(("close", "reset", "hold"), (10, 4, 0.3))[0]
        return cls(edits=edits, cut=cut, then=then, piece=piece)

    @classmethod
    def endless(cls, rng: random.Random, sample: bytes) -> "Bend":
        """One that never stops saying the same."""
        begin = rng.randrange(len(sample) + 1)
        part = sample[begin : begin + rng.choice((1, 2, 10, 100, len(sample) or 1))] or b"\0"
        word = rng.choice((part, part, sample[:2000] or b"\0", *_WORDS))
        return cls(cut=rng.randrange(len(sample) + 1), then="flood", flood=word * max(1, 16384 // len(word)))


def _edit(rng: random.Random, sample: bytes) -> Edit:
    at = rng.randrange(len(sample) + 1)
    begin = rng.randrange(len(sample) + 1)
    again = sample[begin : begin + rng.choice((1, 4, 30, 300, len(sample)))]
    word = rng.choice(_WORDS)
    return rng.choice(
        (
            Edit(at=at, mask=rng.randbytes(rng.randrange(1, 5))),
            Edit(at=at, mask=bytes((1 << rng.randrange(8),))),
            Edit(at=at, put=word, drop=rng.choice((0, 0, len(word)))),
            Edit(at=at, drop=rng.randrange(1, 20)),
            Edit(at=at, put=again * rng.choice((1, 2, 50))),
            Edit(at=at, drop=1, put=bytes((rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF)),))),
            Edit(at=at, put=rng.randbytes(rng.randrange(1, 40))),
        )
    )


@dataclass(slots=True)
class Script:
    """How one attempt is served: the bend, and how far it has been spoken."""

    bend: Bend = field(default_factory=Bend)
    patience: float | None = _IDLE
    """Seconds that the server listens for the next word."""
    said: bytearray = field(default_factory=bytearray)
    """What would have been said, unbent."""

    def apply(self, data: bytes) -> tuple[bytes, bool]:
        """``data`` as it is sent, and whether that was all."""
        at = len(self.said)
        self.said += data
        cut = self.bend.cut
        end = len(self.said) if cut is None else min(len(self.said), cut)
        out = bytearray()
        for edit in self.bend.edits:
            if at <= edit.at < end:
                out += self.said[at : edit.at] + edit.put
                at = min(edit.at + edit.drop, end)
                out += bytes(one ^ two for one, two in zip(self.said[at:end], edit.mask, strict=False))
                at = min(at + len(edit.mask), end)
        return bytes(out + self.said[at:end]), cut is not None and len(self.said) >= cut

    def packets(self, packet: bytes) -> list[bytes]:
        """What is sent in place of a packet."""
        self.said.clear()
        bent, is_over = self.apply(packet)
        if is_over and self.bend.then == "hold":
            return []
        size = self.bend.piece or 60_000
        return [bent[start : start + size] for start in range(0, len(bent), size)][:50] or [b""]


class Line:
    """Both ends of a connection for its server: reader and writer in one. What is written is bent.

    Raises Over where the conversation ends, and what streams raise when the client leaves.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, script: Script) -> None:
        self._reader = reader
        self._writer = writer
        self._script = script
        self._pending = bytearray()

    def write(self, data: bytes) -> None:
        """Say something, at the next `drain` or read."""
        self._pending += data

    async def drain(self) -> None:
        """Send what was said, bent and in pieces."""
        bend = self._script.bend
        bent, is_over = self._script.apply(bytes(self._pending))
        self._pending.clear()
        size = bend.piece or len(bent) or 1
        for start in range(0, len(bent), size):
            await self._send(bent[start : start + size])
        if is_over:
            await self._end(bend)

    async def _end(self, bend: Bend) -> None:
        if bend.then == "reset":
            reset(self._writer)
        elif bend.then == "hold":
            while await self._reader.read(65536):
                pass
        elif bend.then == "flood":
            for _ in range(_FLOOD // len(bend.flood)):
                await self._send(bend.flood)
        raise Over

    async def _send(self, data: bytes) -> None:
        if self._writer.transport.is_closing():
            raise Over
        self._writer.write(data)
        await self._writer.drain()
        await asyncio.sleep(0)

    async def read(self, size: int = 65536) -> bytes:
        """As of a StreamReader."""
        return await self._hear(lambda: self._reader.read(size))

    async def readexactly(self, size: int) -> bytes:
        """As of a StreamReader."""
        return await self._hear(lambda: self._reader.readexactly(size))

    async def readuntil(self, end: bytes = b"\n") -> bytes:
        """As of a StreamReader."""
        return await self._hear(lambda: self._reader.readuntil(end))

    async def _hear(self, listen: Callable[[], Awaitable[_T]]) -> _T:
        await self.drain()
        try:
            async with asyncio.timeout(self._script.patience):
                return await listen()
        except TimeoutError:
            raise Over from None
