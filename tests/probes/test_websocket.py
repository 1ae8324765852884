import asyncio
import base64
import hashlib
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Fact, Phase
from monitor.net.network import Network
from monitor.net.websocket import _masked
from monitor.probes.websocket import WebSocketProbe, WebSocketSettings
from tests.support.attempts import Result, attempt
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.nginx import nginx
from tests.support.scripted import scripted
from tests.support.servers import free_port

Behaviour = Callable[[web.WebSocketResponse, web.Request], Awaitable[None]]
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@asynccontextmanager
async def aiohttp_server(behave: Behaviour, leaf: Any = None, **options: Any) -> AsyncIterator[int]:
    """aiohttp's WebSocket server, an implementation that is not ours."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(**options)
        await ws.prepare(request)
        await behave(ws, request)
        return ws

    app = web.Application()
    app.router.add_get("/ws", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(leaf) if leaf else None)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def echo(ws: web.WebSocketResponse, _: web.Request) -> None:
    async for message in ws:
        if message.type is WSMsgType.TEXT:
            await ws.send_str(f"echo {message.data}")
        else:
            await ws.send_bytes(b"\x00" + message.data)


async def probe(port: int, **settings: Any) -> Result:
    return await attempt("websocket", {"url": f"ws://127.0.0.1:{port}/ws", **settings})


async def test_an_upgrade_alone_is_ok() -> None:
    async with aiohttp_server(echo) as port:
        result = await probe(port)
    assert result.verdict == "ok"
    assert result.facts[Fact.HTTP_STATUS] == 101
    assert Phase.HANDSHAKE not in result.phases
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-9)


async def test_a_dialogue_of_texts_and_bytes() -> None:
    dialogue = [{"send": "hï", "expect": "^echo hï$"}, {"send_hex": "01 ff", "expect_hex": "00 01 ff"}]
    async with aiohttp_server(echo) as port:
        result = await probe(port, dialogue=dialogue, ping=True)
    assert result.verdict == "ok"
    assert 0 < float(str(result.facts[Fact.PING_SECONDS])) < 1
    assert set(result.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.REQUEST, Phase.RESPONSE, Phase.HANDSHAKE}


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 300000])
async def test_messages_of_every_length_form(size: int) -> None:
    text = "x" * size
    async with aiohttp_server(echo) as port:
        result = await probe(port, dialogue=[{"send": text, "expect": f"^echo x{{{min(size, 1000)}}}"}])
    assert result.verdict == "ok"


async def test_a_server_that_speaks_first_and_pings() -> None:
    async def hello(ws: web.WebSocketResponse, _: web.Request) -> None:
        await ws.ping(b"are you there")
        await ws.send_str('{"op": 10}')
        await echo(ws, _)

    async with aiohttp_server(hello) as port:
        result = await probe(port, dialogue=[{"expect": '"op": 10'}, {"send": "a", "expect": "echo a"}])
    assert result.verdict == "ok"


async def test_the_probe_answers_pings_and_says_goodbye() -> None:
    seen: list[Any] = []

    async def watch(ws: web.WebSocketResponse, _: web.Request) -> None:
        await ws.ping(b"are you there")
        await ws.send_str("hello")
        seen.extend([await ws.receive(), await ws.receive()])

    async with aiohttp_server(watch, autoping=False) as port:
        result = await probe(port, dialogue=[{"expect": "hello"}])
    assert result.verdict == "ok"
    assert (seen[0].type, seen[0].data) == (WSMsgType.PONG, b"are you there")
    assert (seen[1].type, seen[1].data) == (WSMsgType.CLOSE, 1000)


async def test_headers_and_subprotocols_reach_the_server() -> None:
    seen: dict[str, str] = {}

    async def note(ws: web.WebSocketResponse, request: web.Request) -> None:
        seen.update({name.lower(): value for name, value in request.headers.items()})
        await ws.send_str(str(ws.ws_protocol))

    async with aiohttp_server(note, protocols=("mqtt",)) as port:
        result = await probe(
            port,
            headers={"Origin": "https://o.example", "User-Agent": "me"},
            subprotocols=["xmpp", "mqtt"],
            dialogue=[{"expect": "^mqtt$"}],
        )
    assert result.verdict == "ok"
    assert (seen["origin"], seen["user-agent"], seen["sec-websocket-version"]) == ("https://o.example", "me", "13")


async def test_wss_has_a_tls_phase(tmp_path: Any) -> None:
    ca = CertificateAuthority(tmp_path)
    async with aiohttp_server(echo, ca.leaf()) as port:
        url = f"wss://localhost:{port}/ws"
        dialogue = [{"send": "a", "expect": "echo a"}]
        good = await attempt("websocket", {"url": url, "tls": {"ca_file": ca.ca_path}, "dialogue": dialogue})
        bad = await attempt("websocket", {"url": url})
    assert good.verdict == "ok"
    assert Phase.TLS in good.phases
    assert good.facts[Fact.HTTP_SSL] is True
    assert bad.verdict == "tls/cert_untrusted"


async def test_through_nginx_as_a_reverse_proxy(tmp_path: Any) -> None:
    async with aiohttp_server(echo) as port:
        body = f"""
        location = /ws {{ proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1;
          proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }}
        location = /429 {{ add_header Retry-After 7 always; return 429; }}"""
        with nginx(tmp_path, body) as front:
            good = await probe(front.http, dialogue=[{"send": "a", "expect": "echo a"}], ping=True)
            missing = await attempt("websocket", {"url": f"ws://127.0.0.1:{front.http}/none"})
            later = await failure_of(f"ws://127.0.0.1:{front.http}/429")
    assert good.verdict == "ok"
    assert missing.verdict == "http/status"
    assert (later.reason, later.retry_after) == ("status", 7)


async def failure_of(url: str) -> ProbeFailed:
    probe = WebSocketProbe(WebSocketSettings.model_validate({"url": url}), Network(time.monotonic, time.time))
    with pytest.raises(ProbeFailed) as caught:
        await probe.attempt(Run(time.monotonic))
    return caught.value


async def test_a_wrong_message_is_handshake_expect() -> None:
    async with aiohttp_server(echo) as port:
        result = await probe(port, dialogue=[{"send": "a", "expect": "echo b"}])
        binary = await probe(port, dialogue=[{"send": "a", "expect_hex": "ff"}])
    assert result.verdict == binary.verdict == "handshake/expect"


async def test_a_server_that_closes_is_handshake_closed() -> None:
    async def leave(ws: web.WebSocketResponse, _: web.Request) -> None:
        await ws.close(code=4004, message=b"not you")

    async with aiohttp_server(leave) as port:
        result = await probe(port, dialogue=[{"expect": "hello"}])
    assert result.verdict == "handshake/closed"
    assert result.failure is not None
    assert "4004" in result.failure.message


async def test_silence_is_handshake_timeout() -> None:
    async with aiohttp_server(echo) as port:
        settings = {"url": f"ws://127.0.0.1:{port}/ws", "dialogue": [{"expect": "hello"}]}
        result = await attempt("websocket", settings, timeout=0.2)
    assert result.verdict == "handshake/timeout"


def raw(*pieces: bytes, head: bytes | None = None, hold: bool = True) -> AbstractAsyncContextManager[int]:
    """A server that accepts the upgrade (or sends ``head``) and writes the pieces."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324  # RFC 6455 wants it
        writer.write(head if head is not None else accepted(accept))
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if hold:
            await reader.read(1)

    return scripted(answer)


def accepted(accept: bytes) -> bytes:
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


async def test_fragments_with_control_frames_in_between_make_one_message() -> None:
    frames = b"\x01\x03hel" + b"\x89\x01p" + b"\x00\x02lo" + b"\x8a\x00" + b"\x80\x06 world"
    pieces = [bytes([byte]) for byte in frames]
    async with raw(*pieces) as port:
        assert (await probe(port, dialogue=[{"expect": "^hello world$"}])).verdict == "ok"


@pytest.mark.parametrize(
    ("frames", "verdict"),
    [
        (b"\xc1\x01a", "handshake/malformed"),
        (b"\x81\x81aaaaa", "handshake/malformed"),
        (b"\x83\x01a", "handshake/malformed"),
        (b"\x8b\x00", "handshake/malformed"),
        (b"\x80\x01a", "handshake/malformed"),
        (b"\x01\x01a\x01\x01b", "handshake/malformed"),
        (b"\x09\x00", "handshake/malformed"),
        (b"\x89\x7e\x00\x80" + b"x" * 128, "handshake/malformed"),
        (b"\x81\x01\xff", "handshake/malformed"),
        (b"\x82\x7f" + struct.pack("!Q", 1 << 62), "handshake/size"),
        (b"\x02\x7e\x02\x00" + b"x" * 512 + b"\x80\x7e\x02\x00" + b"x" * 512, "handshake/size"),
        (b"\x88\x00", "handshake/closed"),
        (b"\x88\x02\x03\xe8", "handshake/closed"),
    ],
)
async def test_frames_against_the_protocol(frames: bytes, verdict: str) -> None:
    async with raw(frames) as port:
        assert (await probe(port, dialogue=[{"expect": "."}], limit=1000)).verdict == verdict


@pytest.mark.parametrize("frames", [b"", b"\x81", b"\x81\x05hel", b"\x81\x7e\x00"])
async def test_a_stream_that_ends_inside_a_frame_is_closed(frames: bytes) -> None:
    async with raw(frames, hold=False) as port:
        assert (await probe(port, dialogue=[{"expect": "."}])).verdict == "handshake/closed"


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        (b"HTTP/1.1 101 x\r\n\r\n", "http/upgrade"),
        (b"HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", "http/upgrade"),
        (b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n", "http/upgrade"),
        (accepted(b"bm90IHlvdXIga2V5IGF0IGFsbA=="), "http/upgrade"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "http/status"),
        (b"", "http/closed"),
        (b"220 smtp.example.org\r\n", "http/malformed"),
        (b"HTTP/1.1 101 x\r\nX: " + b"x" * 70000, "http/size"),
    ],
)
async def test_an_upgrade_that_is_none(head: bytes, verdict: str) -> None:
    async with raw(head=head, hold=False) as port:
        assert (await probe(port)).verdict == verdict


@pytest.mark.parametrize("line", [b"Sec-WebSocket-Protocol: soap", b"Sec-WebSocket-Extensions: permessage-deflate"])
async def test_what_was_not_offered_may_not_be_chosen(line: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324  # RFC 6455 wants it
        writer.write(accepted(accept)[:-2] + line + b"\r\n\r\n")

    async with scripted(answer) as port:
        assert (await probe(port, subprotocols=["mqtt"])).verdict == "http/upgrade"


async def test_a_closed_port_is_tcp_refused() -> None:
    assert (await probe(free_port())).verdict == "tcp/refused"


async def test_a_server_that_ignores_the_goodbye_holds_nobody_up() -> None:
    async with raw() as port:
        result = await probe(port)
    assert result.verdict == "ok"
    assert result.duration < 1


async def test_a_flood_of_messages_ends_before_the_deadline() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        writer.write(accepted(base64.b64encode(hashlib.sha1(key + _GUID).digest())))  # noqa: S324  # RFC 6455
        while True:
            writer.write(b"\x81\x7d" + b"x" * 125)
            await writer.drain()

    async with scripted(flood) as port:
        settings = {"url": f"ws://127.0.0.1:{port}/ws", "ping": True}
        result = await attempt("websocket", settings, timeout=10)
    assert result.verdict == "handshake/size"


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_masking_is_that_of_the_rfc(payload: bytes, mask: bytes) -> None:
    assert _masked(payload, mask) == bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


@settings(max_examples=50)
@given(st.binary(max_size=120))
def test_random_frames_give_a_verdict(frames: bytes) -> None:
    async def once() -> None:
        async with raw(frames, hold=False) as port:
            result = await probe(port, dialogue=[{"expect": "x"}], ping=True)
        assert result.verdict.partition("/")[0] in ("ok", "handshake")

    asyncio.run(once())


async def test_each_round_asks_another_member_of_a_pool() -> None:
    async with aiohttp_server(echo) as one, aiohttp_server(echo) as two:
        urls = [f"ws://127.0.0.1:{port}/ws" for port in (one, two)]
        hosts = [(await attempt("websocket", {"url": urls}, round=n)).facts[Fact.HOST] for n in range(2)]
    assert hosts == [f"127.0.0.1:{one}", f"127.0.0.1:{two}"]


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "http://h/"},
        {"url": "ws://user@h/"},
        {"url": "ws://h/", "headers": {"Upgrade": "x"}},
        {"url": "ws://h/", "headers": {"Sec-WebSocket-Key": "x"}},
        {"url": "ws://h/", "dialogue": ({"send": "a", "send_hex": "00"},)},
        {"url": "ws://h/", "dialogue": ({"expect": "a", "expect_hex": "00"},)},
        {"url": "ws://h/", "dialogue": ({"expect": "("},)},
        {"url": "ws://h/", "dialogue": ({"send_hex": "0"},)},
        {"url": "ws://h/", "dialogue": ({"send_text": "0"},)},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebSocketSettings.model_validate(settings)
