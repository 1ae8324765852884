"""For whom a page is made."""

from dataclasses import dataclass

from aiohttp import web

from monitor.formats.edition import Edition
from monitor.web.api import edition
from monitor.web.backend import BACKEND
from monitor.web.language import language_of
from monitor.web.words import Words, words_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One reader of one page."""

    words: Words
    edition: Edition
    quiet: float
    """Seconds without a relapse after which a window is over."""
    is_public: bool
    """A stranger: told of components and layers, and of no host, address, target or word of a server."""

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self.edition.now

    def name(self, service: str) -> str:
        """Of a service, for people."""
        return self.edition.titles.get(service, service)


def reader(request: web.Request) -> Reader:
    """Who asks. Raises HTTPBadRequest when the request does not say which host it asks."""
    backend = request.app[BACKEND]
    return Reader(
        words=words_in(language_of(request)),
        edition=edition(request),
        quiet=backend.judged.quiet,
        is_public=backend.public,
    )
