import asyncio
import smtplib
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Fact, Phase
from monitor.probes.smtp import SmtpProbe, SmtpSettings
from tests.support.attempts import Result, attempt, make_network, patience
from tests.support.bind import Bind
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix
from tests.support.scripted import Handler, closes, hangs_up, resets, says, scripted, silent
from tests.support.stopping import stopped

PLAIN_PHASES = [Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE]
STARTTLS_PHASES = [*PLAIN_PHASES, Phase.STARTTLS, Phase.TLS]
PASSWORD = r"correct\"horse"
LOGIN = {"username": "alice", "password": PASSWORD}
USERS = {"alice": PASSWORD}
ZONE = """$TTL 60
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
two IN MX 20 backup.two
two IN MX 10 main.two
main.two IN A 127.0.0.1
backup.two IN A 127.0.0.2
direct IN A 127.0.0.1
none IN MX 0 .
nowhere IN MX 10 no.such.host
"""


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def postfix(tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority) -> Iterator[Postfix]:
    more = "auth_mechanisms = plain login"
    with ExitStack() as stack:
        dovecot = stack.enter_context(Dovecot(tmp_path_factory.mktemp("dovecot"), ca.leaf(), USERS, more))
        yield stack.enter_context(Postfix(tmp_path_factory.mktemp("postfix"), ca.leaf(), dovecot.auth))


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority) -> Iterator[Bind]:
    with Bind(tmp_path_factory.mktemp("bind"), {"lab.test": ZONE}, ca.leaf()) as started:
        yield started


def local(address: str) -> str:
    """The address by the name that the certificate is for, too."""
    return address.replace("127.0.0.1", "localhost")


async def probe(address: str, ca: CertificateAuthority | None = None, **settings: Any) -> Result:
    tls = {"ca_file": ca.ca_path, **settings.pop("tls", {})} if ca else settings.pop("tls", {})
    return await attempt("smtp", {"address": address, "tls": tls, "route": {"family": 4}, **settings})


async def converse(handler: Handler, *, timeout: float = 2, **settings: Any) -> str:
    async with scripted(handler) as port:
        return (await attempt("smtp", {"address": f"127.0.0.1:{port}", **settings}, timeout=timeout)).verdict


def server(*answers: bytes, greeting: bytes = b"220 mail.example.org ESMTP\r\n") -> Handler:
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
    made = SmtpProbe(SmtpSettings.model_validate({"address": address, **settings}), network)
    with pytest.raises(ProbeFailed) as caught:
        async with asyncio.timeout(2):
            await made.attempt(Run(network.monotonic))
    return caught.value


# -- a real server --------------------------------------------------------------


async def test_a_server_without_tls_greets_and_offers(postfix: Postfix) -> None:
    result = await probe(postfix.plain)
    assert result.verdict == "ok"
    assert list(result.phases) == PLAIN_PHASES
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)
    assert result.facts[Fact.SOFTWARE] == "'mail.example.org ESMTP Postfix'"
    offered = result.facts[Fact.OFFERED]
    assert isinstance(offered, tuple)
    assert {"PIPELINING", "SIZE", "AUTH=PLAIN", "AUTH=LOGIN"} <= set(offered)


async def test_starttls_is_spoken_where_it_is_offered(postfix: Postfix, ca: CertificateAuthority) -> None:
    result = await probe(local(postfix.address), ca, auth=["plain"], extensions=["SIZE"])
    assert result.verdict == "ok", result.failure
    assert list(result.phases) == STARTTLS_PHASES
    assert Fact.CERT_EXPIRY in result.facts
    offered = result.facts[Fact.OFFERED]
    assert isinstance(offered, tuple)
    assert "STARTTLS" not in offered
    assert "AUTH=PLAIN" in offered


async def test_plain_stays_plain(postfix: Postfix) -> None:
    result = await probe(postfix.address, security="plain", extensions=["starttls"])
    assert result.verdict == "ok"
    assert list(result.phases) == PLAIN_PHASES


async def test_tls_from_the_first_byte(postfix: Postfix, ca: CertificateAuthority) -> None:
    result = await probe(local(postfix.smtps), ca, security="tls", login=LOGIN)
    assert result.verdict == "ok", result.failure
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.HANDSHAKE, Phase.LOGIN]


@pytest.mark.parametrize("name", ["address", "old"])
async def test_a_login_by_plain_and_by_login(name: str, postfix: Postfix, ca: CertificateAuthority) -> None:
    address = local(str(getattr(postfix, name)))
    result = await probe(address, ca, login=LOGIN)
    assert result.verdict == "ok", result.failure
    assert list(result.phases) == [*STARTTLS_PHASES, Phase.LOGIN]
    assert "horse" not in repr(result)
    wrong = await probe(address, ca, login={**LOGIN, "password": "wrong"})
    assert wrong.verdict == "login/rejected"
    assert wrong.failure is not None
    assert "alice" not in wrong.failure.message
    assert "535" in wrong.failure.message


@pytest.mark.parametrize(
    ("tls", "verdict"), [({"server_name": "other.example"}, "tls/cert_name"), ({"ca_file": None}, "tls/cert_untrusted")]
)
@pytest.mark.parametrize("security", ["auto", "tls"])
async def test_a_wrong_certificate(
    tls: dict[str, Any], verdict: str, security: str, postfix: Postfix, ca: CertificateAuthority
) -> None:
    address = postfix.smtps if security == "tls" else postfix.address
    assert (await probe(local(address), ca, tls=tls, security=security)).verdict == verdict


@pytest.mark.parametrize("settings", [{"security": "starttls"}, {"login": LOGIN}])
async def test_a_server_that_must_offer_starttls_and_does_not(settings: dict[str, Any], postfix: Postfix) -> None:
    result = await probe(postfix.plain, **settings)
    assert result.verdict == "handshake/starttls"
    assert Phase.LOGIN not in result.phases


async def test_a_server_that_does_not_offer_enough(postfix: Postfix, ca: CertificateAuthority) -> None:
    result = await probe(local(postfix.address), ca, extensions=["SIZE", "DELIVERBY"], auth=["PLAIN", "SCRAM-SHA-256"])
    assert result.verdict == "handshake/capability"
    assert result.failure is not None
    assert result.failure.message == "the server does not offer DELIVERBY, AUTH SCRAM-SHA-256"


async def test_a_server_that_stopped(postfix: Postfix) -> None:
    with stopped(postfix):
        result = await attempt("smtp", {"address": postfix.address}, timeout=0.3)
    assert result.verdict == "handshake/timeout"
    assert list(result.phases) == PLAIN_PHASES


async def test_a_server_that_wants_nobody_is_not_overloaded(postfix: Postfix) -> None:
    failure = await failure_of(postfix.nobody)
    assert (failure.layer, failure.reason, failure.retry_after) == ("handshake", "rejected", None)
    assert "554" in failure.message


async def test_a_server_with_too_many_connections_asks_to_come_back_later(postfix: Postfix) -> None:
    host, _, port = postfix.one.partition(":")
    with socket.create_connection((host, int(port))) as held:
        assert held.recv(4) == b"220 "
        failure = await failure_of(postfix.one)
    assert (failure.layer, failure.reason, failure.retry_after) == ("handshake", "overloaded", 0.0)


# -- what we say ------------------------------------------------------------------


async def test_the_conversation_is_polite_and_sends_no_mail() -> None:
    heard: list[bytes] = []
    over = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220-mail.example.org\r\n220 ready\r\n")
        while line := await reader.readline():
            heard.append(line)
            writer.write(b"250 mail.example.org\r\n")
        over.set()

    async with scripted(handler) as port, scripted(handler, host="::1") as port6:
        for settings in (
            {"address": f"127.0.0.1:{port}"},
            {"address": f"[::1]:{port6}"},
            {"address": f"127.0.0.1:{port}", "ehlo": "probe.example.org"},
        ):
            over.clear()
            assert (await attempt("smtp", settings)).verdict == "ok"
            await over.wait()
    assert heard[::2] == [b"EHLO [127.0.0.1]\r\n", b"EHLO [IPv6:::1]\r\n", b"EHLO probe.example.org\r\n"]
    assert heard[1::2] == [b"QUIT\r\n"] * 3


async def test_port_465_is_tls_from_the_first_byte(ca: CertificateAuthority) -> None:
    handler = server(b"250 mail\r\n", b"221 bye\r\n")
    async with scripted(handler, tls=server_context(ca.leaf(["127.46.5.1"])), host="127.46.5.1", port=465):
        result = await probe("127.46.5.1:465", ca)
    assert result.verdict == "ok", result.failure
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.HANDSHAKE]


# -- how a conversation fails -------------------------------------------------------


TLS_OFFERED = b"250-mail\r\n250 STARTTLS\r\n"
CONVERSATIONS: dict[str, tuple[Handler, str]] = {
    "says nothing": (silent, "handshake/timeout"),
    "hangs up": (hangs_up, "handshake/closed"),
    "half a greeting": (says(b"220-mail.example.org\r\n"), "handshake/timeout"),
    "speaks SSH": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "handshake/malformed"),
    "speaks HTTP": (says(b"HTTP/1.1 400 Bad Request\r\n"), "handshake/malformed"),
    "speaks TLS": (says(b"\x16\x03\x03\x00\x02\x02\x28\n"), "handshake/malformed"),
    "no end of a line": (says(b"x" * 10_000), "handshake/size"),
    "no end of a reply": (says(b"220-a\r\n" * 1000), "handshake/size"),
    "greets with something else": (says(b"250 not a greeting\r\n"), "handshake/malformed"),
    "shuts down": (says(b"421 4.3.2 shutting down\r\n"), "handshake/overloaded"),
    "not yet": (says(b"450-4.7.1 later\r\n450 4.7.1 please\r\n"), "handshake/overloaded"),
    "not you": (says(b"554 no\r\n"), "handshake/rejected"),
    "knows no EHLO": (server(b"502 what?\r\n"), "handshake/rejected"),
    "busy at EHLO": (server(b"421 busy\r\n"), "handshake/overloaded"),
    "takes leave at EHLO": (server(b"221 bye\r\n"), "handshake/malformed"),
    "half an answer to EHLO": (server(b"250-STARTT"), "handshake/timeout"),
    "has no key": (server(TLS_OFFERED, b"454 4.7.0 no key\r\n"), "handshake/starttls"),
    "does not mean its offer": (server(TLS_OFFERED, b"501 no\r\n"), "handshake/starttls"),
    "busy at STARTTLS": (server(TLS_OFFERED, b"421 busy\r\n"), "handshake/overloaded"),
    "silent at STARTTLS": (server(TLS_OFFERED), "handshake/timeout"),
    "silent in TLS": (server(TLS_OFFERED, b"220 go\r\n"), "tls/timeout"),
    "plain bytes before TLS": (server(TLS_OFFERED, b"220 go\r\n250 injected\r\n"), "tls/malformed"),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_how_a_conversation_fails(name: str) -> None:
    handler, verdict = CONVERSATIONS[name]
    assert await converse(handler, timeout=patience(verdict, 0.3)) == verdict


async def test_another_client_understands_our_stand_ins_alike() -> None:
    def greet(port: int) -> tuple[int, bytes]:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as client:
            client.ehlo_or_helo_if_needed()
            return client.docmd("STARTTLS")

    async with scripted(server(TLS_OFFERED, b"454 4.7.0 no key\r\n", b"221 bye\r\n")) as port:
        assert await asyncio.to_thread(greet, port) == (454, b"4.7.0 no key")
    async with scripted(says(b"421 4.3.2 shutting down\r\n")) as port:
        with pytest.raises(smtplib.SMTPConnectError, match="421"):
            await asyncio.to_thread(greet, port)


async def test_a_server_that_leaves_in_the_middle() -> None:
    async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        await closes(reader, writer)

    assert await converse(leaves) == "handshake/closed"


async def test_a_server_that_resets_in_the_middle() -> None:
    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        await resets(reader, writer)

    assert await converse(breaks) == "handshake/reset"


PLAIN_OFFERED = b"250-mail\r\n250 AUTH PLAIN\r\n"
LOGINS: dict[str, tuple[list[bytes], str]] = {
    "accepted": ([PLAIN_OFFERED, b"235 welcome\r\n"], "ok"),
    "accepted by a server of old": ([b"250-mail\r\n250 AUTH=PLAIN\r\n", b"235 welcome\r\n"], "ok"),
    "back end down": ([PLAIN_OFFERED, b"454 4.7.0 back end down\r\n"], "login/overloaded"),
    "asked for more": ([PLAIN_OFFERED, b"334 more?\r\n"], "login/malformed"),
    "cut short": ([PLAIN_OFFERED, b"235"], "login/timeout"),
    "refused by name": ([b"250-mail\r\n250 AUTH LOGIN\r\n", b"334 VXN\r\n", b"535 no\r\n"], "login/rejected"),
    "by means unknown to us": ([b"250-mail\r\n250 AUTH CRAM-MD5\r\n"], "login/capability"),
    "not offered": ([b"250 mail\r\n"], "login/capability"),
}


@pytest.mark.parametrize("name", LOGINS)
async def test_how_a_login_ends(name: str, ca: CertificateAuthority) -> None:
    answers, verdict = LOGINS[name]
    async with scripted(server(*answers), tls=server_context(ca.leaf())) as port:
        settings = {"address": f"127.0.0.1:{port}", "security": "tls", "tls": {"ca_file": ca.ca_path}, "login": LOGIN}
        assert (await attempt("smtp", settings, timeout=patience(verdict, 0.4))).verdict == verdict


async def test_a_login_that_is_put_off_is_no_plea_to_ask_less(ca: CertificateAuthority) -> None:
    handler = server(b"250-mail\r\n250 AUTH PLAIN\r\n", b"454 4.7.0 alice: back end down\r\n")
    async with scripted(handler, tls=server_context(ca.leaf())) as port:
        tls = {"ca_file": str(ca.ca_path)}
        failure = await failure_of(f"127.0.0.1:{port}", security="tls", tls=tls, login=LOGIN)
    assert failure.retry_after is None
    assert "alice" not in failure.message


async def test_what_a_server_says_is_shown_short_and_escaped() -> None:
    async with scripted(says(b"554 5.7.1 \x1b[31m" + b"x" * 3000 + b"\r\n")) as port:
        failure = await failure_of(f"127.0.0.1:{port}")
    assert "\x1b" not in failure.message
    assert len(failure.message) < 140


# -- by domain ------------------------------------------------------------------------


async def ask_domain(name: str, bind: Bind, port: int, **turn: int) -> Result:
    settings = {"domain": f"{name}.lab.test", "port": port, "route": {"resolver": bind.address, "family": 4}}
    return await attempt("smtp", settings, **turn)  # type: ignore[arg-type]  # round and retry


async def test_the_exchangers_of_a_domain_take_turns_best_first(bind: Bind) -> None:
    async with (
        scripted(server(b"250 mail\r\n")) as port,
        scripted(server(b"250 mail\r\n"), host="127.0.0.2", port=port),
    ):
        first = await ask_domain("two", bind, port)
        second = await ask_domain("two", bind, port, round=1)
        confirmed = await ask_domain("two", bind, port, retry=1)
    assert [first.verdict, second.verdict, confirmed.verdict] == ["ok"] * 3
    assert first.facts[Fact.HOST] == f"main.two.lab.test:{port}"
    assert second.facts[Fact.HOST] == confirmed.facts[Fact.HOST] == f"backup.two.lab.test:{port}"
    assert second.facts[Fact.ADDRESS] == "127.0.0.2"
    assert list(first.phases) == PLAIN_PHASES


async def test_a_domain_without_an_exchanger_is_its_own(bind: Bind) -> None:
    async with scripted(server(b"250 mail\r\n")) as port:
        result = await ask_domain("direct", bind, port)
    assert result.verdict == "ok"
    assert result.facts[Fact.HOST] == f"direct.lab.test:{port}"


@pytest.mark.parametrize(
    ("name", "verdict"), [("none", "dns/answer"), ("nowhere", "dns/nxdomain"), ("missing", "dns/nxdomain")]
)
async def test_a_domain_that_takes_no_mail(name: str, verdict: str, bind: Bind) -> None:
    result = await ask_domain(name, bind, 25)
    assert result.verdict == verdict, result.failure
    assert list(result.phases) == [Phase.RESOLVE]


async def test_a_domain_of_another_name_server(bind: Bind) -> None:
    settings = {"domain": "example.org", "route": {"resolver": bind.address}}
    assert (await attempt("smtp", settings)).verdict == "dns/refused"


# -- settings ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"domain": "a.example", "address": "a.example:25"},
        {"address": "a.example"},
        {"address": "a.example:25", "login": LOGIN, "security": "plain"},
        {"address": "a.example:25", "login": {"username": "a\0b", "password": "x"}},
        {"address": "a.example:25", "login": {"username": "a"}},
        {"address": "a.example:25", "ehlo": "a b"},
        {"address": "a.example:25", "ehlo": "a\r\nMAIL FROM:<>"},
        {"address": "a.example:25", "ehlo": "a\n"},
        {"address": "a.example:25", "security": "ssl"},
    ],
)
def test_mistakes_in_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SmtpSettings.model_validate(settings)


def test_the_endpoint_names_the_target() -> None:
    assert SmtpSettings.model_validate({"domain": "a.example"}).endpoint == "a.example"
    assert SmtpSettings.model_validate({"address": ("b.example:25", "c.example:25")}).endpoint == "b.example:25"
