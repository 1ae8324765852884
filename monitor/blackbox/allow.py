"""Where /probe may be aimed: patterns against hosts, hosts with ports, and URLs."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.net.url import Url

_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What would be asked. ``url`` only for the prober http."""

    host: str
    port: int | None = None
    url: Url | None = None


class Allowance:
    """The operator's patterns; None admits everything.

    ``*`` and ``?`` stand for any text and any character. A pattern without
    ``://`` is for the host or for ``host:port``. With it, scheme, authority and
    path are matched one by one, so that no ``*`` in the name of a host reaches
    into the path; without a path it is for every path. Addresses are compared
    in their canonical form, IPv6 in brackets.
    """

    def __init__(self, patterns: Iterable[str] | None = None) -> None:
        self._patterns = None if patterns is None else [_Pattern.parse(text) for text in patterns]

    def admits(self, place: Place) -> bool:
        """Whether any pattern matches."""
        return self._patterns is None or any(pattern.matches(place) for pattern in self._patterns)


@dataclass(frozen=True, slots=True)
class _Pattern:
    scheme: re.Pattern[str] | None
    authority: re.Pattern[str]
    path: re.Pattern[str] | None

    @classmethod
    def parse(cls, text: str) -> "_Pattern":
        scheme, separator, rest = text.rpartition("://")
        if not separator:
            return cls(None, _glob(_canonical(text.lower())), None)
        authority, slash, path = rest.partition("/")
        return cls(_glob(scheme.lower()), _glob(_canonical(authority.lower())), _glob(slash + path) if slash else None)

    def matches(self, place: Place) -> bool:
        host = _canonical(place.host.lower().rstrip("."))
        forms = [host] if place.port is None else [host, f"{host}:{place.port}"]
        if not any(self.authority.fullmatch(form) for form in forms):
            return False
        if self.scheme is None:
            return True
        url = place.url
        if url is None or not self.scheme.fullmatch(url.scheme):
            return False
        if self.path is None:
            return True
        path = url.target.partition("?")[0]
        return not _DOTS.search(path) and self.path.fullmatch(url.target) is not None


def _canonical(host: str) -> str:
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return host
    return f"[{address}]" if address.version == 6 else str(address)


def _glob(text: str) -> re.Pattern[str]:
    escaped = {"*": ".*", "?": "."}
    return re.compile("".join(escaped.get(character) or re.escape(character) for character in text), re.DOTALL)
