"""An http or ws URL (RFC 3986, 9110 section 4.2) taken apart into what a request needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self
from urllib.parse import quote, urljoin, urlsplit

from pydantic import AfterValidator

from monitor.domain.settings import Endpoint, Strings, check_host

_PORTS: Mapping[str, int] = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SECURE = ("https", "wss")
_KEPT = "%/:?@!$&'()*+,;=~-._[]|"  # what a request-target may hold as it is; the rest is percent-encoded
_BLANK = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """Where a request goes and what it asks for. ``target`` is the origin-form: path and query."""

    scheme: str
    endpoint: Endpoint
    target: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take ``text`` apart; the fragment is dropped. Raises ValueError, whose text repeats no secret."""
        parts = urlsplit(text)
        if parts.scheme not in _PORTS:
            raise ValueError(f"not a URL with one of the schemes {', '.join(_PORTS)}")
        if parts.username is not None or parts.password is not None:
            raise ValueError("no credentials inside a URL; use auth")
        if not parts.hostname or _BLANK.search(parts.netloc):
            raise ValueError("a URL without a host")
        if parts.port == 0:
            raise ValueError("port 0 in a URL")
        target = quote(parts.path or "/", safe=_KEPT) + (f"?{quote(parts.query, safe=_KEPT)}" if parts.query else "")
        endpoint = Endpoint(host=check_host(parts.hostname), port=parts.port or _PORTS[parts.scheme])
        return cls(scheme=parts.scheme, endpoint=endpoint, target=target)

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.scheme in _SECURE

    @property
    def authority(self) -> str:
        """The value of the Host header: the port only where it is not the scheme's own."""
        text = str(self.endpoint)
        return text.removesuffix(f":{_PORTS[self.scheme]}")

    @property
    def origin(self) -> str:
        """Scheme, host and port: what may see credentials (RFC 6454)."""
        return f"{self.scheme}://{self.endpoint}"

    def join(self, reference: str) -> Self:
        """Where a Location header leads from here. Raises ValueError."""
        return self.parse(urljoin(f"{self.scheme}://{self.authority}{self.target}", reference))


def _checked(texts: tuple[str, ...], schemes: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if Url.parse(text).scheme not in schemes:
            raise ValueError(f"not a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if not texts:
        raise ValueError("no URL")
    return texts


HttpUrls = Annotated[Strings, AfterValidator(lambda texts: _checked(texts, ("http", "https")))]
"""One http or https URL or a list of equal ones, of which each round asks one."""
WebSocketUrls = Annotated[Strings, AfterValidator(lambda texts: _checked(texts, ("ws", "wss")))]
"""One ws or wss URL or a list of equal ones, of which each round asks one."""
