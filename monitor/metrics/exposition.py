"""One scrape: negotiate, join, compress, without ever holding the loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Protocol

from isal import isal_zlib

from monitor.metrics.families import Family
from monitor.metrics.own import OwnMetrics

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_BLOCKS_A_TURN = 1000
_PACKED_A_TURN = 262144
_PIECES_A_CALL = 4
_GZIP = 31  # zlib's window bits for a gzip member


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What a scraper asked for."""

    openmetrics: bool
    gzip: bool

    @classmethod
    def negotiate(cls, accept: str, accept_encoding: str) -> "Format":
        """By the request's headers; text 0.0.4, uncompressed, unless asked otherwise."""
        codings = (coding.partition(";") for coding in accept_encoding.split(","))
        gzip = any(name.strip() == "gzip" and "q=0" not in q.replace(" ", "").split(";") for name, _, q in codings)
        return cls(openmetrics="application/openmetrics-text" in accept, gzip=gzip)

    @property
    def content_type(self) -> str:
        """The Content-Type header."""
        return _OPENMETRICS if self.openmetrics else _TEXT


class Source(Protocol):
    """Holds the lines of some families ready."""

    def settle(self) -> Iterator[None]:
        """Bring the lines up to date; other work may have its turn at every step."""
        ...

    def families(self) -> tuple[Family, ...]:
        """The families, in the order of exposition; the same ones each time."""
        ...


class Exposition:
    """Joins what the probes, the monitor itself and any ``others`` hold ready."""

    def __init__(self, probes: Source, own: OwnMetrics, *others: Source) -> None:
        self._sources = (probes, *others)
        self._own = own

    async def render(self, form: Format) -> AsyncIterator[bytes]:
        """The body in pieces. Other work gets its turn between any two of them."""
        for source in self._sources:
            for _ in source.settle():
                await asyncio.sleep(0)
        if form.gzip:
            pieces = []
            for piece in self._pieces(form):
                pieces.append(piece)
                await asyncio.sleep(0)
            packed = await asyncio.to_thread(_pack, pieces)
            for start in range(0, len(packed), _PACKED_A_TURN):
                yield packed[start : start + _PACKED_A_TURN]
            return
        for piece in self._pieces(form):
            yield piece
            await asyncio.sleep(0)

    def _pieces(self, form: Format) -> Iterator[bytes]:
        for source in self._sources:
            for family in source.families():
                yield from _join(family, openmetrics=form.openmetrics)
        yield self._own.render(openmetrics=form.openmetrics)
        if form.openmetrics:
            yield b"# EOF\n"


def _pack(pieces: list[bytes]) -> bytes:
    """One gzip member. isal lets go of the GIL: in a thread it costs the loop next to nothing.

    Neither one piece a call, after each of which this thread has to get the GIL back from a busy loop, nor all in one,
    which would take 10 ms to join with the GIL held.
    """
    squeeze = isal_zlib.compressobj(1, isal_zlib.DEFLATED, _GZIP)
    packed = [
        squeeze.compress(b"".join(pieces[start : start + _PIECES_A_CALL]))
        for start in range(0, len(pieces), _PIECES_A_CALL)
    ]
    return b"".join([*packed, squeeze.flush()])


def _join(family: Family, *, openmetrics: bool) -> Iterator[bytes]:
    if not family.blocks:
        return
    yield family.header(openmetrics=openmetrics)
    blocks = list(family.blocks.values())
    for start in range(0, len(blocks), _BLOCKS_A_TURN):
        yield b"".join(blocks[start : start + _BLOCKS_A_TURN])
