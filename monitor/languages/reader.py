"""For whom something is put into words."""

from dataclasses import dataclass

from monitor.formats.edition import Edition
from monitor.languages.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One reader of a page or a message."""

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
