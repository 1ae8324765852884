"""One scrape: negotiate, join, compress, without ever holding the loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from isal import isal_zlib

from monitor.metrics.families import Family
from monitor.metrics.own import OwnMetrics
from monitor.metrics.probes import ProbeMetrics

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_BLOCKS_A_TURN = 1000
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


class Exposition:
    """Joins what `ProbeMetrics` and `OwnMetrics` hold ready."""

    def __init__(self, probes: ProbeMetrics, own: OwnMetrics) -> None:
        self._probes = probes
        self._own = own

    async def render(self, form: Format) -> AsyncIterator[bytes]:
        """The body in pieces. Other work gets its turn between any two of them."""
        for _ in self._probes.settle():
            await asyncio.sleep(0)
        pieces = self._pieces(form)
        if not form.gzip:
            for piece in pieces:
                yield piece
                await asyncio.sleep(0)
            return
        squeeze = isal_zlib.compressobj(1, isal_zlib.DEFLATED, _GZIP)
        for piece in pieces:
            # isal lets go of the GIL: the thread costs the loop nothing
            packed = await asyncio.to_thread(squeeze.compress, piece)
            if packed:
                yield packed
        yield squeeze.flush()

    def _pieces(self, form: Format) -> Iterator[bytes]:
        for family in self._probes.families():
            yield from _join(family, openmetrics=form.openmetrics)
        yield self._own.render(openmetrics=form.openmetrics)
        if form.openmetrics:
            yield b"# EOF\n"


def _join(family: Family, *, openmetrics: bool) -> Iterator[bytes]:
    if not family.blocks:
        return
    yield family.header(openmetrics=openmetrics)
    blocks = list(family.blocks.values())
    for start in range(0, len(blocks), _BLOCKS_A_TURN):
        yield b"".join(blocks[start : start + _BLOCKS_A_TURN])
