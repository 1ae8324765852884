"""Telephony, and what is told of addresses: SIP, STUN, ICMP."""

import hashlib
import hmac
import struct
import zlib

from tests.support.bending import Line
from tests.support.casting import Cast, Serve
from tests.support.fuzzed.common import (
    ACCOUNT,
    Way,
    at_place,
)


def _sip(request: bytes) -> list[bytes]:
    wanted = (b"via:", b"from:", b"to:", b"call-id:", b"cseq:")
    kept = [field for field in request.split(b"\r\n") if field.lower().startswith(wanted)]
    head = b"\r\n".join((b"SIP/2.0 200 OK", *kept, b"Server: kamailio (5.6.3)", b"Allow: INVITE, OPTIONS"))
    ringing = b"\r\n".join((b"SIP/2.0 100 Trying", *kept, b"Content-Length: 0\r\n\r\n"))
    return [ringing, head + b"\r\nContent-Length: 4\r\n\r\nv=0\n"]


async def _sip_stream(line: Line) -> None:
    while True:
        line.write(b"".join(_sip(await line.readuntil(b"\r\n\r\n"))))


def _sip_dear(answer: bytes) -> Serve:
    async def serve(line: Line) -> None:
        asked = await line.readuntil(b"\r\n\r\n")
        line.write(answer or _sip(asked)[0] * 2000)
        await line.read()

    return serve


def _stun(request: bytes, key: bytes = b"") -> list[bytes]:
    kind, transaction = int.from_bytes(request[:2]), request[8:20]
    relayed = _attribute(0x20, b"\x00\x01" + bytes((0x21 ^ 0x10, 0x12 ^ 0x20)) + b"\x5e\x12\xa4\x43")
    software = _attribute(0x8022, b"Coturn-4.6.1 'Gorst'")
    if kind == 1:
        return [_stun_message(0x0101, transaction, relayed + software)]
    if kind == 4:
        return [_stun_message(0x0104, transaction, _attribute(0x0D, bytes(4)))]
    if b"monitor" not in request:
        wants = (
            _attribute(9, b"\x00\x00\x04\x01Unauthorized") + _attribute(0x14, b"example.org") + _attribute(0x15, b"n1")
        )
        return [_stun_message(0x0113, transaction, wants + software)]
    body = _attribute(0x16, relayed[4:12]) + relayed + _attribute(0x0D, b"\x00\x00\x02\x58")
    signed = _stun_message(0x0103, transaction, body, 24)
    key = hashlib.md5(b"monitor:example.org:made-up", usedforsecurity=False).digest()
    signature = _attribute(8, hmac.digest(key, signed, "sha1"))
    stamped = _stun_message(0x0103, transaction, body + signature, 8)
    return [stamped + _attribute(0x8028, (zlib.crc32(stamped) ^ 0x5354554E).to_bytes(4))]


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _stun_message(kind: int, transaction: bytes, body: bytes, more: int = 0) -> bytes:
    return struct.pack("!HHI", kind, len(body) + more, 0x2112A442) + transaction + body


async def _stun_stream(line: Line) -> None:
    while True:
        head = await line.readexactly(20)
        line.write(b"".join(_stun(head + await line.readexactly(int.from_bytes(head[2:4])))))


def _ping(request: bytes) -> list[bytes]:
    total = int.from_bytes(request[2:4]) + 0x0800  # of RFC 1071's sum the type takes part
    reply = b"\x00\x00" + ((total & 0xFFFF) + (total >> 16)).to_bytes(2) + request[4:]
    return [reply[:6] + b"\xff\xff" + reply[8:], reply]  # the first is to a request that was never made


CASTS: dict[str, Way] = {
    "icmp": lambda _: (
        Cast(name="echo", settings=lambda place: {"host": place.host, "count": 2}, reply=_ping, echo=True),
    ),
    "sip": lambda _: (
        Cast(name="udp", settings=at_place, reply=_sip),
        Cast(
            name="tcp",
            settings=lambda place: {"address": str(place), "transport": "tcp"},
            serve=_sip_stream,
            dear=(
                _sip_dear(b""),
                _sip_dear(b"SIP/2.0 200 OK\r\n" + b"a:b\r\n" * 3000 + b"\r\n"),
                _sip_dear(b"\r\n" * 200_000),
            ),
        ),
    ),
    "stun": lambda _: (
        Cast(name="udp", settings=at_place, reply=_stun),
        Cast(
            name="turn",
            settings=lambda place: at_place(place, transport="tcp", turn=True, **ACCOUNT),
            serve=_stun_stream,
        ),
    ),
}
