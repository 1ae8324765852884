"""Who may read what, and the headers that every answer carries."""

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Middleware

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": "lastseen",
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

    @property
    def knows_somebody(self) -> bool:
        """Whether there is anything that a request can prove itself with."""
        return bool(self.username or self.token)


async def harden(_: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on an answer, refusals and our own mistakes included; what is there stays."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = HEADERS["Server"]  # by now the framework has put its own version there


def door(listen: Listen, signed: Container[str] = ()) -> Middleware:
    """Whoever may read one path may read all of them. The resources ``signed`` look for a proof of their own."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if listen.knows_somebody and _resource(request) not in signed and not _is_known(listen, request):
            raise _who_are_you()
        return await handler(request)

    return check


def public_door(listen: Listen, for_all: Container[str]) -> Middleware:
    """Everybody may read the resources ``for_all``; the others are there only for who is known."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = _resource(request)
        if resource and resource not in for_all and not _is_known(listen, request):
            raise _who_are_you() if listen.knows_somebody else web.HTTPNotFound
        return await handler(request)

    return check


def _resource(request: web.Request) -> str:
    """The path as its route has it; empty when there is no such path."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _who_are_you() -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="lastseen", charset="UTF-8"'})


def _is_known(listen: Listen, request: web.Request) -> bool:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and listen.token:
        return hmac.compare_digest(value.encode(), listen.token.encode())
    if scheme.lower() != "basic" or not listen.username:
        return False
    try:
        given = base64.b64decode(value, validate=True)
    except binascii.Error:
        return False
    return hmac.compare_digest(given, f"{listen.username}:{listen.password}".encode())
