"""What a text is made for: when, by whom, and where its windows can be looked up; and names that hold for ever."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

_OURS = uuid5(NAMESPACE_URL, "lastseen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One making of a text."""

    now: float
    """Unix seconds."""
    site: str
    """The name of the monitor that saw the windows."""
    base: str = ""
    """The address of its pages, without a slash at the end; empty where there are none."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Names of services for people: ``WhatsApp`` for ``whatsapp``."""

    def permalink(self, window_id: str) -> str:
        """Where the window has its page, or nothing."""
        return f"{self.base}{path_of(window_id)}" if self.base else ""

    def identity(self, window_id: str = "") -> UUID:
        """Of a window of this site, or of the site: the same at any time and address (RFC 7986 5.3, RFC 4287 4.2.6)."""
        return uuid5(_OURS, ascii((self.site, window_id)))


def path_of(window_id: str) -> str:
    """The path of a window's page."""
    return f"/outage/{quote(window_id, safe='', errors='replace')}"
