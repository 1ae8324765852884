"""The apprise channel: what it hands to Apprise, what it makes of the answer, and what it keeps to itself."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import aiohttp
import pytest
from apprise import Apprise
from apprise.plugins.telegram import NotifyTelegram
from pydantic import ValidationError

from monitor.channels import apprise as module
from monitor.channels.apprise import AppriseChannel, AppriseSettings
from monitor.domain.alert import ChannelFailed
from monitor.domain.words import Event, Severity
from tests.support.letters import TEXT, TITLE, a_letter
from tests.support.monitor import ROOT
from tests.support.smtp import relay
from tests.support.telegrambot import CHAT, TOKEN, bot_api
from tests.support.webhooks import Hook, hook

_KNOWN = {
    scheme
    for service in Apprise().details()["schemas"]
    for scheme in (*(service["protocols"] or ()), *(service["secure_protocols"] or ()))
}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


@pytest.fixture
async def there() -> AsyncIterator[Hook]:
    async with hook() as found:
        yield found


def channel(session: aiohttp.ClientSession, url: str, **settings: Any) -> AppriseChannel:
    return AppriseChannel(AppriseSettings.model_validate({"url": url, **settings}), session)


async def test_title_and_text_arrive(session: aiohttp.ClientSession, there: Hook) -> None:
    assert await channel(session, f"json://127.0.0.1:{there.port}/x").send(a_letter()) == ""
    [taken] = there.taken
    document = taken.json()
    assert document["title"] == TITLE
    assert f"{TITLE}\n\n{document['message']}" == TEXT
    assert taken.headers["User-Agent"] == "lastseen"


@pytest.mark.parametrize(
    ("event", "severity", "kind"),
    [
        (Event.OPENED, Severity.CRITICAL, "failure"),
        (Event.REMINDER, Severity.MAJOR, "failure"),
        (Event.OPENED, Severity.MINOR, "warning"),
        (Event.CLOSED, Severity.CRITICAL, "success"),
        (Event.TEST, Severity.CRITICAL, "info"),
    ],
)
async def test_apprise_is_told_how_bad_it_is(
    session: aiohttp.ClientSession, there: Hook, event: Event, severity: Severity, kind: str
) -> None:
    await channel(session, f"json://127.0.0.1:{there.port}/x").send(a_letter(event=event, severity=severity))
    assert there.taken[0].json()["type"] == kind


async def test_telegram_by_apprise_reaches_the_stand_in(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bot_api() as api:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{api.port}/bot")
        await channel(session, f"tgram://{TOKEN}/{CHAT}").send(a_letter())
        [message] = api.messages
        assert TITLE in message["text"]
        api.refuses = (403, "Forbidden: canary", {})
        with pytest.raises(ChannelFailed) as caught:
            await channel(session, f"tgram://{TOKEN}/{CHAT}").send(a_letter())
    assert caught.value.permanent
    assert "canary" not in caught.value.message


async def test_mail_by_apprise_reaches_a_relay(session: aiohttp.ClientSession) -> None:
    async with relay() as there:
        url = f"mailto://127.0.0.1:{there.port}/?mode=insecure&from=a@example.org&to=oncall@example.org"
        await channel(session, url).send(a_letter())
        [mail] = there.mailbox
        assert mail["Subject"] == TITLE
        there.data = "550 canary"
        with pytest.raises(ChannelFailed) as caught:
            await channel(session, url).send(a_letter())
    assert "canary" not in caught.value.message


async def test_it_follows_no_redirect(session: aiohttp.ClientSession, there: Hook) -> None:
    there.status, there.headers = 307, {"Location": f"http://127.0.0.1:{there.port}/elsewhere"}
    with pytest.raises(ChannelFailed) as caught:
        await channel(session, f"json://127.0.0.1:{there.port}/x").send(a_letter())
    assert caught.value.permanent
    assert len(there.taken) == 1


@pytest.mark.parametrize("url", ["nosuch://canary/x", "tgram://canary", "slack://canary"])
async def test_a_url_that_apprise_does_not_understand_is_for_good(session: aiohttp.ClientSession, url: str) -> None:
    by = channel(session, url)
    for act in (by.check(), by.send(a_letter())):
        with pytest.raises(ChannelFailed, match="does not understand") as caught:
            await act
        assert caught.value.permanent


@pytest.mark.parametrize("url", ["", "slack", "https", "slack://", "slack://a\nb", "://x"])
def test_what_is_no_url_is_a_mistake_in_the_configuration(url: str) -> None:
    with pytest.raises(ValidationError):
        AppriseSettings.model_validate({"url": url})


@pytest.mark.parametrize(
    ("url", "rides", "place"),
    [
        ("tgram://canary/1", ("telegram",), "tgram"),
        ("slack://canary/canary/canary", ("slack",), "slack"),
        ("discord://canary/canary", ("discord",), "discord"),
        ("WhatsApp://canary@1/2", ("whatsapp",), "whatsapp"),
        ("evolutions://canary/x", ("whatsapp",), "evolutions"),
        ("signals://signal.example:8080/1/2", ("signal",), "signals signal.example"),
        ("matrixs://u:canary@matrix.org/#r", ("matrix-org",), "matrixs matrix.org"),
        ("matrixs://u:canary@chat.example/#r", (), "matrixs chat.example"),
        ("matrix://canary", (), "matrix"),
        ("workflows://h/canary/canary", ("teams",), "workflows"),
        ("gchat://canary/canary", ("google-chat",), "gchat"),
        ("mailtos://u:canary@gmail.com", ("gmail",), "mailtos gmail.com"),
        ("mailto://u:canary@example.org", (), "mailto example.org"),
        ("x://canary", ("x",), "x"),
        ("ntfys://canary", (), "ntfys"),
        ("jsons://h.example:99/canary?canary", (), "jsons h.example"),
        ("jsons://[canary", (), "jsons"),
    ],
)
def test_a_url_tells_what_it_rides_on_and_nothing_else(url: str, rides: tuple[str, ...], place: str) -> None:
    settings = AppriseSettings.model_validate({"url": url})
    assert settings.known_rides == rides
    assert settings.place == place
    assert "canary" not in repr(settings)


@pytest.mark.parametrize("scheme", sorted({*module._RIDES, *module._HOSTED}))
def test_every_scheme_that_is_named_is_one_of_apprise(scheme: str) -> None:
    assert scheme in _KNOWN


@pytest.mark.parametrize("scheme", sorted(module._HOSTED & {"gotify", "json", "matrix", "mmost", "nctalk", "rocket"}))
def test_where_a_host_is_shown_apprise_sees_a_host_too(scheme: str) -> None:
    urls = (f"{scheme}://h.example/canary1234567", f"{scheme}://u:canary@h.example/%23room")
    made = [service for url in urls if (service := Apprise.instantiate(url)) is not None]
    assert made
    assert {service.host for service in made} == {"h.example"}


def test_apprise_is_not_imported_before_a_letter_needs_it() -> None:
    code = "import sys, monitor.registry; sys.exit('apprise' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


async def test_a_server_that_answers_byte_by_byte_for_ever_costs_nobody_else_a_thread(
    session: aiohttp.ClientSession,
) -> None:
    """The loop's own threads also compress pages and read the configuration, and there are six of them on two CPUs."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    calls, is_over = 0, asyncio.Event()

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        with closing(writer), suppress(ConnectionError):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not is_over.is_set():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        slow = channel(session, f"json://127.0.0.1:{port}/x", timeout="300ms")
        for _ in range(6):
            with pytest.raises(ChannelFailed, match="did not answer in time"):
                await slow.send(a_letter())
        async with asyncio.timeout(1.0):
            assert await asyncio.to_thread(lambda: "free") == "free"
        assert calls == 4, "what hangs keeps its place"
        is_over.set()
        while any(thread.name == "apprise" for thread in threading.enumerate()):  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0.02)
