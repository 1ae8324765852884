"""/picture/...: what other sites show beside a link to a page (Open Graph), of the same facts as the page itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web

from monitor.domain.words import State
from monitor.formats.text import NAME, SENTENCE, plain
from monitor.formats.times import utc
from monitor.languages.reader import Reader
from monitor.languages.sentence import sentence
from monitor.web.backend import BACKEND
from monitor.web.bars import DAY, HEIGHT, Bars, Frame, bars
from monitor.web.cache import cached
from monitor.web.headline import headline
from monitor.web.lanes import WIDTH
from monitor.web.overview import DAYS, Share, days_of, shares, standing
from monitor.web.pages import by_urgency, caution, course_of, is_witnessed, ourselves, place
from monitor.web.past import Stretch
from monitor.web.picture import picture
from monitor.web.press import written
from monitor.web.preview import Preview, Strip, drawn
from monitor.web.reader import reader
from monitor.web.reading import Unreadable, alive, one, read
from monitor.web.services import Service, services
from monitor.web.services import shares as stored_shares
from monitor.web.story import tell

_STRIPS = 4
_URGENCY = (State.DOWN, State.DEGRADED, State.UNKNOWN, State.UP)


def routes() -> list[web.RouteDef]:
    """One for each page that has a picture."""
    return [
        web.get("/picture/status.png", cached(status, speaks=True)),
        web.get("/picture/service/{name}.png", cached(service, speaks=True)),
        web.get("/picture/outage/{id}.png", cached(outage, speaks=True)),
    ]


async def status(request: web.Request) -> web.Response:
    """Is it down, or is it me? And the services that need a look first."""
    backend, who = request.app[BACKEND], reader(request)
    open_now, _ = await alive(backend)
    found = sorted(services(backend, open_now, {}), key=lambda each: _URGENCY.index(each.state))[:_STRIPS]
    days = await days_of(backend, found, who.now)
    top = headline(ourselves(backend), open_now, backend.board, who, is_witnessed=is_witnessed(backend))
    first = next(iter(by_urgency(open_now)), None)
    return await _shown(
        request,
        who,
        Preview(
            word=top.word,
            title=plain(top.sentence, 2 * NAME),
            text=top.caution or (sentence(first, who) if first else ""),
            strips=tuple(_strip(each.title, _bars(days.get(each.name, ()), who)) for each in found),
            axis=_ninety_days(who),
        ),
    )


async def service(request: web.Request) -> web.Response:
    """How a service stands, and its ninety days. Raises HTTPNotFound when it is not watched."""
    backend, who, name = request.app[BACKEND], reader(request), request.match_info["name"]
    (open_now, _), seen = await asyncio.gather(alive(backend), stored_shares(backend))
    found = next((each for each in services(backend, open_now, seen) if each.name == name), None)
    if found is None:
        raise web.HTTPNotFound(text=f"{who.words('message.no_service')}\n")
    try:
        days = list(await read(backend.history, backend.history.past.parts(name, who.now - (DAYS - 1) * DAY)))
    except Unreadable:
        days = []
    word, state = standing(found, who.words)
    first = next((each for each in by_urgency(open_now) if name in each.window.services), None)
    return await _shown(
        request,
        who,
        Preview(
            word=word,
            title=plain(found.title, NAME),
            state=state,
            when=", ".join(map(_said, shares(found.availability, who.words))),
            text=caution(backend, who) or (sentence(first, who) if first else ""),
            strips=_parts(found, days, who),
            axis=_ninety_days(who),
        ),
    )


async def outage(request: web.Request) -> web.Response:
    """One outage and its course. Raises HTTPNotFound when there is none, HTTPServiceUnavailable without the store."""
    backend, who = request.app[BACKEND], reader(request)
    try:
        report = await one(backend.history, request.match_info["id"])
    except Unreadable as error:
        raise web.HTTPServiceUnavailable(text=f"{who.words('message.unreadable')}\n") from error
    if report is None:
        raise web.HTTPNotFound(text=f"{who.words('message.no_outage')}\n")
    story = tell(report, who)
    lanes = picture(report, who, await course_of(backend, report), by_component=False)
    return await _shown(
        request,
        who,
        Preview(
            word=story.word,
            title=story.title,
            state=story.status,
            when=f"{story.when}, {story.lasted}",
            text=story.sentence,
            strips=tuple(
                Strip(name=row.name, paths=row.paths, size=(WIDTH, 12), is_lane=True) for row in lanes.rows[:_STRIPS]
            ),
            axis=(lanes.start, lanes.end),
        ),
    )


async def _shown(request: web.Request, who: Reader, preview: Preview) -> web.Response:
    """Drawn in the thread that writes pages. The clock has no seconds: what is the same for a minute is kept longer."""
    where = place(request.app[BACKEND].vantage())
    foot = f"{who.words('frame.seen_from', place=where)} {utc(who.now):%Y-%m-%d %H:%M} UTC"
    whole = replace(preview, text=plain(preview.text, SENTENCE), foot=plain(foot, NAME))
    body = await written(request, lambda: drawn(whole))
    return web.Response(body=body, content_type="image/png", headers={"Content-Language": who.words.language})


def _said(share: Share) -> str:
    return f"{share.period} {share.share}" + (f" ({share.seen})" if share.seen else "")


def _parts(found: Service, days: Sequence[Stretch], who: Reader) -> tuple[Strip, ...]:
    """The service as a whole and, where it has several, its components."""
    names = [part.name for part in found.components] if len(found.components) > 1 else []
    titles = {"": who.words("picture.as_a_whole"), **{name: name for name in names[: _STRIPS - 1]}}
    return tuple(
        _strip(title, _bars([day for day in days if day.component == name], who)) for name, title in titles.items()
    )


def _bars(days: Sequence[Stretch], who: Reader) -> Bars:
    return bars(days, Frame(step=DAY, count=DAYS, now=who.now), who.words, is_marked=False)


def _strip(name: str, drawn: Bars) -> Strip:
    return Strip(name=plain(name, NAME), paths=drawn.paths, size=(drawn.width, HEIGHT))


def _ninety_days(who: Reader) -> tuple[str, str]:
    return who.words("legend.past"), who.words("legend.today")
