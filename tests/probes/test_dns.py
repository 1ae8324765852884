import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from pydantic import ValidationError

from monitor.domain.attempt import Run
from monitor.domain.words import Fact, Layer, Outcome, Phase
from monitor.net.anchors import ROOT_ANCHORS, parse_anchors
from monitor.probes.dns import DnsProbe, DnsSettings
from tests.support.attempts import attempt, patience
from tests.support.bind import Bind, DohFront, sign
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.scripted import closes, resets, scripted, scripted_udp, silent
from tests.support.servers import free_port
from tests.support.unbound import Unbound

ZONE = """$TTL 60
@ IN SOA ns hostmaster 2024010105 3600 600 86400 60
@ IN NS ns
@ IN MX 10 mail
@ IN TXT "v=spf1 ip4:192.0.2.0/24" " -all"
ns IN A 127.0.0.1
www IN A 192.0.2.1
www IN A 192.0.2.2
alias IN CNAME www
"""
BIG = "".join(f'big IN TXT "{number:03d} {"x" * 200}"\n' for number in range(40))


@dataclass(frozen=True)
class Servers:
    bind: Bind
    unbound: Unbound
    ca: CertificateAuthority
    anchor: str


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("dns")
    ca = CertificateAuthority(folder / "ca")
    keys, served, cache = folder / "keys", folder / "bind", folder / "unbound"
    for made in (keys, served, cache):
        made.mkdir()
    child, child_ds = sign(keys, "child.signed.test", ZONE)
    delegation = child_ds.replace("child.signed.test.", "child") + "\nchild IN NS ns.child\nns.child IN A 127.0.0.1\n"
    signed, ds = sign(keys, "signed.test", ZONE + delegation)
    other, _ = sign(keys, "spoilt.test", ZONE)
    spoilt = other.replace("192.0.2.1\n", "192.0.2.66\n")
    assert spoilt != other
    zones = {"plain.test": ZONE + BIG, "signed.test": signed, "child.signed.test": child, "spoilt.test": spoilt}
    with (
        Bind(served, zones, ca.leaf()) as bind,
        Unbound(cache, ["plain.test", "signed.test", "child.signed.test"], bind.address, [ds]) as unbound,
    ):
        yield Servers(bind, unbound, ca, ds)


def answering(change: Any) -> Any:
    """A UDP answerer: the reply to each query, after ``change(reply)`` did something to it."""

    def answer(wire: bytes) -> list[bytes]:
        reply = dns.message.make_response(dns.message.from_wire(wire))
        return [(change(reply) or reply).to_wire()]

    return answer


async def ask(address: str, expect: dict[str, Any] | None = None, **settings: Any) -> str:
    return (
        await attempt("dns", {"name": "www.plain.test", "resolver": address, "expect": expect or {}, **settings})
    ).verdict


async def test_a_right_answer_is_ok_and_its_facts_are_those_of_the_message(servers: Servers) -> None:
    result = await attempt("dns", {"name": "www.plain.test", "resolver": servers.bind.address})
    assert result.verdict == "ok"
    assert result.facts[Fact.DNS_RCODE] == "NOERROR"
    assert result.facts[Fact.DNS_ANSWERS] == 2
    assert result.facts[Fact.DNS_AUTHENTIC] is False
    assert result.facts[Fact.ADDRESS] == "127.0.0.1"
    records = result.facts[Fact.DNS_RECORDS]
    assert isinstance(records, tuple)
    assert sorted(records) == ["www.plain.test.\t60\tIN\tA\t192.0.2.1", "www.plain.test.\t60\tIN\tA\t192.0.2.2"]
    assert set(result.phases) == {Phase.RESOLVE, Phase.REQUEST, Phase.RESPONSE}
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_every_transport_asks_the_same_question(servers: Servers, transport: str) -> None:
    port = servers.bind.tls_port if transport == "tls" else servers.bind.port
    settings = {
        "name": "www.plain.test",
        "resolver": f"localhost:{port}",
        "transport": transport,
        "tls": {"ca_file": servers.ca.ca_path},
        "expect": {"answers": ["192.0.2.1", "192.0.2.2"], "only": True},
        "route": {"family": 4},
    }
    result = await attempt("dns", settings)
    assert result.verdict == "ok"
    assert (Phase.TLS in result.phases) == (transport == "tls")
    assert (Phase.CONNECT in result.phases) == (transport != "udp")


@pytest.mark.parametrize(
    ("rdtype", "expect", "verdict"),
    [
        ("A", {"answers": "192.0.2.1"}, "ok"),
        ("A", {"answers": ["192.0.2.1", "192.0.2.3"]}, "dns/answer"),
        ("A", {"answers": "192.0.2.1", "only": True}, "dns/answer"),
        ("A", {"answers": "/^192\\.0\\.2\\.[12]$/", "only": True}, "ok"),
        ("A", {"any_of": ["192.0.2.9", "192.0.2.2"]}, "ok"),
        ("A", {"any_of": ["192.0.2.9", "192.0.2.8"]}, "dns/answer"),
        ("A", {"min_answers": 2}, "ok"),
        ("A", {"min_answers": 3}, "dns/no_answer"),
        ("AAAA", {}, "dns/no_answer"),
        ("AAAA", {"min_answers": 0}, "ok"),
        ("A", {"rcode": "NXDOMAIN"}, "dns/rcode"),
        ("A", {"rcode": ["NXDOMAIN", "NOERROR"]}, "ok"),
        ("A", {"answer": {"any": "192.0.2.2$", "every": "\\tIN\\tA\\t", "none": "TXT"}}, "ok"),
        ("A", {"answer": {"any": "192.0.2.9$"}}, "dns/answer"),
        ("A", {"answer": {"every": "192.0.2.1$"}}, "dns/answer"),
        ("A", {"answer": {"none": "192.0.2.1$"}}, "dns/answer"),
        ("A", {"answer": {"not_every": "192.0.2.1$"}}, "ok"),
        ("A", {"answer": {"not_every": "192.0.2"}}, "dns/answer"),
        ("AAAA", {"min_answers": 0, "authority": {"any": "\tSOA\t"}}, "ok"),
    ],
)
async def test_expectations(servers: Servers, rdtype: str, expect: dict[str, Any], verdict: str) -> None:
    assert await ask(servers.bind.address, expect, type=rdtype) == verdict


@pytest.mark.parametrize(
    ("rdtype", "expect"),
    [
        ("MX", {"answers": "10 mail.plain.test"}),
        ("MX", {"answers": "10 MAIL.plain.test."}),
        ("TXT", {"answers": "v=spf1 ip4:192.0.2.0/24 -all"}),
        ("TXT", {"answers": '"v=spf1 ip4:192.0.2.0/24" " -all"'}),
        ("TXT", {"answers": "/^v=spf1 .* -all$/"}),
    ],
)
async def test_data_is_written_with_or_without_last_dot_and_quotes(
    servers: Servers, rdtype: str, expect: dict[str, Any]
) -> None:
    assert await ask(servers.bind.address, expect, name="plain.test", type=rdtype) == "ok"


async def test_an_alias_in_front_is_not_counted_among_the_answers(servers: Servers) -> None:
    expect = {"answers": ["192.0.2.1", "192.0.2.2"], "only": True, "min_answers": 2}
    assert await ask(servers.bind.address, expect, name="alias.plain.test") == "ok"


@pytest.mark.parametrize(
    ("least", "verdict"),
    [(2024010105, "ok"), (2024010106, "dns/serial"), (2024010105 + 2**31 + 1, "ok"), (0, "ok")],
)
async def test_serials_compare_in_a_circle(servers: Servers, least: int, verdict: str) -> None:
    least %= 2**32
    settings = {"name": "plain.test", "type": "SOA", "resolver": servers.bind.address}
    result = await attempt("dns", {**settings, "expect": {"serial": {"min": least}}})
    assert result.verdict == verdict
    assert result.facts[Fact.DNS_SERIAL] == 2024010105


async def test_a_serial_needs_an_soa_record(servers: Servers) -> None:
    assert await ask(servers.bind.address, {"serial": {"min": 1}}) == "dns/no_answer"


@pytest.mark.parametrize(
    ("rcode", "verdict"),
    [
        (dns.rcode.NXDOMAIN, "dns/nxdomain"),
        (dns.rcode.SERVFAIL, "dns/servfail"),
        (dns.rcode.REFUSED, "dns/refused"),
        (dns.rcode.NOTIMP, "dns/rcode"),
        (dns.rcode.FORMERR, "dns/rcode"),
    ],
)
async def test_rcodes_have_their_reasons(rcode: dns.rcode.Rcode, verdict: str) -> None:
    async with scripted_udp(answering(lambda reply: reply.set_rcode(rcode))) as port:
        assert await ask(f"127.0.0.1:{port}") == verdict


async def test_a_real_server_refuses_a_zone_that_is_not_its_own(servers: Servers) -> None:
    assert await ask(servers.bind.address, name="www.elsewhere.example") == "dns/refused"
    assert await ask(servers.bind.address, name="nobody.plain.test") == "dns/nxdomain"


async def test_a_truncated_answer_is_asked_for_again_over_tcp(servers: Servers) -> None:
    settings = {"name": "big.plain.test", "type": "TXT", "resolver": servers.bind.address}
    result = await attempt("dns", {**settings, "expect": {"min_answers": 40}})
    assert result.verdict == "ok"
    assert Phase.CONNECT in result.phases


async def test_a_server_that_truncates_but_refuses_tcp_fails_at_tcp() -> None:
    truncated = answering(lambda reply: setattr(reply, "flags", reply.flags | dns.flags.TC))
    async with scripted_udp(truncated, port=free_port()) as port:
        assert await ask(f"127.0.0.1:{port}") == "tcp/refused"


async def test_a_lost_question_is_asked_again_once() -> None:
    seen: list[bytes] = []

    def second_time(wire: bytes) -> list[bytes]:
        seen.append(wire)
        return [] if len(seen) == 1 else answering(lambda reply: reply.set_rcode(dns.rcode.NXDOMAIN))(wire)

    async with scripted_udp(second_time) as port:
        assert await ask(f"127.0.0.1:{port}") == "dns/nxdomain"
    assert seen[0] == seen[1]


async def test_a_silent_named_resolver_is_a_target_that_failed() -> None:
    async with scripted_udp(lambda _: []) as port:
        settings = {"name": "www.plain.test", "resolver": f"127.0.0.1:{port}"}
        result = await attempt("dns", settings, timeout=0.2)
    assert result.verdict == "dns/timeout"
    assert result.outcome is Outcome.FAILED


async def test_silence_of_the_resolver_in_our_own_path_is_inconclusive() -> None:
    async with scripted_udp(lambda _: []) as port:
        settings = {"name": "www.plain.test", "route": {"resolver": f"127.0.0.1:{port}"}}
        assert (await attempt("dns", settings, timeout=0.2)).verdict == "inconclusive/self_resolver"


async def test_without_a_resolver_the_routes_name_server_is_asked(servers: Servers) -> None:
    settings = {"name": "www.plain.test", "route": {"resolver": servers.bind.address}}
    assert (await attempt("dns", settings)).verdict == "ok"
    assert (await attempt("dns", {**settings, "name": "nobody.plain.test"})).verdict == "dns/nxdomain"


async def test_nobody_on_a_udp_port_is_dns_unreachable() -> None:
    assert await ask(f"127.0.0.1:{free_port()}") == "dns/unreachable"


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_nobody_on_a_tcp_port_is_tcp_refused(transport: str) -> None:
    assert await ask(f"127.0.0.1:{free_port()}", transport=transport) == "tcp/refused"


@pytest.mark.parametrize(
    "broken",
    [
        lambda wire: wire[:2] + b"\x81\x80" + b"\xff" * 20,
        lambda wire: wire[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + wire[12:],
        lambda wire: dns.message.make_response(_other_question(wire)).to_wire(),
    ],
    ids=["garbage", "cut", "another question"],
)
async def test_a_broken_message_is_malformed(broken: Any) -> None:
    async with scripted_udp(lambda wire: [broken(wire)]) as port:
        assert await ask(f"127.0.0.1:{port}") == "dns/malformed"


def _other_question(wire: bytes) -> dns.message.Message:
    return dns.message.make_query("other.example", "A", id=int.from_bytes(wire[:2]))


async def test_packets_of_another_question_are_passed_over() -> None:
    def noise_first(wire: bytes) -> list[bytes]:
        stranger = dns.message.make_response(dns.message.make_query("www.plain.test", "A", id=wire[0] << 8 ^ 0x0101))
        return [b"", b"x", stranger.to_wire(), *answering(lambda reply: reply.set_rcode(dns.rcode.NXDOMAIN))(wire)]

    async with scripted_udp(noise_first) as port:
        assert await ask(f"127.0.0.1:{port}") == "dns/nxdomain"


@pytest.mark.parametrize(
    ("handler", "verdict"), [(silent, "dns/timeout"), (closes, "dns/closed"), (resets, "dns/reset")]
)
async def test_a_tcp_server_that_gives_no_answer(handler: Any, verdict: str) -> None:
    async with scripted(handler) as port:
        settings = {"name": "www.plain.test", "resolver": f"127.0.0.1:{port}", "transport": "tcp"}
        assert (await attempt("dns", settings, timeout=patience(verdict, 0.3))).verdict == verdict


async def test_dns_over_tls_proves_the_certificate(servers: Servers, tmp_path: Path) -> None:
    address = f"127.0.0.1:{servers.bind.tls_port}"
    rogue = CertificateAuthority(tmp_path)
    assert await ask(address, transport="tls", tls={"ca_file": rogue.ca_path}) == "tls/cert_untrusted"


async def test_a_pool_asks_one_resolver_a_round(servers: Servers) -> None:
    pool = [servers.bind.address, f"127.0.0.1:{free_port()}"]
    settings = {"name": "www.plain.test", "resolver": pool}
    verdicts = [await attempt("dns", settings, round=number) for number in range(2)]
    assert [result.verdict for result in verdicts] == ["ok", "dns/unreachable"]
    assert verdicts[1].facts[Fact.HOST] == pool[1]


async def test_the_class_chaos_names_the_server(servers: Servers) -> None:
    settings = {"name": "version.bind", "type": "TXT", "class": "CH", "resolver": servers.bind.address}
    assert (await attempt("dns", {**settings, "expect": {"answers": "lab 9.18"}})).verdict == "ok"


async def test_without_recursion_a_resolver_has_nothing_to_say(servers: Servers) -> None:
    fresh: dict[str, Any] = {"name": "mail.plain.test", "recursion": False}
    assert await ask(servers.unbound.address, **fresh) == "dns/refused"
    assert await ask(servers.bind.address, {"rcode": "NXDOMAIN"}, **fresh) == "ok"


# -- DNSSEC ------------------------------------------------------------------


async def test_a_validating_resolver_vouches_with_the_ad_bit(servers: Servers) -> None:
    result = await attempt(
        "dns",
        {"name": "www.signed.test", "resolver": servers.unbound.address, "expect": {"dnssec": "authentic"}},
    )
    assert result.verdict == "ok"
    assert result.facts[Fact.DNS_AUTHENTIC] is True
    assert await ask(servers.unbound.address, {"dnssec": "authentic"}, name="www.plain.test") == "dns/bogus"
    assert await ask(servers.bind.address, {"dnssec": "authentic"}, name="www.signed.test") == "dns/bogus"


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("www.signed.test", "ok"),
        ("alias.signed.test", "ok"),
        ("www.child.signed.test", "ok"),
        ("www.plain.test", "dns/bogus"),
    ],
)
async def test_we_validate_ourselves(servers: Servers, name: str, verdict: str) -> None:
    settings = {"expect": {"dnssec": "validate"}, "trust_anchor": servers.anchor, "name": name}
    for address in (servers.bind.address, servers.unbound.address):
        assert (await attempt("dns", {**settings, "resolver": address})).verdict == verdict


async def test_validation_works_over_one_stream(servers: Servers) -> None:
    settings = {"expect": {"dnssec": "validate"}, "trust_anchor": servers.anchor, "name": "www.child.signed.test"}
    stream = {"transport": "tls", "tls": {"ca_file": servers.ca.ca_path}}
    result = await attempt("dns", {**settings, **stream, "resolver": f"127.0.0.1:{servers.bind.tls_port}"})
    assert result.verdict == "ok"


async def test_the_signatures_of_a_denial_are_verified(servers: Servers) -> None:
    expect = {"dnssec": "validate", "rcode": "NXDOMAIN"}
    settings = {"name": "nobody.signed.test", "trust_anchor": servers.anchor}
    assert await ask(servers.bind.address, expect, **settings) == "ok"


async def test_a_key_that_the_anchor_does_not_name_proves_nothing(servers: Servers) -> None:
    anchor = "signed.test. IN DS 4711 13 2 " + "00" * 32
    expect = {"dnssec": "validate"}
    assert await ask(servers.bind.address, expect, name="www.signed.test", trust_anchor=anchor) == "dns/bogus"


async def test_without_an_anchor_the_chain_must_reach_the_root(servers: Servers) -> None:
    assert await ask(servers.bind.address, {"dnssec": "validate"}, name="www.signed.test") == "dns/bogus"


async def test_an_altered_record_is_bogus(servers: Servers) -> None:
    result = await attempt(
        "dns", {"name": "spoilt.test", "type": "DNSKEY", "resolver": servers.bind.address, "expect": {"min_answers": 2}}
    )
    records = result.facts[Fact.DNS_RECORDS]
    assert isinstance(records, tuple)
    anchor = next(record for record in records if "\tDNSKEY\t257 " in record)
    settings = {"name": "www.spoilt.test", "resolver": servers.bind.address, "trust_anchor": anchor}
    spoilt = await attempt("dns", {**settings, "expect": {"dnssec": "validate"}})
    assert spoilt.verdict == "dns/bogus"
    assert spoilt.failure is not None
    assert "no valid signature of www.spoilt.test. A" in spoilt.failure.message
    good = await attempt("dns", {**settings, "name": "ns.spoilt.test", "expect": {"dnssec": "validate"}})
    assert good.verdict == "ok"


def test_the_root_anchors_are_those_that_debian_ships() -> None:
    shipped = Path("/usr/share/dns/root.ds").read_text(encoding="ascii").splitlines()
    assert parse_anchors(ROOT_ANCHORS) == parse_anchors(shipped)


# -- DNS over HTTPS ----------------------------------------------------------


async def doh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every POST with one A record, keeping the connection."""
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert b"content-type: application/dns-message" in head
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        query = dns.message.from_wire(await reader.readexactly(length))
        assert query.id == 0
        reply = dns.message.make_response(query)
        reply.answer = [dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.1")]
        body = reply.to_wire()
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        writer.write(head + body)


def answers_http(answer: bytes) -> Any:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await silent(reader, writer)

    return handler


@pytest.mark.parametrize(
    ("handler", "verdict"),
    [
        (doh, "ok"),
        (answers_http(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "http/status"),
        (answers_http(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"), "http/header"),
        (
            answers_http(b"HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: 2\r\n\r\nhi"),
            "dns/malformed",
        ),
        (answers_http(b"not http at all\r\n\r\n"), "http/malformed"),
        (silent, "http/timeout"),
        (closes, "http/closed"),
    ],
)
async def test_dns_over_https(tmp_path: Path, handler: Any, verdict: str) -> None:
    ca = CertificateAuthority(tmp_path)
    async with scripted(handler, tls=server_context(ca.leaf())) as port:
        settings = {
            "name": "www.plain.test",
            "transport": "https",
            "url": f"https://127.0.0.1:{port}/dns-query",
            "tls": {"ca_file": ca.ca_path},
        }
        result = await attempt("dns", settings, timeout=1)
    assert result.verdict == verdict, result.failure


@pytest.mark.parametrize("dnssec", [None, "validate"])
async def test_dns_over_https_with_a_real_server(servers: Servers, tmp_path: Path, dnssec: str | None) -> None:
    with DohFront(tmp_path, servers.bind.http2_port, servers.ca.leaf()) as front:
        settings = {
            "name": "www.child.signed.test",
            "transport": "https",
            "url": f"https://{front.address}/dns-query",
            "tls": {"ca_file": servers.ca.ca_path},
            "trust_anchor": servers.anchor,
            "expect": {"answers": ["192.0.2.1", "192.0.2.2"], "dnssec": dnssec},
        }
        result = await attempt("dns", settings)
        assert result.verdict == "ok", result.failure
        assert result.facts[Fact.HTTP_STATUS] == 200
        settings["url"] = f"https://{front.address}/elsewhere"
        assert (await attempt("dns", settings)).verdict == "http/status"


# -- settings ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"type": "NOSUCH"}, "not a record type"),
        ({"name": "a..b"}, "not a DNS name"),
        ({"expect": {"rcode": "NOPE"}}, "not an rcode"),
        ({"expect": {"answers": "/(/"}}, "not a regular expression"),
        ({"expect": {"answer": {"any": "("}}}, "not a regular expression"),
        ({"transport": "https"}, "takes a url"),
        ({"url": "https://dns.example/q"}, "takes a url"),
        ({"transport": "https", "url": "http://dns.example/q"}, "not an https URL"),
        ({"transport": "tls"}, "takes a resolver"),
        ({"resolver": "dns.example:70000"}, "not a port"),
        ({"trust_anchor": "nonsense"}, "not a trust anchor"),
        ({"trust_anchor": "example. IN A 192.0.2.1"}, "DS or DNSKEY"),
        ({"resolver": "192.0.2.1", "route": {"proxy": "socks5://localhost"}}, "carries no UDP"),
        ({"expect": {"max_lag": 1}}, "Extra inputs"),
    ],
)
def test_mistakes_in_settings_are_named(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        DnsSettings.model_validate({"name": "example.org", **settings})


def test_the_question_belongs_to_the_dns_layer() -> None:
    run = Run(lambda: 0.0, DnsProbe.layers)
    run.enter(Phase.RESPONSE)
    assert run.layer is Layer.DNS
