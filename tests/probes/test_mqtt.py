import asyncio
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import ValidationError

from monitor.domain.words import Fact, Outcome, Phase
from monitor.probes.mqtt import MqttSettings
from tests.support.attempts import Result, attempt, patience
from tests.support.certificates import CertificateAuthority
from tests.support.mosquitto import Mosquitto
from tests.support.scripted import Handler, closes, hangs_up, resets, says, scripted, silent
from tests.support.servers import free_port
from tests.support.stopping import stopped

USERS = {"reader": "sesame", "writer": "open", "both": "barley"}
ACL = """
user reader
topic read shared/#
user writer
topic write shared/#
user both
topic readwrite shared/#
"""
VERSIONS = ["3.1.1", 5]
BOTH = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("open"), ca.leaf()) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("guarded"), users=USERS, acl=ACL) as running:
        yield running


async def ask(server: Mosquitto | int, *, timeout: float = 5, **settings: Any) -> Result:
    address = server.address if isinstance(server, Mosquitto) else f"127.0.0.1:{server}"
    return await attempt("mqtt", {"address": address, **settings}, timeout=timeout)


async def hear(handler: Handler, *, timeout: float = 2, **settings: Any) -> Result:
    """What we make of a server that is scripted."""
    async with scripted(handler) as port:
        return await ask(port, timeout=timeout, **settings)


async def verdict(handler: Handler, *, timeout: float = 2, **settings: Any) -> str:
    return (await hear(handler, timeout=timeout, **settings)).verdict


@contextmanager
def client(server: Mosquitto) -> Iterator[paho.Client]:
    """A client that is not ours, connected, with a thread of its own."""
    made = paho.Client(CallbackAPIVersion.VERSION2)
    connected = threading.Event()
    made.on_connect = lambda *_: connected.set()
    made.connect("127.0.0.1", server.port)
    made.loop_start()
    assert connected.wait(5)
    try:
        yield made
    finally:
        made.disconnect()
        made.loop_stop()


# -- a broker that is well ----------------------------------------------------------


@BOTH
async def test_a_broker_that_takes_a_session_is_ok(broker: Mosquitto, version: Any) -> None:
    result = await ask(broker, version=version)
    assert result.verdict == "ok"
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE]


@BOTH
async def test_a_message_makes_the_round_trip(broker: Mosquitto, version: Any) -> None:
    result = await ask(broker, version=version, topic="lastseen/probe")
    assert result.verdict == "ok"
    assert list(result.phases)[2:] == [Phase.HANDSHAKE, Phase.SEND, Phase.DELIVER]
    taken = result.facts[Fact.ROUND_TRIP]
    assert isinstance(taken, float)
    assert 0 < taken <= result.phases[Phase.SEND] + result.phases[Phase.DELIVER]


async def test_the_broker_is_told_goodbye_and_every_session_has_its_own_client_id(broker: Mosquitto) -> None:
    before = len((broker.folder / "server.log").read_text())
    for version in VERSIONS:
        assert (await ask(broker, version=version, topic="a")).verdict == "ok"
    with client(broker):
        log = (broker.folder / "server.log").read_text()[before:]
    ids = {word for word in log.split() if word.startswith("lastseen")}
    assert len(ids) == 2
    assert all(f"Client {name} disconnected.\n" in log for name in ids), log


@BOTH
async def test_through_tls(broker: Mosquitto, ca: CertificateAuthority, version: Any) -> None:
    result = await ask(broker, address=broker.secure, tls={"ca_file": ca.ca_path}, version=version, topic="a")
    assert result.verdict == "ok"
    assert Phase.TLS in result.phases
    assert Fact.CERT_EXPIRY in result.facts


@BOTH
async def test_through_a_websocket(broker: Mosquitto, version: Any) -> None:
    result = await attempt("mqtt", {"url": f"ws://{broker.web}/mqtt", "version": version, "topic": "a"})
    assert result.verdict == "ok"
    assert list(result.phases)[2:5] == [Phase.REQUEST, Phase.RESPONSE, Phase.HANDSHAKE]


async def test_equal_hosts_are_asked_in_turn(broker: Mosquitto) -> None:
    pool = [f"127.0.0.1:{free_port()}", broker.address]
    verdicts = [(await attempt("mqtt", {"address": pool}, round=turn)).verdict for turn in range(3)]
    assert verdicts == ["tcp/refused", "ok", "tcp/refused"]


# -- what is on the topic already ------------------------------------------------------


@BOTH
@pytest.mark.parametrize("payload", [b"lastseen 0123456789abcdef0123456789abcdef", b"", b"x" * 100_000])
async def test_what_was_retained_on_the_topic_is_no_delivery(broker: Mosquitto, version: Any, payload: bytes) -> None:
    with client(broker) as other:
        other.publish("kept", payload, qos=1, retain=True).wait_for_publish(5)
        assert (await ask(broker, version=version, topic="kept")).verdict == "ok"


@BOTH
async def test_the_messages_of_others_do_not_get_in_the_way(broker: Mosquitto, version: Any) -> None:
    with client(broker) as other:
        for number in range(200):
            other.publish("busy", b"%d" % number, qos=1)
        results = [await ask(broker, version=version, topic="busy") for _ in range(5)]
    assert [result.verdict for result in results] == ["ok"] * 5


# -- logins --------------------------------------------------------------------------


@BOTH
async def test_a_login_with_a_round_trip(guarded: Mosquitto, version: Any) -> None:
    result = await ask(guarded, version=version, username="both", password="barley", topic="shared/probe")
    assert result.verdict == "ok"


@BOTH
async def test_a_wrong_password_is_rejected(guarded: Mosquitto, version: Any) -> None:
    result = await ask(guarded, version=version, username="both", password="wrong-pw")
    assert result.verdict == "login/rejected"
    assert result.failure is not None
    assert "wrong-pw" not in result.failure.message
    assert "both" not in result.failure.message


@BOTH
async def test_a_broker_that_wants_a_login_is_alive(guarded: Mosquitto, version: Any) -> None:
    assert (await ask(guarded, version=version)).verdict == "ok"
    assert (await ask(guarded, version=version, accept_refusal=False)).verdict == "login/rejected"
    assert (await ask(guarded, version=version, topic="shared/probe")).verdict == "login/rejected"


@BOTH
async def test_a_message_that_is_accepted_and_not_delivered(guarded: Mosquitto, version: Any) -> None:
    settings = {"version": version, "username": "writer", "password": "open", "topic": "shared/probe"}
    result = await ask(guarded, timeout=0.4, **settings)
    assert result.verdict == "deliver/timeout"
    assert Phase.SEND in result.phases
    assert result.phases[Phase.DELIVER] > 0.2


async def test_a_message_that_is_not_accepted(guarded: Mosquitto) -> None:
    settings: dict[str, Any] = {"username": "reader", "password": "sesame", "topic": "shared/probe"}
    assert (await ask(guarded, version=5, **settings)).verdict == "send/rejected"
    # 3.1.1 has no way to say so: the broker acknowledges, and drops it
    assert (await ask(guarded, timeout=0.4, **settings)).verdict == "deliver/timeout"


# -- a broker that is not well ---------------------------------------------------------


async def test_a_certificate_of_somebody_else(broker: Mosquitto, ca: CertificateAuthority, tmp_path: Path) -> None:
    rogue = CertificateAuthority(tmp_path / "rogue")
    assert (await ask(broker, address=broker.secure, tls={"ca_file": rogue.ca_path})).verdict == "tls/cert_untrusted"
    other = {"ca_file": ca.ca_path, "server_name": "other.example"}
    assert (await ask(broker, address=broker.secure, tls=other)).verdict == "tls/cert_name"


async def test_tls_and_no_tls_mixed_up(broker: Mosquitto) -> None:
    assert (await ask(broker, tls={})).verdict in ("tls/reset", "tls/closed")
    assert (await ask(broker, address=broker.secure)).verdict in ("handshake/reset", "handshake/closed")


@BOTH
async def test_a_broker_that_stands_still(tmp_path: Path, version: Any) -> None:
    with Mosquitto(tmp_path) as broker, stopped(broker):
        result = await ask(broker, version=version, timeout=0.3)
    assert result.verdict == "handshake/timeout"
    assert Phase.CONNECT in result.phases


async def test_a_broker_without_qos_1(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, more=["max_qos 0"]) as broker:
        assert (await ask(broker, version=5, topic="a")).verdict == "handshake/capability"
        assert (await ask(broker, version=5)).verdict == "ok"
        assert (await ask(broker, topic="a")).verdict in ("send/closed", "send/reset")


async def test_nobody_there() -> None:
    assert (await ask(free_port())).verdict == "tcp/refused"


@pytest.mark.parametrize(
    ("version", "connack", "expected"),
    [
        ("3.1.1", "20020001", "handshake/capability"),
        ("3.1.1", "20020002", "handshake/rejected"),
        ("3.1.1", "20020003", "handshake/overloaded"),
        ("3.1.1", "20020004", "ok"),
        ("3.1.1", "20020005", "ok"),
        ("3.1.1", "20020006", "handshake/malformed"),
        (5, "20020001", "handshake/capability"),
        (5, "2003008000", "handshake/rejected"),
        (5, "2003008400", "handshake/capability"),
        (5, "2003008500", "handshake/rejected"),
        (5, "2003008600", "ok"),
        (5, "2003008700", "ok"),
        (5, "2003008800", "handshake/overloaded"),
        (5, "2003008900", "handshake/overloaded"),
        (5, "2003008a00", "handshake/denied"),
        (5, "2003009700", "handshake/overloaded"),
        (5, "2003009f00", "handshake/overloaded"),
        (5, "2008008705 1f0002 6e6f", "ok"),
        (5, "2003007f00", "handshake/malformed"),
    ],
)
async def test_what_a_broker_may_answer(version: Any, connack: str, expected: str) -> None:
    assert await verdict(says(bytes.fromhex(connack)), version=version) == expected


@pytest.mark.parametrize("code", [4, 5])
async def test_refused_credentials_in_the_older_words(code: int) -> None:
    handler = says(bytes((0x20, 2, 0, code)))
    assert await verdict(handler, username="a", password="b") == "login/rejected"


def connected(then: bytes, connack: bytes = b"\x20\x02\x00\x00", wait: int = 1) -> Handler:
    """A broker that accepts, and says ``then`` to the ``wait``-th packet after CONNECT."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _packet(reader)
        writer.write(connack)
        for number in range(wait):
            await _packet(reader)
            if number < wait - 1:
                writer.write(b"\x90\x03\x00\x01\x01" if len(connack) == 4 else b"\x90\x04\x00\x01\x00\x01")
        writer.write(then)
        await silent(reader, writer)

    return handler


async def _packet(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(2)
    return head + await reader.readexactly(head[1])


@pytest.mark.parametrize(
    ("then", "wait", "expected"),
    [
        (b"\x90\x03\x00\x01\x80", 1, "handshake/rejected"),
        (b"\x90\x03\x00\x09\x01", 1, "handshake/nonce"),
        (b"\x90\x04\x00\x01\x01\x01", 1, "handshake/malformed"),
        (b"\xe0\x00", 1, "handshake/malformed"),
        (b"\x40\x02\x00\x09", 2, "send/nonce"),
        (b"\x40\x02\x00", 2, "send/timeout"),
        (b"\x34\x05\x00\x01a\x00\x05", 2, "send/malformed"),
        (b"\x30\x01\x00", 2, "send/malformed"),
        (b"\x40\xff\xff\xff\x7f", 2, "send/size"),
        (b"\x40\xff\xff\xff\xff", 2, "send/malformed"),
        (b"\x40\x02\x00\x02" + b"\x30\x04\x00\x01ax" * 1001, 2, "deliver/nonce"),
        (b"\x40\x02\x00\x02" + b"\xd0\x00", 2, "deliver/malformed"),
        (b"\x40\x02\x00\x02", 2, "deliver/timeout"),
    ],
)
async def test_a_broker_that_goes_wrong_in_the_session(then: bytes, wait: int, expected: str) -> None:
    assert await verdict(connected(then, wait=wait), timeout=patience(expected, 0.5), topic="a") == expected


@pytest.mark.parametrize(
    ("then", "wait", "expected"),
    [
        (b"\xe0\x01\x8b", 1, "handshake/overloaded"),
        (b"\xe0\x02\x89\x00", 2, "send/overloaded"),
        (b"\xe0\x00", 2, "send/closed"),
        (b"\xe0\x01\x98", 2, "send/closed"),
        (b"\x40\x04\x00\x02\x97\x00", 2, "send/overloaded"),
        (b"\x40\x03\x00\x02\x90", 2, "send/rejected"),
        (b"\x40\x03\x00\x02\x10", 2, "deliver/timeout"),
    ],
)
async def test_what_version_5_may_say_in_the_session(then: bytes, wait: int, expected: str) -> None:
    handler = connected(then, b"\x20\x03\x00\x00\x00", wait)
    assert await verdict(handler, timeout=patience(expected, 0.5), topic="a", version=5) == expected


@pytest.mark.parametrize(("flags", "expected"), [(0x30, "ok"), (0x38, "ok"), (0x31, "deliver/timeout")])
async def test_our_own_words_from_the_store_are_no_delivery(flags: int, expected: str) -> None:
    async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _packet(reader)
        writer.write(b"\x20\x02\x00\x00")
        await _packet(reader)
        writer.write(b"\x90\x03\x00\x01\x01")
        published = await _packet(reader)
        writer.write(b"\x40\x02\x00\x02" + bytes((flags, published[1] - 2)) + published[2:5] + published[7:])
        await silent(reader, writer)

    assert await verdict(echoes, timeout=patience(expected, 0.4), topic="a") == expected


async def test_a_copy_that_is_faster_than_the_acknowledgement() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _packet(reader)
        writer.write(b"\x20\x02\x00\x00")
        await _packet(reader)
        writer.write(b"\x90\x03\x00\x01\x01")
        published = await _packet(reader)
        writer.write(b"\x30" + bytes((published[1] - 2,)) + published[2:5] + published[7:])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"\x40\x02\x00\x02")
        await silent(reader, writer)

    result = await hear(handler, topic="a")
    assert result.verdict == "ok"
    taken = result.facts[Fact.ROUND_TRIP]
    assert isinstance(taken, float)
    assert taken < 0.05 <= result.phases[Phase.SEND]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "handshake/malformed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "handshake/malformed"),
        (b"220 mail.example.org\r\n", "handshake/malformed"),
        (b"\x90\x03\x00\x01\x01", "handshake/malformed"),
        (b"\x20\x02", "handshake/timeout"),
        (b"\x20\x00", "handshake/malformed"),
        (b"\x20\xff\xff\xff\x7f", "handshake/size"),
    ],
)
async def test_something_else_than_an_answer(data: bytes, expected: str) -> None:
    assert await verdict(says(data), timeout=patience(expected, 0.3)) == expected


async def test_no_answer() -> None:
    assert await verdict(silent, timeout=0.2) == "handshake/timeout"
    assert await verdict(closes) == "handshake/closed"
    assert await verdict(resets) == "handshake/reset"
    assert await verdict(hangs_up) in ("handshake/closed", "handshake/reset")


async def test_a_web_server_that_knows_no_websocket() -> None:
    async with scripted(says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")) as port:
        assert (await attempt("mqtt", {"url": f"ws://127.0.0.1:{port}/mqtt"})).verdict == "http/status"


async def test_whatever_comes_is_a_verdict() -> None:
    chance = random.Random(6)  # noqa: S311  # not for secrets
    good = bytes.fromhex("200200009003000101400200023004000161")
    for _ in range(100):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        result = await hear(says(bytes(data)), timeout=0.02, topic="a")
        assert result.outcome is Outcome.FAILED


# -- settings ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "either address or url"),
        ({"address": "a.example:1", "url": "ws://a.example/"}, "either address or url"),
        ({"url": "ws://a.example/", "tls": {}}, "not encrypted"),
        ({"url": "http://a.example/"}, "not a URL that starts with"),
        ({"address": "a.example:1", "password": "x"}, "needs a username"),
        ({"address": "a.example:1", "topic": "a/#"}, "wildcards"),
        ({"address": "a.example:1", "topic": ""}, "not empty"),
        ({"address": "a.example:1", "version": "5.1"}, "3.1.1"),
    ],
)
def test_mistakes_in_the_settings_are_named(settings: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        MqttSettings.model_validate(settings)


def test_the_endpoint_is_never_a_secret() -> None:
    settings = MqttSettings.model_validate({"url": "wss://a.example/mqtt?token=x", "username": "u", "password": "p"})
    assert settings.endpoint == "wss://a.example/mqtt"
