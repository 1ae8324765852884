"""/api/v1/attempts: what was attempted here, for the monitors that judge it with theirs."""

import asyncio
import json

from aiohttp import web
from multidict import MultiMapping

from monitor.domain.text import shown
from monitor.formats.feed import Page, page_as_json, rows_as_json
from monitor.web.backend import BACKEND, Backend

_SLICE = 200
"""Rows written before other work gets its turn: 1 ms."""
_PAGE = 128_000
"""Bytes after which a page ends, which is read in 10 ms; what follows is on the next."""
_LONGEST_WAIT = 30.0
_FAR = 1 << 53


def routes() -> list[web.RouteDef]:
    """The one there is."""
    return [web.get("/api/v1/attempts", _attempts)]


async def wake(app: web.Application) -> None:
    """Nobody who waits for news may hold up a stop."""
    app[BACKEND].ring.wake()


async def _attempts(request: web.Request) -> web.Response:
    backend = request.app[BACKEND]
    try:
        after, wait = _asked(request.query)
    except ValueError as error:
        raise web.HTTPBadRequest(text=json.dumps({"error": str(error)}), content_type="application/json") from None
    ring = backend.ring
    if after == ring.newest and wait:
        await ring.news(wait)
    body = await _page(backend, ring.newest if after is None else after)
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})


async def _page(backend: Backend, after: int) -> bytes:
    """What came after that number, as far as a page goes. A number of the future is one of an earlier run."""
    ring = backend.ring
    newest, first = ring.newest, max(after + 1, ring.oldest)
    made = ring.since(first) if after <= newest else []
    last = first - 1 if made else newest
    rows: list[bytes] = []
    size = 0
    for start in range(0, len(made), _SLICE):
        part = made[start : start + _SLICE]
        rows.append(rows_as_json(first + start, part))
        last += len(part)
        size += len(rows[-1])
        if size > _PAGE:
            break
        await asyncio.sleep(0)
    page = Page(
        vantage=backend.vantage(),
        run=ring.run,
        now=backend.clock.now(),
        next=last,
        newest=newest,
        is_lost=after + 1 < first or after > newest,
        rows=(),
    )
    return page_as_json(page, rows)


def _asked(query: MultiMapping[str]) -> tuple[int | None, float]:
    """The number after which, and the seconds to wait. Raises ValueError with a sentence."""
    for name in query:
        if name not in ("after", "wait"):
            raise ValueError(f"there is no parameter {shown(name)}: ask with after, wait")
        if len(query.getall(name)) > 1:
            raise ValueError(f"{name} is given more than once")
    after, wait = query.get("after"), query.get("wait", "0")
    number = None if after is None else _number(after)
    if after is not None and (number is None or number >= _FAR):
        raise ValueError(f"after: {shown(after)} is no number of an attempt")
    seconds = _number(wait)
    if seconds is None or seconds > _LONGEST_WAIT:
        raise ValueError(f"wait: {shown(wait)} is no whole number of seconds up to {_LONGEST_WAIT:.0f}")
    return number, float(seconds)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 16 else None
