"""Where we answer otherwise than blackbox_exporter 0.23, each on purpose: docs/blackbox.md lists them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.blackbox.conftest import Ours, Serve
from tests.support.blackbox import BlackboxExporter, probe
from tests.support.scripted import Handler, scripted

MODULES = """
modules:
  http: {prober: http, timeout: 2s}
  login: {prober: http, timeout: 2s, http: {basic_auth: {username: me, password: pw}}}
  dot: {prober: http, timeout: 2s, http: {fail_if_body_not_matches_regexp: ["^.$"]}}
"""


@pytest.fixture
async def ours_and_theirs(
    serve: Serve, tmp_path: Path, reference: Callable[[Path], BlackboxExporter]
) -> AsyncIterator[Callable[[str, str], "asyncio.Future[tuple[float, float]]"]]:
    modules = tmp_path / "blackbox.yml"
    modules.write_text(MODULES)
    theirs = f"http://{reference(modules).address}"

    async def ask(ours: Ours, module: str, target: str) -> tuple[float, float]:
        first = await ours.probe(module, target)
        second = await probe(ours.session, theirs, {"module": module, "target": target})
        return first.value("probe_success"), second.value("probe_success")

    async with serve(modules) as ours:
        yield lambda module, target: asyncio.ensure_future(ask(ours, module, target))


Ask = Callable[[str, str], "asyncio.Future[tuple[float, float]]"]


def _http(answer: Callable[[bytes], bytes]) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await reader.readuntil(b"\r\n\r\n")))
        await writer.drain()

    return handler


def _ok(body: bytes = b"ok") -> bytes:
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _to(place: str, more: str = "") -> bytes:
    return f"HTTP/1.1 302 Found\r\n{more}Location: {place}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()


async def test_credentials_stay_at_the_origin_that_they_are_for(ours_and_theirs: Ask) -> None:
    async with (
        scripted(_http(lambda asked: _ok() if b"Authorization" in asked else _to("/x"))) as other,
        scripted(_http(lambda _: _to(f"http://127.0.0.1:{other}/"))) as port,
    ):
        assert await ours_and_theirs("login", f"http://127.0.0.1:{port}/") == (0, 1)


async def test_a_cookie_is_not_kept_from_one_redirect_to_the_next(ours_and_theirs: Ask) -> None:
    def answer(asked: bytes) -> bytes:
        return _ok() if b"Cookie: a=b" in asked else _to("/", "Set-Cookie: a=b\r\n")

    async with scripted(_http(answer)) as port:
        assert await ours_and_theirs("http", f"http://127.0.0.1:{port}/") == (0, 1)


async def test_a_name_and_a_password_in_the_target_are_refused(ours_and_theirs: Ask) -> None:
    async with scripted(_http(lambda _: _ok())) as port:
        assert await ours_and_theirs("http", f"http://me:pw@127.0.0.1:{port}/") == (0, 1)


async def test_a_dot_is_one_byte(ours_and_theirs: Ask) -> None:
    async with scripted(_http(lambda _: _ok("é".encode()))) as port:
        assert await ours_and_theirs("dot", f"http://127.0.0.1:{port}/") == (0, 1)
