"""XMPP over a `Stream` (RFC 6120): streams, their elements, questions to the server, and what errors mean."""

import secrets

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Reason
from monitor.net.stream import Stream
from monitor.wire import xmpp

_GONE = ("host-unknown", "host-gone")
_BUSY = ("resource-constraint", "system-shutdown")
_FEATURES = f"{xmpp.STREAMS} features"
_STREAM_ERROR = f"{xmpp.STREAMS} error"


class XmppStream:
    """One stream after the other over a connection. Every method may raise ProbeFailed, or ValueError for no XMPP."""

    def __init__(self, run: Run, stream: Stream, head: bytes) -> None:
        self._run = run
        self._stream = stream
        self._head = head
        self._reader: xmpp.Reader  # since `open`, which comes first

    async def open(self) -> xmpp.Element:
        """Begin a stream anew; its features."""
        self._reader = xmpp.Reader()
        opened = await self.say(self._head)
        if opened.name != f"{xmpp.STREAMS} stream":
            raise ValueError("another document")
        if (features := await self._next()).name != _FEATURES:
            raise ValueError("a stream without features")
        return features

    async def say(self, data: bytes) -> xmpp.Element:
        """Write, and the next element that comes."""
        self._stream.write(data)
        return await self._next()

    async def ask(self, kind: str, payload: str, to: str | None = None) -> xmpp.Element:
        """The answer to an iq, be it an error. What else comes is not for us."""
        number = secrets.token_hex(8)
        answer = await self.say(xmpp.iq(kind, number, payload, to))
        while answer.name != "jabber:client iq" or answer.attributes.get("type") not in ("result", "error"):
            answer = await self._next()
        if answer.attributes.get("id") != number:
            raise self._run.failed(Reason.NONCE, "the server answers another question than ours")
        return answer

    def leave(self) -> None:
        """Read no further: what comes next is not XML."""
        self._stream.unread(self._reader.rest)

    async def _next(self) -> xmpp.Element:
        while (element := self._reader.next()) is None:
            data = b"" if self._reader.ended else await self._stream.read()
            if not data:
                raise self._run.failed(Reason.CLOSED, "the server ended the stream")
            self._reader.feed(data)
        if element.name == _STREAM_ERROR:
            raise self._error(xmpp.condition(element))
        return element

    def _error(self, why: str) -> ProbeFailed:
        """What a stream error means (RFC 6120 section 4.9.3)."""
        if why in _GONE:
            return self._run.failed(Reason.HOST_UNKNOWN, f"the server does not serve the domain: {why}")
        if why in _BUSY:
            return self._run.failed(Reason.OVERLOADED, f"the server says that it is unable: {why}")
        failure = self._run.failed(Reason.REJECTED, f"the server ends the stream: {why}")
        if why == "policy-violation":  # the condition for those who come too often
            failure.retry_after = 0.0
        return failure
