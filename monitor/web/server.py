"""The aiohttp application: routes, access control, headers."""

import base64
import binascii
import hmac
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from monitor.web import api, attempts, pages
from monitor.web.backend import BACKEND, Backend
from monitor.web.health import why_not_ready

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where and for whom to listen. Without username and token everybody may read."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    cert_file: str = ""
    key_file: str = ""

    @property
    def url(self) -> str:
        """What a person types into the browser."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  # shown, not bound
        return f"{'https' if self.cert_file else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}"


def make_app(backend: Backend, listen: Listen, extra: list[web.RouteDef]) -> web.Application:
    """All routes behind one door: whoever may read one path may read all of them."""
    app = web.Application(middlewares=[_harden, _door(listen)])
    app[BACKEND] = backend
    app[pages.PAGES] = pages.environment()
    app.on_shutdown.append(attempts.wake)
    app.add_routes(
        [
            web.get("/", pages.status),
            web.get("/outage/{id}", pages.outage),
            web.get("/metrics", _metrics),
            web.get("/healthz", _healthz),
            web.get("/readyz", _readyz),
            *api.routes(),
            *attempts.routes(),
            web.post("/-/reload", _reload),
            web.static("/static", Path(str(files("monitor.web") / "static"))),
            *extra,
        ]
    )
    return app


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


@web.middleware
async def _harden(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        refusal.headers.update(_HEADERS)
        raise
    if not response.prepared:
        response.headers.update(_HEADERS)
    return response


def _door(listen: Listen) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _admitted(listen, request.headers.get("Authorization", "")):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="lastseen", charset="UTF-8"'})
        return await handler(request)

    return check


def _admitted(listen: Listen, header: str) -> bool:
    if not listen.username and not listen.token:
        return True
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer" and listen.token:
        return hmac.compare_digest(value.encode(), listen.token.encode())
    if scheme.lower() != "basic" or not listen.username:
        return False
    try:
        given = base64.b64decode(value, validate=True)
    except binascii.Error:
        return False
    return hmac.compare_digest(given, f"{listen.username}:{listen.password}".encode())


async def _metrics(request: web.Request) -> web.StreamResponse:
    scrape = request.app[BACKEND].scrape(request.headers.get("Accept", ""), request.headers.get("Accept-Encoding", ""))
    response = web.StreamResponse(headers={"Content-Type": scrape.content_type, "Vary": "Accept, Accept-Encoding"})
    response.headers.update(_HEADERS)
    if scrape.gzip:
        response.headers["Content-Encoding"] = "gzip"
    await response.prepare(request)
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
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise web.HTTPForbidden(text="a page of another site may not reload the configuration\n")
    problem = await request.app[BACKEND].reload()
    return web.Response(text=f"{problem or 'reloaded'}\n", status=422 if problem else 200)
