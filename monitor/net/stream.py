"""A byte stream to a target, plain or TLS, over any event loop's transport.

TLS runs on memory BIOs inside this class: connect and handshake can be timed
apart, STARTTLS is the same call as TLS from the start, and it costs no more
than the loop's own TLS (bench/ compares them).
"""

import asyncio
import re
import ssl
from types import TracebackType
from typing import Self

from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import Tls
from monitor.domain.words import Phase, Reason
from monitor.net.faults import os_fault, tls_fault
from monitor.net.tls import TlsContexts, check_issuer, check_pin, note_session

_PAUSE_AT = 256 * 1024  # a server that floods us is stopped by TCP, not by our memory
_TLS_READ = 65536
_BREATH = 200  # reads of what is there already, after which others on the loop get their turn


class Stream(asyncio.Protocol):
    """Reads wait for what they name and leave the rest buffered; nothing is lost between two reads.

    Every method may raise ProbeFailed in the run's current phase.
    """

    def __init__(self, run: Run, contexts: TlsContexts, loop: asyncio.AbstractEventLoop) -> None:
        self._run = run
        self._contexts = contexts
        self._loop = loop
        self.descriptor = -1
        """The number of the socket, for the kernel's view of the connection."""
        self.heard = False
        """Whether anything came from the other side so far."""
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._session: ssl.SSLObject | None = None
        self._incoming: ssl.MemoryBIO | None = None
        self._outgoing: ssl.MemoryBIO | None = None
        self._wire = bytearray()
        self._plain = self._wire
        self._eof = False
        self._lost: Exception | None = None
        self._paused = False
        self._unwaited = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection at once. Never waits: a hanging peer may not hold us."""
        if self._transport is not None:
            self._flush()
            self._transport.abort()

    @property
    def local_address(self) -> str:
        """The address of this machine that the connection comes from, as text."""
        return str(self._transport.get_extra_info("sockname")[0]) if self._transport is not None else ""

    # -- asyncio.Protocol ----------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream transport by the protocol's contract
        self.descriptor = transport.get_extra_info("socket").fileno()

    @override
    def data_received(self, data: bytes) -> None:
        self.heard = True
        self._wire += data
        if len(self._wire) > _PAUSE_AT and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    @override
    def eof_received(self) -> bool:
        self._eof = True
        self._wake()
        return True  # half-open: we may still have something to say; close() ends it

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._eof = True
        self._lost = exc
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -- bytes ---------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send ``data``. Errors show at the next read, as TCP's do."""
        if self._session is None:
            self._send(data)
            return
        try:
            self._session.write(data)
        except ssl.SSLError as error:
            raise tls_fault(self._run, error) from error
        self._flush()

    async def read(self, most: int = _PAUSE_AT << 4) -> bytes:
        """Whatever is there, at least one byte and ``most`` at most; ``b""`` at the end of the stream."""
        while not self._plain:
            if not await self._more():
                return b""
        return self._take(min(len(self._plain), most))

    async def read_exactly(self, count: int) -> bytes:
        """Exactly ``count`` bytes. Raises ProbeFailed closed when the stream ends first."""
        if self._unwaited > _BREATH:
            await self._breathe()
        while len(self._plain) < count:
            await self._must_more(f"{count} bytes")
        return self._take(count)

    async def read_line(self, limit: int = 65536) -> bytes:
        """One line without its LF or CRLF."""
        if self._unwaited > _BREATH:
            await self._breathe()
        while (end := self._plain.find(b"\n")) < 0:
            if len(self._plain) > limit:
                raise self._run.failed(Reason.SIZE, f"a line longer than {limit} bytes")
            await self._must_more("the end of a line")
        return self._take(end + 1).rstrip(b"\r\n")

    async def next_line(self, limit: int = 65536) -> bytes | None:
        """The next line as `read_line` gives it, or what is left of one at the end of the stream; None after it."""
        if self._unwaited > _BREATH:
            await self._breathe()
        while (end := self._plain.find(b"\n")) < 0:
            if len(self._plain) > limit:
                raise self._run.failed(Reason.SIZE, f"a line longer than {limit} bytes")
            if not await self._more():
                return self._take(len(self._plain)) if self._plain else None
        return self._take(end + 1)[:-1].removesuffix(b"\r")

    async def read_until(self, pattern: re.Pattern[bytes], limit: int) -> re.Match[bytes] | None:
        """Search the whole stream so far, again with every arrival, whatever the packet borders.

        Consumes up to the end of the match. None when the stream ended without one.
        Raises ProbeFailed size when ``limit`` bytes came without a match.
        """
        while (match := pattern.search(bytes(self._plain))) is None:
            if len(self._plain) > limit:
                raise self._run.failed(Reason.SIZE, f"no match in the first {limit} bytes")
            if not await self._more():
                return None
        self._take(match.end())
        return match

    def unread(self, data: bytes) -> None:
        """Put back what was read too much: the next read finds it first."""
        self._plain[:0] = data

    async def _breathe(self) -> None:
        """Let the loop turn, for deadlines and others: what a server has packed into one packet may be thousands."""
        self._unwaited = 0
        await asyncio.sleep(0)

    def _take(self, count: int) -> bytes:
        self._unwaited += 1
        if count == len(self._plain):  # the usual case, without a second copy
            taken = bytes(self._plain)
            self._plain.clear()
            return taken
        taken = bytes(self._plain[:count])
        del self._plain[:count]
        return taken

    async def _must_more(self, wanted: str) -> None:
        if not await self._more():
            raise self._run.failed(Reason.CLOSED, f"the server closed the connection before {wanted}")

    async def _more(self) -> bool:
        """Wait for more plain bytes; False at the end of the stream."""
        before = len(self._plain)
        while len(self._plain) == before:
            if self._session is not None and self._decrypt():
                continue
            if self._eof:
                self._raise_if_broken()
                return False
            await self._arrival()
        return True

    async def _arrival(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        self._unwaited = 0
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _raise_if_broken(self) -> None:
        if isinstance(self._lost, OSError):
            raise os_fault(self._run, self._lost) from self._lost

    # -- TLS -----------------------------------------------------------------

    async def start_tls(self, tls: Tls, server_name: str) -> None:
        """Handshake on what is so far a plain stream; records the facts, checks name, chain and pin."""
        run = self._run
        run.enter(Phase.TLS)
        if self._plain:
            # RFC 3207 section 6: bytes sent in the clear before the handshake may be an attacker's.
            raise run.failed(Reason.MALFORMED, "the server sent plain bytes after agreeing to TLS")
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = self._contexts.get(tls)
        name = (tls.server_name or server_name).removesuffix(".")  # RFC 6066 section 3: without the trailing dot
        session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        try:
            await self._handshake(session)
        except ssl.SSLError as error:
            self._flush()  # the alert that tells the server why
            raise os_fault(run, self._lost) if isinstance(self._lost, OSError) else tls_fault(run, error) from error
        run.session = session
        note_session(run, session)
        check_pin(run, tls.pin)
        check_issuer(run, session, tls.issuers)
        self._session = session
        self._plain = bytearray()

    async def _handshake(self, session: ssl.SSLObject) -> None:
        while True:
            try:
                session.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                await self._feed()
                continue
            self._loop.call_soon(self._flush)  # not now: what is written next leaves in the same packet
            return

    async def _feed(self) -> None:
        """Hand what came over the wire to OpenSSL, waiting for it if need be."""
        if not self._wire and not self._eof:
            await self._arrival()
        if self._wire:
            self._give()
        elif self._eof:
            self._raise_if_broken()
            raise self._run.failed(Reason.CLOSED, "the server closed the connection during TLS")

    def _give(self) -> None:
        if self._incoming is None:
            raise RuntimeError("no TLS session to feed")
        self._incoming.write(self._wire)
        self._wire.clear()

    def _decrypt(self) -> bool:
        """Move plain bytes out of the session; True when there were any."""
        if self._session is None or self._incoming is None:
            return False
        if self._wire:
            self._give()
        before = len(self._plain)
        try:
            # Asked for what is not there it raises, which costs more than the reading.
            while len(self._plain) - before < _PAUSE_AT and (self._incoming.pending or self._session.pending()):
                piece = self._session.read(_TLS_READ)
                if not piece:
                    self._eof = True
                    break
                self._plain += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._eof = True
        except ssl.SSLError as error:
            raise tls_fault(self._run, error) from error
        self._flush()
        return len(self._plain) > before

    def _flush(self) -> None:
        if self._outgoing is not None and self._outgoing.pending:
            self._send(self._outgoing.read())

    def _send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
