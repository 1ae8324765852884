"""GET requests to one server, over one connection where the server keeps it open (RFC 9112 section 9.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from monitor.domain.attempt import Run
from monitor.domain.settings import Endpoint, Route, Tls
from monitor.net.http import Response, encode_request, exchange
from monitor.net.network import Network
from monitor.net.stream import Stream
from monitor.net.url import Url


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A web server: where it is, what it must prove to be, and the host to ask for there."""

    endpoint: Endpoint
    name: str
    """The name for SNI and the certificate check."""
    authority: str
    """The value of the Host header."""
    tls: Tls | None
    """None for plain http."""

    @classmethod
    def of(cls, url: Url, tls: Tls) -> Self:
        """The place that a URL leads to."""
        return cls(
            endpoint=url.endpoint, name=url.endpoint.host, authority=url.authority, tls=tls if url.secure else None
        )


class Talk:
    """Any number of requests, one after the other. Raises what `Network.connect` and `exchange` do."""

    def __init__(self, run: Run, network: Network, route: Route, place: Place) -> None:
        self._run = run
        self._network = network
        self._route = route
        self._place = place
        self._stream: Stream | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    async def get(
        self, target: str, headers: Mapping[str, str] | None = None, *, limit: int = 65536, last: bool = False
    ) -> Response:
        """The answer for the path and query ``target``, with up to ``limit`` bytes of body.

        ``last`` tells the server that the connection may end.
        """
        place = self._place
        all_headers = {"Host": place.authority, "User-Agent": self._network.user_agent, "Accept": "*/*"}
        all_headers |= {"Connection": "close" if last else "keep-alive"} | dict(headers or {})
        url = Url(scheme="https" if place.tls else "http", endpoint=place.endpoint, target=target)
        stream = self._stream or await self._open()
        response = await exchange(self._run, stream, encode_request("GET", url, all_headers), limit=limit)
        if last or _ends(response):
            self._close()
        return response

    async def _open(self) -> Stream:
        stream = self._stream = await self._network.connect(self._run, self._place.endpoint, self._route)
        if self._place.tls:
            await stream.start_tls(self._place.tls, self._place.name)
        return stream

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _ends(response: Response) -> bool:
    """Whether nothing more can be asked on the connection of this response."""
    tokens = (response.header(b"connection") or b"").lower()
    framed = response.header(b"content-length") is not None or response.header(b"transfer-encoding") is not None
    return response.truncated or response.version != "1.1" or b"close" in tokens or not framed
