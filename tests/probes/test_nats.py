import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.domain.words import Fact, Phase
from monitor.probes.nats import NatsSettings
from tests.support.attempts import Result, attempt, patience
from tests.support.certificates import CertificateAuthority
from tests.support.natsserver import NatsServer
from tests.support.scripted import Handler, closes, resets, says, scripted, silent
from tests.support.servers import free_port
from tests.support.stopping import stopped

INFO = b'INFO {"version":"2.9.10"} \r\n'
USERS = """
authorization { users: [
  {user: both, password: barley}
  {user: reader, password: sesame, permissions: {publish: {deny: ">"}}}
  {user: writer, password: open, permissions: {subscribe: {deny: ">"}}}
] }
"""


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with NatsServer(tmp_path_factory.mktemp("open")) as running:
        yield running


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority) -> Iterator[NatsServer]:
    with NatsServer(tmp_path_factory.mktemp("secure"), ca.leaf()) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with NatsServer(tmp_path_factory.mktemp("guarded"), more=USERS) as running:
        yield running


async def ask(server: NatsServer | int, *, timeout: float = 5, **settings: Any) -> Result:
    address = server.address if isinstance(server, NatsServer) else f"127.0.0.1:{server}"
    return await attempt("nats", {"address": address, **settings}, timeout=timeout)


async def verdict(handler: Handler, *, timeout: float = 2, **settings: Any) -> str:
    async with scripted(handler) as port:
        return (await ask(port, timeout=timeout, **settings)).verdict


@asynccontextmanager
async def client(server: NatsServer) -> AsyncIterator[asyncio.StreamWriter]:
    """Somebody else, connected and let in."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
        while (line := await reader.readline()) != b"PONG\r\n":
            if not line:
                raise ConnectionError("turned away")
        yield writer
    finally:
        writer.close()
        await writer.wait_closed()


# -- nats-server ---------------------------------------------------------------------


async def test_a_server_that_lets_us_in_is_ok(server: NatsServer) -> None:
    result = await ask(server)
    assert result.verdict == "ok"
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE]
    assert "NATS 2." in str(result.facts[Fact.SOFTWARE])


async def test_a_message_makes_the_round_trip(server: NatsServer) -> None:
    result = await ask(server, subject="lastseen.probe")
    assert result.verdict == "ok"
    assert list(result.phases)[2:] == [Phase.HANDSHAKE, Phase.SEND, Phase.DELIVER]
    taken = result.facts[Fact.ROUND_TRIP]
    assert isinstance(taken, float)
    assert 0 < taken <= result.phases[Phase.SEND] + result.phases[Phase.DELIVER]


async def test_the_messages_of_others_do_not_get_in_the_way(server: NatsServer) -> None:
    async with client(server) as other:
        for _ in range(5):
            other.write(b"PUB busy 4\r\nblah\r\n" * 100)
            assert (await ask(server, subject="busy")).verdict == "ok"


async def test_a_server_that_requires_tls_gets_it(secure: NatsServer, ca: CertificateAuthority) -> None:
    result = await ask(secure, tls={"ca_file": ca.ca_path}, subject="a")
    assert result.verdict == "ok"
    assert list(result.phases)[2:] == [Phase.STARTTLS, Phase.TLS, Phase.HANDSHAKE, Phase.SEND, Phase.DELIVER]
    assert (await ask(secure)).verdict == "tls/cert_untrusted"  # no settings for it: the system's anchors


async def test_a_certificate_of_somebody_else(secure: NatsServer, ca: CertificateAuthority, tmp_path: Path) -> None:
    rogue = CertificateAuthority(tmp_path / "rogue")
    assert (await ask(secure, tls={"ca_file": rogue.ca_path})).verdict == "tls/cert_untrusted"
    other = {"ca_file": ca.ca_path, "server_name": "other.example"}
    assert (await ask(secure, tls=other)).verdict == "tls/cert_name"


async def test_tls_that_is_not_offered(server: NatsServer) -> None:
    assert (await ask(server, tls={})).verdict == "handshake/starttls"


async def test_a_login(guarded: NatsServer) -> None:
    result = await ask(guarded, username="both", password="barley", subject="a")
    assert result.verdict == "ok"
    assert Phase.LOGIN in result.phases


async def test_a_wrong_password_is_rejected(guarded: NatsServer) -> None:
    result = await ask(guarded, username="both", password="wrong-pw")
    assert result.verdict == "login/rejected"
    assert result.failure is not None
    assert "both" not in result.failure.message
    assert "wrong-pw" not in result.failure.message


async def test_a_token(tmp_path: Path) -> None:
    with NatsServer(tmp_path, more='authorization { token: "sesame" }') as server:
        assert (await ask(server, token="sesame")).verdict == "ok"
        assert (await ask(server, token="barley")).verdict == "login/rejected"


async def test_a_server_that_wants_a_login_is_alive(guarded: NatsServer) -> None:
    assert (await ask(guarded)).verdict == "ok"
    assert (await ask(guarded, accept_refusal=False)).verdict == "login/rejected"
    assert (await ask(guarded, subject="a")).verdict == "login/rejected"


@pytest.mark.parametrize(("username", "password"), [("reader", "sesame"), ("writer", "open")])
async def test_no_right_to_write_or_to_read(guarded: NatsServer, username: str, password: str) -> None:
    assert (await ask(guarded, username=username, password=password)).verdict == "ok"
    result = await ask(guarded, username=username, password=password, subject="a")
    assert result.verdict == "send/rejected"


async def test_a_server_that_is_full(tmp_path: Path) -> None:
    with NatsServer(tmp_path, more="max_connections: 1") as server:
        for _ in range(100):  # the one that asked whether it is up yet may still count
            try:
                async with client(server):
                    assert (await ask(server)).verdict == "handshake/overloaded"
                    return
            except ConnectionError:
                await asyncio.sleep(0.02)
    raise AssertionError("no connection at all")


async def test_a_server_that_stands_still(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server, stopped(server):
        result = await ask(server, timeout=0.3)
    assert result.verdict == "handshake/timeout"
    assert Phase.CONNECT in result.phases


# -- others --------------------------------------------------------------------------


async def test_nobody_there() -> None:
    assert (await ask(free_port())).verdict == "tcp/refused"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (INFO + b"PONG\r\n", "ok"),
        (INFO + b"+OK\r\nPING\r\n" + INFO + b"pong\r\n", "ok"),
        (INFO, "handshake/timeout"),
        (INFO + b"+OK\r\n" * 1001, "handshake/nonce"),
        (INFO + b"x" * 70_000, "handshake/size"),
        (INFO + b"MSG a 1 300000\r\n", "handshake/size"),
        (INFO + b"MSG a 1 x\r\n", "handshake/malformed"),
        (INFO + b"-ERR 'Server Shutdown'\r\n", "handshake/overloaded"),
        (INFO + b"-ERR 'maximum account active connections exceeded'\r\n", "handshake/overloaded"),
        (INFO + b"-ERR 'Connection throttling is active. Please try again later.'\r\n", "handshake/overloaded"),
        (INFO + b"-ERR 'Secure Connection - TLS Required'\r\n", "handshake/starttls"),
        (INFO + b"-ERR 'User Authentication Expired'\r\n", "ok"),
        (INFO + b"-ERR 'Unknown Protocol Operation'\r\n", "handshake/rejected"),
        (b"-ERR 'maximum connections exceeded'\r\n", "handshake/overloaded"),
        (b"-ERR 'Authorization Timeout'\r\n", "login/rejected"),
        (b"INFO {\r\n", "handshake/malformed"),
        (b"PONG\r\n", "handshake/malformed"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "handshake/malformed"),
        (b"220 mail.example.org\r\n", "handshake/malformed"),
    ],
)
async def test_what_a_server_may_say(data: bytes, expected: str) -> None:
    assert await verdict(says(data), timeout=patience(expected, 0.3)) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"PONG\r\n", "deliver/timeout"),
        (b"PONG\r\n" + b"MSG a 1 1\r\nx\r\n" * 1001, "deliver/nonce"),
        (b"MSG a 1 1\r\nx\r\n", "send/timeout"),
        (b"PONG\r\nMSG a 1 300000\r\n", "deliver/size"),
        (b"PONG\r\n-ERR 'Stale Connection'\r\n", "deliver/rejected"),
        (b"garbage\r\n", "send/malformed"),
    ],
)
async def test_what_a_server_may_say_to_a_message(data: bytes, expected: str) -> None:
    assert await verdict(says(INFO + b"PONG\r\n" + data), timeout=patience(expected, 0.4), subject="a") == expected


async def test_no_answer() -> None:
    assert await verdict(silent, timeout=0.2) == "handshake/timeout"
    assert await verdict(says(INFO[:10]), timeout=0.2) == "handshake/timeout"

    async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        await closes(reader, writer)

    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        await resets(reader, writer)

    assert await verdict(leaves) == "handshake/closed"
    assert await verdict(breaks) == "handshake/reset"


async def test_whatever_comes_is_a_verdict() -> None:
    chance = random.Random(6)  # noqa: S311  # not for secrets
    good = INFO + b"PONG\r\nMSG a 1 1\r\nx\r\nPONG\r\n"
    for _ in range(100):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        assert await verdict(says(bytes(data)), timeout=0.03, subject="a") != "ok"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"password": "x"}, "needs a username"),
        ({"token": "x", "username": "y"}, "exclude"),
        ({"subject": "a.*"}, "wildcards"),
        ({"subject": "a b"}, "spaces"),
        ({"subject": "a\r\nPUB"}, "spaces"),
        ({"subject": ""}, "not empty"),
    ],
)
def test_mistakes_in_the_settings_are_named(settings: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        NatsSettings.model_validate({"address": "a.example:1", **settings})
