import asyncio
import imaplib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Fact, Phase
from monitor.probes.imap import ImapProbe, ImapSettings
from tests.support.attempts import Result, attempt, make_network, patience
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.dovecot import Dovecot
from tests.support.scripted import Handler, closes, hangs_up, resets, says, scripted, silent
from tests.support.stopping import stopped

PLAIN_PHASES = [Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE]
STARTTLS_PHASES = [*PLAIN_PHASES, Phase.STARTTLS, Phase.TLS]
PASSWORD = r"correct\"horse"
LOGIN = {"username": "alice", "password": PASSWORD}


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def dovecot(tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority) -> Iterator[Dovecot]:
    users = {"alice": PASSWORD}
    folder = tmp_path_factory.mktemp("dovecot")
    with Dovecot(folder, ca.leaf(), users, "mail_max_userip_connections = 1") as started:
        yield started


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dovecot]:
    """A server that has no TLS."""
    with Dovecot(tmp_path_factory.mktemp("plain"), None, {"alice": PASSWORD}) as started:
        yield started


async def probe(address: str, ca: CertificateAuthority, **settings: Any) -> Result:
    tls = {"ca_file": ca.ca_path, **settings.pop("tls", {})}
    address = address.replace("127.0.0.1", "localhost")
    return await attempt("imap", {"address": address, "tls": tls, "route": {"family": 4}, **settings})


def server(*answers: bytes, greeting: bytes = b"* OK ready\r\n") -> Handler:
    """Says ``greeting``, then one of ``answers`` for each line, then nothing more."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        for answer in answers:
            await reader.readline()
            writer.write(answer)
        await silent(reader, writer)

    return handler


async def failure_of(address: str, **settings: Any) -> ProbeFailed:
    network = make_network()
    made = ImapProbe(ImapSettings.model_validate({"address": address, **settings}), network)
    with pytest.raises(ProbeFailed) as caught:
        async with asyncio.timeout(2):
            await made.attempt(Run(network.monotonic))
    return caught.value


# -- a real server --------------------------------------------------------------


async def test_a_server_greets_and_answers(dovecot: Dovecot, ca: CertificateAuthority) -> None:
    result = await probe(dovecot.address, ca, security="plain")
    assert result.verdict == "ok", result.failure
    assert list(result.phases) == PLAIN_PHASES
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)
    assert result.facts[Fact.SOFTWARE] == "'Dovecot (Debian) ready.'"
    offered = result.facts[Fact.OFFERED]
    assert isinstance(offered, tuple)
    assert {"IMAP4REV1", "STARTTLS", "IDLE"} <= set(offered)
    trip = result.facts[Fact.ROUND_TRIP]
    assert isinstance(trip, float)
    assert 0 < trip < result.phases[Phase.HANDSHAKE]


async def test_starttls_is_spoken_where_it_is_offered(dovecot: Dovecot, ca: CertificateAuthority) -> None:
    result = await probe(dovecot.address, ca, capabilities=["auth=plain"])
    assert result.verdict == "ok", result.failure
    assert list(result.phases) == STARTTLS_PHASES
    assert Fact.CERT_EXPIRY in result.facts
    offered = result.facts[Fact.OFFERED]
    assert isinstance(offered, tuple)
    assert "STARTTLS" not in offered


async def test_tls_from_the_first_byte(dovecot: Dovecot, ca: CertificateAuthority) -> None:
    result = await probe(dovecot.imaps, ca, security="tls")
    assert result.verdict == "ok", result.failure
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.HANDSHAKE]


async def test_a_login_and_idle(dovecot: Dovecot, ca: CertificateAuthority) -> None:
    result = await probe(dovecot.address, ca, login=LOGIN, idle=True, capabilities=["IMAP4rev1", "CONDSTORE"])
    assert result.verdict == "ok", result.failure
    assert list(result.phases) == [*STARTTLS_PHASES, Phase.LOGIN]
    assert "horse" not in repr(result)


async def test_a_wrong_password_is_rejected(dovecot: Dovecot, ca: CertificateAuthority) -> None:
    result = await probe(dovecot.imaps, ca, security="tls", login={**LOGIN, "password": "wrong"})
    assert result.verdict == "login/rejected"
    assert result.failure is not None
    assert "alice" not in result.failure.message


async def test_a_login_by_login(plain: Dovecot, ca: CertificateAuthority) -> None:
    """The command, quotes and all, is what Dovecot takes; in front of it is TLS, which hides a better way."""
    context = server_context(ca.leaf())

    async def front(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", plain.port)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(pass_on(reader, behind_writer))
                tasks.create_task(pass_on(behind_reader, writer))
        finally:
            behind_writer.close()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data.replace(b" AUTH=PLAIN", b""))
            await writer.drain()

    async with scripted(front, tls=context) as port:
        assert (await probe(f"127.0.0.1:{port}", ca, security="tls", login=LOGIN)).verdict == "ok"
        wrong = await probe(f"127.0.0.1:{port}", ca, security="tls", login={**LOGIN, "password": "wrong"})
        assert wrong.verdict == "login/rejected"
        beyond = await probe(f"127.0.0.1:{port}", ca, security="tls", login={**LOGIN, "password": "grün"})
        assert beyond.verdict == "login/capability"


async def test_a_password_is_not_sent_where_logins_are_disabled(dovecot: Dovecot, ca: CertificateAuthority) -> None:
    result = await probe(dovecot.address, ca, security="plain", capabilities=["LOGINDISABLED"])
    assert result.verdict == "handshake/capability"  # a client of the same address counts as safe
    route = {"family": 4, "source_address": "127.0.0.2"}
    result = await probe(dovecot.address, ca, security="plain", capabilities=["LOGINDISABLED"], route=route)
    assert result.verdict == "ok"


@pytest.mark.parametrize(
    ("tls", "verdict"), [({"server_name": "other.example"}, "tls/cert_name"), ({"ca_file": None}, "tls/cert_untrusted")]
)
@pytest.mark.parametrize("security", ["auto", "tls"])
async def test_a_wrong_certificate(
    tls: dict[str, Any], verdict: str, security: str, dovecot: Dovecot, ca: CertificateAuthority
) -> None:
    address = dovecot.imaps if security == "tls" else dovecot.address
    assert (await probe(address, ca, tls=tls, security=security)).verdict == verdict


@pytest.mark.parametrize("settings", [{"security": "starttls"}, {"login": LOGIN}])
async def test_a_server_that_must_offer_starttls_and_does_not(
    settings: dict[str, Any], plain: Dovecot, ca: CertificateAuthority
) -> None:
    result = await probe(plain.address, ca, **settings)
    assert result.verdict == "handshake/starttls"
    assert list(result.phases) == PLAIN_PHASES


async def test_a_server_that_stopped(dovecot: Dovecot) -> None:
    with stopped(dovecot):
        result = await attempt("imap", {"address": dovecot.address}, timeout=0.3)
    assert result.verdict == "handshake/timeout"
    assert list(result.phases) == PLAIN_PHASES


async def test_an_account_with_too_many_connections_asks_to_come_back_later(
    dovecot: Dovecot, ca: CertificateAuthority
) -> None:
    context = ssl.create_default_context(cafile=str(ca.ca_path))
    host, _, port = dovecot.imaps.partition(":")
    with socket.create_connection((host, int(port))) as raw, context.wrap_socket(raw, server_hostname=host) as held:
        held.sendall(b'a LOGIN alice "correct\\\\\\"horse"\r\nb NOOP\r\n')
        said = b""
        while b"b OK" not in said:
            said += held.recv(4096)
        tls = {"ca_file": str(ca.ca_path)}
        failure = await failure_of(dovecot.imaps, security="tls", tls=tls, login=LOGIN)
    assert (failure.layer, failure.reason) == ("login", "overloaded"), failure


# -- what we say ------------------------------------------------------------------


async def test_the_conversation_is_polite_and_opens_nothing() -> None:
    heard: list[bytes] = []
    over = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev2] ready\r\n")
        while line := await reader.readline():
            heard.append(line)
            writer.write(line.split()[0] + b" OK done\r\n")
        over.set()

    async with scripted(handler) as port:
        assert (await attempt("imap", {"address": f"127.0.0.1:{port}"})).verdict == "ok"
        await over.wait()
    assert heard == [b"a1 NOOP\r\n", b"z LOGOUT\r\n"]


async def test_port_993_is_tls_from_the_first_byte(ca: CertificateAuthority) -> None:
    handler = server(b"a1 OK done\r\n", greeting=b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
    async with scripted(handler, tls=server_context(ca.leaf(["127.99.3.1"])), host="127.99.3.1", port=993):
        result = await probe("127.99.3.1:993", ca)
    assert result.verdict == "ok", result.failure
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.HANDSHAKE]


# -- how a conversation fails -------------------------------------------------------

CAPABLE = b"* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n"
CONVERSATIONS: dict[str, tuple[Handler, str]] = {
    "says nothing": (silent, "handshake/timeout"),
    "hangs up": (hangs_up, "handshake/closed"),
    "half a greeting": (says(b"* OK read"), "handshake/timeout"),
    "speaks SMTP": (says(b"220 mail.example.org ESMTP\r\n"), "handshake/malformed"),
    "speaks HTTP": (says(b"HTTP/1.1 400 Bad Request\r\n"), "handshake/malformed"),
    "speaks bytes": (says(b"\x16\x03\xff\n"), "handshake/malformed"),
    "greets with something else": (says(b"* 3 EXISTS\r\n"), "handshake/malformed"),
    "greets by a tag": (says(b"a1 OK ready\r\n"), "handshake/malformed"),
    "no end of a line": (says(b"* OK " + b"x" * 100_000), "handshake/size"),
    "not you": (says(b"* BYE go away\r\n"), "handshake/rejected"),
    "too busy": (says(b"* BYE [UNAVAILABLE] later\r\n"), "handshake/overloaded"),
    "can do nothing": (server(b"a1 OK done\r\n"), "handshake/malformed"),
    "is of another age": (server(b"* CAPABILITY IMAP2\r\na1 OK done\r\n"), "handshake/capability"),
    "refuses to say": (server(b"a1 NO sorry\r\n"), "handshake/rejected"),
    "understands nothing": (server(b"a1 BAD what?\r\n"), "handshake/rejected"),
    "answers another": (server(b"a2 OK done\r\n"), "handshake/malformed"),
    "wants more": (server(b"+ go on\r\n"), "handshake/malformed"),
    "talks without end": (server(b"* 1 EXISTS\r\n" * 200), "handshake/size"),
    "shuts down": (server(b"* BYE Server shutting down.\r\n"), "handshake/overloaded"),
    "is out of order": (server(b"a1 NO [UNAVAILABLE] x\r\n"), "handshake/overloaded"),
    "does not mean its offer": (server(CAPABLE, b"a2 NO no key\r\n"), "handshake/starttls"),
    "silent at STARTTLS": (server(CAPABLE), "handshake/timeout"),
    "silent in TLS": (server(CAPABLE, b"a2 OK go\r\n"), "tls/timeout"),
    "plain bytes before TLS": (server(CAPABLE, b"a2 OK go\r\n* CAPABILITY X\r\n"), "tls/malformed"),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_how_a_conversation_fails(name: str) -> None:
    handler, verdict = CONVERSATIONS[name]
    async with scripted(handler) as port:
        assert (
            await attempt("imap", {"address": f"127.0.0.1:{port}"}, timeout=patience(verdict, 0.3))
        ).verdict == verdict


async def test_another_client_understands_our_stand_ins_alike() -> None:
    def greet(port: int) -> tuple[str, ...]:
        with imaplib.IMAP4("127.0.0.1", port) as client:
            return client.capabilities

    capable = b"* CAPABILITY IMAP4rev1 STARTTLS\r\n%b OK done\r\n"

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        writer.write(capable % (await reader.readline()).split()[0])
        writer.write(b"* BYE now\r\n%b OK done\r\n" % (await reader.readline()).split()[0])

    async with scripted(handler) as port:
        assert await asyncio.to_thread(greet, port) == ("IMAP4REV1", "STARTTLS")
    async with scripted(says(b"* BYE [UNAVAILABLE] later\r\n")) as port:
        with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
            await asyncio.to_thread(greet, port)


@pytest.mark.parametrize(("ending", "verdict"), [(closes, "handshake/closed"), (resets, "handshake/reset")])
async def test_a_server_that_leaves_in_the_middle(ending: Handler, verdict: str) -> None:
    async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        await ending(reader, writer)

    async with scripted(leaves) as port:
        assert (await attempt("imap", {"address": f"127.0.0.1:{port}"})).verdict == verdict


async def test_a_plea_to_come_back_later_is_one() -> None:
    async with scripted(says(b"* BYE [LIMIT] too many\r\n")) as port:
        failure = await failure_of(f"127.0.0.1:{port}")
    assert (failure.reason, failure.retry_after) == ("overloaded", 0.0)


async def test_a_greeting_that_skips_tls_and_login_is_not_believed_where_tls_is_a_must() -> None:
    handler = server(b"a1 OK done\r\n", greeting=b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n")
    async with scripted(handler) as port:
        for settings, verdict in (({}, "ok"), ({"login": LOGIN}, "handshake/starttls")):
            assert (await attempt("imap", {"address": f"127.0.0.1:{port}", **settings})).verdict == verdict


GREETING = b"* OK [CAPABILITY IMAP4rev1 IDLE %b] ready\r\n"
LOGINS: dict[str, tuple[bytes, list[bytes], str]] = {
    "accepted in one": (
        b"AUTH=PLAIN SASL-IR",
        [b"a2 OK [CAPABILITY IDLE] done\r\n", b"+ idling\r\n", b"a3 OK done\r\n"],
        "ok",
    ),
    "accepted in two": (
        b"AUTH=PLAIN",
        [b"+ \r\n", b"a2 OK [CAPABILITY IDLE] done\r\n", b"+ i\r\n", b"a3 OK done\r\n"],
        "ok",
    ),
    "asked for more": (b"AUTH=PLAIN", [b"+ \r\n", b"+ more\r\n"], "login/malformed"),
    "disabled": (b"LOGINDISABLED AUTH=GSSAPI", [], "login/capability"),
    "refused": (b"AUTH=PLAIN SASL-IR", [b"a2 NO [AUTHENTICATIONFAILED] alice?\r\n"], "login/rejected"),
    "refused without a reason": (b"AUTH=PLAIN SASL-IR", [b"a2 NO sorry\r\n"], "login/rejected"),
    "back end down": (b"AUTH=PLAIN SASL-IR", [b"a2 NO [UNAVAILABLE] alice?\r\n"], "login/overloaded"),
    "cut short": (b"AUTH=PLAIN SASL-IR", [b"a2"], "login/timeout"),
    "no idling": (b"AUTH=PLAIN SASL-IR", [b"a2 OK [CAPABILITY x] done\r\n", b"a3 BAD no\r\n"], "handshake/rejected"),
    "dozing off": (b"AUTH=PLAIN SASL-IR", [b"a2 OK [CAPABILITY IDLE] done\r\n"], "handshake/timeout"),
}


@pytest.mark.parametrize("name", LOGINS)
async def test_how_a_login_ends(name: str, ca: CertificateAuthority) -> None:
    offered, answers, verdict = LOGINS[name]
    handler = server(b"a1 OK done\r\n", *answers, greeting=GREETING % offered)
    settings = {"security": "tls", "tls": {"ca_file": ca.ca_path}, "login": LOGIN, "idle": True}
    async with scripted(handler, tls=server_context(ca.leaf())) as port:
        result = await attempt("imap", {"address": f"127.0.0.1:{port}", **settings}, timeout=patience(verdict, 0.4))
    assert result.verdict == verdict, result.failure
    assert result.failure is None or "alice" not in result.failure.message


# -- settings ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"address": "a.example"},
        {"address": "a.example:143", "idle": True},
        {"address": "a.example:143", "login": LOGIN, "security": "plain"},
        {"address": "a.example:143", "login": {"username": "", "password": "x"}},
        {"address": "a.example:143", "security": "ssl"},
    ],
)
def test_mistakes_in_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ImapSettings.model_validate(settings)
