import asyncio
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from pydantic import ValidationError

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Fact, Phase
from monitor.probes.sip import SipProbe, SipSettings
from tests.support.attempts import Result, attempt, make_network, patience
from tests.support.certificates import CertificateAuthority
from tests.support.kamailio import Kamailio
from tests.support.scripted import closes, resets, says, scripted, scripted_udp
from tests.support.servers import free_port
from tests.support.stopping import stopped


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def kamailio(tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority) -> Iterator[Kamailio]:
    # The certificate is for the domain, as RFC 5922 wants it, and for the host.
    with Kamailio(tmp_path_factory.mktemp("kamailio"), ca.leaf(["example.org", "localhost"])) as server:
        yield server


def response(request: bytes, status: str, *lines: str) -> bytes:
    """A response to ``request``, made by its rules (RFC 3261 section 8.2.6)."""
    kept = [line for line in request.decode().split("\r\n") if re.match(r"(?i)via|from|to|call-id|cseq", line)]
    return "\r\n".join([f"SIP/2.0 {status}", *kept, *(lines or ["Content-Length: 0"]), "", ""]).encode()


async def over_udp(answer: Callable[[bytes], list[bytes]], *, timeout: float = 2, **settings: Any) -> Result:
    async with scripted_udp(answer) as port:
        return await attempt("sip", {"address": f"127.0.0.1:{port}", **settings}, timeout=timeout)


# -- Kamailio -------------------------------------------------------------------


async def test_kamailio_answers_over_udp(kamailio: Kamailio) -> None:
    result = await attempt("sip", {"address": kamailio.address})
    assert result.verdict == "ok"
    assert set(result.phases) == {Phase.RESOLVE, Phase.HANDSHAKE}
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)
    assert "Kamailio" in str(result.facts[Fact.SOFTWARE])
    assert "INVITE" in str(result.facts[Fact.OFFERED])


async def test_kamailio_answers_over_ipv6_tcp_and_tls(kamailio: Kamailio, ca: CertificateAuthority) -> None:
    six = await attempt("sip", {"address": f"[::1]:{kamailio.port}"})
    tcp = await attempt("sip", {"address": kamailio.address, "transport": "tcp"})
    tls = await attempt("sip", {"address": kamailio.tls, "transport": "tls", "tls": {"ca_file": ca.ca_path}})
    assert (six.verdict, tcp.verdict, tls.verdict) == ("ok", "ok", "ok")
    assert set(tcp.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE}
    assert set(tls.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.HANDSHAKE}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("user", "verdict"),
    [
        ("secret", "ok"),
        ("somebody", "ok"),
        ("late", "ok"),
        ("ill", "handshake/status"),
        ("busy", "handshake/overloaded"),
    ],
)
async def test_a_refusal_proves_the_server_alive_and_trouble_does_not(
    kamailio: Kamailio, transport: str, user: str, verdict: str
) -> None:
    settings = {"address": kamailio.address, "transport": transport, "uri": f"sip:{user}@lab.test"}
    assert (await attempt("sip", settings)).verdict == verdict


async def test_an_overloaded_server_says_when_to_come_back(kamailio: Kamailio) -> None:
    settings = SipSettings.model_validate({"address": kamailio.address, "uri": "sip:busy@lab.test"})
    with pytest.raises(ProbeFailed) as caught:
        await SipProbe(settings, make_network()).attempt(Run(time.monotonic))
    assert (caught.value.reason, caught.value.retry_after) == ("overloaded", 7)


async def test_expect_names_the_statuses_that_are_right(kamailio: Kamailio) -> None:
    for user, expect, verdict in [
        ("somebody", [200], "handshake/status"),
        ("somebody", [200, "40x"], "ok"),
        ("ill", ["5xx"], "ok"),
        ("busy", [503], "ok"),
        ("secret", ["480-489"], "handshake/status"),
    ]:
        settings = {"address": kamailio.address, "uri": f"sip:{user}@lab.test", "expect": expect}
        assert (await attempt("sip", settings)).verdict == verdict


async def test_wrong_certificates(tmp_path: Path, ca: CertificateAuthority) -> None:
    for number, (leaf, verdict) in enumerate([(ca.wrong_name(), "tls/cert_name"), (ca.expired(), "tls/cert_expired")]):
        folder = tmp_path / str(number)
        folder.mkdir()
        with Kamailio(folder, leaf) as server:
            settings = {"address": server.tls, "transport": "tls", "tls": {"ca_file": ca.ca_path}}
            assert (await attempt("sip", settings)).verdict == verdict


async def test_a_server_that_hangs_is_a_timeout_of_the_handshake(kamailio: Kamailio) -> None:
    with stopped(kamailio):
        udp = await attempt("sip", {"address": kamailio.address}, timeout=0.8)
        tcp = await attempt("sip", {"address": kamailio.address, "transport": "tcp"}, timeout=0.8)
    assert (udp.verdict, tcp.verdict) == ("handshake/timeout", "handshake/timeout")


# -- what no decent server says ---------------------------------------------------


async def test_a_lost_packet_is_sent_again_after_half_a_second() -> None:
    packets: list[bytes] = []

    def lose_the_first(request: bytes) -> list[bytes]:
        packets.append(request)
        return [response(request, "200 OK")] * (len(packets) - 1)

    result = await over_udp(lose_the_first, timeout=5)
    assert result.verdict == "ok"
    assert result.duration >= 0.5
    assert packets[0] == packets[1]


async def test_a_response_to_another_request_is_told_apart() -> None:
    def other(request: bytes) -> list[bytes]:
        return [re.sub(rb"Call-ID: \w+", b"Call-ID: 1", response(request, "200 OK"))]

    assert (await over_udp(other)).verdict == "handshake/nonce"


@pytest.mark.parametrize("said", [b"hello", b"SIP/2.0 999 Odd\r\n\r\n", b"\x01\x01\x00\x00"])
async def test_what_is_no_response_is_malformed(said: bytes) -> None:
    assert (await over_udp(lambda _: [said])).verdict == "handshake/malformed"


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 580])
async def test_every_unwell_status_fails(status: int) -> None:
    result = await over_udp(lambda request: [response(request, f"{status} X")])
    assert result.verdict == ("handshake/overloaded" if status == 503 else "handshake/status")
    assert result.failure is not None
    assert str(status) in result.failure.message


async def test_a_port_where_nobody_listens() -> None:
    port = free_port(kind=socket.SOCK_DGRAM)
    assert (await attempt("sip", {"address": f"127.0.0.1:{port}"})).verdict == "handshake/unreachable"
    assert (await attempt("sip", {"address": f"127.0.0.1:{port}", "transport": "tcp"})).verdict == "tcp/refused"


@pytest.mark.parametrize(
    ("handler", "verdict"),
    [
        (closes, "handshake/closed"),
        (resets, "handshake/reset"),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "handshake/malformed"),
        (says(b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n"), "handshake/nonce"),
        (says(b"SIP/2.0 200 OK\r\nVia: x"), "handshake/timeout"),
        (says(b"x" * 20000), "handshake/size"),
        (says(b"\r\n" * 20000), "handshake/size"),
        (says(b"SIP/2.0 200 OK\r\n" + b"a: b\r\n" * 5000), "handshake/size"),
    ],
    ids=["hangs up", "resets", "HTTP", "another", "stops midway", "a long line", "no line", "many lines"],
)
async def test_streams_that_go_wrong(handler: Any, verdict: str) -> None:
    async with scripted(handler) as port:
        settings = {"address": f"127.0.0.1:{port}", "transport": "tcp"}
        assert (await attempt("sip", settings, timeout=patience(verdict, 0.8))).verdict == verdict


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        (("Content-Length: 5",), "ok"),
        (("Content-Length: 70000",), "handshake/size"),
        (("Content-Length: x",), "handshake/malformed"),
    ],
)
async def test_the_body_of_a_provisional_response_is_passed_over(lines: tuple[str, ...], verdict: str) -> None:
    async def trying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\r\n\r\n" + response(request, "183 Session Progress", *lines) + b"12345")
        writer.write(response(request, "200 OK"))
        await reader.read()

    async with scripted(trying) as port:
        assert (await attempt("sip", {"address": f"127.0.0.1:{port}", "transport": "tcp"})).verdict == verdict


# -- names and settings -----------------------------------------------------------


def zone(records: dict[str, str]) -> Callable[[bytes], list[bytes]]:
    """Answers SRV questions from ``records`` by name, and every A question with 127.0.0.1."""

    def answer(wire: bytes) -> list[bytes]:
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query)
        (question,) = query.question
        text = records.get(question.name.to_text()) if question.rdtype == dns.rdatatype.SRV else "127.0.0.1"
        if text and question.rdtype in (dns.rdatatype.SRV, dns.rdatatype.A):
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", question.rdtype, text))
        return [reply.to_wire()]

    return answer


async def test_the_servers_of_a_domain_are_looked_up(kamailio: Kamailio, ca: CertificateAuthority) -> None:
    secure = kamailio.tls.rpartition(":")[2]
    records = {
        "_sip._udp.example.org.": f"10 1 {kamailio.port} host.example.net.",
        "_sip._tcp.example.org.": "0 0 0 .",
        "_sips._tcp.example.org.": f"10 1 {secure} host.example.net.",
    }
    async with scripted_udp(zone(records)) as port:
        common = {"domain": "example.org", "route": {"resolver": f"127.0.0.1:{port}", "family": 4}}
        udp = await attempt("sip", common)
        tcp = await attempt("sip", {**common, "transport": "tcp"})
        tls = await attempt("sip", {**common, "transport": "tls", "tls": {"ca_file": ca.ca_path}})
        none = await attempt("sip", {**common, "domain": "example.com", "transport": "tcp"}, timeout=1)
    assert (udp.verdict, tcp.verdict, tls.verdict) == ("ok", "dns/no_answer", "ok")
    assert udp.facts[Fact.HOST] == f"host.example.net:{kamailio.port}"
    assert none.facts[Fact.ADDRESS] == "127.0.0.1", "the domain itself, on the usual port, whoever is there"
    assert Fact.HOST not in none.facts


def test_the_port_is_that_of_the_transport() -> None:
    assert SipSettings(address=("sip.example.org",)).endpoint == "sip.example.org:5060"
    assert SipSettings(address=("sip.example.org",), transport="tls").endpoint == "sip.example.org:5061"
    assert SipSettings(domain="example.org").endpoint == "example.org"


async def test_who_is_asked_is_the_domain_or_the_address() -> None:
    asked: list[bytes] = []

    def note(request: bytes) -> list[bytes]:
        asked.append(request.split(b"\r\n")[0])
        return [response(request, "200 OK")]

    async with scripted_udp(note) as port:
        assert (await attempt("sip", {"address": f"127.0.0.1:{port}"})).verdict == "ok"
        with_uri = {"address": f"127.0.0.1:{port}", "uri": "sip:reception@example.org;user=phone"}
        assert (await attempt("sip", with_uri)).verdict == "ok"
    assert asked == [
        f"OPTIONS sip:127.0.0.1:{port} SIP/2.0".encode(),
        b"OPTIONS sip:reception@example.org;user=phone SIP/2.0",
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"address": "a", "domain": "example.org"},
        {"domain": "not a host"},
        {"address": "a", "transport": "sctp"},
        {"address": "a", "uri": "tel:+358"},
        {"address": "a", "uri": "sip:a\r\nX: y"},
        {"address": "a", "expect": 99},
        {"address": "a", "expect": ("1xx",)},
        {"address": "a", "expect": ("4x0",)},
        {"address": "a", "route": {"proxy": "socks5://127.0.0.1:1080"}},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SipSettings.model_validate(settings)
