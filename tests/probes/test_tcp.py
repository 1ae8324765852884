import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.domain.words import Fact, Phase
from monitor.probes.tcp import TcpSettings
from tests.support.attempts import attempt, patience
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.dovecot import Dovecot
from tests.support.lab import DROPPED, NOWHERE, NOWHERE6, PROHIBITED, PROHIBITED6, UNREACHABLE, Lab
from tests.support.mosquitto import Mosquitto
from tests.support.prosody import Prosody
from tests.support.scripted import closes, hangs_up, reset, resets, says, scripted, silent
from tests.support.servers import free_port

CONNECT = "10 13 0004 4d515454 04 02 001e 0007 70726f62652d31"
IMAP_STARTTLS = [
    {"expect": r"^\* OK .*STARTTLS"},
    {"send": "a STARTTLS", "expect": "^a OK", "starttls": True},
    {"send": "b CAPABILITY", "expect": "^b OK"},
]
STREAM = (
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>"
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as made:
        yield made


@pytest.fixture
def ca(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "ca")


async def converse(handler: Any, *steps: dict[str, Any], timeout: float = 2) -> str:
    async with scripted(handler) as port:
        settings = {"address": f"127.0.0.1:{port}", "dialogue": list(steps)}
        return (await attempt("tcp", settings, timeout=timeout)).verdict


async def test_a_port_that_accepts_is_ok() -> None:
    async with scripted(silent) as port:
        result = await attempt("tcp", {"address": f"127.0.0.1:{port}"})
    assert result.verdict == "ok"
    assert set(result.phases) == {Phase.RESOLVE, Phase.CONNECT}
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)
    assert result.facts[Fact.ADDRESS] == "127.0.0.1"
    assert isinstance(result.facts[Fact.KERNEL_RTT], float)
    assert result.facts[Fact.RETRANSMITS] == 0


async def test_ipv6_too() -> None:
    async with scripted(silent, host="::1") as port:
        result = await attempt("tcp", {"address": f"[::1]:{port}"})
    assert result.verdict == "ok"
    assert result.facts[Fact.FAMILY] == 6


# -- how a connection fails ---------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_a_closed_port_is_refused(host: str) -> None:
    port = free_port(host.strip("[]"))
    assert (await attempt("tcp", {"address": f"{host}:{port}"})).verdict == "tcp/refused"


def test_a_host_that_drops_packets_is_a_timeout(lab: Lab) -> None:
    assert lab.ask("tcp", {"address": f"{DROPPED}:443"}, timeout=0.5).verdict == "tcp/timeout"


async def test_a_full_backlog_is_a_timeout() -> None:
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for sock in (first, second):
            sock.setblocking(False)
            sock.connect_ex(server.getsockname())
        port = server.getsockname()[1]
        assert (await attempt("tcp", {"address": f"127.0.0.1:{port}"}, timeout=0.3)).verdict == "tcp/timeout"


@pytest.mark.parametrize("host", [UNREACHABLE, PROHIBITED, NOWHERE, f"[{PROHIBITED6}]", f"[{NOWHERE6}]"])
def test_what_a_router_says_is_route_unreachable(lab: Lab, host: str) -> None:
    seen = lab.ask("tcp", {"address": f"{host}:443"})
    assert seen.verdict == "route/unreachable", seen


async def test_a_name_that_no_server_knows_is_a_dns_failure() -> None:
    settings = {"address": "nobody.localhost.invalid:1", "route": {"resolver": f"127.0.0.1:{free_port()}"}}
    assert (await attempt("tcp", settings)).verdict == "inconclusive/self_resolver"


# -- how a dialogue fails -----------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "verdict"),
    [
        (says(b"220 hello\r\n"), "ok"),
        (says(b"421 busy\r\n"), "handshake/timeout"),
        (silent, "handshake/timeout"),
        (hangs_up, "handshake/expect"),
    ],
    ids=["greets", "says something else", "says nothing", "hangs up"],
)
async def test_a_greeting(handler: Any, verdict: str) -> None:
    assert await converse(handler, {"expect": "^220 "}, timeout=patience(verdict, 0.3)) == verdict


async def test_a_reset_in_the_dialogue() -> None:
    assert await converse(resets, {"send": "hello", "expect": "x"}) == "handshake/reset"


async def test_an_orderly_end_in_the_dialogue_without_the_answer() -> None:
    assert await converse(closes, {"send": "hello", "expect": "x"}) == "handshake/expect"


async def test_too_much_without_a_match_is_too_large() -> None:
    assert await converse(says(b"x" * 200_000), {"expect": "y"}) == "handshake/size"


async def test_a_server_that_floods_us_is_left(ca: CertificateAuthority) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    assert await converse(flood, {"expect": "y"}) == "handshake/size"


async def test_a_refused_starttls_is_its_own_reason() -> None:
    steps = ({"expect": "^220 "}, {"send": "STARTTLS", "expect": "^220 ", "starttls": True})

    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        await reader.readline()
        writer.write(b"454 TLS not available\r\n")

    assert await converse(refuses, *steps) == "handshake/starttls"


@pytest.mark.parametrize("expression", ["^220", r"^220 .*\r\n"])
async def test_plain_bytes_after_agreeing_to_tls_are_refused(expression: str) -> None:
    async def injects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 go ahead\r\n250 injected\r\n")
        await silent(reader, writer)

    assert await converse(injects, {"send": "STARTTLS", "expect": expression, "starttls": True}) == "tls/malformed"


async def test_a_starttls_answer_may_come_in_pieces(ca: CertificateAuthority) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        for piece in (b"220", b" go", b" ahead\r", b"\n"):
            await asyncio.sleep(0.005)
            writer.write(piece)
            await writer.drain()
        await writer.start_tls(server_context(ca.leaf()))
        await silent(reader, writer)

    async with scripted(handler) as port:
        steps = [{"send": "STARTTLS", "expect": "^220", "starttls": True}]
        settings = {"address": f"127.0.0.1:{port}", "tls": {"ca_file": ca.ca_path}, "dialogue": steps}
        assert (await attempt("tcp", settings)).verdict == "ok"


# -- however the bytes are cut ------------------------------------------------

ANSWER = b"250-mail.example.org\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 HELP\r\n"


@pytest.mark.parametrize("cut", range(1, len(ANSWER), 5))
async def test_an_answer_cut_anywhere_is_found(cut: int) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in (ANSWER[:cut], ANSWER[cut:]):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.002)
        await silent(reader, writer)

    assert await converse(handler, {"expect": "^250[ -]STARTTLS\r$"}, {"expect": "^250 HELP"}) == "ok"


async def test_single_bytes_do_too() -> None:
    assert await converse(says(ANSWER, piece=1), {"expect": "^250[ -]STARTTLS"}, {"expect": "^250 HELP"}) == "ok"


async def test_what_comes_after_a_match_is_kept_for_the_next_step() -> None:
    assert await converse(says(b"one two three"), {"expect": "one"}, {"expect": "^ two"}, {"expect": "three$"}) == "ok"
    assert await converse(says(b"one two"), {"expect": "two"}, {"expect": "one"}, timeout=0.2) == "handshake/timeout"


# -- what is sent ---------------------------------------------------------------


async def test_lines_end_as_told_and_captures_are_filled_in() -> None:
    heard = bytearray()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello, your token is abc-42\r\n")
        heard.extend(await reader.readexactly(len(b"token abc-42\r\n") + len(b"bye")))
        writer.write(b"done")

    async with scripted(handler) as port:
        steps = [
            {"expect": r"token is (?P<token>\S+)"},
            {"send": "token ${token}"},
            {"send": "bye", "eol": "", "expect": "done"},
        ]
        result = await attempt("tcp", {"address": f"127.0.0.1:{port}", "dialogue": steps})
    assert result.verdict == "ok"
    assert bytes(heard) == b"token abc-42\r\nbye"
    assert result.facts[Fact.CAPTURES] == ("token=b'abc-42'",)


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ({"expect": "("}, "not a regular expression"),
        ({"send_hex": "0"}, "not hexadecimal"),
        ({"send": "a", "send_hex": "00"}, "exclude"),
        ({"expect": "a", "expect_hex": "00"}, "exclude"),
    ],
)
def test_mistakes_in_a_step_are_named(step: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        TcpSettings.model_validate({"address": "a.example:1", "dialogue": (step,)})


# -- real servers -----------------------------------------------------------------


async def test_an_mqtt_broker_answers_in_bytes(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        steps = [{"send_hex": CONNECT, "expect_hex": "20 02 00 00"}]
        assert (await attempt("tcp", {"address": broker.address, "dialogue": steps})).verdict == "ok"
        steps = [{"send_hex": CONNECT, "expect_hex": "20 02 00 05"}]
        settings = {"address": broker.address, "dialogue": steps}
        assert (await attempt("tcp", settings, timeout=0.3)).verdict == "handshake/timeout"


async def test_imap_starttls(tmp_path: Path, ca: CertificateAuthority) -> None:
    with Dovecot(tmp_path, ca.leaf()) as dovecot:
        settings = {"address": dovecot.address, "tls": None, "dialogue": IMAP_STARTTLS}
        assert (await attempt("tcp", settings)).verdict == "tls/cert_untrusted"
        result = await attempt("tcp", {"address": dovecot.imaps, "tls": {"ca_file": ca.ca_path}})
        assert result.verdict == "ok"


async def test_the_settings_of_tls_serve_starttls_when_a_step_asks_for_it(
    tmp_path: Path, ca: CertificateAuthority
) -> None:
    with Dovecot(tmp_path, ca.leaf()) as dovecot:
        settings = {"address": dovecot.address, "tls": {"ca_file": ca.ca_path}, "dialogue": IMAP_STARTTLS}
        result = await attempt("tcp", settings)
    assert result.verdict == "ok", result.failure
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE, Phase.STARTTLS, Phase.TLS]
    assert Fact.CERT_EXPIRY in result.facts


async def test_xmpp_starttls(tmp_path: Path, ca: CertificateAuthority) -> None:
    steps = [
        {"send": STREAM, "expect": "<starttls"},
        {"expect": "</stream:features>"},
        {
            "send": "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            "eol": "",
            "expect": "<proceed[^>]*>",
            "starttls": True,
        },
        {"send": STREAM, "expect": "<mechanism"},
    ]
    with Prosody(tmp_path, ca.leaf()) as prosody:
        settings = {"address": prosody.address, "tls": {"ca_file": ca.ca_path, "server_name": "localhost"}}
        result = await attempt("tcp", {**settings, "dialogue": steps})
    assert result.verdict == "ok", result.failure


async def test_tls_from_the_start_then_a_dialogue(ca: CertificateAuthority) -> None:
    async with scripted(says(b"+OK ready\r\n", piece=1), tls=server_context(ca.leaf())) as port:
        settings = {"address": f"127.0.0.1:{port}", "tls": {"ca_file": ca.ca_path}}
        result = await attempt("tcp", {**settings, "dialogue": [{"expect": "^\\+OK ready"}]})
    assert result.verdict == "ok"


async def test_a_reset_inside_tls(ca: CertificateAuthority) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reset(writer)

    async with scripted(handler, tls=server_context(ca.leaf())) as port:
        settings = {"address": f"127.0.0.1:{port}", "tls": {"ca_file": ca.ca_path}}
        result = await attempt("tcp", {**settings, "dialogue": [{"send": "hello", "expect": "x"}]})
    assert result.verdict == "handshake/reset"
