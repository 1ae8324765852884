"""/card/SERVICE: one service in a small frame, for pages of others. The only page that may be framed."""

import asyncio

from aiohttp import web

from monitor.formats.times import clock
from monitor.web.backend import BACKEND
from monitor.web.door import HEADERS
from monitor.web.overview import path_of, shares, standing
from monitor.web.pages import PAGES, caution
from monitor.web.reader import reader
from monitor.web.reading import alive
from monitor.web.sayings import beside
from monitor.web.services import services
from monitor.web.services import shares as stored_shares
from monitor.web.story import tell

_SHOWN = 2
"""Open windows that are told; the others are on the page of the service."""
_POLICY = HEADERS["Content-Security-Policy"].replace("frame-ancestors 'none'", "frame-ancestors *")


async def card(request: web.Request) -> web.Response:
    """How a service stands and what is open of it. Raises HTTPNotFound when it is not watched."""
    backend, who, name = request.app[BACKEND], reader(request), request.match_info["service"]
    (open_now, _), seen = await asyncio.gather(alive(backend), stored_shares(backend))
    found = next((each for each in services(backend, open_now, seen) if each.name == name), None)
    if found is None:
        raise web.HTTPNotFound(text=f"{who.words('message.no_service')}\n")
    word, state = standing(found, who.words)
    page = request.app[PAGES].get_template("card.html")
    body = page.render(
        t=who.words,
        title=found.title,
        path=path_of(name),
        word=word,
        state=state,
        caution=caution(backend, who),
        saying=beside(found, who),
        stories=[tell(report, who) for report in open_now if name in report.window.services][:_SHOWN],
        shares=shares(found.availability, who.words),
        place=backend.vantage().name,
        now=clock(who.now),
    )
    return web.Response(text=body, content_type="text/html", headers={"Content-Security-Policy": _POLICY})
