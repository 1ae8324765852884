"""Somebody looks after an outage: by the button on its page, or by a signed link that needs no password.

A link alone never acknowledges: chats and mail scanners follow links. The page
that it leads to has a form, and the form does.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import web

from monitor.domain.alert import Acknowledgement
from monitor.domain.words import Status
from monitor.formats.report import Report
from monitor.formats.text import NAME
from monitor.web.assets import Assets
from monitor.web.backend import BACKEND, Backend
from monitor.web.events import NEWS
from monitor.web.pages import message, show
from monitor.web.reader import reader
from monitor.web.reading import Unreadable, one, read
from monitor.web.story import tell
from monitor.web.told import can_be_acknowledged, form_alone, who_acknowledged
from monitor.web.writing import author, body

_NESTED = 10
"""Windows that may have become part of a wider one, one after the other: component, service, provider, and again."""
_FIELDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A window, and who looks after it."""

    report: Report
    """The wider one, when the one that was asked for became a part of it."""
    by: Acknowledgement | None


def signed_routes(assets: Assets) -> list[web.RouteDef]:
    """What is there without a password: the signature is the proof; style and script of a page are no secret."""
    return [
        web.get("/ack/{id}", _ask),
        web.post("/ack/{id}", _take_from_link),
        web.get("/ack/static/{name}", assets.get),
    ]


def inner_routes() -> list[web.RouteDef]:
    """What is for those who are known."""
    return [web.post("/outage/{id}/ack", _take_from_page)]


async def find(backend: Backend, window_id: str) -> Looked | None:
    """The window, or the wider one that it is a part of; None when there is none. Raises Unreadable."""
    report = await one(backend.history, window_id)
    for _ in range(_NESTED):
        if report is None or report.window.status is not Status.ABSORBED:
            break
        report = await one(backend.history, report.window.absorbed_by) or report
    if report is None:
        return None
    notes = await read(backend.history, backend.telling.acknowledged([report.window.id]))
    return Looked(report=report, by=next(iter(notes), None))


async def acknowledge(request: web.Request, window_id: str, name: str) -> Looked | None:
    """Let ``name`` look after it, unless it is over or somebody does already; how it is then. Raises Unreadable."""
    backend = request.app[BACKEND]
    found = await find(backend, window_id)
    if found is None or not can_be_acknowledged(found.report, found.by):
        return found
    note = Acknowledgement(window_id=found.report.window.id, at=backend.clock.now(), author=name)
    await read(backend.history, backend.telling.acknowledge(note))
    request.app[NEWS].look()  # so that the page which is shown next knows of it
    return await find(backend, note.window_id)


async def _ask(request: web.Request) -> web.Response:
    """The page with the button."""
    who, window_id, sign = reader(request), request.match_info["id"], request.query.get("sign", "")
    if not _is_ours(request, sign):
        return await _answer(request, "no_link", 403)
    try:
        found = await find(request.app[BACKEND], window_id)
    except Unreadable:
        return await _answer(request, "unreadable", 503)
    if found is None:
        return await _answer(request, "no_outage", 404)

    def shown() -> Mapping[str, object]:
        return {
            "is_alone": True,
            "story": tell(found.report, who),
            "acknowledged": who_acknowledged(found.by, who) if found.by else "",
            "form": form_alone(window_id, sign) if can_be_acknowledged(found.report, found.by) else None,
        }

    return _private(await show(request, who, "acknowledge.html", shown))


async def _take_from_link(request: web.Request) -> web.Response:
    """Back to the page with the button, which says who looks after it: the outage's own page may want a password."""
    form = await _fields(request)
    sign = form.get("sign", "")
    if not _is_ours(request, sign):
        return await _answer(request, "no_link", 403)
    return await _take(request, form.get("author", ""), "link", f"{request.rel_url.raw_path}?sign={sign}")


async def _take_from_page(request: web.Request) -> web.Response:
    """Back to the outage's page."""
    form = await _fields(request)
    if not _is_ours(request, form.get("sign", "")):
        return await _answer(request, "no_link", 403)
    return await _take(request, form.get("author", ""), "web", request.rel_url.raw_path.removesuffix("/ack"))


async def _take(request: web.Request, given: str, otherwise: str, then: str) -> web.Response:
    try:
        found = await acknowledge(request, request.match_info["id"], author(request, given[:NAME], otherwise))
    except Unreadable:
        return await _answer(request, "unreadable", 503)
    if found is None:
        return await _answer(request, "no_outage", 404)
    return _private(web.Response(status=303, headers={"Location": then}))


async def _fields(request: web.Request) -> Mapping[str, str]:
    """Of a form. Raises HTTPBadRequest."""
    try:
        return dict(parse_qsl(await body(request), max_num_fields=_FIELDS))
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"this form cannot be read: {error}\n") from error


def _is_ours(request: web.Request, sign: str) -> bool:
    """Whether we gave this link or form away, for this window."""
    expected = request.app[BACKEND].telling.sign(request.match_info["id"])
    return hmac.compare_digest(sign.encode(errors="replace"), expected.encode())


async def _answer(request: web.Request, name: str, code: int) -> web.Response:
    return _private(await message(request, reader(request), name, code, is_alone=True))


def _private(response: web.Response) -> web.Response:
    response.headers["Cache-Control"] = "no-store"
    return response
