"""The probe against a stand-in whose Noise, signatures and messages are other implementations'; see its docstring."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from typing_extensions import override

from monitor.domain.words import Fact, Phase
from monitor.probes.whatsapp import WhatsAppSettings
from tests.support.attempts import Result, attempt, patience
from tests.support.certificates import CertificateAuthority
from tests.support.nginx import nginx
from tests.support.scripted import closes, resets, says, scripted, silent
from tests.support.servers import free_port
from tests.support.stubborn import mute
from tests.support.whatsapp import DAY, MESSAGES, Papers, SigningKey, WhatsApp, web_chat

RAW = {Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE}
WEB = RAW | {Phase.REQUEST, Phase.RESPONSE}


async def probe(port: int, root: str = "", **more: Any) -> Result:
    """One attempt over the phones' transport."""
    own = {"root": root} if root else {}
    return await attempt("whatsapp", {"address": f"127.0.0.1:{port}", **own}, **more)


async def probed(server: WhatsApp, root: str | None = None) -> Result:
    """One attempt at the stand-in, which must not see us go on after its hello."""
    async with scripted(server.serve) as port:
        result = await probe(port, root or server.root)
    assert not server.finished
    return result


async def browsed(server: WhatsApp, **more: Any) -> Result:
    """One attempt over the web client's transport."""
    async with web_chat(server) as port:
        result = await attempt("whatsapp", {"url": f"ws://127.0.0.1:{port}/ws/chat", "root": server.root}, **more)
    assert not server.finished
    return result


async def test_a_front_end_that_proves_its_key_is_genuine() -> None:
    server = WhatsApp(papers=Papers(leaf=(-1, 90), intermediate=(-30, 20)))
    result = await probed(server)
    assert result.verdict == "ok"
    assert result.facts[Fact.GENUINE] is True
    chain = server.chain()
    assert result.facts[Fact.CHAIN_EXPIRY] == pytest.approx(_ends(chain.intermediate.details), abs=5)
    assert set(result.phases) == RAW
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-9)


def _ends(details: bytes) -> int:
    return int(MESSAGES["Details"].FromString(details).not_after)


async def test_it_says_hello_and_nothing_else() -> None:
    server = WhatsApp()
    await probed(server)
    (greeting,) = server.greetings
    assert len(greeting) == 43
    assert greeting.startswith(bytes.fromhex("57410603 000024 12220a20"))


async def test_every_attempt_has_a_key_of_its_own() -> None:
    server = WhatsApp()
    for _ in range(3):
        await probed(server)
    assert len({greeting[-32:] for greeting in server.greetings}) == 3


@pytest.mark.parametrize("cuts", [(), (1, 2, 3, 4, 200)])
async def test_the_web_clients_transport_is_the_same_conversation(cuts: tuple[int, ...]) -> None:
    result = await browsed(WhatsApp(cuts=cuts))
    assert result.verdict == "ok"
    assert result.facts[Fact.GENUINE] is True
    assert result.facts[Fact.HTTP_STATUS] == 101
    assert set(result.phases) == WEB


async def test_the_web_clients_transport_over_tls(tmp_path: Path) -> None:
    ca, server = CertificateAuthority(tmp_path), WhatsApp()
    async with web_chat(server, ca.leaf()) as port:
        url = {"url": f"wss://127.0.0.1:{port}/ws/chat", "root": server.root}
        good = await attempt("whatsapp", {**url, "tls": {"ca_file": ca.ca_path}})
        rogue = await attempt("whatsapp", url)
    assert good.verdict == "ok"
    assert set(good.phases) == WEB | {Phase.TLS}
    assert (Fact.CERT_EXPIRY in good.facts, Fact.CHAIN_EXPIRY in good.facts) == (True, True)
    assert rogue.verdict == "tls/cert_untrusted"


@pytest.mark.parametrize(
    ("own", "seen"),
    [
        ({}, ("https://web.whatsapp.com", "lastseen/")),
        ({"origin": "https://o.example", "user-agent": "me"}, ("https://o.example", "me")),
    ],
)
async def test_the_upgrade_has_the_web_clients_origin_and_our_name(own: dict[str, str], seen: tuple[str, str]) -> None:
    heads: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))

    async with scripted(note) as port:
        result = await attempt("whatsapp", {"url": f"ws://127.0.0.1:{port}/ws/chat", "headers": own})
    assert result.verdict == "http/closed"
    fields = dict(line.split(": ", 1) for line in heads[0].decode().lower().split("\r\n")[1:] if line)
    assert heads[0].startswith(b"GET /ws/chat HTTP/1.1\r\n")
    assert fields["origin"] == seen[0]
    assert fields["user-agent"].startswith(seen[1])
    assert heads[0].lower().count(b"user-agent") == heads[0].lower().count(b"origin") == 1


def _spoil_leaf_details(chain: Any) -> Any:
    chain.leaf.details = chain.leaf.details[:-1] + bytes([chain.leaf.details[-1] ^ 1])
    return chain


def _spoil_intermediate_signature(chain: Any) -> Any:
    signature = chain.intermediate.signature
    chain.intermediate.signature = bytes([signature[0] ^ 1]) + signature[1:]
    return chain


def _cut_signature(chain: Any) -> Any:
    chain.leaf.signature = chain.leaf.signature[:63]
    return chain


@pytest.mark.parametrize(
    "server",
    [
        WhatsApp(bend_chain=_spoil_leaf_details),
        WhatsApp(bend_chain=_spoil_intermediate_signature),
        WhatsApp(bend_chain=_cut_signature),
        WhatsApp(papers=Papers(signer="somebody")),
        WhatsApp(papers=Papers(signer="root")),
        WhatsApp(papers=Papers(issuers=(4, 0))),
        WhatsApp(papers=Papers(issuers=(3, 1))),
    ],
)
@pytest.mark.parametrize("way", [probed, browsed])
async def test_a_certificate_that_is_not_signed_as_it_must_be(server: WhatsApp, way: Any) -> None:
    result = await way(server)
    assert result.verdict == "handshake/signature"
    assert Fact.GENUINE not in result.facts


async def test_a_server_of_another_root_is_not_whatsapp() -> None:
    server = WhatsApp(papers=Papers(root="another"))
    assert (await probed(server, SigningKey("root").public.hex())).verdict == "handshake/signature"
    async with scripted(server.serve) as port:
        assert (await probe(port)).verdict == "handshake/signature", "WhatsApp's own root is the default"


async def test_a_stolen_chain_does_not_help_a_server_without_its_key() -> None:
    result = await probed(WhatsApp(papers=Papers(key=SigningKey("somebody else's server").public)))
    assert result.verdict == "handshake/key"
    assert Fact.GENUINE not in result.facts


@pytest.mark.parametrize(
    ("papers", "verdict", "text"),
    [
        (Papers(leaf=(-100, -2)), "handshake/cert_expired", "2.0 days ago"),
        (Papers(intermediate=(-100, -0.5)), "handshake/cert_expired", "0.5 days ago"),
        (Papers(leaf=(3, 90)), "handshake/cert_not_yet_valid", "3.0 days"),
        (Papers(intermediate=(1, 90)), "handshake/cert_not_yet_valid", "1.0 days"),
        (Papers(leaf=(-100, -2), signer="somebody"), "handshake/signature", "leaf"),
    ],
)
async def test_a_certificate_out_of_its_time(papers: Papers, verdict: str, text: str) -> None:
    result = await probed(WhatsApp(papers=papers))
    assert result.verdict == verdict
    assert result.failure is not None
    assert text in result.failure.message
    assert Fact.GENUINE not in result.facts


async def test_dates_beyond_any_calendar_are_only_numbers() -> None:
    far = (2**63 - 1) / DAY / 2
    assert (await probed(WhatsApp(papers=Papers(leaf=(-1, far), intermediate=(-1, far))))).verdict == "ok"


@pytest.mark.parametrize("part", ["ephemeral", "static", "payload"])
async def test_bytes_that_were_changed_on_the_way(part: str) -> None:
    def bend(hello: Any) -> Any:
        data = bytearray(getattr(hello, part))
        data[9] ^= 0x10
        setattr(hello, part, bytes(data))
        return hello

    result = await probed(WhatsApp(bend_hello=bend))
    assert result.verdict == "handshake/altered"


def _without(part: str) -> WhatsApp:
    def bend(hello: Any) -> Any:
        hello.ClearField(part)
        return hello

    return WhatsApp(bend_hello=bend)


def _framed(payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + payload


@pytest.mark.parametrize(
    "server",
    [
        _without("ephemeral"),
        _without("static"),
        _without("payload"),
        WhatsApp(bend_frame=lambda frame: _framed(frame[3:-5])),
        WhatsApp(bend_frame=lambda frame: _framed(b"\x12" + frame[4:])),
        WhatsApp(bend_frame=lambda _: _framed(b"")),
        WhatsApp(bend_frame=lambda _: _framed(b"\xff" * 300)),
        WhatsApp(bend_frame=lambda _: _framed(bytes(300))),
        WhatsApp(bend_frame=lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        WhatsApp(bend_frame=lambda _: b"\xff\xff\xff"),
        WhatsApp(bend_chain=lambda chain: type(chain)()),
        WhatsApp(bend_chain=lambda chain: type(chain)(leaf=chain.leaf)),
        WhatsApp(bend_chain=lambda chain: type(chain)(leaf={"details": b"\xff"}, intermediate=chain.intermediate)),
    ],
)
async def test_what_is_no_server_hello_is_malformed(server: WhatsApp) -> None:
    assert (await probed(server)).verdict == "handshake/malformed"


async def test_a_key_without_a_secret_is_malformed() -> None:
    def bend(hello: Any) -> Any:
        hello.ephemeral = bytes(32)
        return hello

    assert (await probed(WhatsApp(bend_hello=bend))).verdict == "handshake/malformed"


async def test_a_hello_recorded_earlier_is_not_taken_for_one_to_us() -> None:
    recorded: list[bytes] = []

    def keep(frame: bytes) -> bytes:
        recorded.append(frame)
        return frame

    server = WhatsApp(bend_frame=keep)
    assert (await probed(server)).verdict == "ok"
    async with scripted(says(recorded[0])) as port:
        assert (await probe(port, server.root)).verdict == "handshake/altered"


@pytest.mark.parametrize("length", [0, 1, 3, 4, 100])
async def test_a_stream_that_ends_inside_the_frame_is_closed(length: int) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(43)
        writer.write(b"\x00\x01\x5b" + bytes(344) if length > 346 else (b"\x00\x01\x5b" + bytes(344))[:length])

    async with scripted(cut) as port:
        assert (await probe(port)).verdict == "handshake/closed"


async def test_a_web_socket_that_closes_is_closed() -> None:
    class Leaving(WhatsApp):
        @override
        async def serve_web(self, request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.receive()
            await socket.close(code=1011)
            return socket

    result = await browsed(Leaving())
    assert result.verdict == "handshake/closed"
    assert result.failure is not None
    assert "1011" in result.failure.message


async def test_a_web_socket_that_stops_inside_the_frame_is_silent() -> None:
    server = WhatsApp(bend_frame=lambda frame: frame[:200])
    assert (await browsed(server, timeout=0.3)).verdict == "handshake/timeout"


@pytest.mark.parametrize(
    ("handler", "verdict"),
    [
        (silent, "handshake/timeout"),
        (closes, "handshake/closed"),
        (resets, "handshake/reset"),
        (says(b"\x00\x01"), "handshake/timeout"),
    ],
)
async def test_servers_that_do_not_finish(handler: Any, verdict: str) -> None:
    async with scripted(handler) as port:
        result = await probe(port, timeout=patience(verdict, 0.3))
    assert result.verdict == verdict
    assert set(result.phases) == RAW


async def test_a_front_end_that_takes_connections_and_says_nothing() -> None:
    """25 October 2022: the phones connected, and then said "connecting" for two hours."""
    with mute() as port:
        result = await probe(port, timeout=0.3)
    assert result.verdict == "handshake/timeout"
    assert set(result.phases) == RAW


async def test_a_closed_port_is_tcp_refused() -> None:
    assert (await probe(free_port())).verdict == "tcp/refused"


async def test_the_edge_before_dead_chat_servers_does_not_pass(tmp_path: Path) -> None:
    body = """
    location = /overloaded { add_header Retry-After 120 always; return 503; }
    location = /gone { return 502; }
    location = /denied { return 400; }
    location = /page { return 200 "<html>"; }"""
    verdicts = {}
    with nginx(tmp_path, body) as front:
        for path in ("overloaded", "gone", "denied", "page"):
            result = await attempt("whatsapp", {"url": f"ws://127.0.0.1:{front.http}/{path}"})
            verdicts[path] = (result.verdict, result.failure.message if result.failure else "")
    assert verdicts == {
        "overloaded": ("http/status", "status 503"),
        "gone": ("http/status", "status 502"),
        "denied": ("http/denied", "status 400"),
        "page": ("http/status", "status 200"),
    }


async def test_each_round_asks_another_member_of_a_pool() -> None:
    server = WhatsApp()
    async with scripted(server.serve) as one, scripted(server.serve) as two:
        pool = {"address": [f"127.0.0.1:{port}" for port in (one, two)], "root": server.root}
        results = [await attempt("whatsapp", pool, round=n) for n in range(3)]
    assert [result.facts[Fact.HOST] for result in results] == [f"127.0.0.1:{port}" for port in (one, two, one)]
    assert {result.verdict for result in results} == {"ok"}


@settings(max_examples=60)
@given(st.data())
def test_a_hello_that_was_bent_anyhow_gives_a_verdict(data: st.DataObject) -> None:
    def bend(frame: bytes) -> bytes:
        bent = bytearray(frame)
        for place in data.draw(st.lists(st.integers(0, len(frame) - 1), min_size=1, max_size=5)):
            bent[place] = data.draw(st.integers(0, 255))
        return bytes(bent) + b"." * 20000  # so that a frame that became longer ends

    result = asyncio.run(probed(WhatsApp(bend_frame=bend)))
    assert result.verdict in {"ok", "handshake/malformed", "handshake/altered", "handshake/closed"}


@settings(max_examples=60)
@given(st.binary(max_size=80))
def test_random_chains_give_a_verdict(chain: bytes) -> None:
    class Raw:
        def SerializeToString(self) -> bytes:  # noqa: N802  # Google's name
            return chain

    result = asyncio.run(probed(WhatsApp(bend_chain=lambda _: Raw())))
    assert result.verdict in {"handshake/malformed", "handshake/signature"}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"address": "h:443", "url": "wss://h/"},
        {"address": "h"},
        {"url": "https://h/"},
        {"address": "h:443", "root": "00"},
        {"address": "h:443", "root": "zz" * 32},
        {"address": "h:443", "tls": {"verify": False}},
        {"address": "h:443", "headers": {"Origin": "https://o"}},
        {"url": "wss://h/", "headers": {"Upgrade": "x"}},
        {"address": "h:443", "expiry": {}},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WhatsAppSettings.model_validate(settings)


def test_the_endpoint_is_the_first_host_or_url_without_its_query() -> None:
    assert WhatsAppSettings.model_validate({"address": ("a:443", "b:443")}).endpoint == "a:443"
    assert WhatsAppSettings.model_validate({"url": "wss://h/ws/chat?x=1"}).endpoint == "wss://h/ws/chat"
