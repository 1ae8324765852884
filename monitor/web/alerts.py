"""The API of telling people: what was told, who looks after what, and what nobody wants to be told of."""

import secrets
from collections.abc import Awaitable, Collection, Mapping
from typing import Any, TypeVar

from aiohttp import web

from monitor.domain.alert import Post, Silence
from monitor.domain.settings import parse_duration
from monitor.domain.text import shown
from monitor.formats.edition import Edition
from monitor.formats.moments import moment
from monitor.formats.text import NAME, SENTENCE, plain
from monitor.formats.times import stamp_as_json
from monitor.web.acknowledging import acknowledge
from monitor.web.api import acknowledgement_as_json, edition, refuse
from monitor.web.backend import BACKEND, Backend
from monitor.web.query import limit_in
from monitor.web.reading import Unreadable, read
from monitor.web.writing import author, document, is_foreign

_PAGE = 100
_DAY = 86400.0
_LONGEST = 366 * _DAY
"""Seconds that a silence may last."""
_SILENCES = 500
"""That may hold at once: each is looked at for every window, every second."""
_SILENCE_KEYS = ("service", "duration", "until", "since", "comment", "author")
_T = TypeVar("_T")


def inner_routes() -> list[web.RouteDef]:
    """For those who are known: names of people, routes and channels are nothing for strangers."""
    return [
        web.post("/api/v1/outages/{id}/ack", _acknowledge),
        web.get("/api/v1/alerts", _alerts),
        web.get("/api/v1/silences", _silences),
        web.post("/api/v1/silences", _silence),
        web.delete("/api/v1/silences/{id}", _end_silence),
    ]


async def _acknowledge(request: web.Request) -> web.Response:
    asked = await _document(request, ("author",))
    try:
        found = await acknowledge(request, request.match_info["id"], author(request, asked.get("author", ""), "api"))
    except Unreadable as error:
        refuse(web.HTTPServiceUnavailable, str(error))
    if found is None:
        refuse(web.HTTPNotFound, "there is no such outage")
    if found.by is None:
        refuse(web.HTTPConflict, f"this outage is {found.report.window.status}: nobody needs to look after it")
    answer = {"outage": found.by.window_id, "acknowledged": acknowledgement_as_json(found.by)}
    return web.json_response(answer)


async def _alerts(request: web.Request) -> web.Response:
    try:
        limit = limit_in(request.query.items(), _PAGE)
    except ValueError as error:
        refuse(web.HTTPBadRequest, str(error))
    backend, made = request.app[BACKEND], edition(request)
    posts = await _read(backend, backend.telling.newest(limit))
    return web.json_response({"alerts": [_post_as_json(post, made) for post in posts]})


async def _silences(request: web.Request) -> web.Response:
    backend = request.app[BACKEND]
    found = await _read(backend, backend.telling.silences(backend.clock.now()))
    return web.json_response({"silences": [_silence_as_json(one) for one in found]})


async def _silence(request: web.Request) -> web.Response:
    asked, backend = await _document(request, _SILENCE_KEYS), request.app[BACKEND]
    now = backend.clock.now()
    try:
        since, until = _time(asked, now)
        service = _pattern(asked)
    except ValueError as error:
        refuse(web.HTTPBadRequest, str(error))
    made = Silence(
        id=secrets.token_hex(4),
        service=service,
        since=since,
        until=until,
        author=author(request, asked.get("author", ""), "api"),
        comment=plain(asked.get("comment", ""), SENTENCE),
    )
    if len(await _read(backend, backend.telling.silences(now))) >= _SILENCES:
        refuse(web.HTTPConflict, f"there are {_SILENCES} silences already: end some first")
    await _read(backend, backend.telling.silence(made))
    return web.json_response(_silence_as_json(made), status=201)


def _time(asked: Mapping[str, str], now: float) -> tuple[float, float]:
    """From when until when. Raises ValueError with a sentence."""
    since = _moment(asked, "since", now) if "since" in asked else now
    if ("duration" in asked) == ("until" in asked):
        raise ValueError("say for how long, with either duration or until")
    until = _moment(asked, "until", now) if "until" in asked else since + parse_duration(asked["duration"])
    if not max(now, since) < until <= since + _LONGEST:
        raise ValueError(f"it must end after now and after it begins, and last {_LONGEST / _DAY:g} days at most")
    return since, until


def _moment(asked: Mapping[str, str], name: str, now: float) -> float:
    try:
        return moment(asked[name], now)
    except ValueError as error:
        raise ValueError(f"{name}: {shown(asked[name])} is no time: {error}") from error


def _pattern(asked: Mapping[str, str]) -> str:
    service = asked.get("service", "")
    if not (0 < len(service) <= NAME and service.isprintable() and service == service.strip()):
        raise ValueError(f"service: {shown(service)} is neither the name of a service nor a pattern of names")
    return service


async def _end_silence(request: web.Request) -> web.Response:
    await _document(request, ())
    backend = request.app[BACKEND]
    if not await _read(backend, backend.telling.end_silence(request.match_info["id"][:NAME], backend.clock.now())):
        refuse(web.HTTPNotFound, "there is no such silence")
    return web.Response(status=204)


def _post_as_json(post: Post, made: Edition) -> dict[str, Any]:
    message = post.message
    return {
        "key": plain(message.key, SENTENCE),
        "conversation": plain(message.talk, SENTENCE),
        "event": message.event,
        "severity": message.severity,
        "outages": [
            {
                "id": window.id,
                "permalink": made.permalink(window.id) or None,
                "sentence": plain(window.sentence, SENTENCE),
            }
            for window in message.windows
        ],
        "blind": plain(message.blind.vantage, NAME) if message.blind else None,
        "route": plain(message.route, NAME),
        "state": post.state,
        "channel": plain(post.channel, NAME) or None,
        "tries": post.tries,
        "detours": [
            {"channel": plain(one.channel, NAME), "why": plain(one.why, SENTENCE), "at": stamp_as_json(one.at)}
            for one in post.detours
        ],
        "decided": stamp_as_json(message.decided),
        "settled": stamp_as_json(post.settled),
    }


def _silence_as_json(silence: Silence) -> dict[str, Any]:
    return {
        "id": silence.id,
        "service": plain(silence.service, NAME),
        "since": stamp_as_json(silence.since),
        "until": stamp_as_json(silence.until),
        "author": plain(silence.author, NAME),
        "comment": plain(silence.comment, SENTENCE),
    }


async def _document(request: web.Request, known: Collection[str]) -> Mapping[str, str]:
    """What somebody says who may."""
    if is_foreign(request):
        refuse(web.HTTPForbidden, "a page of another site may not do this")
    try:
        return await document(request, known)
    except ValueError as error:
        refuse(web.HTTPBadRequest, str(error))


async def _read(backend: Backend, work: Awaitable[_T]) -> _T:
    try:
        return await read(backend.history, work)
    except Unreadable as error:
        refuse(web.HTTPServiceUnavailable, str(error))
