"""The API: checks, services, outages in every format, and the feed."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from aiohttp import web

from monitor.domain.alert import Acknowledgement
from monitor.domain.outage import OutageQuery
from monitor.formats import atom, ical, spreadsheet
from monitor.formats.claims import claim_as_json
from monitor.formats.edition import Edition
from monitor.formats.record import report_as_json
from monitor.formats.report import Report
from monitor.formats.text import NAME, plain
from monitor.formats.times import stamp_as_json
from monitor.web.backend import BACKEND, Backend
from monitor.web.cache import cached
from monitor.web.press import written
from monitor.web.query import MOST, page
from monitor.web.reading import Unreadable, alive, one, read, reports
from monitor.web.sayings import heard_of
from monitor.web.services import service_as_json, services, shares
from monitor.web.status import as_json

_PAGE = 100
_FEED = 50
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How a list of windows is written for programs that want no JSON."""

    write: Callable[[Sequence[Report], Edition], str | bytes]
    content_type: str
    file: str


_CSV = _Form(write=spreadsheet.as_csv, content_type=spreadsheet.CONTENT_TYPE, file="outages.csv")
_ICS = _Form(write=ical.as_calendar, content_type=ical.CONTENT_TYPE, file="outages.ics")


def routes() -> list[web.RouteDef]:
    """What everybody may read who may read the pages."""
    return [
        web.get("/api/v1/services", cached(_services)),
        web.get("/api/v1/outages", cached(_outages)),
        web.get("/api/v1/outages.csv", cached(partial(_outages_as, _CSV))),
        web.get("/api/v1/outages.ics", cached(partial(_outages_as, _ICS))),
        web.get("/api/v1/outages/{id}", cached(_outage)),
        web.get("/feed.atom", cached(_feed)),
    ]


def inner_routes() -> list[web.RouteDef]:
    """What names hosts."""
    return [web.get("/api/v1/checks", _checks)]


def edition(request: web.Request) -> Edition:
    """What is written for this request. Raises HTTPBadRequest when it does not say which host it asks."""
    backend = request.app[BACKEND]
    base = backend.url or _asked_at(request)
    return Edition(now=backend.clock.now(), site=backend.vantage().name, base=base, titles=backend.titles())


def _asked_at(request: web.Request) -> str:
    # Not `request.host`: without the header aiohttp would look our own name up, and wait for it.
    host = request.headers.get("Host", "")
    if not _HOST.fullmatch(host):
        refuse(web.HTTPBadRequest, "the Host header is missing, or is no host")
    return f"{request.scheme}://{host}"


async def _checks(request: web.Request) -> web.Response:
    return web.json_response({"checks": [as_json(row) for row in request.app[BACKEND].board.rows()]})


async def _services(request: web.Request) -> web.Response:
    backend = request.app[BACKEND]
    open_now, _ = await alive(backend)
    found = services(backend, open_now, await shares(backend))
    standing = backend.judged.standing()
    vantage = {
        "name": backend.vantage().name,
        "state": standing and standing.state,
        "since": stamp_as_json(standing.start if standing else None),
    }
    return web.json_response({"vantage": vantage, "services": [service_as_json(service) for service in found]})


async def _outages(request: web.Request) -> web.Response:
    made = edition(request)
    found, following = await _page(request, _PAGE)
    # In a thread: a thousand windows take longer than the loop may be held.
    body = await written(request, partial(_as_json, found, made, following))
    return web.Response(text=body, content_type="application/json", headers=_links(following))


async def _outages_as(form: _Form, request: web.Request) -> web.Response:
    made = edition(request)
    found, following = await _page(request, MOST)
    body = await written(request, partial(form.write, found, made))
    headers = {
        "Content-Type": form.content_type,
        "Content-Disposition": f'inline; filename="{form.file}"',
        **_links(following),
    }
    return web.Response(body=body.encode() if isinstance(body, str) else body, headers=headers)


async def _outage(request: web.Request) -> web.Response:
    backend, made, window_id = request.app[BACKEND], edition(request), request.match_info["id"]
    try:
        found = await one(backend.history, window_id)
        if found is None:
            refuse(web.HTTPNotFound, "there is no such outage")
        heard = await heard_of(backend, found)
        document = {**report_as_json(found, made), "claims": [claim_as_json(said) for said in heard.claims]}
        if not backend.public:  # strangers need not know who looks after what
            notes = await read(backend.history, backend.telling.acknowledged([window_id]))
            document["acknowledged"] = acknowledgement_as_json(next(iter(notes), None))
    except Unreadable as error:
        refuse(web.HTTPServiceUnavailable, str(error))
    return web.json_response(document)


def acknowledgement_as_json(note: Acknowledgement | None) -> dict[str, Any] | None:
    """Who looks after a window, and since when."""
    return None if note is None else {"by": plain(note.author, NAME), "at": stamp_as_json(note.at)}


async def _feed(request: web.Request) -> web.Response:
    made = edition(request)
    found, _ = await _page(request, _FEED)
    body = await written(request, partial(atom.as_feed, found, made))
    return web.Response(body=body.encode(), headers={"Content-Type": atom.CONTENT_TYPE})


async def _page(request: web.Request, limit: int) -> tuple[list[Report], str]:
    """The windows that a request asks for, and the address of the next page or nothing."""
    backend = request.app[BACKEND]
    try:
        asked = page(request.query.items(), backend.clock.now(), limit)
    except ValueError as error:
        refuse(web.HTTPBadRequest, str(error))
    found = await _orrefuse(backend, asked.peeking)
    is_more = len(found) > asked.query.limit
    return found[: asked.query.limit], asked.following(request.path) if is_more else ""


async def _orrefuse(backend: Backend, query: OutageQuery) -> list[Report]:
    try:
        return await reports(backend.history, query)
    except Unreadable as error:
        refuse(web.HTTPServiceUnavailable, str(error))


def _as_json(found: Sequence[Report], made: Edition, following: str) -> str:
    document: dict[str, Any] = {"outages": [report_as_json(one, made) for one in found], "next": following or None}
    return json.dumps(document)


def _links(following: str) -> dict[str, str]:
    return {"Link": f'<{following}>; rel="next"'} if following else {}


def refuse(kind: type[web.HTTPError], sentence: str) -> NoReturn:
    """Raise this error, with a sentence as JSON."""
    raise kind(text=json.dumps({"error": sentence}), content_type="application/json")
