"""The webhook channel: what arrives, how it is signed, and what each answer means."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError

from monitor.channels.webhook import WebhookChannel, WebhookSettings
from monitor.domain.alert import ChannelFailed
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.letters import a_letter
from tests.support.scripted import scripted
from tests.support.servers import program
from tests.support.webhooks import Hook, hook


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


@pytest.fixture
async def there() -> AsyncIterator[Hook]:
    async with hook() as found:
        yield found


def channel(session: aiohttp.ClientSession, port: int, **settings: Any) -> WebhookChannel:
    values = {"url": f"http://127.0.0.1:{port}/hook?token=t", **settings}
    return WebhookChannel(WebhookSettings.model_validate(values), session)


async def failure(tried: WebhookChannel) -> ChannelFailed:
    with pytest.raises(ChannelFailed) as caught:
        await tried.send(a_letter())
    return caught.value


async def test_the_document_arrives_as_it_was_written(session: aiohttp.ClientSession, there: Hook) -> None:
    letter = a_letter()
    assert await channel(session, there.port).send(letter) == ""
    [taken] = there.taken
    assert (taken.method, taken.path) == ("POST", "/hook?token=t")
    assert taken.headers["Content-Type"] == "application/json"
    assert taken.json() == letter.document


async def test_every_try_of_a_letter_has_the_same_key_and_no_other_letter_has_it(
    session: aiohttp.ClientSession, there: Hook
) -> None:
    for number in (1, 1, 2):
        await channel(session, there.port).send(a_letter(number))
    first, again, other = (taken.headers["Idempotency-Key"] for taken in there.taken)
    assert first == again != other
    assert json.loads(first) == a_letter(1).key


async def test_openssl_verifies_the_signature_as_the_manual_says(session: aiohttp.ClientSession, there: Hook) -> None:
    began = int(time.time())
    await channel(session, there.port, secret="s3cret").send(a_letter())
    [taken] = there.taken
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", taken.headers["X-Lastseen-Signature"])
    assert found is not None
    assert began <= int(found[1]) <= int(time.time())
    command = [program("openssl"), "dgst", "-sha256", "-hmac", "s3cret", "-r"]
    signed = found[1].encode() + b"." + taken.body
    done = await asyncio.to_thread(subprocess.run, command, input=signed, capture_output=True, check=True)
    assert done.stdout.split()[0].decode() == found[2]


async def test_without_a_secret_nothing_is_signed(session: aiohttp.ClientSession, there: Hook) -> None:
    await channel(session, there.port).send(a_letter())
    assert "X-Lastseen-Signature" not in there.taken[0].headers


async def test_method_and_headers_are_the_users(session: aiohttp.ClientSession, there: Hook) -> None:
    settings = {"method": "PUT", "headers": {"Authorization": "Bearer t", "Content-Type": "application/x-own+json"}}
    await channel(session, there.port, **settings).send(a_letter())
    [taken] = there.taken
    assert taken.method == "PUT"
    assert taken.headers["Authorization"] == "Bearer t"
    assert taken.headers.getall("Content-Type") == ["application/x-own+json"]  # type: ignore[attr-defined]  # a CIMultiDict


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_success_is_a_letter_taken(session: aiohttp.ClientSession, there: Hook, status: int) -> None:
    there.status = status
    await channel(session, there.port).send(a_letter())


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 400, 401, 403, 404, 405, 410, 413, 422, 451])
async def test_what_a_server_refuses_is_refused_for_good(
    session: aiohttp.ClientSession, there: Hook, status: int
) -> None:
    there.status, there.headers = status, {"Retry-After": "5", "Location": "/elsewhere"}
    failed = await failure(channel(session, there.port))
    assert failed.permanent
    assert failed.retry_after is None
    assert str(status) in failed.message
    assert len(there.taken) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 520])
async def test_what_a_server_cannot_take_now_may_be_sent_again(
    session: aiohttp.ClientSession, there: Hook, status: int
) -> None:
    there.status = status
    failed = await failure(channel(session, there.port))
    assert not failed.permanent
    assert failed.retry_after is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Tue, 25 Oct 2022 07:02:30 GMT", 30.0),
        ("Tue, 25 Oct 2022 07:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("٣", None),
    ],
)
async def test_a_server_may_say_when_to_come_again(
    session: aiohttp.ClientSession, there: Hook, value: str, seconds: float | None
) -> None:
    there.status, there.headers = 503, {"Retry-After": value, "Date": "Tue, 25 Oct 2022 07:02:00 GMT"}
    assert (await failure(channel(session, there.port))).retry_after == seconds


async def test_a_letter_is_taken_once_the_status_says_so_however_long_the_body_is(
    session: aiohttp.ClientSession,
) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        while await reader.read(65536):
            pass

    async with scripted(endless) as port:
        await channel(session, port, timeout="1s").send(a_letter())


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200", b"HTTP/1.1 OK\r\n\r\n"])
async def test_what_is_no_http_is_no_success(session: aiohttp.ClientSession, said: bytes) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()

    async with scripted(other) as port:
        failed = await failure(channel(session, port))
    assert not failed.permanent
    assert "SSH" not in failed.message


async def test_a_server_of_ones_own_is_trusted_by_its_ca(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    async with hook(server_context(authority.leaf())) as there:
        url = f"https://127.0.0.1:{there.port}/"
        await channel(session, there.port, url=url, ca_file=str(authority.ca_path)).send(a_letter())
        assert len(there.taken) == 1


@pytest.mark.parametrize("leaf", ["expired", "wrong_name", "self_signed", "not_yet_valid"])
async def test_a_bad_certificate_is_told_and_nothing_is_sent(
    session: aiohttp.ClientSession, tmp_path: Path, leaf: str
) -> None:
    authority = CertificateAuthority(tmp_path)
    async with hook(server_context(getattr(authority, leaf)())) as there:
        url = f"https://127.0.0.1:{there.port}/"
        failed = await failure(channel(session, there.port, url=url, ca_file=str(authority.ca_path)))
        assert failed.message.startswith("its certificate does not hold: ")
        assert not failed.permanent
        assert not there.taken


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file or directory"), ("x", "no PEM inside")])
async def test_anchors_that_cannot_be_read_are_told(
    session: aiohttp.ClientSession, tmp_path: Path, content: str | None, reason: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    failed = await failure(channel(session, 9, url="https://127.0.0.1:9/", ca_file=str(path)))
    assert failed.message == f"cannot read the trust anchors in ca_file: {reason}"


@pytest.mark.parametrize("status", [200, 204, 400, 404, 405, 501])
async def test_a_check_is_content_with_a_server_that_answers(
    session: aiohttp.ClientSession, there: Hook, status: int
) -> None:
    there.status = status
    await channel(session, there.port).check()
    assert [taken.method for taken in there.taken] == ["OPTIONS"]


@pytest.mark.parametrize(("status", "permanent"), [(401, True), (410, True), (500, False), (503, False)])
async def test_a_check_tells_what_would_refuse_a_letter_too(
    session: aiohttp.ClientSession, there: Hook, status: int, *, permanent: bool
) -> None:
    there.status = status
    with pytest.raises(ChannelFailed) as caught:
        await channel(session, there.port).check()
    assert caught.value.permanent is permanent


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "ftp://h/x"},
        {"url": "https://"},
        {"url": "https:///x"},
        {"url": "https://h:0/"},
        {"url": "https://h\r\n/"},
        {"url": "h/x"},
        {"url": ""},
        {"url": "https://h/", "method": "GET"},
        {"url": "https://h/", "headers": {"X": "a\r\nY: b"}},
        {"url": "https://h/", "headers": {"X Y": "a"}},
        {"url": "http://h/", "ca_file": "/etc/ca.pem"},
        {"url": "https://h/", "timeout": "2m"},
        {"url": "https://h/", "timeout": "0s"},
        {"url": "https://h/", "color": "red"},
        {},
    ],
)
def test_what_cannot_work_is_a_mistake_in_the_configuration(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebhookSettings.model_validate(settings)


def test_only_the_host_of_the_url_is_shown() -> None:
    settings = WebhookSettings.model_validate({"url": "https://u:canary@hooks.example.org:8443/canary?canary"})
    assert settings.place == "hooks.example.org"
    assert settings.known_rides == ()
    assert "canary" not in repr(settings)
