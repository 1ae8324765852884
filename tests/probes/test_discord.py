import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from pydantic import ValidationError

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Fact, Phase
from monitor.probes.discord import DiscordProbe, DiscordSettings
from tests.support.attempts import Result, attempt, make_network
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.scripted import scripted, silent
from tests.support.servers import free_port
from tests.support.stubborn import mute

Behaviour = Callable[[web.WebSocketResponse], Awaitable[None]]
HELLO = {"t": None, "s": None, "op": 10, "d": {"heartbeat_interval": 41250, "_trace": ["gateway-prd-1"]}}


@asynccontextmanager
async def gateway(behave: Behaviour, leaf: Any = None, status: int = 101, **headers: str) -> AsyncIterator[int]:
    """aiohttp's WebSocket server, which is not ours, that does what ``behave`` says; its port."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if status != 101:
            return web.Response(
                status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
            )
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await behave(ws)
        return ws

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(leaf) if leaf else None).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def discord(ws: web.WebSocketResponse) -> None:
    """Hello; every heartbeat acknowledged; whatever else is said ends the session, as the documentation has it."""
    await ws.send_json(HELLO)
    async for message in ws:
        if message.type is not WSMsgType.TEXT or json.loads(message.data) != {"op": 1, "d": None}:
            await ws.close(code=4003)
        await ws.send_json({"t": None, "s": None, "op": 11, "d": None})


def says(*messages: Any, code: int | None = None) -> Behaviour:
    """Sends these messages, texts as they are, then closes with a code or waits."""

    async def behave(ws: web.WebSocketResponse) -> None:
        for message in messages:
            await (ws.send_str(message) if isinstance(message, str) else ws.send_json(message))
        if code is not None:
            await ws.close(code=code)
        async for _ in ws:
            pass

    return behave


async def probe(behave: Behaviour, *, timeout: float = 2, **more: Any) -> Result:
    async with gateway(behave) as port:
        url = f"ws://127.0.0.1:{port}/?v=10&encoding=json"
        return await attempt("discord", {"url": url, **more}, timeout=timeout)


async def failure_of(port: int) -> ProbeFailed:
    settings = DiscordSettings.model_validate({"url": f"ws://127.0.0.1:{port}/"})
    with pytest.raises(ProbeFailed) as caught:
        await DiscordProbe(settings, make_network()).attempt(Run(time.monotonic))
    return caught.value


async def test_a_hello_is_enough() -> None:
    result = await probe(discord)
    assert result.verdict == "ok"
    assert set(result.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.REQUEST, Phase.RESPONSE, Phase.HANDSHAKE}
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)
    assert Fact.ROUND_TRIP not in result.facts


async def test_nothing_is_sent_but_a_goodbye() -> None:
    sent: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324  # RFC 6455
        hello = json.dumps(HELLO).encode()
        writer.write(b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
        writer.write(accept + b"\r\n\r\n\x81" + bytes([len(hello)]) + hello)
        sent.set_result(await reader.read())

    async with scripted(record) as port:
        assert (await attempt("discord", {"url": f"ws://127.0.0.1:{port}/"})).verdict == "ok"
        frame = await sent
    assert frame[:2] == b"\x88\x82", "a close frame, masked, of two bytes"
    assert bytes(frame[at] ^ frame[at - 4] for at in (6, 7)) == (1000).to_bytes(2)
    assert len(frame) == 8, "and nothing else"


async def test_the_round_trip_of_a_heartbeat_is_measured() -> None:
    result = await probe(discord, heartbeat=True)
    assert result.verdict == "ok"
    assert 0 < float(str(result.facts[Fact.ROUND_TRIP])) < 1


async def test_over_tls_with_the_right_and_with_wrong_certificates(tmp_path: Path) -> None:
    ca = CertificateAuthority(tmp_path)
    for leaf, verdict in [
        (ca.leaf(), "ok"),
        (ca.wrong_name(), "tls/cert_name"),
        (ca.expired(), "tls/cert_expired"),
        (ca.self_signed(), "tls/cert_untrusted"),
    ]:
        async with gateway(discord, leaf) as port:
            settings = {"url": f"wss://localhost:{port}/", "tls": {"ca_file": ca.ca_path}}
            assert (await attempt("discord", settings)).verdict == verdict


async def test_connected_and_no_hello_is_a_timeout_of_the_handshake() -> None:
    assert (await probe(says(), timeout=0.8)).verdict == "handshake/timeout"


async def test_a_heartbeat_that_nobody_answers_is_a_timeout_of_the_handshake() -> None:
    assert (await probe(says(HELLO), timeout=0.8, heartbeat=True)).verdict == "handshake/timeout"


@pytest.mark.parametrize(
    ("message", "verdict"),
    [
        ("<html>", "handshake/malformed"),
        ({"op": 10, "d": {}}, "handshake/malformed"),
        ("[" * 60_000, "handshake/malformed"),
        ({"op": 0, "t": "READY", "d": {}}, "handshake/expect"),
        ({"op": 9, "d": False}, "handshake/expect"),
        ({"op": 7, "d": None}, "handshake/overloaded"),
        ("x" * 70_000, "handshake/size"),
    ],
    ids=["HTML", "without an interval", "nested", "another event", "invalid session", "reconnect", "too long"],
)
async def test_what_comes_in_place_of_a_hello(message: Any, verdict: str) -> None:
    assert (await probe(says(message))).verdict == verdict


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (1000, "handshake/closed"),
        (1001, "handshake/overloaded"),
        (1011, "handshake/closed"),
        (1012, "handshake/overloaded"),
        (4000, "handshake/closed"),
        (4003, "handshake/denied"),
        (4009, "handshake/closed"),
        (4012, "handshake/capability"),
    ],
)
async def test_close_codes(code: int, verdict: str) -> None:
    result = await probe(says(code=code))
    assert result.verdict == verdict
    assert result.failure is not None
    assert str(code) in result.failure.message


async def test_a_gateway_that_limits_us_asks_us_to_come_back_later() -> None:
    async with gateway(says(code=4008)) as port:
        failure = await failure_of(port)
    assert (failure.reason, failure.retry_after) == ("overloaded", 0)
    async with gateway(discord, status=429, Retry_After="7") as port:
        failure = await failure_of(port)
    assert (failure.layer, failure.reason, failure.retry_after) == ("http", "status", 7)
    async with gateway(discord, status=503) as port:
        failure = await failure_of(port)
    assert (failure.layer, failure.reason, failure.retry_after) == ("http", "status", None)


async def test_a_flood_in_place_of_the_heartbeats_answer_ends() -> None:
    result = await probe(says(HELLO, *[{"op": 0, "d": None}] * 100), heartbeat=True)
    assert result.verdict == "handshake/expect"


async def test_servers_that_are_no_websocket() -> None:
    async with scripted(silent) as port:
        assert (await attempt("discord", {"url": f"ws://127.0.0.1:{port}/"}, timeout=0.8)).verdict == "http/timeout"
    with mute() as port:
        assert (await attempt("discord", {"url": f"wss://localhost:{port}/"}, timeout=0.8)).verdict == "tls/timeout"
    assert (await attempt("discord", {"url": f"ws://127.0.0.1:{free_port()}/"})).verdict == "tcp/refused"


async def test_a_connection_that_breaks_before_the_hello_is_closed() -> None:
    async def leave(ws: web.WebSocketResponse) -> None:
        writer = ws._writer
        assert writer is not None
        writer.transport.close()
        await asyncio.sleep(0)

    assert (await probe(leave)).verdict == "handshake/closed"


async def test_each_round_asks_another_member_of_a_pool() -> None:
    async with gateway(discord) as port:
        urls = [f"ws://127.0.0.1:{port}/", f"ws://127.0.0.1:{free_port()}/"]
        verdicts = [(await attempt("discord", {"url": urls}, round=n)).verdict for n in range(2)]
    assert verdicts == ["ok", "tcp/refused"]


def test_the_gateway_of_discord_is_the_default() -> None:
    assert DiscordSettings().endpoint == "wss://gateway.discord.gg/"


@pytest.mark.parametrize("settings", [{"url": "https://discord.com/"}, {"heartbeat": "yes"}, {"token": "x"}])
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DiscordSettings.model_validate(settings)
