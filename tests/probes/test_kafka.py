import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from pydantic import ValidationError

from monitor.domain.words import Fact, Phase
from monitor.probes.kafka import KafkaSettings
from tests.support.attempts import Result, attempt, patience
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.kafkabroker import kafka_broker
from tests.support.scripted import Handler, closes, resets, says, scripted, silent
from tests.support.servers import free_port
from tests.support.stubborn import mute

USERS = {"monitor": "sesame"}
LOGIN: dict[str, Any] = {"username": "monitor", "password": "sesame"}


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


async def ask(port: int, *, timeout: float = 5, **settings: Any) -> Result:
    return await attempt("kafka", {"address": f"127.0.0.1:{port}", **settings}, timeout=timeout)


async def verdict(handler: Handler, *, timeout: float = 2, **settings: Any) -> str:
    async with scripted(handler) as port:
        return (await ask(port, timeout=timeout, **settings)).verdict


def echoing(*bodies: bytes, wrong_number: bool = False) -> Handler:
    """A broker that answers the requests, one after the other, with these bodies and the requests' own numbers."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for body in bodies:
            request = await reader.readexactly(int.from_bytes(await reader.readexactly(4)))
            number = bytes((request[4] ^ 1, *request[5:8])) if wrong_number else request[4:8]
            writer.write((len(body) + 4).to_bytes(4) + number + body)
        await silent(reader, writer)

    return handler


# -- the stand-in ----------------------------------------------------------------------


def _describe(port: int, **options: Any) -> dict[str, Any]:
    client = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=5000, **options)
    try:
        found: dict[str, Any] = client.describe_cluster()
        return found
    finally:
        client.close()


@pytest.mark.parametrize("users", [None, USERS])
async def test_a_client_that_is_not_ours_takes_the_stand_in_for_a_broker(users: dict[str, str] | None) -> None:
    login = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "monitor",
        "sasl_plain_password": "sesame",
    }
    async with kafka_broker(users) as broker:
        found = await asyncio.to_thread(_describe, broker.port, **(login if users else {}))
    assert found["cluster_id"] == "lab"


async def test_a_broker_that_answers_is_ok() -> None:
    async with kafka_broker(USERS) as broker:  # the question comes before the login
        result = await ask(broker.port)
    assert result.verdict == "ok"
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE]


async def test_a_login() -> None:
    async with kafka_broker(USERS) as broker:
        result = await ask(broker.port, **LOGIN)
    assert result.verdict == "ok"
    assert list(result.phases)[2:] == [Phase.HANDSHAKE, Phase.LOGIN]
    assert "PLAIN" in str(result.facts[Fact.OFFERED])


async def test_a_wrong_password_is_rejected() -> None:
    async with kafka_broker(USERS) as broker:
        result = await ask(broker.port, username="monitor", password="wrong-pw")
    assert result.verdict == "login/rejected"
    assert result.failure is not None
    assert "monitor" not in result.failure.message
    assert "wrong-pw" not in result.failure.message


async def test_a_listener_without_logins() -> None:
    async with kafka_broker() as broker:
        assert (await ask(broker.port, **LOGIN)).verdict == "login/capability"


async def test_through_tls(ca: CertificateAuthority) -> None:
    async with kafka_broker(USERS, server_context(ca.leaf())) as broker:
        result = await ask(broker.port, tls={"ca_file": ca.ca_path}, **LOGIN)
        assert result.verdict == "ok"
        assert Phase.TLS in result.phases
        assert (await ask(broker.port)).verdict in ("handshake/closed", "handshake/reset", "handshake/size")


async def test_a_certificate_of_somebody_else(ca: CertificateAuthority, tmp_path: Path) -> None:
    rogue = CertificateAuthority(tmp_path / "rogue")
    async with scripted(silent, tls=server_context(ca.leaf())) as port:
        assert (await ask(port, tls={"ca_file": rogue.ca_path})).verdict == "tls/cert_untrusted"
        other = {"ca_file": ca.ca_path, "server_name": "other.example"}
        assert (await ask(port, tls=other)).verdict == "tls/cert_name"


# -- others --------------------------------------------------------------------------


async def test_nobody_there() -> None:
    assert (await ask(free_port())).verdict == "tcp/refused"


async def test_no_answer() -> None:
    with mute() as port:
        assert (await ask(port, timeout=0.2)).verdict == "handshake/timeout"
    assert await verdict(silent, timeout=0.2) == "handshake/timeout"
    assert await verdict(closes) == "handshake/closed"
    assert await verdict(resets) == "handshake/reset"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "handshake/size"),
        (b"\xff\xff\xff\xff\x00", "handshake/malformed"),
        (b"\x00\x00\x00\x02\x00\x00", "handshake/malformed"),
        (b"\x00\x00\x00\x0a\x00", "handshake/timeout"),
    ],
)
async def test_something_else_than_an_answer(data: bytes, expected: str) -> None:
    assert await verdict(says(data), timeout=patience(expected, 0.3)) == expected


async def test_an_answer_to_another_request() -> None:
    assert await verdict(echoing(bytes(6), wrong_number=True)) == "handshake/nonce"
    assert await verdict(echoing(bytes(6))) == "ok"


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([b"\x00\x23" + bytes(4)], "handshake/capability"),
        ([b"\x00\x59" + bytes(4)], "handshake/overloaded"),
        ([b"\x00\x08" + bytes(4)], "handshake/overloaded"),
        ([b"\xff\xff" + bytes(4)], "handshake/rejected"),
        ([bytes(5)], "handshake/malformed"),
        ([bytes(7)], "handshake/malformed"),
        ([bytes(2) + b"\x7f\xff\xff\xff"], "handshake/malformed"),
        ([bytes(6), b"\x00\x21\x00\x00\x00\x01\x00\x06GSSAPI"], "login/capability"),
        ([bytes(6), bytes(5)], "login/malformed"),
        ([bytes(6)], "login/timeout"),
        ([bytes(6), bytes(6), b"\x00\x59" + bytes(6)], "login/overloaded"),
        ([bytes(6), bytes(6), b"\x00"], "login/malformed"),
    ],
    ids=str,
)
async def test_what_a_broker_may_answer(bodies: list[bytes], expected: str) -> None:
    assert await verdict(echoing(*bodies), timeout=patience(expected, 0.3), **LOGIN) == expected


async def test_whatever_comes_is_a_verdict() -> None:
    chance = random.Random(6)  # noqa: S311  # not for secrets
    for _ in range(60):
        bodies = [bytes(chance.choice((0, 1, 2, 255)) for _ in range(chance.randrange(12))) for _ in range(2)]
        assert await verdict(echoing(*bodies), timeout=0.03, **LOGIN) != "ok"


def test_mistakes_in_the_settings_are_named() -> None:
    with pytest.raises(ValidationError, match="needs a username"):
        KafkaSettings.model_validate({"address": "a.example:1", "password": "x"})
