"""The pages: services at a glance, one service, one outage, the history. Whole without JavaScript."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import jinja2
from aiohttp import web

from monitor.domain.outage import OutageQuery, Span, Transition
from monitor.domain.words import Status, VantageState
from monitor.formats.report import Report
from monitor.formats.times import clock, rfc3339
from monitor.web.backend import BACKEND, Backend
from monitor.web.bars import HEIGHT
from monitor.web.cache import cached
from monitor.web.headline import headline
from monitor.web.health import why_not_ready
from monitor.web.history import of_service, search
from monitor.web.language import LANGUAGES, switched
from monitor.web.outage_page import tell_all
from monitor.web.overview import days_of, listing, select, watchers
from monitor.web.press import written
from monitor.web.reader import Reader, reader
from monitor.web.reading import Unreadable, alive, one, read, reports
from monitor.web.service_page import Known, known, whole
from monitor.web.services import PERIODS, Service, services, shares
from monitor.web.story import tell
from monitor.web.words import words_in

PAGES = web.AppKey("pages", jinja2.Environment)
_WEEK = 7 * 86400.0
_PAST = 15
_CARDS = 8
"""Open windows that are told in full; the others are named."""
_NAMED = 100


@cache
def environment() -> jinja2.Environment:
    """The templates; everything that is put in is escaped."""
    for language in LANGUAGES:
        words_in(language)  # read now, not while somebody waits
    loader = jinja2.PackageLoader("monitor.web")
    made = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    made.globals.update(bar_height=HEIGHT, periods=tuple(PERIODS))
    return made


def routes() -> list[web.RouteDef]:
    """All of them."""
    return [
        web.get("/", cached(status, speaks=True)),
        web.get("/service/{name}", cached(service, speaks=True)),
        web.get("/outage/{id}", cached(outage, speaks=True)),
        web.get("/history", cached(history, speaks=True)),
    ]


async def status(request: web.Request) -> web.Response:
    """Is it down, or is it me? All services at a glance."""
    backend, who = request.app[BACKEND], reader(request)
    (open_now, problem), (past, is_more), seen = await asyncio.gather(
        alive(backend), _past(backend, who.now), shares(backend)
    )
    ordered = _by_urgency(open_now)
    selected = select(services(backend, open_now, seen), request.query)
    top = headline(_standing(backend), open_now, backend.board, who)
    courses = await _courses(backend, ordered)
    days = await days_of(backend, selected.services, who.now)
    # Here and not in the thread: what these walk through changes under way.
    not_ready, watched_by = why_not_ready(backend.vitals()), watchers(backend.board.witnesses(), who.words)

    def shown() -> Mapping[str, object]:
        return {
            "headline": top,
            "not_ready": not_ready,
            "problem": problem,
            "current": [tell(report, who, course) for report, course in courses],
            "others": [tell(report, who) for report in ordered[_CARDS : _CARDS + _NAMED]],
            "unnamed": max(0, len(ordered) - _CARDS - _NAMED),
            "listing": listing(selected, days, who),
            "watchers": watched_by,
            "past": [tell(report, who) for report in past],
            "is_more": is_more,
        }

    return await _page(request, who, "status.html", shown)


async def service(request: web.Request) -> web.Response:
    """The page of one service."""
    backend, who, name = request.app[BACKEND], reader(request), request.match_info["name"]
    (open_now, problem), seen = await asyncio.gather(alive(backend), shares(backend))
    found = next((each for each in services(backend, open_now, seen) if each.name == name), None)
    if found is None:
        return await _message(request, who, "no_service", 404)
    courses = await _courses(backend, [each for each in _by_urgency(open_now) if name in each.window.services])
    stored, past = await _stored(backend, found, who)

    def shown() -> Mapping[str, object]:
        return {
            "problem": problem,
            "whole": whole(found, stored, who),
            "current": [tell(report, who, course) for report, course in courses],
            "past": [tell(report, who) for report in past],
        }

    return await _page(request, who, "service.html", shown)


async def outage(request: web.Request) -> web.Response:
    """The page of one outage."""
    backend, who = request.app[BACKEND], reader(request)
    try:
        report = await one(backend.history, request.match_info["id"])
    except Unreadable:
        return await _message(request, who, "unreadable", 503)
    if report is None:
        return await _message(request, who, "no_outage", 404)
    course = await _course(backend, report)

    def shown() -> Mapping[str, object]:
        return {"whole": tell_all(report, who, course), "is_alive": report.is_alive}

    return await _page(request, who, "outage.html", shown)


async def history(request: web.Request) -> web.Response:
    """The windows that a form finds."""
    backend, who = request.app[BACKEND], reader(request)
    try:
        found = await search(backend, who, request.query)
    except Unreadable:
        return await _message(request, who, "unreadable", 503)
    return await _page(request, who, "history.html", lambda: {"search": found}, 400 if found.complaint else 200)


async def _message(request: web.Request, who: Reader, name: str, code: int) -> web.Response:
    return await _page(request, who, "message.html", lambda: {"message": who.words(f"message.{name}")}, code)


async def _page(
    request: web.Request, who: Reader, template: str, shown: Callable[[], Mapping[str, object]], code: int = 200
) -> web.Response:
    """Told and written in a thread: fifty milliseconds of a long page are probes that come late."""
    vantage = request.app[BACKEND].vantage()
    frame = {
        "t": who.words,
        "languages": [(code, name, switched(request, code)) for code, name in LANGUAGES.items()],
        "base": who.edition.base,
        "here": request.rel_url.raw_path,
        "place": ", ".join(part for part in (vantage.name, vantage.region, vantage.country, vantage.network) if part),
        "now_iso": rfc3339(who.now),
        "now_text": clock(who.now),
    }
    pages = request.app[PAGES]
    body = await written(request, lambda: pages.get_template(template).render(**frame, **shown()))
    headers = {"Content-Language": who.words.language}
    return web.Response(text=body, status=code, content_type="text/html", headers=headers)


def _standing(backend: Backend) -> Span:
    """What the judgement says of the vantage; until it has said something, what the witnesses say."""
    state = VantageState.ONLINE if backend.online() else VantageState.OFFLINE
    return backend.judged.standing() or Span(vantage=backend.vantage().name, state=state, start=0.0, end=None)


async def _courses(backend: Backend, found: Sequence[Report]) -> list[tuple[Report, Sequence[Transition]]]:
    """The most urgent ones with their course."""
    shown = found[:_CARDS]
    courses = await asyncio.gather(*(_course(backend, report) for report in shown))
    return list(zip(shown, courses, strict=True))


async def _course(backend: Backend, report: Report) -> Sequence[Transition]:
    """None is known while the store cannot be read: the window itself tells enough for a picture."""
    try:
        return await read(backend.history, backend.history.past.course(report.window.id))
    except Unreadable:
        return ()


async def _past(backend: Backend, now: float) -> tuple[list[Report], bool]:
    """The windows that were over within the last week, and whether there were more than are shown."""
    try:
        found = await reports(backend.history, OutageQuery(since=now - _WEEK, is_open=False, limit=_PAST + 1))
    except Unreadable:
        return [], False
    return found[:_PAST], len(found) > _PAST


async def _stored(backend: Backend, found: Service, who: Reader) -> tuple[Known, Sequence[Report]]:
    """All that the store knows of a service; nothing while it cannot be read."""
    try:
        stored = await read(backend.history, known(backend, found, who.now))
        return stored, await of_service(backend, found.name)
    except Unreadable:
        return Known(), ()


def _by_urgency(found: Sequence[Report]) -> list[Report]:
    order = (Status.OPEN, Status.RECOVERING, Status.PLANNED)
    return sorted(found, key=lambda report: (not report.is_outage, order.index(report.window.status)))
