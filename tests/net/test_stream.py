import asyncio
import re
import resource
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Tls
from monitor.domain.words import Fact, Phase, Reason
from monitor.net.dial import dial
from monitor.net.stream import Stream
from monitor.net.tls import TlsContexts
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.scripted import Handler, says, scripted, silent


@asynccontextmanager
async def connected(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Stream]:
    async with scripted(handler, tls=tls) as port:
        run = Run(time.monotonic)
        run.enter(Phase.HANDSHAKE)
        async with await dial(run, TlsContexts(), ("127.0.0.1", port)) as stream:
            yield stream


@pytest.fixture
def ca(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path)


def trusting(ca: CertificateAuthority) -> Tls:
    return Tls(ca_file=str(ca.ca_path))


@pytest.mark.parametrize("piece", [1, 3, None])
async def test_reads_take_what_they_name_and_leave_the_rest(piece: int | None) -> None:
    async with connected(says(b"line one\r\nline two\nabcdefgh[xyz]tail", piece=piece)) as stream:
        assert await stream.read_line() == b"line one"
        assert await stream.read_line() == b"line two"
        assert await stream.read_exactly(5) == b"abcde"
        match = await stream.read_until(re.compile(rb"\[(.*?)\]"), 100)
        assert match is not None
        assert match.group(1) == b"xyz"
        assert await stream.read_exactly(4) == b"tail"


async def test_the_end_of_the_stream() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"abc")

    async with connected(handler) as stream:
        with pytest.raises(ProbeFailed) as failure:
            await stream.read_exactly(4)
        assert failure.value.reason is Reason.CLOSED
        assert await stream.read() == b"abc"
        assert await stream.read() == b""
        assert await stream.read_until(re.compile(b"x"), 10) is None
        with pytest.raises(ProbeFailed, match="before the end of a line"):
            await stream.read_line()


async def test_a_line_without_end_is_too_large() -> None:
    async with connected(says(b"x" * 5000)) as stream:
        with pytest.raises(ProbeFailed) as failure:
            await stream.read_line(limit=1000)
    assert failure.value.reason is Reason.SIZE


async def test_a_server_that_stops_sending_can_still_be_spoken_to() -> None:
    heard = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no more from me")
        writer.write_eof()
        assert await reader.readline() == b"but I hear you\n"
        heard.set()

    async with connected(handler) as stream:
        assert await stream.read() == b"no more from me"
        assert await stream.read() == b""
        stream.write(b"but I hear you\n")
        async with asyncio.timeout(2):
            await heard.wait()


async def test_a_flood_that_nobody_reads_stays_with_the_server() -> None:
    sent = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while True:
            writer.write(b"x" * 65536)
            sent += 65536
            await writer.drain()

    async with connected(flood) as stream:
        assert await stream.read_exactly(1) == b"x"
        await asyncio.sleep(0.1)
        before = sent
        await asyncio.sleep(0.2)
        assert sent == before  # TCP has stopped the server
        assert len(stream._wire) < 2**20
        assert len(await stream.read_exactly(2**22)) == 2**22  # and it goes on when somebody reads


async def test_memory_stays_bounded_in_a_long_flood_that_is_read(ca: CertificateAuthority) -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for context in (None, server_context(ca.leaf())):
        async with connected(flood, context) as stream:
            if context:
                await stream.start_tls(trusting(ca), "localhost")
            total = 0
            while total < 64 * 2**20:
                total += len(await stream.read())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 48 * 1024  # KiB


async def test_a_reset_shows_at_the_next_read() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.get_extra_info("socket").setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER, 0 seconds: RST
        writer.transport.abort()

    async with connected(handler) as stream:
        stream.write(b"x")
        with pytest.raises(ProbeFailed) as failure:
            await stream.read()
    assert failure.value.reason is Reason.RESET


async def test_tls_hides_nothing_that_was_sent(ca: CertificateAuthority) -> None:
    body = bytes(range(256)) * 4000
    async with connected(says(body, piece=70_000), server_context(ca.leaf())) as stream:
        await stream.start_tls(trusting(ca), "localhost")
        assert await stream.read_exactly(len(body)) == body


async def test_tls_carries_what_we_say(ca: CertificateAuthority) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)

    async with connected(echo, server_context(ca.leaf())) as stream:
        await stream.start_tls(trusting(ca), "localhost")
        for size in (1, 17, 100_000):
            stream.write(b"y" * size)
            assert await stream.read_exactly(size) == b"y" * size


@pytest.mark.parametrize("notice", [True, False], ids=["with close_notify", "without"])
async def test_the_end_of_a_tls_stream_is_an_end(ca: CertificateAuthority, *, notice: bool) -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"last words")
        await writer.drain()
        if not notice:
            writer.get_extra_info("socket").shutdown(1)  # FIN in place of the alert
            await asyncio.sleep(0.05)

    async with connected(handler, server_context(ca.leaf())) as stream:
        await stream.start_tls(trusting(ca), "localhost")
        assert await stream.read_exactly(10) == b"last words"
        assert await stream.read() == b""


async def test_plain_bytes_before_the_handshake_are_refused(ca: CertificateAuthority) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n250 injected\r\n")
        await silent(reader, writer)

    async with connected(handler) as stream:
        assert await stream.read_line() == b"220 ready"
        with pytest.raises(ProbeFailed, match="plain bytes") as failure:
            await stream.start_tls(trusting(ca), "localhost")
    assert failure.value.reason is Reason.MALFORMED


async def test_garbage_inside_tls_is_malformed(ca: CertificateAuthority) -> None:
    inner = server_context(ca.leaf())
    async with scripted(silent, tls=inner) as hidden:

        async def spoil(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", hidden)
            try:
                back.write(await reader.read(65536))
                writer.write(await there.read(65536))
                back.write(await reader.read(65536))
                writer.write(b"this is no record")
                await silent(reader, writer)
            finally:
                back.close()

        async with connected(spoil) as stream:
            await stream.start_tls(trusting(ca), "localhost")
            with pytest.raises(ProbeFailed) as failure:
                await stream.read()
    assert failure.value.reason is Reason.MALFORMED


async def test_sessions_are_never_resumed(ca: CertificateAuthority) -> None:
    reused: list[bool] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reused.append(writer.get_extra_info("ssl_object").session_reused)
        await silent(reader, writer)

    contexts = TlsContexts()
    async with scripted(handler, tls=server_context(ca.leaf())) as port:
        for _ in range(3):
            run = Run(time.monotonic)
            async with await dial(run, contexts, ("127.0.0.1", port)) as stream:
                await stream.start_tls(trusting(ca), "localhost")
                assert run.facts[Fact.TLS_VERSION] == "TLSv1.3"
                await asyncio.sleep(0.02)
    assert reused == [False] * 3


async def test_closing_does_not_wait_for_a_peer_that_hangs() -> None:
    began = time.monotonic()
    async with connected(silent) as stream:
        stream.write(b"x" * 2**24)
    assert time.monotonic() - began < 1
