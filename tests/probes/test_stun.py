import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from pydantic import ValidationError

from monitor.domain.words import Fact, Phase
from monitor.probes.stun import StunSettings
from monitor.wire.stun import COOKIE
from tests.support.attempts import Result, attempt, patience
from tests.support.certificates import CertificateAuthority
from tests.support.coturn import Coturn
from tests.support.scripted import closes, resets, says, scripted, scripted_udp
from tests.support.servers import free_port
from tests.support.stopping import stopped

ACCOUNT: dict[str, Any] = {"turn": True, "username": "monitor", "password": "pass word"}
MAPPED = bytes.fromhex("002000080001a147e112a643")
CHALLENGE = bytes.fromhex("0014000472656c6d001500046e6f6e63")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority) -> Iterator[Coturn]:
    with Coturn(tmp_path_factory.mktemp("coturn"), ca.leaf()) as server:
        yield server


def message(kind: int, transaction: bytes, body: bytes = b"") -> bytes:
    return kind.to_bytes(2) + len(body).to_bytes(2) + COOKIE.to_bytes(4) + transaction + body


def refusal(code: int) -> bytes:
    return bytes([0, 9, 0, 4, 0, 0, code // 100, code % 100])


def says_udp(kind: int, body: bytes = b"") -> Callable[[bytes], list[bytes]]:
    """Answers every request with one message of ``kind``, to the right transaction."""
    return lambda request: [message(kind, request[8:20], body)]


async def over_udp(answer: Callable[[bytes], list[bytes]], *, timeout: float = 2, **settings: Any) -> Result:
    async with scripted_udp(answer) as port:
        return await attempt("stun", {"address": f"127.0.0.1:{port}", **settings}, timeout=timeout)


# -- coturn ---------------------------------------------------------------------


async def test_coturn_tells_where_we_come_from_over_udp(coturn: Coturn) -> None:
    result = await attempt("stun", {"address": coturn.address})
    assert result.verdict == "ok"
    assert set(result.phases) == {Phase.RESOLVE, Phase.HANDSHAKE}
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)
    assert result.facts[Fact.ADDRESS] == "127.0.0.1"
    assert "Coturn" in str(result.facts[Fact.SOFTWARE])


async def test_coturn_tells_it_over_tcp_and_tls(coturn: Coturn, ca: CertificateAuthority) -> None:
    tcp = await attempt("stun", {"address": coturn.address, "transport": "tcp"})
    tls = await attempt("stun", {"address": coturn.tls, "transport": "tls", "tls": {"ca_file": ca.ca_path}})
    assert (tcp.verdict, tls.verdict) == ("ok", "ok")
    assert set(tcp.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE}
    assert set(tls.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.HANDSHAKE}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_turn_server_is_proven_without_an_account(coturn: Coturn, transport: str) -> None:
    result = await attempt("stun", {"address": coturn.address, "transport": transport, "turn": True})
    assert result.verdict == "ok"
    assert Phase.LOGIN not in result.phases


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_an_account_gets_an_allocation(coturn: Coturn, transport: str) -> None:
    result = await attempt("stun", {"address": coturn.address, "transport": transport, **ACCOUNT})
    assert result.verdict == "ok"
    assert Phase.LOGIN in result.phases


async def test_a_wrong_password_or_name_is_login_rejected(coturn: Coturn) -> None:
    for wrong in ({"password": "not it"}, {"username": "nobody"}):
        result = await attempt("stun", {"address": coturn.address, **ACCOUNT, **wrong})
        assert result.verdict == "login/rejected"
        assert result.failure is not None
        assert not {"not it", "nobody", "monitor"} & set(result.failure.message.split())


async def test_what_was_allocated_is_given_back_and_a_full_server_is_overloaded(tmp_path: Path) -> None:
    with Coturn(tmp_path, None, "user-quota=1", "verbose") as server:
        first = await attempt("stun", {"address": server.address, **ACCOUNT})
        second = await attempt("stun", {"address": server.address, **ACCOUNT})  # coturn forgets within a second
        await asyncio.to_thread(server.wait_for_log, "incoming packet REFRESH processed, success")
    assert first.verdict == "ok"
    assert second.verdict == "login/overloaded"
    assert second.failure is not None
    assert "486" in second.failure.message


async def test_a_server_that_needs_no_account_gives_an_allocation_to_anybody(tmp_path: Path) -> None:
    with Coturn(tmp_path, None, "no-auth") as server:
        assert (await attempt("stun", {"address": server.address, "turn": True})).verdict == "ok"


async def test_a_server_of_stun_alone_does_not_relay(tmp_path: Path) -> None:
    with Coturn(tmp_path, None, "stun-only") as server:
        assert (await attempt("stun", {"address": server.address})).verdict == "ok"
        turn = await attempt("stun", {"address": server.address, "turn": True}, timeout=1)
    assert turn.verdict.startswith("handshake/")


async def test_wrong_certificates(tmp_path: Path, ca: CertificateAuthority) -> None:
    for number, (leaf, verdict) in enumerate(
        [
            (ca.wrong_name(), "tls/cert_name"),
            (ca.expired(), "tls/cert_expired"),
            (ca.self_signed(), "tls/cert_untrusted"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        with Coturn(folder, leaf) as server:
            settings = {"address": server.tls, "transport": "tls", "tls": {"ca_file": ca.ca_path}}
            assert (await attempt("stun", settings)).verdict == verdict


async def test_a_server_that_hangs_is_a_timeout_of_the_handshake(coturn: Coturn) -> None:
    with stopped(coturn):
        udp = await attempt("stun", {"address": coturn.address}, timeout=0.8)
        tcp = await attempt("stun", {"address": coturn.address, "transport": "tcp"}, timeout=0.8)
    assert (udp.verdict, tcp.verdict) == ("handshake/timeout", "handshake/timeout")


# -- what no decent server says ---------------------------------------------------


async def test_a_lost_packet_is_sent_again_after_half_a_second() -> None:
    packets: list[bytes] = []

    def lose_the_first(request: bytes) -> list[bytes]:
        packets.append(request)
        return [message(0x0101, request[8:20], MAPPED)] * (len(packets) - 1)

    result = await over_udp(lose_the_first, timeout=5)
    assert result.verdict == "ok"
    assert result.duration >= 0.5
    assert len(packets) >= 2
    assert packets[0] == packets[1]


async def test_the_late_second_answer_to_a_repeated_request_is_passed_over() -> None:
    def answer(request: bytes) -> list[bytes]:
        if len(request) == 28:  # no account yet
            return [message(0x0113, request[8:20], refusal(401) + CHALLENGE)] * 2
        return [message(0x0113, request[8:20], refusal(508))]

    assert (await over_udp(answer, **ACCOUNT)).verdict == "login/overloaded"


async def test_an_answer_to_another_request_is_told_apart() -> None:
    wrong_id = await over_udp(lambda request: [message(0x0101, bytes(12), MAPPED)])
    wrong_method = await over_udp(says_udp(0x0103, MAPPED))
    assert (wrong_id.verdict, wrong_method.verdict) == ("handshake/nonce", "handshake/nonce")


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (300, "handshake/rejected"),
        (400, "handshake/denied"),
        (401, "handshake/denied"),
        (403, "handshake/denied"),
        (420, "handshake/capability"),
        (438, "handshake/nonce"),
        (442, "handshake/capability"),
        (486, "handshake/overloaded"),
        (500, "handshake/status"),
        (508, "handshake/overloaded"),
        (699, "handshake/status"),
    ],
)
async def test_error_responses(code: int, verdict: str) -> None:
    assert (await over_udp(says_udp(0x0111, refusal(code)))).verdict == verdict


async def test_an_answer_without_an_address_is_malformed() -> None:
    assert (await over_udp(says_udp(0x0101))).verdict == "handshake/malformed"
    assert (await over_udp(lambda _: [b"hello"])).verdict == "handshake/malformed"


@pytest.mark.parametrize("challenge", [b"", CHALLENGE[:8], CHALLENGE[8:], b"\x00\x14\x03\x00" + bytes(768)])
async def test_a_challenge_that_cannot_be_met_is_malformed(challenge: bytes) -> None:
    assert (await over_udp(says_udp(0x0113, refusal(401) + challenge), turn=True)).verdict == "handshake/malformed"


async def test_a_nonce_that_went_stale_is_replaced_once() -> None:
    nonces: list[bytes] = []

    def answer(request: bytes) -> list[bytes]:
        nonces.append(request)
        code = 401 if len(nonces) == 1 else 438
        return [message(0x0113, request[8:20], refusal(code) + CHALLENGE)]

    result = await over_udp(answer, **ACCOUNT)
    assert result.verdict == "login/nonce"
    assert len(nonces) == 3


async def test_an_allocation_that_the_password_did_not_sign_is_no_proof() -> None:
    def answer(request: bytes) -> list[bytes]:
        if len(request) == 28:
            return [message(0x0113, request[8:20], refusal(401) + CHALLENGE)]
        return [message(0x0103, request[8:20], bytes.fromhex("00160008") + MAPPED[4:])]

    assert (await over_udp(answer, **ACCOUNT)).verdict == "login/signature"


async def test_a_port_where_nobody_listens() -> None:
    port = free_port(kind=socket.SOCK_DGRAM)
    assert (await attempt("stun", {"address": f"127.0.0.1:{port}"})).verdict == "handshake/unreachable"
    assert (await attempt("stun", {"address": f"127.0.0.1:{port}", "transport": "tcp"})).verdict == "tcp/refused"


@pytest.mark.parametrize(
    ("handler", "verdict"),
    [
        (closes, "handshake/closed"),
        (resets, "handshake/reset"),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "handshake/malformed"),
        (says(message(0x0101, bytes(12), MAPPED), piece=3), "handshake/nonce"),
        (says(message(0x0101, bytes(12), bytes(9000))), "handshake/malformed"),
        (says(message(0x0101, bytes(12), MAPPED)[:25]), "handshake/timeout"),
    ],
    ids=["hangs up", "resets", "speaks HTTP", "answers somebody else", "floods", "stops midway"],
)
async def test_streams_that_go_wrong(handler: Any, verdict: str) -> None:
    async with scripted(handler) as port:
        settings = {"address": f"127.0.0.1:{port}", "transport": "tcp"}
        assert (await attempt("stun", settings, timeout=patience(verdict, 0.8))).verdict == verdict


# -- names and settings -----------------------------------------------------------


async def test_servers_are_looked_up_by_srv_records(coturn: Coturn) -> None:
    def answer(wire: bytes) -> list[bytes]:
        query = dns.message.from_wire(wire)
        response = dns.message.make_response(query)
        (question,) = query.question
        if question.rdtype == dns.rdatatype.SRV and question.name.to_text() == "_turn._udp.example.org.":
            records = [f"{order} 1 {coturn.port} relay{order}.example.org." for order in (20, 10)]
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "SRV", *records))
        elif question.rdtype == dns.rdatatype.A:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "127.0.0.1"))
        return [response.to_wire()]

    async with scripted_udp(answer) as port:
        route = {"resolver": f"127.0.0.1:{port}", "family": 4}
        found = await attempt("stun", {"srv": "_turn._udp.example.org", "turn": True, "route": route})
        second = await attempt("stun", {"srv": "_turn._udp.example.org", "route": route}, retry=1)
        absent = await attempt("stun", {"srv": "_stun._udp.example.org", "route": route})
    assert (found.verdict, second.verdict, absent.verdict) == ("ok", "ok", "dns/no_answer")
    assert found.facts[Fact.HOST] == f"relay10.example.org:{coturn.port}"
    assert second.facts[Fact.HOST] == f"relay20.example.org:{coturn.port}"


async def test_each_round_asks_another_member_of_a_pool(coturn: Coturn) -> None:
    pool = [coturn.address, f"127.0.0.1:{free_port()}"]
    results = [await attempt("stun", {"address": pool, "transport": "tcp"}, round=n) for n in range(2)]
    assert [result.verdict for result in results] == ["ok", "tcp/refused"]


def test_the_port_is_that_of_the_transport() -> None:
    assert StunSettings(address=("stun.example.org",)).endpoint == "stun.example.org:3478"
    assert StunSettings(address=("stun.example.org",), transport="tls").endpoint == "stun.example.org:5349"
    assert StunSettings(srv="_stun._udp.example.org").endpoint == "_stun._udp.example.org"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"address": "a", "srv": "_stun._udp.example.org"},
        {"address": "a:0"},
        {"srv": "example.org"},
        {"address": "a", "transport": "dtls"},
        {"address": "a", "username": "me", "password": "x"},
        {"address": "a", "turn": True, "username": "me"},
        {"address": "a", "turn": True, "password": "x"},
        {"address": "a", "route": {"proxy": "socks5://127.0.0.1:1080"}},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StunSettings.model_validate(settings)


def test_the_password_is_never_shown() -> None:
    settings = StunSettings.model_validate({"address": "a", **ACCOUNT})
    assert "pass word" not in repr(settings)
    assert "pass word" not in settings.model_dump_json()
