"""Requests that change something: from whom they may come, how much they may bring, and in whose name."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Annotated

from aiohttp import BasicAuth, web
from pydantic import StringConstraints, TypeAdapter, ValidationError

from monitor.domain.text import shown
from monitor.formats.text import NAME, SENTENCE, plain
from monitor.web.backend import BACKEND

MOST = 16_384
"""Bytes that a request may bring along."""
_PATIENCE = 5.0
_TEXTS = TypeAdapter(dict[str, Annotated[str, StringConstraints(strict=True, max_length=SENTENCE)]])
_OURS = ("none", "same-origin")


def is_foreign(request: web.Request) -> bool:
    """Whether a page of another site sends it, in the name of somebody who only looks at that page.

    Browsers say so themselves (Fetch Metadata), over plain HTTP by the origin alone; programs say neither. A form
    of ours says no origin either, because our pages send no referrer: forms bring a signature instead.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in _OURS
    origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
    return origin is not None and origin not in (f"http://{host}", f"https://{host}", request.app[BACKEND].url)


async def body(request: web.Request) -> str:
    """What it brings along. Raises ValueError with a sentence when that is too much, too slow or no text."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return (await request.read()).decode()
    except web.HTTPRequestEntityTooLarge as error:
        raise ValueError(f"more than {MOST} bytes") from error
    except TimeoutError as error:
        raise ValueError(f"it did not arrive within {_PATIENCE:g} s") from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error


def author(request: web.Request, given: str, otherwise: str) -> str:
    """Who says so: the name that is given, else the one that the request logs in with."""
    return plain(given, NAME) or plain(_login(request), NAME) or otherwise


async def document(request: web.Request, known: Collection[str]) -> Mapping[str, str]:
    """The JSON object that it brings along, of short texts; nothing at all is an empty one. Raises ValueError."""
    text = await body(request)
    try:
        found = _TEXTS.validate_json(text) if text.strip() else {}
    except ValidationError as error:
        raise ValueError(f"the body is no JSON object of texts of at most {SENTENCE} characters") from error
    for key in found:
        if key not in known:
            raise ValueError(f"there is no key {shown(key)}: say {', '.join(known) or 'nothing'}")
    return found


def _login(request: web.Request) -> str:
    try:
        login: str = BasicAuth.decode(request.headers.get("Authorization", ""), encoding="utf-8").login
    except ValueError:
        return ""
    return login
