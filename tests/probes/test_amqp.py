import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.domain.words import Fact, Outcome, Phase
from monitor.probes.amqp import AmqpSettings
from tests.support.attempts import Result, attempt, patience
from tests.support.certificates import CertificateAuthority
from tests.support.rabbitmq import RabbitMQ
from tests.support.scripted import Handler, closes, resets, says, scripted, silent
from tests.support.servers import free_port
from tests.support.stopping import stopped
from tests.wire.test_amqp import GOOD, method, started, table

LOGIN: dict[str, Any] = {"username": "monitor", "password": "sesame"}
START, TUNE, OPEN_OK, CLOSE, HEARTBEAT = GOOD
TELLS = table(("capabilities", b"F" + table(("authentication_failure_close", b"t\x01"))))


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority) -> Iterator[RabbitMQ]:
    with RabbitMQ(tmp_path_factory.mktemp("rabbit"), ca.leaf()) as running:
        yield running


async def ask(server: RabbitMQ | int, *, timeout: float = 5, **settings: Any) -> Result:
    address = server.address if isinstance(server, RabbitMQ) else f"127.0.0.1:{server}"
    return await attempt("amqp", {"address": address, **settings}, timeout=timeout)


async def verdict(handler: Handler, *, timeout: float = 2, **settings: Any) -> str:
    async with scripted(handler) as port:
        return (await ask(port, timeout=timeout, **settings)).verdict


# -- RabbitMQ ------------------------------------------------------------------------


async def test_a_broker_that_greets_is_ok(broker: RabbitMQ) -> None:
    result = await ask(broker)
    assert result.verdict == "ok"
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE]
    assert "RabbitMQ 3" in str(result.facts[Fact.SOFTWARE])
    assert "PLAIN" in str(result.facts[Fact.OFFERED])


async def test_a_login_is_let_in_and_says_goodbye(broker: RabbitMQ) -> None:
    result = await ask(broker, **LOGIN)
    assert result.verdict == "ok"
    assert list(result.phases)[2:] == [Phase.HANDSHAKE, Phase.LOGIN]
    assert (await ask(broker)).verdict == "ok"
    log = (broker.folder / "server.log").read_text()
    assert "user 'monitor' authenticated and granted access to vhost '/'" in log


async def test_through_tls(broker: RabbitMQ, ca: CertificateAuthority) -> None:
    result = await ask(broker, address=broker.secure, tls={"ca_file": ca.ca_path}, **LOGIN)
    assert result.verdict == "ok"
    assert list(result.phases)[2:] == [Phase.TLS, Phase.HANDSHAKE, Phase.LOGIN]


async def test_a_certificate_of_somebody_else(broker: RabbitMQ, ca: CertificateAuthority, tmp_path: Path) -> None:
    rogue = CertificateAuthority(tmp_path / "rogue")
    assert (await ask(broker, address=broker.secure, tls={"ca_file": rogue.ca_path})).verdict == "tls/cert_untrusted"
    other = {"ca_file": ca.ca_path, "server_name": "other.example"}
    assert (await ask(broker, address=broker.secure, tls=other)).verdict == "tls/cert_name"


async def test_tls_and_no_tls_mixed_up(broker: RabbitMQ) -> None:
    assert (await ask(broker, tls={})).verdict == "tls/malformed"  # the answer is AMQP's own header
    assert (await ask(broker, address=broker.secure)).verdict == "handshake/malformed"  # the answer is a TLS alert


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"password": "wrong-pw"}, "login/rejected"),
        ({"username": "nobody-here"}, "login/rejected"),
        ({"vhost": "closed"}, "login/rejected"),
        ({"vhost": "not-there"}, "login/host_unknown"),
        ({"vhost": "full"}, "login/overloaded"),
    ],
)
async def test_a_login_that_is_refused(broker: RabbitMQ, changes: dict[str, str], expected: str) -> None:
    result = await ask(broker, **(LOGIN | changes))
    assert result.verdict == expected
    assert Phase.LOGIN in result.phases
    assert result.failure is not None
    assert not any(word in result.failure.message for word in ("monitor", "sesame", "nobody", "wrong", "closed'"))


async def test_a_broker_that_stands_still(broker: RabbitMQ) -> None:
    with stopped(broker):
        result = await ask(broker, timeout=0.3)
    assert result.verdict == "handshake/timeout"
    assert Phase.CONNECT in result.phases


# -- others --------------------------------------------------------------------------


async def test_nobody_there() -> None:
    assert (await ask(free_port())).verdict == "tcp/refused"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (START, "ok"),
        (HEARTBEAT * 3 + START, "ok"),
        (HEARTBEAT * 20 + START, "handshake/malformed"),
        (b"AMQP\x00\x01\x00\x00", "handshake/capability"),
        (b"AMQP\x03\x01\x00\x00", "handshake/capability"),
        (b"AMQP\x00\x00", "handshake/timeout"),
        (OPEN_OK, "handshake/malformed"),
        (CLOSE, "handshake/rejected"),
        (START[:-1] + b"\x00", "handshake/malformed"),
        (START[:60], "handshake/timeout"),
        (b"\x01\x00\x00\x00\xff\xff\xff", "handshake/size"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "handshake/malformed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "handshake/malformed"),
        (b"\x20\x02\x00\x01\x00\x00\x00", "handshake/malformed"),
    ],
)
async def test_what_may_come_first(data: bytes, expected: str) -> None:
    assert await verdict(says(data), timeout=patience(expected, 0.3)) == expected


async def test_no_answer() -> None:
    assert await verdict(silent, timeout=0.2) == "handshake/timeout"
    assert await verdict(closes) == "handshake/closed"
    assert await verdict(resets) == "handshake/reset"


async def test_a_broker_without_plain() -> None:
    start = method(10, b"\x00\x09" + table() + b"\x00\x00\x00\x08EXTERNAL" + b"\x00\x00\x00\x05en_US")
    assert await verdict(says(start), **LOGIN) == "handshake/capability"
    assert await verdict(says(start)) == "ok"


def closing(code: int, text: str = "") -> bytes:
    return method(50, code.to_bytes(2) + bytes((len(text),)) + text.encode() + bytes(4))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            closing(320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"),
            "login/overloaded",
        ),
        (closing(403), "login/rejected"),
        (closing(402), "login/host_unknown"),
        (closing(506), "login/overloaded"),
        (closing(541), "login/closed"),
        (TUNE + closing(530), "login/rejected"),
        (TUNE + OPEN_OK, "ok"),
        (OPEN_OK, "login/malformed"),
        (TUNE[:-4], "login/timeout"),
    ],
)
async def test_what_may_come_after_a_login(answer: bytes, expected: str) -> None:
    assert await verdict(says(START + answer), timeout=patience(expected, 0.4), **LOGIN) == expected


@pytest.mark.parametrize(("properties", "expected"), [(table(), "login/rejected"), (TELLS, "login/closed")])
async def test_a_broker_that_refuses_without_a_word(properties: bytes, expected: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(started(properties))
        await reader.read(4096)

    assert await verdict(handler, **LOGIN) == expected


async def test_whatever_comes_is_a_verdict() -> None:
    chance = random.Random(6)  # noqa: S311  # not for secrets
    good = START + TUNE + CLOSE
    for _ in range(60):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        async with scripted(says(bytes(data))) as port:
            assert (await ask(port, timeout=0.05, **LOGIN)).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"password": "x"}, "need a username"),
        ({"vhost": "x"}, "need a username"),
        ({"username": "x", "vhost": "x" * 256}, "255"),
    ],
)
def test_mistakes_in_the_settings_are_named(settings: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        AmqpSettings.model_validate({"address": "a.example:1", **settings})
