"""The aiohttp application: its routes, which of them are for everybody, and how it listens."""

import ssl
from contextlib import AsyncExitStack, suppress

from aiohttp import web

from monitor.domain.vitals import why_not_ready
from monitor.web import acknowledging, alerts, api, attempts, badge, card, events, pages, previews, runbooks
from monitor.web.assets import Assets
from monitor.web.backend import BACKEND, Backend
from monitor.web.cache import CACHE, Cache, cached
from monitor.web.discreet import discreet
from monitor.web.door import Listen, door, harden, public_door
from monitor.web.language import remember
from monitor.web.press import press
from monitor.web.writing import MOST, is_foreign


def make_app(backend: Backend, listen: Listen, extra: list[web.RouteDef]) -> web.Application:
    """All routes behind one door: whoever may read one path may read all of them.

    A public monitor lets everybody in, and keeps ``extra`` and whatever names hosts for those who are known.
    """
    if backend.public:
        backend = discreet(backend)
    assets = Assets()
    everyones, signed = _everyones(assets), acknowledging.signed_routes(assets)
    proven = {route.path for route in signed}
    everybody = {route.path for route in everyones}
    enter = public_door(listen, everybody | proven) if backend.public else door(listen, proven)
    app = web.Application(middlewares=[pages.lost, enter, remember], client_max_size=MOST)
    app[BACKEND] = backend
    app[pages.PAGES] = pages.environment()
    app[events.NEWS] = news = events.News(lambda: events.picture(backend))
    whose = "private" if listen.knows_somebody and not backend.public else "public"
    app[CACHE] = Cache(backend.clock.monotonic, lambda: news.version, control=f"{whose}, no-cache")
    app.cleanup_ctx.append(press)
    app.on_response_prepare.append(harden)
    app.on_startup.append(events.begin)
    app.on_shutdown.extend((events.end, attempts.wake))
    app.add_routes([*everyones, *signed, *_inner(), *extra])
    return app


def _everyones(assets: Assets) -> list[web.RouteDef]:
    return [
        *pages.routes(),
        *previews.routes(),
        *api.routes(),
        web.get("/badge/{service}.svg", cached(badge.badge)),
        web.get("/card/{service}", cached(card.card, speaks=True)),
        web.get("/events", events.events),
        web.get("/static/{name}", assets.get),
        web.get("/healthz", _healthz),
        web.get("/readyz", _readyz),
    ]


def _inner() -> list[web.RouteDef]:
    return [
        *api.inner_routes(),
        *acknowledging.inner_routes(),
        *alerts.inner_routes(),
        *attempts.routes(),
        *runbooks.routes(),
        web.get("/metrics", _metrics),
        web.post("/-/reload", _reload),
    ]


async def serve(app: web.Application, listen: Listen, stack: AsyncExitStack) -> None:
    """Listen until ``stack`` unwinds. Raises OSError when the address cannot be bound."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    context = None
    if listen.cert_file:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(listen.cert_file, listen.key_file or None)
    await web.TCPSite(runner, listen.host, listen.port, ssl_context=context).start()


async def _metrics(request: web.Request) -> web.StreamResponse:
    scrape = request.app[BACKEND].scrape(request.headers.get("Accept", ""), request.headers.get("Accept-Encoding", ""))
    response = web.StreamResponse(headers={"Content-Type": scrape.content_type, "Vary": "Accept, Accept-Encoding"})
    if scrape.gzip:
        response.headers["Content-Encoding"] = "gzip"
    with suppress(ConnectionError):  # a scraper may hang up in the middle: it is nobody's error
        await response.prepare(request)
        if request.method == "HEAD":  # what is written then would be taken for the head of the next answer
            return response
        async for piece in scrape.body:
            await response.write(piece)
        await response.write_eof()
    return response


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    why = why_not_ready(request.app[BACKEND].vitals())
    return web.Response(text=f"{why or 'ready'}\n", status=503 if why else 200)


async def _reload(request: web.Request) -> web.Response:
    if is_foreign(request):
        raise web.HTTPForbidden(text="a page of another site may not reload the configuration\n")
    problem = await request.app[BACKEND].reload()
    return web.Response(text=f"{problem or 'reloaded'}\n", status=422 if problem else 200)
