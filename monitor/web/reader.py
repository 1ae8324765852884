"""For whom a page is made."""

from aiohttp import web

from monitor.languages.reader import Reader
from monitor.languages.words import words_in
from monitor.web.api import edition
from monitor.web.backend import BACKEND
from monitor.web.language import language_of


def reader(request: web.Request) -> Reader:
    """Who asks. Raises HTTPBadRequest when the request does not say which host it asks."""
    backend = request.app[BACKEND]
    return Reader(
        words=words_in(language_of(request)),
        edition=edition(request),
        quiet=backend.judged.quiet,
        is_public=backend.public,
    )
