import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitor.domain.words import Fact, Phase
from tests.support.attempts import attempt
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.dante import Dante
from tests.support.scripted import Handler, closes, hangs_up, resets, says, scripted, silent
from tests.support.servers import free_port
from tests.support.tinyproxy import Tinyproxy


@dataclass(frozen=True)
class Proxies:
    """Real proxies. ``closed`` is a port that they may reach and where nobody listens; ``denied`` one they may not."""

    socks5: str
    http: str
    http_login: str
    port: int
    closed: int
    denied: int


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxies]:
    port, closed, denied = free_port(), free_port(), free_port()
    folders = [tmp_path_factory.mktemp(name) for name in ("dante", "tinyproxy", "login")]
    login = ("monitor", "secret")
    with (
        Dante(folders[0], denied_port=denied) as dante,
        Tinyproxy(folders[1], [port, closed]) as plain,
        Tinyproxy(folders[2], [port, closed], login) as closed_shop,
    ):
        yield Proxies(
            f"socks5://{dante.address}",
            f"http://{plain.address}",
            f"http://monitor:secret@{closed_shop.address}",
            port,
            closed,
            denied,
        )


async def through(proxy: str, host: str, port: int, **more: Any) -> str:
    settings = {"address": f"{host}:{port}", "route": {"proxy": proxy}, **more}
    return (await attempt("tcp", settings, timeout=2)).verdict


@pytest.mark.parametrize("kind", ["socks5", "http", "http_login"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_target_is_reached_through_a_real_proxy(proxies: Proxies, kind: str, host: str) -> None:
    async with scripted(says(b"hello from the target"), port=proxies.port):
        steps = [{"expect": "^hello from the target"}]
        assert await through(getattr(proxies, kind), host, proxies.port, dialogue=steps) == "ok"


@pytest.mark.parametrize("kind", ["socks5", "http"])
async def test_tls_is_proven_end_to_end_through_a_proxy(proxies: Proxies, kind: str, tmp_path: Path) -> None:
    ca = CertificateAuthority(tmp_path)
    settings = {"address": f"localhost:{proxies.port}", "route": {"proxy": getattr(proxies, kind)}}
    async with scripted(silent, port=proxies.port, tls=server_context(ca.leaf())):
        result = await attempt("tls", {**settings, "tls": {"ca_file": ca.ca_path}})
        assert (await attempt("tls", settings)).verdict == "tls/cert_untrusted"
    assert result.verdict == "ok"
    assert set(result.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.TLS}
    assert result.facts[Fact.ADDRESS] == "127.0.0.1"


async def test_dns_over_tcp_goes_through_a_proxy_too(proxies: Proxies) -> None:
    async with scripted(closes, port=proxies.port):
        settings = {"name": "a.example", "resolver": f"127.0.0.1:{proxies.port}", "transport": "tcp"}
        result = await attempt("dns", {**settings, "route": {"proxy": proxies.socks5}})
    assert result.verdict == "dns/closed"


async def test_a_refused_target_is_the_targets_failure(proxies: Proxies) -> None:
    assert await through(proxies.socks5, "127.0.0.1", proxies.closed) == "tcp/refused"
    assert await through(proxies.http, "127.0.0.1", proxies.closed) == "tcp/proxy"


@pytest.mark.parametrize("kind", ["socks5", "http"])
async def test_a_proxy_that_does_not_let_us_is_our_own_trouble(proxies: Proxies, kind: str) -> None:
    assert await through(getattr(proxies, kind), "127.0.0.1", proxies.denied) == "inconclusive/proxy"


@pytest.mark.parametrize("scheme", ["socks5", "http"])
async def test_a_proxy_that_is_down_is_our_own_trouble(scheme: str) -> None:
    assert await through(f"{scheme}://127.0.0.1:{free_port()}", "127.0.0.1", 9) == "inconclusive/proxy"


async def test_a_wrong_password_is_our_own_trouble(proxies: Proxies) -> None:
    wrong = proxies.http_login.replace("secret", "guess")
    assert await through(wrong, "127.0.0.1", proxies.port) == "inconclusive/proxy"
    assert await through(proxies.http_login.replace("monitor:secret@", ""), "127.0.0.1", 9) == ("inconclusive/proxy")


@pytest.mark.parametrize("handler", [closes, hangs_up, resets], ids=["closes", "hangs up", "resets"])
@pytest.mark.parametrize("scheme", ["socks5", "http"])
async def test_a_proxy_that_breaks_off_is_our_own_trouble(scheme: str, handler: Handler) -> None:
    async with scripted(handler) as port:
        assert await through(f"{scheme}://127.0.0.1:{port}", "127.0.0.1", 9) == "inconclusive/proxy"


async def test_a_silent_socks5_proxy_is_our_own_trouble() -> None:
    async with scripted(silent) as port:
        settings = {"address": "127.0.0.1:9", "route": {"proxy": f"socks5://127.0.0.1:{port}"}}
        assert (await attempt("tcp", settings, timeout=0.3)).verdict == "inconclusive/proxy"


@pytest.mark.parametrize(("scheme", "greeting"), [("socks5", b"\x05\x00"), ("http", b"")])
async def test_a_proxy_that_waits_for_the_target_says_nothing_of_itself(scheme: str, greeting: bytes) -> None:
    async with scripted(says(greeting)) as port:
        settings = {"address": "127.0.0.1:9", "route": {"proxy": f"{scheme}://127.0.0.1:{port}"}}
        assert (await attempt("tcp", settings, timeout=0.3)).verdict == "tcp/timeout"


# -- SOCKS5, byte by byte (RFC 1928, 1929) ------------------------------------------


def socks5(method: int, reply: int, *, login: int | None = None, heard: list[bytes] | None = None) -> Handler:
    """A proxy that follows the protocol up to its reply; what it heard goes to ``heard``."""
    notes = heard if heard is not None else []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        notes.append(await reader.readexactly(count))
        writer.write(bytes([5, method]))
        if login is not None:
            _, size = await reader.readexactly(2)
            user = await reader.readexactly(size)
            password = await reader.readexactly((await reader.readexactly(1))[0])
            notes.extend([user, password])
            writer.write(bytes([1, login]))
        notes.append(await reader.read(300))
        writer.write(bytes([5, reply, 0, 3, 4]) + b"nameXX" + b"hello")
        await silent(reader, writer)

    return handler


async def ask_socks5(handler: Handler, credentials: str = "", target: str = "chat.example:5222") -> str:
    async with scripted(handler) as port:
        settings = {"address": target, "route": {"proxy": f"socks5://{credentials}127.0.0.1:{port}"}}
        return (await attempt("tcp", {**settings, "dialogue": [{"expect": "^hello$"}]}, timeout=1)).verdict


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (0, "ok"),
        (1, "inconclusive/proxy"),
        (2, "inconclusive/proxy"),
        (3, "route/unreachable"),
        (4, "route/unreachable"),
        (5, "tcp/refused"),
        (6, "route/timeout"),
        (7, "inconclusive/proxy"),
        (8, "inconclusive/proxy"),
    ],
)
async def test_every_reply_of_socks5(reply: int, verdict: str) -> None:
    assert await ask_socks5(socks5(0, reply)) == verdict


@pytest.mark.parametrize(
    ("target", "request_sent"),
    [
        ("chat.example:5222", b"\5\1\0\3\x0cchat.example\x14\x66"),
        ("192.0.2.1:80", b"\5\1\0\1\xc0\0\2\1\0\x50"),
        ("[2001:db8::1]:80", b"\5\1\0\4\x20\1\x0d\xb8" + b"\0" * 11 + b"\1\0\x50"),
    ],
)
async def test_the_name_goes_to_the_proxy_unresolved(target: str, request_sent: bytes) -> None:
    heard: list[bytes] = []
    assert await ask_socks5(socks5(0, 0, heard=heard), target=target) == "ok"
    assert heard == [b"\0", request_sent]


async def test_a_login_is_made_when_the_proxy_asks_for_one() -> None:
    heard: list[bytes] = []
    assert await ask_socks5(socks5(2, 0, login=0, heard=heard), "user:pass%20word@") == "ok"
    assert heard[:3] == [b"\0\2", b"user", b"pass word"]
    assert await ask_socks5(socks5(0, 0), "user:password@") == "ok"


@pytest.mark.parametrize(
    ("handler", "credentials"),
    [(socks5(2, 0, login=1), "user:wrong@"), (socks5(255, 0), "user:x@"), (socks5(2, 0), "")],
    ids=["wrong password", "no method", "a login that we have not"],
)
async def test_a_socks5_proxy_that_does_not_accept_us(handler: Handler, credentials: str) -> None:
    assert await ask_socks5(handler, credentials) == "inconclusive/proxy"


async def test_what_is_not_a_socks5_proxy() -> None:
    assert await ask_socks5(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) == "inconclusive/proxy"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (b"HTTP/1.1 200 Connection established\r\n\r\nhello", "ok"),
        (b"HTTP/1.0 200 OK\r\nVia: x\r\n\r\nhello", "ok"),
        (b"HTTP/1.1 500 Unable to connect\r\n\r\n", "tcp/proxy"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "tcp/proxy"),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "tcp/proxy"),
        (b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", "tcp/proxy"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "inconclusive/proxy"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "inconclusive/proxy"),
        (b"x" * 20000, "inconclusive/proxy"),
    ],
)
async def test_every_answer_to_connect(answer: bytes, verdict: str) -> None:
    async with scripted(says(answer, piece=1 if len(answer) < 100 else None)) as port:
        settings = {"address": "chat.example:5222", "route": {"proxy": f"http://127.0.0.1:{port}"}}
        result = await attempt("tcp", {**settings, "dialogue": [{"expect": "^hello$"}]}, timeout=1)
    assert result.verdict == verdict, result.failure
