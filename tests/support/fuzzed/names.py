"""Name servers, with a zone that is signed."""

import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import dns.dnssec
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key

from tests.support.bending import Line
from tests.support.casting import Cast, Place, Serve
from tests.support.fuzzed.common import (
    Way,
    http_request,
    http_response,
)

_NAME = dns.name.from_text("example.org")


@cache
def _zone() -> tuple[EllipticCurvePrivateKey, Any, str]:
    """A key, its DNSKEY, and the DS record that trusts it."""
    private = generate_private_key(SECP256R1())
    public = dns.dnssec.make_dnskey(private.public_key(), "ECDSAP256SHA256", flags=257)
    return private, public, f"example.org. IN DS {dns.dnssec.make_ds(_NAME, public, 'SHA256')}"


@cache
def _signed(kind: dns.rdatatype.RdataType) -> tuple[dns.rrset.RRset, dns.rrset.RRset]:
    private, public, _ = _zone()
    texts = {
        dns.rdatatype.A: ("192.0.2.10", "192.0.2.11"),
        dns.rdatatype.SOA: ("ns.example.org. root.example.org. 2024010100 3600 600 86400 300",),
        dns.rdatatype.TXT: ('"v=spf1 -all" "more"', "x"),
    }
    rrset = dns.rrset.from_text(_NAME, 300, "IN", kind, *texts.get(kind, ()))
    if kind is dns.rdatatype.DNSKEY:
        rrset = dns.rrset.from_rdata(_NAME, 300, public)
    now = int(time.time())
    signature = dns.dnssec.sign(rrset, private, _NAME, public, inception=now - 3600, expiration=now + 3600)
    return rrset, dns.rrset.from_rdata(_NAME, 300, signature)


def _resolved(request: bytes) -> list[bytes]:
    query = dns.message.from_wire(request)
    response = dns.message.make_response(query, recursion_available=True)
    response.answer.extend(_signed(query.question[0].rdtype))
    response.additional.append(dns.rrset.from_text("ns.example.org.", 300, "IN", "AAAA", "2001:db8::1"))
    return [response.to_wire()]


def _resolved_dear(build: Callable[[bytes], bytes]) -> Serve:
    async def serve(line: Line) -> None:
        asked = await line.readexactly(int.from_bytes(await line.readexactly(2)))
        answer = build(asked)
        line.write(len(answer).to_bytes(2) + answer)
        await line.read()

    return serve


def _long_names(request: bytes, most: int = 65535) -> bytes:
    """As many records as fit, whose names are as long as names can be, each two bytes."""
    head, question = request[:2] + b"\x84\x00\x00\x01", request[12:]
    question = question[: question.index(b"\x00") + 5]
    long = b"\x01a" * 126 + b"\x00"
    pointer = (12 + len(question) + 0).to_bytes(2)
    first = long + b"\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04"
    again = bytes((0xC0 | pointer[0], pointer[1]))
    count = min(most, (65535 - 12 - len(question) - len(first)) // 16)
    records = b"".join(again + b"\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04" + n.to_bytes(4) for n in range(count))
    return head + (count + 1).to_bytes(2) + bytes(4) + question + first + records


async def _resolved_stream(line: Line) -> None:
    while True:
        (answer,) = _resolved(await line.readexactly(int.from_bytes(await line.readexactly(2))))
        line.write(len(answer).to_bytes(2) + answer)


async def _resolved_https(line: Line) -> None:
    while True:
        _, headers = await http_request(line)
        (answer,) = _resolved(await line.readexactly(int(headers[b"content-length"])))
        line.write(http_response(answer, b"Content-Type: application/dns-message"))


def _query(place: Place, kind: str, **more: Any) -> Mapping[str, Any]:
    return {"name": "example.org", "type": kind, "resolver": str(place), **more}


def _dns() -> tuple[Cast, ...]:
    anchor = _zone()[2]
    expect = {"answers": ["192.0.2.10", "192.0.2.11"], "only": True, "additional": {"any": "2001:db8"}}
    return (
        Cast(name="udp", settings=lambda place: _query(place, "A", expect=expect), reply=_resolved),
        Cast(
            name="tcp",
            settings=lambda place: _query(place, "TXT", transport="tcp", expect={"answers": "/spf1/"}),
            serve=_resolved_stream,
            dear=(_resolved_dear(_long_names), _resolved_dear(partial(_long_names, most=250))),
        ),
        Cast(
            name="validated",
            settings=lambda place: _query(
                place, "SOA", transport="tcp", expect={"dnssec": "validate"}, trust_anchor=anchor
            ),
            serve=_resolved_stream,
        ),
        Cast(
            name="https",
            settings=lambda place: {
                "name": "example.org",
                "transport": "https",
                "url": f"https://{place}/dns-query",
                "tls": {"ca_file": place.ca_file},
            },
            serve=_resolved_https,
            inside_tls=True,
        ),
    )


CASTS: dict[str, Way] = {
    "dns": lambda _: _dns(),
}
