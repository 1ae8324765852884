"""Calls to somebody's HTTP API, by aiohttp: for everything whose timing is not the product.

An exception becomes `ChannelFailed` here, and so does a status that is no
success. Redirects are not followed: what is sent was meant for one place.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import aiohttp
from pydantic import AfterValidator, Field, SecretStr, model_validator

from monitor.domain.alert import ChannelFailed, ChannelSettings
from monitor.domain.settings import Duration, Secret, check_host
from monitor.net.trouble import trouble

_LIMIT = 65536
_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
"""The only refusals of class 4 that say: again later (RFC 9110 section 15.5, RFC 8470, RFC 6585)."""

Patience = Annotated[Duration, Field(gt=0, le=60)]
"""How long a whole exchange may take."""


def check_url(text: str) -> str:
    """``text`` itself when it is an http or https URL. Raises ValueError, which repeats nothing of it."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isprintable() or parts.port == 0:
        raise ValueError("not a URL that starts with https:// or http://")
    check_host(parts.hostname)
    return text


def _check_secret_url(value: SecretStr) -> SecretStr:
    try:
        check_url(value.get_secret_value())
    except ValueError:
        raise ValueError("not a URL that starts with https:// or http://") from None
    return value


SecretUrl = Annotated[Secret, AfterValidator(_check_secret_url)]
"""A URL whose path or query may be a token."""
PlainUrl = Annotated[str, AfterValidator(check_url)]


def host_of(url: str | SecretStr) -> str:
    """The host alone, for people."""
    return urlsplit(url.get_secret_value() if isinstance(url, SecretStr) else url).hostname or ""


class ApiSettings(ChannelSettings):
    """What every channel accepts that calls an HTTP API."""

    timeout: Patience = 10.0
    ca_file: str | None = None
    """Trust only these anchors (PEM), not the system's: for a server of one's own."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Where it calls."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _check_trust(self) -> Self:
        if self.ca_file is not None and not any(url.startswith("https:") for url in self.urls):
            raise ValueError("ca_file takes a url with https")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. What may hold a secret stays out of the repr."""

    url: str = field(repr=False)
    method: str = "POST"
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    settings: ApiSettings
    is_read: bool = False
    """Whether the body of the answer is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, ``body`` at most 64 KiB of it."""

    status: int
    retry_after: float | None
    body: bytes = field(default=b"", repr=False)

    @property
    def is_success(self) -> bool:
        """Whether it was taken."""
        return 200 <= self.status < 300

    def refusal(self) -> ChannelFailed:
        """What to raise for a status that is no success."""
        is_permanent = 300 <= self.status < 500 and self.status not in _LATER
        return ChannelFailed(
            f"it answered {phrase(self.status)}",
            permanent=is_permanent,
            retry_after=None if is_permanent else self.retry_after,
        )

    def json(self) -> Mapping[str, Any]:
        """The body as an object; an empty one when it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


async def call(session: aiohttp.ClientSession, request: Call) -> Reply:
    """Send a request and take the answer, whatever its status. Raises `ChannelFailed` when there is none."""
    try:
        async with session.request(
            request.method,
            request.url,
            data=request.body or None,
            # Letters are rare: a connection kept for the next one would be dead by then.
            headers={"Connection": "close", **request.headers},
            allow_redirects=False,
            ssl=trust(request.settings.ca_file),
            timeout=aiohttp.ClientTimeout(total=request.settings.timeout),
        ) as response:
            return Reply(
                status=response.status,
                retry_after=_retry_after(response.headers),
                body=await _body(response) if request.is_read else b"",
            )
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ChannelFailed(trouble(error)) from None  # the exception's own text may hold the URL


async def deliver(session: aiohttp.ClientSession, request: Call) -> Reply:
    """`call`, and raise `ChannelFailed` unless the answer is a success."""
    reply = await call(session, request)
    if not reply.is_success:
        raise reply.refusal()
    return reply


def trust(ca_file: str | None) -> ssl.SSLContext | bool:
    """For aiohttp: only these anchors, or the system's. Read each time, so that a renewed file needs no reload."""
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        reason = "no PEM inside" if isinstance(error, ssl.SSLError) else error.strerror
        raise ChannelFailed(f"cannot read the trust anchors in ca_file: {reason}") from None


def phrase(status: int) -> str:
    """``503 Service Unavailable``: the standard's words, not the server's."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) >= _LIMIT:
            break
    return bytes(body[:_LIMIT])


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds (RFC 9110 section 10.2.3); a date is compared with the server's own."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        there = parsedate_to_datetime(headers["Date"])
        return max(0.0, (parsedate_to_datetime(value) - there).total_seconds())
    except (KeyError, ValueError, TypeError):  # TypeError: one of them without a zone
        return None
