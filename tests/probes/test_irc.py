import asyncio
import socket
import time
from collections.abc import Iterator
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
from monitor.probes.irc import IrcProbe, IrcSettings
from tests.support.attempts import Result, attempt, patience
from tests.support.bitlbee import Bitlbee
from tests.support.certificates import CertificateAuthority
from tests.support.ngircd import Ngircd
from tests.support.scripted import Handler, closes, resets, says, scripted, silent
from tests.support.stopping import stopped

CAP = b":irc.test CAP * LS :multi-prefix sasl=PLAIN,EXTERNAL\r\n"
WELCOME = b":irc.test 001 lastseen :Welcome\r\n"
SECRET = "hunter2"


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def ngircd(ca: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ngircd]:
    with Ngircd(tmp_path_factory.mktemp("ngircd"), ca.leaf()) as server:
        yield server


@pytest.fixture(scope="module")
def bitlbee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bitlbee]:
    with Bitlbee(tmp_path_factory.mktemp("bitlbee")) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            _until(connection, b"NICK monitor\r\nUSER m 0 * :m\r\n", b" 366 ")
            _until(connection, f"PRIVMSG &bitlbee :register {SECRET}\r\n".encode(), b"Account successfully created")
        yield server


def _until(connection: socket.socket, line: bytes, wanted: bytes) -> None:
    """Say a line and read until a word."""
    connection.settimeout(5)
    connection.sendall(line)
    seen = b""
    while wanted not in seen:
        seen += connection.recv(65536)


async def probe(address: str, **more: Any) -> Result:
    return await attempt("irc", {"address": address, **more})


async def converse(handler: Handler, *, timeout: float = 2, **more: Any) -> Result:
    async with scripted(handler) as port:
        return await attempt("irc", {"address": f"127.0.0.1:{port}", **more}, timeout=timeout)


def after_welcome(*lines: bytes) -> Handler:
    """A server that lets everybody in, and says these lines to a ping; ``%`` is the token."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CAP)
        while line := await reader.readline():
            if line.startswith(b"CAP END"):
                writer.write(WELCOME)
            elif line.startswith(b"PING :"):
                writer.write(b"".join(lines).replace(b"%", line[6:].strip()))

    return handler


# -- ngIRCd -------------------------------------------------------------------


async def test_capabilities_alone_are_ok(ngircd: Ngircd) -> None:
    result = await probe(ngircd.address)
    assert result.verdict == "ok"
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE]
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)
    assert result.facts[Fact.OFFERED] == ("multi-prefix",)


async def test_a_registration_and_a_ping(ngircd: Ngircd, ca: CertificateAuthority) -> None:
    result = await probe(ngircd.secure, tls={"ca_file": ca.ca_path}, register=True)
    assert result.verdict == "ok"
    assert {Phase.TLS, Phase.HANDSHAKE, Phase.LOGIN, Phase.SEND} < set(result.phases)
    assert 0 < float(str(result.facts[Fact.ROUND_TRIP])) < 1
    assert result.facts[Fact.SOFTWARE] == "ngircd-26.1"


async def test_a_nick_that_is_taken_is_not_our_trouble(ngircd: Ngircd) -> None:
    with socket.create_connection(("127.0.0.1", ngircd.port)) as other:
        _until(other, b"NICK lastseen\r\nUSER x 0 * :x\r\n", b" 001 ")
        assert (await probe(ngircd.address, register=True)).verdict == "ok"


async def test_others_see_who_we_are() -> None:
    heard: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CAP)
        while line := await reader.readline():
            heard.append(line)
            if line.startswith(b"CAP END"):
                writer.write(WELCOME)

    agent = Network(time.monotonic, time.time).user_agent
    assert (await converse(handler, timeout=0.3, register=True, nick="probe")).verdict == "send/timeout"
    assert heard[1:3] == [b"NICK probe\r\n", f"USER lastseen 0 * :{agent}\r\n".encode()]


async def test_a_nick_that_is_not_allowed_is_login_rejected(ngircd: Ngircd) -> None:
    assert (await probe(ngircd.address, register=True, nick="longer-than-nine")).verdict == "login/rejected"


async def test_a_capability_that_is_missing(ngircd: Ngircd) -> None:
    assert (await probe(ngircd.address, capabilities=["multi-prefix"])).verdict == "ok"
    assert (await probe(ngircd.address, capabilities=["multi-prefix", "sasl"])).verdict == "handshake/capability"
    login = {"username": "monitor", "password": SECRET}
    assert (await probe(ngircd.address, login=login)).verdict == "handshake/capability"


async def test_a_certificate_that_is_not_good(ngircd: Ngircd, ca: CertificateAuthority) -> None:
    assert (await probe(ngircd.secure, tls={})).verdict == "tls/cert_untrusted"
    wrong = {"ca_file": ca.ca_path, "server_name": "irc.example.org"}
    assert (await probe(ngircd.secure, tls=wrong)).verdict == "tls/cert_name"


async def test_plain_text_where_tls_is_expected(ngircd: Ngircd, ca: CertificateAuthority) -> None:
    assert (await attempt("irc", {"address": ngircd.address, "tls": {}}, timeout=1)).verdict.startswith("tls/")


async def test_the_password_of_a_server(ca: CertificateAuthority, tmp_path: Path) -> None:
    with Ngircd(tmp_path, ca.leaf(), options=f"Password = {SECRET}") as server:
        assert (await probe(server.address)).verdict == "ok"
        good = await probe(server.address, password=SECRET)
        bad = await probe(server.address, password="hunter3")
        none = await probe(server.address, register=True)
    assert good.verdict == "ok"
    assert [bad.verdict, none.verdict] == ["login/rejected", "login/rejected"]
    assert bad.failure is not None
    assert bad.failure.message == "the server refuses the password"


async def test_a_server_that_is_full_is_overloaded(ca: CertificateAuthority, tmp_path: Path) -> None:
    with Ngircd(tmp_path, ca.leaf(), limits="MaxConnections = 1") as server:
        result = await full(server)
    assert result.verdict == "handshake/overloaded"


async def test_too_many_connections_from_here_ask_us_to_come_back_later(
    ca: CertificateAuthority, tmp_path: Path
) -> None:
    with Ngircd(tmp_path, ca.leaf(), limits="MaxConnectionsIP = 1") as server:
        result = await full(server)
    assert result.verdict == "handshake/rejected"


async def full(server: Ngircd) -> Result:
    """What the probe says beside a connection that is let in, once the server forgot those who asked if it is there."""
    while True:
        with socket.create_connection(("127.0.0.1", server.port)) as other:
            other.settimeout(5)
            other.sendall(b"CAP LS\r\n")
            if b"CAP" in other.recv(1000):
                return await probe(server.address)
        await asyncio.sleep(0.01)


async def test_a_server_that_is_stopped_is_a_timeout(ca: CertificateAuthority, tmp_path: Path) -> None:
    with Ngircd(tmp_path, ca.leaf()) as server:
        with stopped(server):
            plain = await attempt("irc", {"address": server.address}, timeout=0.3)
            settings = {"address": server.secure, "tls": {"ca_file": ca.ca_path}}
            secure = await attempt("irc", settings, timeout=0.3)
        after = await probe(server.address)
    assert [plain.verdict, secure.verdict, after.verdict] == ["handshake/timeout", "tls/timeout", "ok"]


# -- SASL, by BitlBee -----------------------------------------------------------


async def test_a_login_by_sasl(bitlbee: Bitlbee) -> None:
    good = await probe(bitlbee.address, nick="monitor", login={"username": "monitor", "password": SECRET})
    assert good.verdict == "ok"
    assert Phase.LOGIN in good.phases
    assert "sasl" in str(good.facts[Fact.OFFERED])


@pytest.mark.parametrize(("nick", "password"), [("monitor", "hunter3"), ("nobody", SECRET)])
async def test_a_wrong_login_is_rejected(bitlbee: Bitlbee, nick: str, password: str) -> None:
    result = await probe(bitlbee.address, nick=nick, login={"username": "monitor", "password": password})
    assert result.verdict == "login/rejected"
    assert result.failure is not None
    shown = f"{result.failure.message} {result.facts}"
    assert "monitor" not in shown
    assert password not in shown


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        (b":s CAP * NAK :sasl\r\n", "login/capability"),
        (b":s 902 * :locked\r\n", "login/rejected"),
        (b":s 904 * :failed\r\n", "login/rejected"),
        (WELCOME, "login/rejected"),
        (b":s 903 * :fine\r\n" + WELCOME, "send/timeout"),
        (b"AUTHENTICATE +\r\n", "login/timeout"),
    ],
)
async def test_how_a_login_by_sasl_ends(script: bytes, verdict: str) -> None:
    login = {"username": "monitor", "password": SECRET}
    assert (await converse(says(CAP + script), timeout=patience(verdict, 0.3), login=login)).verdict == verdict


@pytest.mark.parametrize("offer", [b":s CAP * LS :sasl=EXTERNAL\r\n", b":s CAP * LS :away\r\n"])
async def test_a_login_where_plain_is_not_offered(offer: bytes) -> None:
    login = {"username": "monitor", "password": SECRET}
    assert (await converse(says(offer), login=login)).verdict == "handshake/capability"


# -- servers that do as a test says -----------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b":s CAP * LS * :a b\r\n:s CAP * LS :c\r\n",
        b":s NOTICE * :*** Looking up your hostname\r\n:s CAP * LS :a b c\r\n",
        b"\r\n:s cap lastseen LS :a b c\n",
    ],
)
async def test_capabilities_come_in_several_ways(answer: bytes) -> None:
    result = await converse(says(answer, piece=3), capabilities=["c"])
    assert result.verdict == "ok"
    assert result.facts[Fact.OFFERED] == ("a", "b", "c")


@pytest.mark.parametrize("number", [b"421", b"451", b"410"])
async def test_a_server_that_does_not_know_capabilities_is_alive(number: bytes) -> None:
    result = await converse(says(b":s " + number + b" * CAP :Unknown command\r\n"))
    assert result.verdict == "ok"
    assert Fact.OFFERED not in result.facts


async def test_pings_of_the_server_are_answered() -> None:
    heard: list[bytes] = []
    over = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"PING :cookie 7\r\n" + CAP)
        heard.extend([await reader.readline(), await reader.readline(), await reader.readline()])
        over.set()

    async with scripted(handler) as port:
        assert (await probe(f"127.0.0.1:{port}")).verdict == "ok"
        await over.wait()
    assert heard == [b"CAP LS 302\r\n", b"PONG :cookie 7\r\n", b"QUIT\r\n"]


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ((b":s PONG s :%\r\n",), "ok"),
        ((b":s 004 a s ircd-7 x y\r\n:s 372 a :- motd\r\n", b":s PONG s %\r\n"), "ok"),
        ((b":s PONG s :other\r\n",), "send/nonce"),
        ((b":s PONG\r\n",), "send/nonce"),
        ((b":s 372 a :- motd\r\n" * 10000,), "send/size"),
        ((b":s PRIVMSG a :hello\r\n",), "send/timeout"),
        ((b"ERROR :Closing Link\r\n",), "send/rejected"),
    ],
)
async def test_a_ping_must_come_back(lines: tuple[bytes, ...], verdict: str) -> None:
    assert (await converse(after_welcome(*lines), timeout=patience(verdict, 0.5), register=True)).verdict == verdict


@pytest.mark.parametrize(
    ("line", "verdict", "later"),
    [
        ("ERROR :Closing Link: 192.0.2.1 (Server full)", "handshake/overloaded", None),
        ("ERROR :Closing Link: (No more connections allowed in your connection class)", "handshake/overloaded", None),
        ("ERROR :Server going down", "handshake/overloaded", None),
        ("ERROR :Closing Link: 192.0.2.1 (Throttled: Reconnecting too fast)", "handshake/rejected", 0.0),
        ("ERROR :Trying to reconnect too fast.", "handshake/rejected", 0.0),
        ("ERROR :Closing Link: 192.0.2.1 (Too many connections from your IP)", "handshake/rejected", 0.0),
        ("ERROR :Closing Link: 192.0.2.1 (Too many host connections (global))", "handshake/rejected", 0.0),
        ("ERROR :Closing Link: 192.0.2.1 (K-Lined)", "handshake/rejected", 0.0),
        ("ERROR :Closing link: (x@192.0.2.1) [Z-lined: open proxy]", "handshake/rejected", 0.0),
        (":s 465 * :You are banned from this server", "handshake/rejected", 0.0),
        ("ERROR :Access denied: Bad password?", "handshake/rejected", None),
        ("ERROR :Closing Link: 192.0.2.1 (No authorization)", "handshake/rejected", None),
        ("ERROR", "handshake/rejected", None),
    ],
)
async def test_why_a_link_is_closed(line: str, verdict: str, later: float | None) -> None:
    async with scripted(says(f"{line}\r\n".encode())) as port:
        settings = IrcSettings.model_validate({"address": f"127.0.0.1:{port}"})
        run = Run(time.monotonic)
        with pytest.raises(ProbeFailed) as caught:
            await IrcProbe(settings, Network(time.monotonic, time.time)).attempt(run)
    assert f"{caught.value.layer}/{caught.value.reason}" == verdict
    assert caught.value.retry_after == later
    assert "192.0.2.1" not in caught.value.message


async def test_nicks_that_are_all_taken_are_login_rejected() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CAP)
        while line := await reader.readline():
            if line.startswith(b"NICK"):
                writer.write(b":s 433 * " + line[5:].strip() + b" :in use\r\n")

    assert (await converse(handler, register=True)).verdict == "login/rejected"


@pytest.mark.parametrize(
    ("handler", "verdict"),
    [
        (says(b"HTTP/1.1 400 Bad Request\r\n"), "handshake/malformed"),
        (says(b"220 mail.example.org ESMTP\r\n"), "handshake/malformed"),
        (says(b"\x15\x03\x01\x00\x02\x02\x28\n"), "handshake/malformed"),
        (says(b"x" * 70000), "handshake/size"),
        (says(b":s NOTICE * :*** wait\r\n" * 7000), "handshake/size"),
        (says(b":s CAP * L"), "handshake/timeout"),
        (silent, "handshake/timeout"),
        (closes, "handshake/closed"),
        (resets, "handshake/reset"),
    ],
    ids=["http", "smtp", "tls", "no line", "no end", "half", "silent", "closes", "resets"],
)
async def test_what_is_no_answer(handler: Handler, verdict: str) -> None:
    assert (await converse(handler, timeout=patience(verdict, 0.4))).verdict == verdict


async def test_each_round_asks_another_server() -> None:
    async with scripted(says(CAP)) as one, scripted(says(CAP)) as two:
        pool = [f"127.0.0.1:{one}", f"127.0.0.1:{two}"]
        hosts = [(await attempt("irc", {"address": pool}, round=n)).facts[Fact.HOST] for n in range(3)]
    assert hosts == [pool[0], pool[1], pool[0]]


@settings(max_examples=50)
@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([CAP, WELCOME, b"\r\n", b":s ", b"PING "]))))
def test_random_lines_give_a_verdict(pieces: list[bytes]) -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(pieces))

    result = asyncio.run(converse(handler, register=True))
    assert result.verdict.partition("/")[0] in ("ok", "handshake", "login", "send")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"nick": "7up"},
        {"nick": "a b"},
        {"nick": ""},
        {"login": {"username": "u"}},
        {"login": {"username": "u", "password": ""}, "tls": {}},
        {"login": {"username": "u", "password": "a\r\nQUIT"}, "tls": {}},
        {"password": "p"},
        {"password": "p", "tls": {"verify": False}},
        {"register": "yes"},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    place = {"address": "irc.example.org:6667"} if wrong else {}
    with pytest.raises(ValidationError):
        IrcSettings.model_validate({**place, **wrong})


def test_secrets_are_not_shown() -> None:
    login = {"username": "monitor", "password": SECRET}
    made = IrcSettings.model_validate({"address": "irc.example.org:6697", "tls": {}, "login": login})
    assert SECRET not in repr(made) + str(made.model_dump()) + made.endpoint
