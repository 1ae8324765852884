"""Asking name servers: one question, its answer, over UDP and over streams. Messages are dnspython's."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeError, ProbeFailed
from monitor.domain.words import Layer, Reason
from monitor.net.datagram import Datagram, readable
from monitor.net.dial import dial
from monitor.net.stream import Stream
from monitor.net.tls import TlsContexts

RETRANSMIT = 1.5  # seconds of silence after which a question over UDP is asked again
_PAYLOAD = 1232  # DNS flag day 2020: what passes unfragmented nearly everywhere
_LARGE = 1500  # bytes that are read in some 30 ms at worst: short records with long names
_RECORDS = 256
_SHORTEST = 11  # bytes of a record: a name of one byte, type, class, TTL and length (RFC 1035 section 4.1.3)
UNABLE = (dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP)  # where glibc's resolver asks the next server
_REASONS: dict[int, Reason] = {
    dns.rcode.NXDOMAIN: Reason.NXDOMAIN,
    dns.rcode.SERVFAIL: Reason.SERVFAIL,
    dns.rcode.REFUSED: Reason.REFUSED,
}

Server = tuple[str, int]
Response = TypeVar("Response")


class Question(Protocol[Response]):
    """Something to ask a name server, and how to know its answer."""

    def to_wire(self, *, prepend_length: bool = False) -> bytes:
        """The message; over a stream with its length before it."""
        ...

    def accept(self, run: Run, wire: bytes) -> Response | None:
        """The answer in ``wire``, None when it belongs to another question. Raises ProbeFailed malformed."""
        ...

    def is_unable(self, response: Response) -> bool:
        """Whether another name server should be asked."""
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """A whole DNS message as a question."""

    message: dns.message.Message

    def to_wire(self, *, prepend_length: bool = False) -> bytes:
        """See `Question`."""
        return self.message.to_wire(prepend_length=prepend_length)

    def accept(self, run: Run, wire: bytes) -> dns.message.Message | None:
        """See `Question`."""
        return accept(run, self.message, wire)

    def is_unable(self, response: dns.message.Message) -> bool:
        """See `Question`."""
        return response.rcode() in UNABLE


def make_query(run: Run, name: str, rdtype: str, rdclass: str = "IN", flags: int = dns.flags.RD) -> dns.message.Message:
    """A question with EDNS. Raises ProbeFailed malformed for what is no DNS name."""
    try:
        return dns.message.make_query(
            dns.name.from_text(name), rdtype, rdclass, use_edns=0, payload=_PAYLOAD, flags=dns.flags.Flag(flags)
        )
    except dns.exception.DNSException as error:
        raise run.failed(Reason.MALFORMED, f"not a DNS name: {type(error).__name__}") from error


def accept(run: Run, query: dns.message.Message, wire: bytes) -> dns.message.Message | None:
    """The answer to ``query`` in ``wire``; None for a packet that belongs to another question.

    Raises ProbeFailed malformed for an answer to our id that is broken or repeats another question, size for one of
    more than 256 records.
    """
    if len(wire) < 12 or int.from_bytes(wire[:2]) != query.id:
        return None
    records = sum(int.from_bytes(wire[at : at + 2]) for at in (6, 8, 10))
    if records > _RECORDS and records * _SHORTEST <= len(wire):  # else it ends too early, as its parser finds at once
        raise run.failed(Reason.SIZE, f"a DNS message of more than {_RECORDS} records")
    try:
        response = _parse(wire)
    except (dns.exception.DNSException, ValueError) as error:
        raise run.failed(Reason.MALFORMED, f"not a DNS message ({type(error).__name__})") from error
    if not query.is_response(response):
        raise run.failed(Reason.MALFORMED, "the answer is to another question")
    return response


def _parse(wire: bytes) -> dns.message.Message:
    try:
        return dns.message.from_wire(wire, ignore_trailing=True)
    except dns.exception.DNSException:
        if wire[2] & 0x02:  # truncated, perhaps in the middle of a record: the flag is all that counts
            return dns.message.from_wire(wire, question_only=True, ignore_trailing=True)
        raise


async def without_holding(accept: Callable[[Run, bytes], Response | None], run: Run, wire: bytes) -> Response | None:
    """``accept``, beside the loop for a large message: names that point to names cost more than they show."""
    return accept(run, wire) if len(wire) <= _LARGE else await asyncio.to_thread(accept, run, wire)


def is_truncated(response: dns.message.Message) -> bool:
    """Whether the answer asks to come again over TCP (RFC 7766)."""
    return bool(response.flags & dns.flags.TC)


def verdict(rcode: int, name: str, rdtype: str) -> ProbeFailed:
    """The failure that an answer without the wanted records is."""
    if rcode == dns.rcode.NOERROR:
        return ProbeFailed(Layer.DNS, Reason.NO_ANSWER, f"{name} has no {rdtype} record")
    return ProbeFailed(
        Layer.DNS,
        _REASONS.get(rcode, Reason.RCODE),
        f"{name} {rdtype}: {dns.rcode.to_text(dns.rcode.Rcode.make(rcode))}",
    )


async def ask_datagram(run: Run, datagram: Datagram, query: dns.message.Message) -> dns.message.Message:
    """Ask, once more after `RETRANSMIT`, and wait for as long as the run may last."""
    wire = query.to_wire()
    datagram.send(wire)
    try:
        async with asyncio.timeout(RETRANSMIT):
            return await _answer(run, datagram, query)
    except TimeoutError:
        datagram.send(wire)
        return await _answer(run, datagram, query)


async def _answer(run: Run, datagram: Datagram, query: dns.message.Message) -> dns.message.Message:
    while True:
        wire, _ = await datagram.receive()
        if response := await without_holding(Query(query).accept, run, wire):
            return response


async def ask_stream(run: Run, stream: Stream, question: Question[Response]) -> Response:
    """Ask over TCP or TLS: two bytes of length before each message (RFC 1035 section 4.2.2)."""
    stream.write(question.to_wire(prepend_length=True))
    size = int.from_bytes(await stream.read_exactly(2))
    response = await without_holding(question.accept, run, await stream.read_exactly(size))
    if response is None:
        raise run.failed(Reason.MALFORMED, "not a DNS message, or one with another id")
    return response


async def ask_tcp(run: Run, contexts: TlsContexts, question: Question[Response], server: Server) -> Response:
    """Ask over a TCP connection of its own."""
    async with await dial(run, contexts, server) as stream:
        return await ask_stream(run, stream, question)


class Inquiry(Generic[Response]):
    """One question to all name servers of a list over UDP, as resolv.conf(5) describes it.

    The next one is asked when one is silent, unreachable or unable. Sockets stay
    open meanwhile: an answer that comes late, from whomever, still counts.
    """

    def __init__(self, run: Run, question: Question[Response]) -> None:
        self._run = run
        self._question = question
        self._open: dict[Server, Datagram] = {}
        self._spent: set[Server] = set()
        self._unable: Response | None = None
        self.fault: ProbeError | None = None
        """The last thing that went wrong with a server."""

    async def ask(self, servers: Sequence[Server]) -> tuple[Server, Response] | None:
        """Who answered, and what; None when nobody did."""
        rounds = 2 if len(servers) > 1 else 3
        try:
            for server in [*servers] * rounds:
                if self._send(server) and (answer := await self._within_patience()):
                    return answer
        finally:
            for datagram in self._open.values():
                datagram.socket.close()
        return (servers[0], self._unable) if self._unable is not None else None

    def _send(self, server: Server) -> bool:
        if server in self._spent:
            return False
        try:
            if server not in self._open:
                self._open[server] = Datagram.connect(self._run, server)
            self._open[server].send(self._question.to_wire())
        except ProbeError as error:
            self._drop(server, error)
            return False
        return True

    def _drop(self, server: Server, fault: ProbeError | None = None) -> None:
        self._spent.add(server)
        self.fault = fault or self.fault
        if server in self._open:
            self._open.pop(server).socket.close()

    async def _within_patience(self) -> tuple[Server, Response] | None:
        try:
            async with asyncio.timeout(RETRANSMIT):
                while len(waiting := dict(self._open)):
                    for server, datagram in waiting.items():
                        if (response := self._look(server, datagram)) is not None:
                            return server, response
                    if len(self._open) < len(waiting):
                        return None  # somebody gave up: on to the next at once
                    await readable(*(datagram.socket for datagram in self._open.values()))
        except TimeoutError:
            pass
        return None

    def _look(self, server: Server, datagram: Datagram) -> Response | None:
        try:
            while packet := datagram.poll():
                response = self._question.accept(self._run, packet[0])
                if response is not None and not self._question.is_unable(response):
                    return response
                if response is not None:
                    self._unable = response
                    self._drop(server)
                    break
        except ProbeError as error:
            self._drop(server, error)
        return None
