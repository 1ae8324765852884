"""One HTTP/1.1 exchange (RFC 9110, 9112) over a `Stream`; httptools (llhttp) parses.

A general client cannot tell tcp from tls and costs five times the CPU
(bench/ compares them); an exchange needs no pool, no cookies, no proxies.
"""

import asyncio
import re
import zlib
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Annotated, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from pydantic import AfterValidator

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Secret
from monitor.domain.words import Phase, Reason
from monitor.net.stream import Stream
from monitor.net.url import Url

_HEAD_LIMIT = 65536
_SLICE = 65536
_DAY = 86400.0
_LONGEST_DATE = 100
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = re.compile(r"connection|content-length|transfer-encoding|upgrade|sec-websocket-.*", re.IGNORECASE)
_WINDOW_BITS = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}


def _check_headers(headers: Mapping[str, Secret]) -> Mapping[str, Secret]:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"not a header name: {name!r}")
        if _OURS.fullmatch(name):
            raise ValueError(f"{name} is set by the probe itself")
        if not _VALUE.fullmatch(value.get_secret_value()):
            raise ValueError(f"not a header value, for {name}: control characters or beyond Latin-1")
    return headers


Headers = Annotated[Mapping[str, Secret], AfterValidator(_check_headers)]
"""Header fields of a request. Values may be tokens or cookies: all of them are shown as asterisks."""


class Response(NamedTuple):
    """What came back. Names are lower-case; ``body`` holds at most the limit, ``truncated`` says if more came."""

    status: int
    version: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    truncated: bool

    def header(self, name: bytes) -> bytes | None:
        """The first value of the field ``name`` (lower-case), None when it is absent."""
        for known, value in self.headers:
            if known == name:
                return value
        return None


def encode_request(method: str, url: Url, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """The bytes of a request; ``headers`` in the order given, with Host and Connection where they do not name them."""
    named = {name.lower() for name in headers}
    lines = [f"{method} {url.target} HTTP/1.1"]
    if "host" not in named:
        lines.append(f"Host: {url.authority}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if "connection" not in named:
        lines.append("Connection: close")
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def exchange(run: Run, stream: Stream, request: bytes, *, limit: int) -> Response:
    """Send ``request`` (of `encode_request`), take one final response with up to ``limit`` bytes of body.

    Phase request lasts until the first byte of an answer, phase response until
    the end of the body or of our interest in it. Interim responses (1xx) are
    passed over, but 101: bytes after its head stay in ``stream``. Raises
    ProbeFailed http/malformed, http/closed, http/size (the head exceeds 64 KiB).
    """
    run.enter(Phase.REQUEST)
    stream.write(request)
    reader = _Reader(limit, head=request.startswith(b"HEAD "))
    try:
        data = await stream.read(_SLICE)
        run.enter(Phase.RESPONSE)
        while data and not reader.feed(run, data):
            if len(data) == _SLICE:
                await asyncio.sleep(0)  # a body in chunks of a byte or two is long to read
            data = await stream.read(_SLICE)
        if not data:
            reader.end(run)
    finally:
        del reader.parser  # breaks the reference cycle: the collector has nothing to do
    if reader.rest:
        stream.unread(reader.rest)
    return reader.response()


class _Reader:
    """The callbacks of one parser. Once ``done``, whatever follows is not ours."""

    __slots__ = (
        "_body",
        "_fed",
        "_head",
        "_headers",
        "_idle",
        "_limit",
        "_status",
        "_version",
        "done",
        "parser",
        "rest",
    )

    def __init__(self, limit: int, *, head: bool) -> None:
        self.parser = HttpResponseParser(self)
        self.done = False
        self.rest = b""
        self._limit = limit
        self._head = head
        self._fed = 0
        self._status = 0
        self._version = ""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._idle = 0

    def feed(self, run: Run, data: bytes) -> bool:
        """Parse ``data``; True when no more is wanted."""
        room = _HEAD_LIMIT - self._fed
        self._fed += len(data)
        if self._status or len(data) <= room:
            return self._parse(run, data)
        self._parse(run, data[:room])
        if not self._status:
            raise run.failed(Reason.SIZE, f"a response head of more than {_HEAD_LIMIT} bytes")
        if self.done:
            self.rest += data[room:]
        return self.done or self._parse(run, data[room:])

    def _parse(self, run: Run, data: bytes) -> bool:
        before = self._status, len(self._body)
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self.rest = data[upgrade.args[0] :]
            self.done = True
        except HttpParserError as error:
            if not self.done:
                raise run.failed(Reason.MALFORMED, f"not an HTTP/1.1 response: {error}") from error
        self._idle = self._idle + len(data) if before == (self._status, len(self._body)) else 0
        if self._idle > _HEAD_LIMIT and not self.done:
            raise run.failed(Reason.SIZE, f"more than {_HEAD_LIMIT} bytes around a body, and nothing in it")
        return self.done

    def end(self, run: Run) -> None:
        """The stream has ended: right for a body without a length, too early for everything else."""
        if not self._status:
            raise run.failed(Reason.CLOSED, "the server closed the connection before the end of a response head")
        if any(name == b"content-length" or b"chunked" in value.lower() for name, value in self._framing()):
            raise run.failed(
                Reason.CLOSED, f"the server closed the connection after {len(self._body)} bytes of a longer body"
            )

    def response(self) -> Response:
        """What was read."""
        over = len(self._body) > self._limit
        del self._body[self._limit :]
        return Response(self._status, self._version, self._lowered(), bytes(self._body), over)

    def _lowered(self) -> tuple[tuple[bytes, bytes], ...]:
        return tuple([(name.lower(), value) for name, value in self._headers])

    def _framing(self) -> list[tuple[bytes, bytes]]:
        return [header for header in self._lowered() if header[0] in (b"content-length", b"transfer-encoding")]

    # -- called by httptools ---------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field, or trailer field."""
        if not self._status:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The end of a head, interim or final."""
        if self._status:
            return
        status = self.parser.get_status_code()
        if status < 200 and status != 101:
            self._headers.clear()
            return
        self._status = status
        self._version = self.parser.get_http_version()
        self.done = self._head or status == 101

    def on_body(self, data: bytes) -> None:
        """A piece of the body, already without the chunks' framing."""
        if self.done:
            return
        self._body += data
        self.done = len(self._body) > self._limit

    def on_message_complete(self) -> None:
        """The end of an interim or final response."""
        if self._status:
            self.done = True


def decoded(run: Run, response: Response, limit: int) -> Response:
    """``response`` with the coding of its body undone, up to ``limit`` bytes. Raises ProbeFailed http/malformed."""
    coding = (response.header(b"content-encoding") or b"").strip().lower()
    bits = _WINDOW_BITS.get(coding)
    if bits is None or not response.body:
        return response
    try:
        body = zlib.decompressobj(bits).decompress(response.body, limit + 1)
    except zlib.error as error:
        raise run.failed(Reason.MALFORMED, f"the body is not {coding.decode()}, which its head promises") from error
    return response._replace(body=body[:limit], truncated=response.truncated or len(body) > limit)


def status_failure(run: Run, response: Response, now: float) -> ProbeFailed:
    """The failure to raise for a status that was not expected; ``now`` is Unix time."""
    reason = Reason.DENIED if response.status in (400, 401, 403) else Reason.STATUS
    failure = run.failed(reason, f"status {response.status}")
    failure.retry_after = _retry_after(response, now)
    return failure


def _retry_after(response: Response, now: float) -> float | None:
    """Seconds, 0 to a day, when the response is a plea to come back later (RFC 6585 section 4, RFC 9110 10.2.3)."""
    value = response.header(b"retry-after")
    if response.status not in (421, 429) and (response.status != 503 or value is None):
        return None
    text = (value or b"").strip()
    if text.isdigit():
        return float(min(int(text[:9]), _DAY))
    moment = http_date(text)
    return 0.0 if moment is None else min(max(moment - now, 0.0), _DAY)


def http_date(value: bytes) -> float | None:
    """Unix time of an HTTP-date (RFC 9110 section 5.6.7), None for anything else."""
    return _http_date(value) if len(value) < _LONGEST_DATE else None  # what is remembered must be small


@lru_cache(maxsize=1024)
def _http_date(value: bytes) -> float | None:
    try:
        return parsedate_to_datetime(value.decode("latin-1")).timestamp()
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
