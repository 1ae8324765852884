"""Which language a page speaks: of its address, else of the reader's last choice, else of the browser."""

from collections.abc import Iterator
from urllib.parse import urlencode

from aiohttp import web

from monitor.languages.words import DEFAULT, LANGUAGES
from monitor.web.door import Handler

COOKIE = "lang"
_REMEMBERED = 365 * 86400
_RANGES = 20
"""How many languages of a browser are weighed; RFC 9110 sets no bound."""


def language_of(request: web.Request) -> str:
    """One of `LANGUAGES`: ``?lang=``, then the cookie, then Accept-Language, then English."""
    for asked in (request.query.get("lang", ""), request.cookies.get(COOKIE, "")):
        if asked in LANGUAGES:
            return asked
    return preferred(request.headers.get("Accept-Language", ""))


@web.middleware
async def remember(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keep the language that a reader chose: outside every cache, because the answer is the same for all."""
    response = await handler(request)
    asked = request.query.get("lang", "")
    if asked in LANGUAGES and request.cookies.get(COOKIE) != asked and not response.prepared:
        response.set_cookie(COOKIE, asked, max_age=_REMEMBERED, path="/", httponly=True, samesite="Lax")
    return response


def switched(request: web.Request, language: str) -> str:
    """The address of the same page in another language, relative to it."""
    return (
        f"?{urlencode([*((name, text) for name, text in request.query.items() if name != 'lang'), ('lang', language)])}"
    )


def preferred(accept: str) -> str:
    """The best of `LANGUAGES` by an Accept-Language header (RFC 9110 section 12.5.4)."""
    weighed = [(quality, language) for language, quality in _ranges(accept) if quality > 0]
    # max takes the first of equals, which is the order that the reader gave
    return max(weighed, key=lambda pair: pair[0])[1] if weighed else DEFAULT


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    """Each known language with its weight. ``fr-CH`` is French, ``*`` English."""
    for part in accept.split(",")[:_RANGES]:
        tag, _, parameters = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        language = DEFAULT if language == "*" else language
        if language in LANGUAGES:
            yield language, _quality(parameters)


def _quality(parameters: str) -> float:
    """0 when it is no weight."""
    name, _, value = parameters.strip().partition("=")
    if not name:
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if name.strip() == "q" and 0 <= quality <= 1 else 0.0
