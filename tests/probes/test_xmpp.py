import asyncio
import base64
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Fact, Phase
from monitor.net.network import Network
from monitor.probes.xmpp import XmppProbe, XmppSettings
from tests.support.attempts import Result, attempt, patience
from tests.support.bind import Bind
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.ejabberd import Ejabberd
from tests.support.prosody import Prosody
from tests.support.scripted import Handler, closes, resets, says, scripted, silent
from tests.support.stopping import stopped

SECRET = "hünter2"
LOGIN = {"username": "monitor", "password": SECRET}
OPEN = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    b"id='a1' from='localhost' version='1.0' xml:lang='en'>"
)
STARTTLS = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
PROCEED = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
SASL = b"xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
SCRAM = b"<mechanisms " + SASL + b"><mechanism>SCRAM-SHA-1</mechanism></mechanisms>"
PLAIN = b"<mechanisms " + SASL + b"><mechanism>PLAIN</mechanism></mechanisms>"
BIND = b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
SUCCESS = b"<success " + SASL + b"/>"


def features(*offers: bytes) -> bytes:
    return b"<stream:features>" + b"".join(offers) + b"</stream:features>"


def stream_error(condition: str) -> bytes:
    inside = f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
    return f"<stream:error>{inside}</stream:error></stream:stream>".encode()


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def prosody(ca: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prosody]:
    with Prosody(tmp_path_factory.mktemp("prosody"), ca.leaf(), users={"monitor": SECRET}) as server:
        yield server


@pytest.fixture(scope="module")
def ejabberd(ca: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ejabberd]:
    with Ejabberd(tmp_path_factory.mktemp("ejabberd"), ca.leaf(), users={"monitor": "hunter2"}) as server:
        yield server


async def probe(address: str, ca: CertificateAuthority, *, timeout: float = 5, **more: Any) -> Result:
    given = {"domain": "localhost", "address": address, "tls": {"ca_file": ca.ca_path}, **more}
    return await attempt("xmpp", given, timeout=timeout)


async def in_plain(handler: Handler, *, timeout: float = 2, **more: Any) -> Result:
    async with scripted(handler) as port:
        given = {"domain": "localhost", "address": f"127.0.0.1:{port}", "security": "plain", **more}
        return await attempt("xmpp", given, timeout=timeout)


async def in_tls(handler: Handler, ca: CertificateAuthority, *, timeout: float = 2, **more: Any) -> Result:
    async with scripted(handler, tls=server_context(ca.leaf())) as port:
        return await probe(f"127.0.0.1:{port}", ca, timeout=timeout, **{"security": "tls", **more})


def answers(*turns: bytes) -> Handler:
    """A server that says the next of ``turns`` to each thing said, ``%`` being the last id or nonce it heard."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        token = b""
        for turn in turns:
            heard = await reader.read(65536)
            if found := re.search(rb" id='(\w+)'", heard):
                token = found[1]
            elif found := re.search(rb"mechanism='SCRAM[^>]*>([^<]+)", heard):
                token = base64.b64decode(found[1]).rpartition(b"r=")[2]
            writer.write(turn.replace(b"%", token) if b"%" in turn else turn)
        await silent(reader, writer)

    return handler


# -- Prosody --------------------------------------------------------------------


async def test_starttls_and_what_is_offered(prosody: Prosody, ca: CertificateAuthority) -> None:
    result = await probe(prosody.address, ca, mechanisms=["SCRAM-SHA-1"])
    assert result.verdict == "ok"
    phases = [Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE, Phase.STARTTLS, Phase.TLS]
    assert list(result.phases) == phases
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)
    assert set(result.facts[Fact.OFFERED]) == {"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"}  # type: ignore[arg-type]  # a tuple
    assert Fact.CERT_EXPIRY in result.facts


async def test_tls_from_the_first_byte(prosody: Prosody, ca: CertificateAuthority) -> None:
    result = await probe(prosody.direct, ca, security="tls")
    assert result.verdict == "ok"
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.HANDSHAKE]


async def test_without_tls(prosody: Prosody, ca: CertificateAuthority) -> None:
    result = await probe(prosody.address, ca, security="plain")
    assert result.verdict == "ok"
    assert Phase.TLS not in result.phases
    assert (await probe(prosody.address, ca, security="plain", mechanisms=["PLAIN"])).verdict == "handshake/capability"


async def test_as_another_server_asks(prosody: Prosody, ca: CertificateAuthority) -> None:
    result = await probe(prosody.servers, ca, service="server", mechanisms=["dialback"])
    direct = await probe(prosody.direct_servers, ca, service="server", security="tls")
    external = await probe(prosody.servers, ca, service="server", mechanisms=["EXTERNAL"])
    assert [result.verdict, direct.verdict, external.verdict] == ["ok", "ok", "handshake/capability"]
    assert result.facts[Fact.OFFERED] == direct.facts[Fact.OFFERED] == ("dialback",)


async def test_a_mechanism_that_is_not_offered(prosody: Prosody, ca: CertificateAuthority) -> None:
    assert (await probe(prosody.address, ca, mechanisms=["SCRAM-SHA-512"])).verdict == "handshake/capability"


async def test_a_domain_that_is_not_served(prosody: Prosody, ca: CertificateAuthority) -> None:
    result = await probe(prosody.address, ca, domain="example.org")
    assert result.verdict == "handshake/host_unknown"


async def test_a_certificate_that_nobody_vouches_for(prosody: Prosody, ca: CertificateAuthority) -> None:
    assert (await probe(prosody.address, ca, tls={})).verdict == "tls/cert_untrusted"
    assert (await probe(prosody.direct, ca, tls={}, security="tls")).verdict == "tls/cert_untrusted"


async def test_a_certificate_must_name_the_domain_not_the_host(ca: CertificateAuthority, tmp_path: Path) -> None:
    with Prosody(tmp_path, ca.leaf(["localhost", "127.0.0.1"]), "chat.example") as server:
        wrong = await probe(server.address, ca, domain="chat.example")
        told = {"ca_file": ca.ca_path, "server_name": "localhost"}
        right = await probe(server.address, ca, domain="chat.example", tls=told)
    assert [wrong.verdict, right.verdict] == ["tls/cert_name", "ok"]


async def test_starttls_that_is_not_offered(ca: CertificateAuthority, tmp_path: Path) -> None:
    with Prosody(tmp_path, ca.leaf(), starttls=False) as server:
        result = await probe(server.address, ca)
        plain = await probe(server.address, ca, security="plain")
    assert result.verdict == "handshake/starttls"
    assert plain.verdict == "ok"


async def test_a_server_that_is_stopped_is_a_timeout(ca: CertificateAuthority, tmp_path: Path) -> None:
    with Prosody(tmp_path, ca.leaf()) as server:
        with stopped(server):
            starttls = await probe(server.address, ca, timeout=0.3)
            direct = await probe(server.direct, ca, timeout=0.3, security="tls")
        after = await probe(server.address, ca)
    assert [starttls.verdict, direct.verdict, after.verdict] == ["handshake/timeout", "tls/timeout", "ok"]


async def test_a_login_and_a_ping(prosody: Prosody, ca: CertificateAuthority) -> None:
    result = await probe(prosody.address, ca, login=LOGIN)
    assert result.verdict == "ok"
    assert {Phase.LOGIN, Phase.SEND} < set(result.phases)
    assert 0 < float(str(result.facts[Fact.ROUND_TRIP])) < 1


@pytest.mark.parametrize("disabled", ["SCRAM-SHA-256", 'SCRAM-SHA-256", "SCRAM-SHA-1'])
async def test_a_login_by_what_is_left(disabled: str, ca: CertificateAuthority, tmp_path: Path) -> None:
    options = f'disable_sasl_mechanisms = {{ "{disabled}" }}'
    with Prosody(tmp_path, ca.leaf(), users={"monitor": SECRET}, options=options) as server:
        good = await probe(server.address, ca, login=LOGIN)
        bad = await probe(server.address, ca, login={**LOGIN, "password": "hunter3"})
    assert [good.verdict, bad.verdict] == ["ok", "login/rejected"]


@pytest.mark.parametrize("login", [{**LOGIN, "password": "hunter3"}, {**LOGIN, "username": "nobody"}])
async def test_a_wrong_login_is_rejected(login: dict[str, str], prosody: Prosody, ca: CertificateAuthority) -> None:
    result = await probe(prosody.address, ca, login=login)
    assert result.verdict == "login/rejected"
    assert result.failure is not None
    assert not any(word in f"{result.failure.message} {result.facts}" for word in login.values())


# -- ejabberd ---------------------------------------------------------------------


async def test_ejabberd_offers_and_lets_us_in(ejabberd: Ejabberd, ca: CertificateAuthority) -> None:
    login = {"username": "monitor", "password": "hunter2"}
    ask = partial(probe, ca=ca, timeout=30)  # the first questions it answers slowly
    asked = [
        ask(ejabberd.address, login=login),
        ask(ejabberd.direct, security="tls", login=login),
        ask(ejabberd.address, login={**login, "password": "hunter3"}),
        ask(ejabberd.servers, service="server", mechanisms=["dialback"]),
        ask(ejabberd.address, domain="example.org"),
        ask(ejabberd.address, tls={}),
    ]
    verdicts = [(await one).verdict for one in asked]
    assert verdicts == ["ok", "ok", "login/rejected", "ok", "handshake/host_unknown", "tls/cert_untrusted"]


# -- where the domain's servers are -------------------------------------------------

_ZONE = """$TTL 60
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
@ IN A 127.0.0.77
one IN A 127.0.0.1
two IN A 127.0.0.2
_xmpp-client._tcp IN SRV 10 0 {port} two
_xmpp-client._tcp IN SRV 5 0 {port} one
_xmpps-client._tcp IN SRV 5 0 {direct} one
_xmpp-server._tcp IN SRV 0 0 0 .
"""


async def test_records_say_where_to_ask(ca: CertificateAuthority, tmp_path: Path) -> None:
    rooms = [tmp_path / name for name in ("prosody", "bind")]
    for room in rooms:
        room.mkdir()
    leaf = ca.leaf(["chat.test"])
    with Prosody(rooms[0], leaf, "chat.test") as server:
        zone = _ZONE.format(port=server.port, direct=server.direct.partition(":")[2])
        with Bind(rooms[1], {"chat.test": zone}, leaf) as names:
            base = {"domain": "chat.test", "tls": {"ca_file": ca.ca_path}, "route": {"resolver": names.address}}
            first = await attempt("xmpp", base)
            second = await attempt("xmpp", base, retry=1)
            direct = await attempt("xmpp", {**base, "security": "tls"})
            none = await attempt("xmpp", {**base, "service": "server"})
            missing = await attempt("xmpp", {**base, "service": "server", "security": "tls"})
    assert [first.verdict, second.verdict, direct.verdict] == ["ok", "tcp/refused", "ok"]
    assert first.facts[Fact.HOST] == f"one.chat.test:{server.port}"
    assert second.facts[Fact.HOST] == f"two.chat.test:{server.port}"
    assert [none.verdict, missing.verdict] == ["dns/answer", "dns/no_answer"]


@pytest.mark.parametrize(("service", "port"), [("client", 5222), ("server", 5269)])
async def test_without_records_the_domain_itself_is_asked(
    service: str, port: int, ca: CertificateAuthority, tmp_path: Path
) -> None:
    zone = "\n".join(line for line in _ZONE.splitlines() if "SRV" not in line) + "\n"
    with Bind(tmp_path, {"chat.test": zone}, ca.leaf()) as names:
        base = {"domain": "chat.test", "service": service, "route": {"resolver": names.address}, "security": "plain"}
        async with scripted(says(OPEN + features()), host="127.0.0.77", port=port):
            result = await attempt("xmpp", base)
    assert result.verdict == "ok"
    assert result.facts[Fact.ADDRESS] == "127.0.0.77"


async def test_each_round_asks_another_address() -> None:
    async with scripted(says(OPEN + features())) as one, scripted(says(OPEN + features())) as two:
        pool = [f"127.0.0.1:{one}", f"127.0.0.1:{two}"]
        given = {"domain": "localhost", "address": pool, "security": "plain"}
        hosts = [(await attempt("xmpp", given, round=n)).facts[Fact.HOST] for n in range(3)]
    assert hosts == [pool[0], pool[1], pool[0]]


# -- servers that do as a test says ---------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "verdict", "later"),
    [
        ("host-unknown", "handshake/host_unknown", None),
        ("host-gone", "handshake/host_unknown", None),
        ("resource-constraint", "handshake/overloaded", None),
        ("system-shutdown", "handshake/overloaded", None),
        ("see-other-host", "handshake/rejected", None),
        ("not-authorized", "handshake/rejected", None),
        ("policy-violation", "handshake/rejected", 0.0),
    ],
)
async def test_what_stream_errors_mean(condition: str, verdict: str, later: float | None) -> None:
    async with scripted(says(OPEN + stream_error(condition))) as port:
        given = {"domain": "localhost", "address": f"127.0.0.1:{port}"}
        made = XmppProbe(XmppSettings.model_validate(given), Network(time.monotonic, time.time))
        with pytest.raises(ProbeFailed) as caught:
            await made.attempt(Run(time.monotonic))
    assert f"{caught.value.layer}/{caught.value.reason}" == verdict
    assert caught.value.retry_after == later
    assert condition in caught.value.message


@pytest.mark.parametrize("security", ["starttls", "plain"])
@pytest.mark.parametrize(
    ("handler", "verdict"),
    [
        (says(b"HTTP/1.1 400 Bad Request\r\n"), "handshake/malformed"),
        (says(b"220 mail.example.org ESMTP\r\n"), "handshake/malformed"),
        (says(b"<html><body>Sign in</body></html>"), "handshake/malformed"),
        (says(OPEN + b"<message/>"), "handshake/malformed"),
        (says(OPEN + b"<!-- hello -->"), "handshake/malformed"),
        (says(b'<!DOCTYPE a [<!ENTITY b "bbb">]>' + OPEN), "handshake/malformed"),
        (says(OPEN + b"<stream:features>" + b"<a/>" * 2000), "handshake/malformed"),
        (says(OPEN + b"<stream:features " + b"x" * 80000), "handshake/malformed"),
        (says(OPEN + b"<stream:feat"), "handshake/timeout"),
        (says(OPEN + b"</stream:stream>"), "handshake/closed"),
        (silent, "handshake/timeout"),
        (closes, "handshake/closed"),
        (resets, "handshake/reset"),
    ],
    ids=[
        "http",
        "smtp",
        "html",
        "no-features",
        "comment",
        "dtd",
        "tags",
        "bytes",
        "half",
        "ended",
        "silent",
        "closes",
        "resets",
    ],
)
async def test_what_is_no_stream(handler: Handler, verdict: str, security: str) -> None:
    assert (await in_plain(handler, timeout=patience(verdict, 0.4), security=security)).verdict == verdict


async def test_features_in_single_bytes() -> None:
    result = await in_plain(says(OPEN + features(SCRAM), piece=1), mechanisms=["SCRAM-SHA-1"])
    assert result.verdict == "ok"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>", "handshake/starttls"),
        (PROCEED + OPEN, "tls/malformed"),
        (PROCEED + b" ", "tls/malformed"),
        (stream_error("system-shutdown"), "handshake/overloaded"),
        (b"", "handshake/timeout"),
    ],
)
async def test_how_starttls_fails(answer: bytes, verdict: str) -> None:
    result = await in_plain(
        answers(OPEN + features(STARTTLS), answer), timeout=patience(verdict, 0.4), security="starttls"
    )
    assert result.verdict == verdict
    assert Phase.STARTTLS in result.phases


async def test_clients_must_be_offered_a_way_to_log_in(ca: CertificateAuthority) -> None:
    assert (await in_tls(says(OPEN + features()), ca)).verdict == "handshake/capability"
    assert (await in_tls(says(OPEN + features()), ca, service="server")).verdict == "ok"


def challenge(text: str) -> bytes:
    return b"<challenge " + SASL + b">" + text.encode() + b"</challenge>"


def lying(nonce: bytes, *ends: bytes) -> Handler:
    """A server that asks for SCRAM-SHA-1 with a nonce, and ends it so."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"jabber.org/streams'>")
        writer.write(OPEN + features(SCRAM))
        heard = re.search(rb"<auth [^>]*>([^<]+)<", await reader.readuntil(b"</auth>"))
        assert heard is not None
        ours = base64.b64decode(heard[1]).rpartition(b"r=")[2]
        first = b"r=" + nonce.replace(b"%", ours) + b",s=AAAA,i=1"
        writer.write(challenge(base64.b64encode(first).decode()))
        for end in ends:
            await reader.readuntil(b"</response>")
            writer.write(end)
        await silent(reader, writer)

    return handler


@pytest.mark.parametrize(
    ("handler", "verdict"),
    [
        (lying(b"other"), "login/nonce"),
        (lying(b"%"), "login/nonce"),
        (lying(b"%x", SUCCESS), "login/signature"),
        (lying(b"%x", b"<success " + SASL + b">dj1BQUFB</success>"), "login/signature"),
        (lying(b"%x", challenge("dj1BQUFB")), "login/signature"),
        (lying(b"%x", challenge("=")), "login/malformed"),
        (lying(b"%x", stream_error("system-shutdown")), "login/overloaded"),
        (lying(b"%x", b"</stream:stream>"), "login/closed"),
        (lying(b"%x"), "login/timeout"),
    ],
    ids=["other", "same", "none", "false", "early", "no-base64", "shutdown", "ended", "silent"],
)
async def test_a_server_that_does_not_know_the_password(
    handler: Handler, verdict: str, ca: CertificateAuthority
) -> None:
    assert (await in_tls(handler, ca, timeout=patience(verdict, 0.6), login=LOGIN)).verdict == verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (SUCCESS, "login/signature"),
        (challenge("cj1h"), "login/malformed"),
        (challenge("!"), "login/malformed"),
        (challenge(base64.b64encode(b"r=a,s=AAAA,i=1000000000").decode()), "login/malformed"),
        (b"<iq/>", "login/malformed"),
        (b"<failure " + SASL + b"><not-authorized/><text>no</text></failure>", "login/rejected"),
        (b"<failure " + SASL + b"><account-disabled/></failure>", "login/rejected"),
        (b"<failure " + SASL + b"/>", "login/rejected"),
        (b"<failure " + SASL + b"><temporary-auth-failure/></failure>", "login/overloaded"),
    ],
)
async def test_how_a_login_fails(answer: bytes, verdict: str, ca: CertificateAuthority) -> None:
    assert (await in_tls(answers(OPEN + features(SCRAM), answer), ca, login=LOGIN)).verdict == verdict


_BOUND = b"<iq type='result' id='%'>" + BIND + b"</iq>"
_PONG = b"<message><body>hello</body></message><iq type='get' id='s1'/><iq type='error' id='%'/>"


@pytest.mark.parametrize(
    ("turns", "verdict"),
    [
        ([OPEN + features(BIND), _BOUND, _PONG], "ok"),
        ([OPEN + features(BIND), _BOUND, b"<iq type='result' id='other'/>"], "send/nonce"),
        ([OPEN + features(BIND), _BOUND, b"<message/>"], "send/timeout"),
        ([OPEN + features(BIND), _BOUND, b"</stream:stream>"], "send/closed"),
        (
            [OPEN + features(BIND), b"<iq type='error' id='%'><error type='cancel'><conflict/></error></iq>"],
            "login/rejected",
        ),
        ([OPEN + features(BIND), b"<iq type='error' id='%'/>"], "login/rejected"),
        ([OPEN + features(), _BOUND], "login/capability"),
        ([OPEN + stream_error("resource-constraint")], "login/overloaded"),
    ],
)
async def test_what_comes_after_a_login(turns: list[bytes], verdict: str, ca: CertificateAuthority) -> None:
    handler = answers(OPEN + features(PLAIN), SUCCESS, *turns)
    assert (await in_tls(handler, ca, timeout=patience(verdict, 0.6), login=LOGIN)).verdict == verdict


async def test_plain_is_for_verified_servers_only(ca: CertificateAuthority) -> None:
    heard = bytearray()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OPEN + features(PLAIN))
        while data := await reader.read(65536):
            heard.extend(data)

    result = await in_tls(handler, ca, login=LOGIN, tls={"verify": False})
    assert result.verdict == "login/capability"
    assert b"auth" not in heard


async def test_a_login_where_no_mechanism_is_ours(ca: CertificateAuthority) -> None:
    other = PLAIN.replace(b"PLAIN", b"GSSAPI")
    assert (await in_tls(says(OPEN + features(other)), ca, login=LOGIN)).verdict == "login/capability"


async def test_the_protocol_is_offered_in_tls(ca: CertificateAuthority) -> None:
    context = server_context(ca.leaf())
    context.set_alpn_protocols(["xmpp-client"])
    async with scripted(says(OPEN + features(PLAIN)), tls=context) as port:
        result = await probe(f"127.0.0.1:{port}", ca, security="tls")
    assert result.facts[Fact.TLS_ALPN] == "xmpp-client"


@settings(max_examples=50)
@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([OPEN, features(STARTTLS), PROCEED, b"<", b">"]))))
def test_random_pieces_give_a_verdict(pieces: list[bytes]) -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(pieces))

    for security in ("plain", "starttls"):
        result = asyncio.run(in_plain(handler, security=security))
        assert result.verdict.partition("/")[0] in ("ok", "handshake", "tls")


@pytest.mark.parametrize(
    "wrong",
    [
        {"domain": "not a domain"},
        {"service": "peer"},
        {"security": "direct"},
        {"login": LOGIN, "security": "plain"},
        {"login": LOGIN, "service": "server"},
        {"login": {"username": "monitor"}},
        {"login": {"username": "", "password": "p"}},
        {"login": {"username": "monitor", "password": "\0"}},
        {"address": "no-port"},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        XmppSettings.model_validate({"domain": "example.org", **wrong})


def test_secrets_are_not_shown() -> None:
    made = XmppSettings.model_validate({"domain": "example.org", "login": LOGIN})
    assert SECRET not in repr(made) + str(made.model_dump()) + made.endpoint
