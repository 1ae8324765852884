import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeError, ProbeFailed, ProbeInconclusive
from monitor.domain.settings import Family
from monitor.domain.words import Fact, Layer, Reason
from monitor.net.ask import make_query
from monitor.net.faults import has_route_to
from monitor.net.files import Reread
from monitor.net.resolve import Hosts, NameServers, Resolver, parse_hosts, parse_resolv_conf
from monitor.net.tls import TlsContexts
from tests.support.scripted import scripted, scripted_udp
from tests.support.servers import free_port

Zone = dict[tuple[str, str], Any]


def serve(zone: Zone, asked: list[tuple[str, str]] | None = None) -> Callable[[bytes], list[bytes]]:
    """Answers from (name, type) -> addresses, an rcode, or None for silence; NXDOMAIN for the rest."""

    def answer(wire: bytes) -> list[bytes]:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        key = (question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype))
        if asked is not None:
            asked.append(key)
        value = zone.get(key, dns.rcode.NXDOMAIN)
        reply = dns.message.make_response(query)
        if value is None:
            return []
        if isinstance(value, list):
            reply.answer = [dns.rrset.from_text(question.name, 60, "IN", key[1], *value)] if value else []
        else:
            reply.set_rcode(value)
        return [reply.to_wire(max_size=65535)]

    return answer


def make(*ports: int, search: tuple[str, ...] = (), ndots: int = 1, hosts: Hosts | None = None) -> Resolver:
    servers = NameServers(tuple(("127.0.0.1", port) for port in ports), search, ndots)
    return Resolver(lambda: servers, lambda: hosts or {}, TlsContexts(), time.monotonic)


async def resolve(resolver: Resolver, host: str, family: Family = 4) -> str:
    """The addresses with commas, or ``layer/reason``."""
    run = Run(time.monotonic)
    try:
        return ",".join(await resolver.resolve(run, host, family))
    except ProbeFailed as failure:
        return f"{failure.layer}/{failure.reason}"
    except ProbeInconclusive as doubt:
        return f"inconclusive/{doubt.reason}"


# -- the files of the system --------------------------------------------------


def test_resolv_conf_gives_servers_search_list_and_ndots() -> None:
    text = "nameserver 192.0.2.1\nnameserver 2001:db8::1\nsearch a.example b.example\noptions ndots:3 timeout:1\n"
    servers = parse_resolv_conf(text)
    assert servers.addresses == (("192.0.2.1", 53), ("2001:db8::1", 53))
    assert servers.search == ("a.example", "b.example")
    assert servers.ndots == 3


def test_a_resolv_conf_without_servers_gives_none() -> None:
    assert parse_resolv_conf("").addresses == ()


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("www", ["www.a.example", "www.b.example", "www"]),
        ("www.x", ["www.x", "www.x.a.example", "www.x.b.example"]),
        ("www.", ["www."]),
    ],
)
def test_the_candidates_of_a_name(host: str, names: list[str]) -> None:
    assert NameServers((), ("a.example", "b.example"), 1).candidates(host) == names


def test_hosts_are_found_by_every_name_whatever_its_case() -> None:
    text = "127.0.0.1 localhost Alias # not this\n# 192.0.2.1 comment\n::1 localhost\nnonsense name\n\n192.0.2.7\n"
    assert parse_hosts(text) == {"localhost": ["127.0.0.1", "::1"], "alias": ["127.0.0.1"]}


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    path, parsed = tmp_path / "hosts", []

    def parse(text: str) -> str:
        parsed.append(text)
        return text

    reread = Reread(path, parse)
    assert reread() == ""
    path.write_text("one")
    assert [reread(), reread(), reread()] == ["one"] * 3
    assert parsed == ["", "one"]
    path.write_text("two, longer")
    assert reread() == "two, longer"
    replacement = tmp_path / "new"
    replacement.write_text("two, LONGER")
    os.utime(replacement, ns=(path.stat().st_mtime_ns, path.stat().st_mtime_ns))
    replacement.rename(path)
    assert reread() == "two, LONGER"
    path.unlink()
    assert reread() == ""


# -- names ----------------------------------------------------------------------


@pytest.mark.parametrize(("host", "family"), [("192.0.2.1", "any"), ("192.0.2.1", 4), ("2001:db8::1", 6)])
async def test_an_address_is_itself_and_nobody_is_asked(host: str, family: Family) -> None:
    assert await resolve(make(), host, family) == host


async def test_an_address_of_the_other_family_is_not_asked() -> None:
    assert await resolve(make(), "192.0.2.1", 6) == "inconclusive/self_network"


async def test_hosts_come_before_name_servers() -> None:
    resolver = make(hosts={"db.internal": ["2001:db8::5", "192.0.2.5"]})
    assert await resolve(resolver, "DB.internal.", "any") == "192.0.2.5,2001:db8::5"
    assert await resolve(resolver, "db.internal", 6) == "2001:db8::5"


@pytest.mark.parametrize(("family", "found"), [(4, "127.0.0.1"), (6, "::1"), ("any", "127.0.0.1,::1")])
async def test_localhost_needs_no_file(family: Family, found: str) -> None:
    assert await resolve(make(), "localhost", family) == found
    assert await resolve(make(), "app.LOCALHOST", family) == found


async def test_the_order_of_the_answer_is_kept_and_noted() -> None:
    async with scripted_udp(serve({("w.example", "A"): ["192.0.2.9", "192.0.2.1"]})) as port:
        run = Run(time.monotonic)
        found = await make(port).resolve(run, "w.example", 4)
    assert sorted(found) == ["192.0.2.1", "192.0.2.9"]
    assert run.facts[Fact.ADDRESSES] == tuple(found)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (dns.rcode.NXDOMAIN, "dns/nxdomain"),
        (dns.rcode.SERVFAIL, "dns/servfail"),
        (dns.rcode.REFUSED, "dns/refused"),
        (dns.rcode.NOTIMP, "dns/rcode"),
        ([], "dns/no_answer"),
    ],
)
async def test_what_a_name_server_says_is_told_apart(value: Any, verdict: str) -> None:
    async with scripted_udp(serve({("w.example", "A"): value})) as port:
        assert await resolve(make(port), "w.example") == verdict


async def test_a_short_name_is_completed() -> None:
    asked: list[tuple[str, str]] = []
    async with scripted_udp(serve({("www.b.example", "A"): ["192.0.2.3"]}, asked)) as port:
        assert await resolve(make(port, search=("a.example", "b.example")), "www") == "192.0.2.3"
    assert [name for name, _ in asked] == ["www.a.example", "www.b.example"]


async def test_the_verdict_is_on_the_name_as_it_is_written() -> None:
    zone: Zone = {("www.example", "A"): [], ("www.example.a.example", "A"): dns.rcode.NXDOMAIN}
    async with scripted_udp(serve(zone)) as port:
        assert await resolve(make(port, search=("a.example",)), "www.example") == "dns/no_answer"


async def test_a_server_that_cannot_answer_for_the_name_ends_the_search() -> None:
    asked: list[tuple[str, str]] = []
    async with scripted_udp(serve({("www.example", "A"): dns.rcode.SERVFAIL}, asked)) as port:
        assert await resolve(make(port, search=("a.example",)), "www.example") == "dns/servfail"
    assert len(asked) == 1


async def test_ipv6_is_asked_for_first_and_only_where_there_is_a_route() -> None:
    zone: Zone = {("w.example", "AAAA"): ["2001:db8::1"], ("w.example", "A"): ["192.0.2.1"]}
    async with scripted_udp(serve(zone)) as port:
        expected = "2001:db8::1" if has_route_to("2000::1") else "192.0.2.1"
        assert await resolve(make(port), "w.example", "any") == expected


@pytest.mark.parametrize("aaaa", [[], dns.rcode.NXDOMAIN], ids=["no AAAA", "a server that denies the name for AAAA"])
async def test_a_name_with_ipv4_only_is_found(aaaa: Any) -> None:
    async with scripted_udp(serve({("w.example", "AAAA"): aaaa, ("w.example", "A"): ["192.0.2.1"]})) as port:
        assert await resolve(make(port), "w.example", "any") == "192.0.2.1"


# -- name servers that misbehave -------------------------------------------------


async def test_the_next_name_server_is_asked_when_one_is_refused() -> None:
    async with scripted_udp(serve({("w.example", "A"): ["192.0.2.1"]})) as port:
        began = time.monotonic()
        assert await resolve(make(free_port(), port), "w.example") == "192.0.2.1"
        assert time.monotonic() - began < 1


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP])
async def test_the_next_name_server_is_asked_when_one_is_unable(rcode: dns.rcode.Rcode) -> None:
    good: Zone = {("w.example", "A"): ["192.0.2.1"]}
    async with scripted_udp(serve({("w.example", "A"): rcode})) as first, scripted_udp(serve(good)) as second:
        assert await resolve(make(first, second), "w.example") == "192.0.2.1"
        assert await resolve(make(first, first), "w.example") != "192.0.2.1"


async def test_nxdomain_is_an_answer_and_no_other_server_is_asked() -> None:
    asked: list[tuple[str, str]] = []
    async with (
        scripted_udp(serve({})) as first,
        scripted_udp(serve({("w.example", "A"): ["192.0.2.1"]}, asked)) as second,
    ):
        assert await resolve(make(first, second), "w.example") == "dns/nxdomain"
    assert asked == []


async def test_a_garbled_answer_moves_on_to_the_next_server() -> None:
    good: Zone = {("w.example", "A"): ["192.0.2.1"]}
    async with (
        scripted_udp(lambda wire: [wire[:2] + b"\x81\x80" + b"\xff" * 30]) as first,
        scripted_udp(serve(good)) as second,
    ):
        assert await resolve(make(first, second), "w.example") == "192.0.2.1"


async def test_answers_to_other_questions_are_not_ours() -> None:
    def spoofs(wire: bytes) -> list[bytes]:
        forged = bytearray(serve({("w.example", "A"): ["192.0.2.66"]})(wire)[0])
        forged[0] ^= 0xFF
        return [bytes(forged), b"short", *serve({("w.example", "A"): ["192.0.2.1"]})(wire)]

    async with scripted_udp(spoofs) as port:
        assert await resolve(make(port), "w.example") == "192.0.2.1"


async def test_an_answer_that_comes_after_the_second_question_counts() -> None:
    held: list[bytes] = []

    def late(wire: bytes) -> list[bytes]:
        held.append(wire)
        return serve({("w.example", "A"): ["192.0.2.1"]})(held[0]) if len(held) == 2 else []

    async with scripted_udp(late) as port:
        assert await resolve(make(port), "w.example") == "192.0.2.1"
    assert len(held) == 2


async def test_a_truncated_answer_comes_again_over_tcp() -> None:
    addresses = [f"192.0.2.{number}" for number in range(1, 150)]
    answer = serve({("w.example", "A"): addresses})

    def truncated(wire: bytes) -> list[bytes]:
        reply = dns.message.make_response(dns.message.from_wire(wire))
        reply.flags |= dns.flags.TC
        return [reply.to_wire()]

    async def over_tcp(reader: Any, writer: Any) -> None:
        size = int.from_bytes(await reader.readexactly(2))
        wire = answer(await reader.readexactly(size))[0]
        for byte in len(wire).to_bytes(2) + wire:
            writer.write(bytes([byte]))
        await reader.read()

    async with scripted(over_tcp) as port, scripted_udp(truncated, port=port):
        assert len((await resolve(make(port), "w.example")).split(",")) == 149


async def test_a_server_that_truncates_and_refuses_tcp_failed() -> None:
    def truncated(wire: bytes) -> list[bytes]:
        return [wire[:2] + b"\x83\x80" + wire[4:6] + b"\x00\x05\x00\x00\x00\x00" + wire[12:]]

    async with scripted_udp(truncated) as port:
        assert await resolve(make(port), "w.example") == "dns/refused"


# -- silence ------------------------------------------------------------------------


async def test_without_name_servers_we_cannot_tell() -> None:
    assert await resolve(make(), "w.example") == "inconclusive/self_resolver"


async def test_name_servers_that_refuse_everybody_are_our_own_trouble() -> None:
    assert await resolve(make(free_port(), free_port()), "w.example") == "inconclusive/self_resolver"


async def test_a_resolver_that_answers_others_makes_silence_the_names_own_failure() -> None:
    clock = [1000.0]
    asked: list[tuple[str, str]] = []
    async with scripted_udp(serve({("w.example", "A"): ["192.0.2.1"]}, asked)) as port:
        servers = [("127.0.0.1", port)]
        resolver = Resolver(lambda: NameServers(tuple(servers)), dict, TlsContexts(), lambda: clock[0])
        assert await resolve(resolver, "w.example") == "192.0.2.1"
        servers[:] = [("127.0.0.1", free_port())]
        clock[0] += 60
        assert await resolve(resolver, "x.example") == "dns/timeout"
        clock[0] += 120
        assert await resolve(resolver, "x.example") == "inconclusive/self_resolver"


async def test_while_nobody_was_answered_a_deadline_is_excused() -> None:
    async with scripted_udp(lambda _: []) as port:
        run = Run(time.monotonic)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await make(port).resolve(run, "w.example", 4)
    verdict: ProbeError = run.timed_out("late")
    assert isinstance(verdict, ProbeInconclusive)
    assert verdict.reason is Reason.SELF_RESOLVER


async def test_after_an_answer_a_deadline_is_the_targets_again() -> None:
    async with scripted_udp(serve({("w.example", "A"): ["192.0.2.1"]})) as port:
        run = Run(time.monotonic)
        await make(port).resolve(run, "w.example", 4)
    verdict = run.timed_out("late")
    assert isinstance(verdict, ProbeFailed)
    assert (verdict.layer, verdict.reason) == (Layer.DNS, Reason.TIMEOUT)


# -- what a second resolver may be asked ---------------------------------------------


async def facts_of(resolver: Resolver, host: str, family: Family = 4, deadline: float = 5.0) -> dict[Fact, Any]:
    run = Run(time.monotonic)
    try:
        async with asyncio.timeout(deadline):
            await resolver.resolve(run, host, family)
    except (ProbeFailed, ProbeInconclusive, TimeoutError):
        pass
    return run.facts


@pytest.mark.parametrize(("family", "rdtype"), [(4, "A"), (6, "AAAA"), ("any", "A")])
async def test_the_question_that_got_nothing_is_a_fact(family: Family, rdtype: str) -> None:
    async with scripted_udp(serve({})) as port:
        assert await facts_of(make(port), "w.example", family) == {Fact.DNS_QUESTION: f"w.example {rdtype}"}


async def test_the_question_is_a_fact_when_a_deadline_cuts_it_off() -> None:
    async with scripted_udp(lambda _: []) as port:
        assert await facts_of(make(port), "w.example", deadline=0.1) == {Fact.DNS_QUESTION: "w.example A"}


@pytest.mark.parametrize("family", [4, "any"])
async def test_a_question_that_was_answered_is_none(family: Family) -> None:
    async with scripted_udp(serve({("w.example", "A"): ["192.0.2.1"]})) as port:
        assert await facts_of(make(port), "w.example", family) == {Fact.ADDRESSES: ("192.0.2.1",)}


@pytest.mark.parametrize(
    ("value", "facts"),
    [
        (dns.rcode.NXDOMAIN, {Fact.DNS_QUESTION: "w.example MX"}),
        (None, {Fact.DNS_QUESTION: "w.example MX"}),
        ([], {}),
    ],
    ids=["nxdomain", "silence", "an empty answer"],
)
async def test_the_question_of_a_whole_message_is_one_too(value: Any, facts: dict[Fact, Any]) -> None:
    run = Run(time.monotonic)
    async with scripted_udp(serve({("w.example", "MX"): value})) as port:
        try:
            async with asyncio.timeout(0.3):
                await make(port).exchange(run, make_query(run, "w.example", "MX"))
        except TimeoutError:
            pass
    assert run.facts == facts
