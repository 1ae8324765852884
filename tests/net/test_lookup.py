import time
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.net.lookup import Lookup

labels = st.from_regex(r"\A[a-z0-9_]([a-z0-9-]{0,20}[a-z0-9])?\Z")
names = st.lists(labels, min_size=1, max_size=6).map(".".join)


def run() -> Run:
    return Run(time.monotonic)


def answering(lookup: Lookup) -> dns.message.Message:
    """The empty answer to what was asked, by dnspython."""
    return dns.message.make_response(dns.message.from_wire(lookup.to_wire()))


@given(names, st.sampled_from([4, 6]))
def test_dnspython_reads_the_question_as_it_was_meant(name: str, version: int) -> None:
    query = dns.message.from_wire(Lookup(run(), name, version).to_wire())
    (question,) = query.question
    assert question.name.to_text(omit_final_dot=True) == name
    assert (question.rdtype.name, question.rdclass.name) == ({4: "A", 6: "AAAA"}[version], "IN")
    assert query.flags == dns.flags.RD
    assert Lookup(run(), f"{name}.", version).to_wire()[2:] == query.to_wire()[2:]


@given(names, names, st.lists(st.ip_addresses(), max_size=8, unique=True), st.sampled_from([4, 6]))
def test_what_dnspython_writes_is_read_back(name: str, alias: str, addresses: list[object], version: int) -> None:
    lookup = Lookup(run(), name, version)
    response = answering(lookup)
    response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{alias}.cdn.example."))
    for address in addresses:
        kind = "A" if isinstance(address, IPv4Address) else "AAAA"
        response.answer.append(dns.rrset.from_text(f"{alias}.cdn.example.", 60, "IN", kind, str(address)))
    found = lookup.accept(run(), response.to_wire())
    assert found is not None
    wanted = IPv4Address if version == 4 else IPv6Address
    ours = [
        str(dns.ipv6.inet_ntoa(a.packed)) if isinstance(a, IPv6Address) else str(a)
        for a in addresses
        if isinstance(a, wanted)
    ]
    assert (found.rcode, found.truncated, found.addresses) == (0, False, ours)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_raise_anything_but_a_failure_of_the_probe(tail: bytes, cut: int) -> None:
    lookup = Lookup(run(), "a.example", 4)
    response = answering(lookup)
    response.answer.append(dns.rrset.from_text("a.example.", 60, "IN", "A", "192.0.2.1", "192.0.2.2"))
    for wire in (lookup.to_wire()[:2] + tail, response.to_wire()[:cut] + tail):
        with suppress(ProbeFailed):
            lookup.accept(run(), wire)


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NXDOMAIN, dns.rcode.FORMERR])
def test_an_rcode_is_told_even_when_the_question_is_not_repeated(rcode: dns.rcode.Rcode) -> None:
    lookup = Lookup(run(), "a.example", 4)
    response = answering(lookup)
    response.set_rcode(rcode)
    response.question.clear()
    found = lookup.accept(run(), response.to_wire())
    assert found is not None
    assert found.rcode == rcode
    assert lookup.is_unable(found) == (rcode in (dns.rcode.SERVFAIL, dns.rcode.REFUSED))


def test_the_answer_to_another_question_is_malformed_and_that_of_another_id_is_nobodys() -> None:
    lookup = Lookup(run(), "a.example", 4)
    other = dns.message.make_response(
        dns.message.make_query("b.example", "A", id=int.from_bytes(lookup.to_wire()[:2]), use_edns=False)
    )
    with pytest.raises(ProbeFailed, match="another question"):
        lookup.accept(run(), other.to_wire())
    stranger = bytearray(answering(lookup).to_wire())
    stranger[0] ^= 0xFF
    assert lookup.accept(run(), bytes(stranger)) is None


@pytest.mark.parametrize("name", ["", ".", "a..b", "a" * 64, ".".join(["a" * 60] * 5)])
def test_what_is_no_name_is_not_asked(name: str) -> None:
    with pytest.raises(ProbeFailed, match="not a DNS name"):
        Lookup(run(), name, 4)
