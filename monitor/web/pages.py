"""The pages: services at a glance, one service, one outage, the history. Whole without JavaScript."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import jinja2
from aiohttp import web

from monitor.domain.check import Vantage
from monitor.domain.outage import OutageQuery, Span, Transition
from monitor.domain.vitals import why_not_ready
from monitor.domain.words import Status, VantageState
from monitor.formats.report import Report
from monitor.formats.times import clock, rfc3339
from monitor.languages.reader import Reader
from monitor.languages.words import DEFAULT, LANGUAGES, words_in
from monitor.web.backend import BACKEND, Backend
from monitor.web.bars import HEIGHT
from monitor.web.cache import cached
from monitor.web.door import Handler
from monitor.web.headline import headline, of_ourselves
from monitor.web.history import of_service, search
from monitor.web.language import switched
from monitor.web.outage_page import tell_all
from monitor.web.overview import days_of, listing, select, watchers
from monitor.web.press import written
from monitor.web.preview import path_of
from monitor.web.reader import reader
from monitor.web.reading import Unreadable, alive, one, read, reports
from monitor.web.sayings import Saying, beside, heard_of
from monitor.web.service_page import Known, known, whole
from monitor.web.services import PERIODS, Service, services, shares
from monitor.web.story import tell
from monitor.web.told import form_on, telling, told_of

PAGES = web.AppKey("pages", jinja2.Environment)
_WEEK = 7 * 86400.0
_PAST = 15
_CARDS = 8
"""Open windows that are told in full; the others are named."""
_NAMED = 100
_SAYINGS = 5
_BARE = "404: Not Found"
"""What the framework says of a path that is none, and the door of one that is none for strangers."""


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
    ordered = by_urgency(open_now)
    found = services(backend, open_now, seen)
    selected = select(found, request.query)
    top = headline(ourselves(backend), open_now, backend.board, who, is_witnessed=is_witnessed(backend))
    about_us = {"caution": top.caution, "not_ready": why_not_ready(backend.vitals())}
    courses = await _courses(backend, ordered)
    days = await days_of(backend, selected.services, who.now)
    # Here and not in the thread: what these walk through changes under way.
    watched_by = watchers(backend.board.witnesses(), who.words)

    def shown() -> Mapping[str, object]:
        return {
            "headline": top,
            **about_us,
            "problem": problem,
            "current": [tell(report, who, course, _sayings(report, found, who)) for report, course in courses],
            "others": [tell(report, who) for report in ordered[_CARDS : _CARDS + _NAMED]],
            "unnamed": max(0, len(ordered) - _CARDS - _NAMED),
            "listing": listing(selected, days, who),
            "watchers": watched_by,
            "past": [tell(report, who) for report in past],
            "is_more": is_more,
        }

    return await show(request, who, "status.html", shown)


async def service(request: web.Request) -> web.Response:
    """The page of one service."""
    backend, who, name = request.app[BACKEND], reader(request), request.match_info["name"]
    (open_now, problem), seen = await asyncio.gather(alive(backend), shares(backend))
    found = next((each for each in services(backend, open_now, seen) if each.name == name), None)
    if found is None:
        return await message(request, who, "no_service", 404)
    courses = await _courses(backend, [each for each in by_urgency(open_now) if name in each.window.services])
    stored, past = await _stored(backend, found, who)
    about_us = _about_us(backend, who)

    def shown() -> Mapping[str, object]:
        return {
            **about_us,
            "problem": problem,
            "whole": whole(found, stored, who),
            "current": [tell(report, who, course) for report, course in courses],
            "past": [tell(report, who) for report in past],
        }

    return await show(request, who, "service.html", shown)


async def outage(request: web.Request) -> web.Response:
    """The page of one outage."""
    backend, who = request.app[BACKEND], reader(request)
    try:
        report = await one(backend.history, request.match_info["id"])
    except Unreadable:
        return await message(request, who, "unreadable", 503)
    if report is None:
        return await message(request, who, "no_outage", 404)
    course, told, heard = await asyncio.gather(
        course_of(backend, report), told_of(backend, report), heard_of(backend, report)
    )
    about_us = _about_us(backend, who)

    def shown() -> Mapping[str, object]:
        whole = tell_all(report, who, course, told.acknowledged if told else None, heard)
        return {
            **about_us,
            "whole": whole,
            "is_alive": report.is_alive,
            "told": told and telling(told, who),
            "form": form_on(report, told, backend.telling.sign),
        }

    return await show(request, who, "outage.html", shown)


async def history(request: web.Request) -> web.Response:
    """The windows that a form finds."""
    backend, who = request.app[BACKEND], reader(request)
    try:
        found = await search(backend, who, request.query)
    except Unreadable:
        return await message(request, who, "unreadable", 503)
    return await show(request, who, "history.html", lambda: {"search": found}, 400 if found.complaint else 200)


@web.middleware
async def lost(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page for people whose address leads nowhere; a line for programs."""
    try:
        return await handler(request)
    except web.HTTPNotFound as error:
        if error.text != _BARE or "text/html" not in request.headers.get("Accept", ""):
            raise
    return await message(request, reader(request), "no_page", 404)


async def message(request: web.Request, who: Reader, name: str, code: int, *, is_alone: bool = False) -> web.Response:
    """A page with one sentence."""
    said = {"message": who.words(f"message.{name}"), "is_alone": is_alone}
    return await show(request, who, "message.html", lambda: said, code)


async def show(
    request: web.Request, who: Reader, template: str, shown: Callable[[], Mapping[str, object]], code: int = 200
) -> web.Response:
    """Told and written in a thread: fifty milliseconds of a long page are probes that come late.

    ``shown`` may set ``is_alone``: a page for who may read no other, so that it asks for nothing that has a door.
    """
    frame = {
        "t": who.words,
        "languages": [(code, name, switched(request, code)) for code, name in LANGUAGES.items()],
        "base": who.edition.base,
        "here": request.rel_url.raw_path,
        "picture": path_of(request.rel_url.raw_path, "" if who.words.language == DEFAULT else who.words.language),
        "place": place(request.app[BACKEND].vantage()),
        "now_iso": rfc3339(who.now),
        "now_text": clock(who.now),
        "is_alone": False,
    }
    pages = request.app[PAGES]
    body = await written(request, lambda: pages.get_template(template).render({**frame, **shown()}))
    headers = {"Content-Language": who.words.language}
    return web.Response(text=body, status=code, content_type="text/html", headers=headers)


def place(vantage: Vantage) -> str:
    """Where we look from, as people read it."""
    return ", ".join(part for part in (vantage.name, vantage.region, vantage.country, vantage.network) if part)


def ourselves(backend: Backend) -> Span:
    """What the judgement says of the vantage; until it has said something, what the witnesses say."""
    state = VantageState.ONLINE if backend.online() else VantageState.OFFLINE
    return backend.judged.standing() or Span(vantage=backend.vantage().name, state=state, start=0.0, end=None)


def _about_us(backend: Backend, who: Reader) -> Mapping[str, object]:
    """What a reader of anything that goes on must know of who says so."""
    return {"caution": caution(backend, who), "not_ready": why_not_ready(backend.vitals())}


def caution(backend: Backend, who: Reader) -> str:
    """What to know of us beside anything that we say; or nothing."""
    return of_ourselves(ourselves(backend), who.words, is_witnessed=is_witnessed(backend))


def is_witnessed(backend: Backend) -> bool:
    """Whether what fails now counts."""
    return backend.online() or not backend.board.witnesses()


async def _courses(backend: Backend, found: Sequence[Report]) -> list[tuple[Report, Sequence[Transition]]]:
    """The most urgent ones with their course."""
    shown = found[:_CARDS]
    courses = await asyncio.gather(*(course_of(backend, report) for report in shown))
    return list(zip(shown, courses, strict=True))


async def course_of(backend: Backend, report: Report) -> Sequence[Transition]:
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


def _sayings(report: Report, found: Sequence[Service], who: Reader) -> list[Saying]:
    """What the providers of a few of its services say of them."""
    names = report.window.services[:_SAYINGS]
    its = [each for each in found if each.name in names]
    return [said for each in its if (said := beside(each, who, is_named=len(its) > 1))]


def by_urgency(found: Sequence[Report]) -> list[Report]:
    """What is open before what recovers and what was announced."""
    order = (Status.OPEN, Status.RECOVERING, Status.PLANNED)
    return sorted(found, key=lambda report: (not report.is_outage, order.index(report.window.status)))
