"""What stands on the way in some places: a filter that reads names in TLS hellos, a resolver that lies."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.support.scripted import Handler, reset, scripted

Cut = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


def cuts_with_reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RST, as most filters do."""
    reset(writer)


def cuts_in_order(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """FIN."""
    writer.close()


def name_filter(upstream: tuple[str, int], *names: str, cut: Cut = cuts_with_reset) -> Handler:
    """Passes connections on to ``upstream``, but those whose TLS hello names one of ``names`` (with SNI) it cuts."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(5)
        hello = await reader.readexactly(int.from_bytes(head[3:]))
        if any(len(name).to_bytes(2) + name.encode() in hello for name in names):
            cut(reader, writer)
            return
        there, back = await asyncio.open_connection(*upstream)
        back.write(head + hello)
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            back.close()

    return handler


def filtering(upstream: int, *names: str, cut: Cut = cuts_with_reset) -> AbstractAsyncContextManager[int]:
    """`name_filter` on loopback, before a port of it; its own port."""
    return scripted(name_filter(("127.0.0.1", upstream), *names, cut=cut))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
    sink.write_eof()


def answers(zone: Mapping[str, Sequence[str]]) -> Callable[[bytes], list[bytes]]:
    """How a resolver answers (see `scripted_udp`) that knows these names and their IPv4 addresses; others are none."""

    def answer(wire: bytes) -> list[bytes]:
        query = dns.message.from_wire(wire)
        (asked,) = query.question
        reply = dns.message.make_response(query)
        addresses = zone.get(asked.name.to_text(omit_final_dot=True).lower())
        if addresses is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif asked.rdtype == dns.rdatatype.A:
            reply.answer = [dns.rrset.from_text(asked.name, 60, "IN", "A", *addresses)]
        return [reply.to_wire(max_size=65535)]

    return answer
