"""The pages: the status page, and one for each outage. Without JavaScript."""

import asyncio

import jinja2
from aiohttp import web

from monitor.domain.outage import OutageQuery, Span
from monitor.domain.words import Status, VantageState
from monitor.formats.edition import Edition
from monitor.formats.report import Report
from monitor.formats.times import clock, rfc3339
from monitor.web.api import edition
from monitor.web.backend import BACKEND, Backend
from monitor.web.headline import headline
from monitor.web.health import why_not_ready
from monitor.web.reading import Unreadable, alive, one, read, reports
from monitor.web.services import services, shares
from monitor.web.status import LastDay, sections, witnesses
from monitor.web.story import tell, tell_all

PAGES = web.AppKey("pages", jinja2.Environment)
_WEEK = 7 * 86400.0
_SHOWN = 50


def environment() -> jinja2.Environment:
    """The templates; everything that is put in is escaped."""
    loader = jinja2.PackageLoader("monitor.web")
    return jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )


async def status(request: web.Request) -> web.Response:
    """The status page."""
    backend, made = request.app[BACKEND], edition(request)
    (open_now, problem), (past, more), known, last_day = await asyncio.gather(
        alive(backend), _past(backend, made.now), shares(backend), _last_day(backend)
    )
    top = headline(_standing(backend), open_now, backend.board, made)
    found = services(backend, open_now, known)
    body = (
        request.app[PAGES]
        .get_template("status.html")
        .render(
            **_frame(backend, made),
            headline=top,
            not_ready=why_not_ready(backend.vitals()),
            problem=problem,
            current=[tell(one, made, backend.judged.quiet) for one in _by_urgency(open_now)],
            sections=[
                *sections(found, made.now, last_day, is_blind=top.is_blind),
                *witnesses(backend.board.witnesses(), made.now, last_day),
            ],
            past=[tell(one, made, backend.judged.quiet) for one in past],
            more=more,
        )
    )
    return web.Response(text=body, content_type="text/html")


async def outage(request: web.Request) -> web.Response:
    """The page of one outage."""
    backend, made = request.app[BACKEND], edition(request)
    try:
        report = await one(backend.history, request.match_info["id"])
    except Unreadable as error:
        raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
    if report is None:
        raise web.HTTPNotFound(text="There is no such outage.\n")
    whole = tell_all(report, made, backend.judged.quiet)
    page = request.app[PAGES].get_template("outage.html")
    body = page.render(**_frame(backend, made), whole=whole, is_alive=report.is_alive)
    return web.Response(text=body, content_type="text/html")


def _frame(backend: Backend, made: Edition) -> dict[str, object]:
    vantage = backend.vantage()
    place = ", ".join(part for part in (vantage.name, vantage.region, vantage.country, vantage.network) if part)
    return {"place": place, "now_iso": rfc3339(made.now), "now_text": clock(made.now)}


def _standing(backend: Backend) -> Span:
    """What the judgement says of the vantage; until it has said something, what the witnesses say."""
    state = VantageState.ONLINE if backend.online() else VantageState.OFFLINE
    return backend.judged.standing() or Span(vantage=backend.vantage().name, state=state, start=0.0, end=None)


async def _past(backend: Backend, now: float) -> tuple[list[Report], bool]:
    """The windows that were over within the last week, and whether there were more than are shown."""
    try:
        found = await reports(backend.history, OutageQuery(since=now - _WEEK, is_open=False, limit=_SHOWN + 1))
    except Unreadable:
        return [], False
    return found[:_SHOWN], len(found) > _SHOWN


async def _last_day(backend: Backend) -> LastDay:
    try:
        return await read(backend.history, backend.last_day())
    except Unreadable:
        return {}


def _by_urgency(found: list[Report]) -> list[Report]:
    order = (Status.OPEN, Status.RECOVERING, Status.PLANNED)
    return sorted(found, key=lambda report: (not report.is_outage, order.index(report.window.status)))
