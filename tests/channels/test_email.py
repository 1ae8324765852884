"""The email channel, before a relay that somebody else wrote (aiosmtpd)."""

import asyncio
import email.utils
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError

from monitor.channels.email import EmailChannel, EmailSettings
from monitor.domain.alert import ChannelFailed
from monitor.domain.words import Event
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.letters import TEXT, TITLE, a_letter
from tests.support.scripted import scripted
from tests.support.smtp import PASSWORD, USER, Relay, relay

BASE = {"host": "127.0.0.1", "from": "lastseen <lastseen@example.org>", "to": ("oncall@example.org",)}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


@pytest.fixture
async def there() -> AsyncIterator[Relay]:
    async with relay() as found:
        yield found


def channel(session: aiohttp.ClientSession, port: int, **settings: Any) -> EmailChannel:
    return EmailChannel(EmailSettings.model_validate({**BASE, "port": port, **settings}), session)


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    assert "=0D" not in found.get_payload()  # line ends are those of SMTP, not content
    text = found.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n")


async def test_a_mail_has_text_and_html_and_says_that_a_robot_wrote_it(
    session: aiohttp.ClientSession, there: Relay
) -> None:
    letter = a_letter(language="it")
    await channel(session, there.port, to=("a@example.org", "B <b@example.net>")).send(letter)
    [mail] = there.mailbox
    assert mail.get_content_type() == "multipart/alternative"
    assert part(mail, "plain").rstrip() == TEXT
    assert letter.html in part(mail, "html")
    assert '<html lang="it">' in part(mail, "html")
    assert mail["Subject"] == TITLE
    assert mail["From"] == "lastseen <lastseen@example.org>"
    assert mail["To"] == "a@example.org, B <b@example.net>"
    assert there.recipients == [["a@example.org", "b@example.net"]]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert email.utils.parsedate_to_datetime(mail["Date"]).timestamp() == int(letter.decided)
    marks = {name: value for name, value in mail.items() if name.startswith("X-Lastseen-")}
    assert marks["X-Lastseen-Event"] == "opened"
    assert marks["X-Lastseen-Severity"] == "critical"
    assert marks["X-Lastseen-Service"] == "whatsapp"
    assert marks["X-Lastseen-Key"] == letter.key


async def test_umlauts_and_emoji_survive(session: aiohttp.ClientSession, there: Relay) -> None:
    title = "WhatsApp ist gestört 😀: Zürich, Genève"
    await channel(session, there.port).send(a_letter(title=title, text=f"{title}\n\n" + "ü" * 2000, html="<p>ü</p>"))
    [mail] = there.mailbox
    assert mail["Subject"] == title
    assert part(mail, "plain") == f"{title}\n\n" + "ü" * 2000 + "\n"
    assert "<p>ü</p>" in part(mail, "html")


async def test_every_try_is_the_same_message(session: aiohttp.ClientSession, there: Relay) -> None:
    for _ in range(2):
        await channel(session, there.port).send(a_letter())
    first, again = there.mailbox
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Date"] == again["Date"]


async def test_letters_of_an_incident_are_one_thread_and_others_are_not(
    session: aiohttp.ClientSession, there: Relay
) -> None:
    by = channel(session, there.port)
    thread = await by.send(a_letter(1))
    assert await by.send(a_letter(2, event=Event.REMINDER, thread=thread)) == thread
    await by.send(a_letter(3, event=Event.CLOSED))
    await by.send(a_letter(1, conversation="oncall/other", key="oncall/other/1"))
    first, second, unknowing, other = there.mailbox
    assert first["Message-ID"] == thread
    assert second["In-Reply-To"] == thread
    assert thread in second["References"].split()
    roots = [mail["References"].split()[0] for mail in there.mailbox]
    assert roots[0] == roots[1] == roots[2] != roots[3]
    assert len({mail["Message-ID"] for mail in there.mailbox}) == 4
    assert unknowing["In-Reply-To"] is None
    assert other["In-Reply-To"] is None


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x0b", "\u2028", "\x85", "\x00"])
async def test_nothing_in_a_letter_becomes_a_header_or_a_recipient(
    session: aiohttp.ClientSession, there: Relay, end: str
) -> None:
    evil = f"x{end}Bcc: all@example.org{end}{end}.{end}QUIT"
    letter = a_letter(
        title=evil,
        text=f"{evil}\n.\nMAIL FROM:<x@y>",
        key=evil,
        conversation=evil,
        thread=evil,
        language=evil,
        labels={"service": evil, evil: "x"},
    )
    await channel(session, there.port).send(letter)
    [mail] = there.mailbox
    assert mail["Bcc"] is None
    assert there.recipients == [["oncall@example.org"]]
    assert not mail.defects
    assert "MAIL FROM:<x@y>" in part(mail, "plain")


async def test_starttls_and_login(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    async with relay(server_context(authority.leaf()), asks=True) as there:
        login = {"username": USER, "password": PASSWORD, "tls": "starttls", "ca_file": str(authority.ca_path)}
        by = channel(session, there.port, **login)
        await by.check()
        assert not there.mailbox
        await by.send(a_letter())
        assert there.was_secure == [True]
        assert there.logins


async def test_tls_from_the_start(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    async with relay(server_context(authority.leaf()), is_implicit=True, asks=True) as there:
        login = {"username": USER, "password": PASSWORD, "tls": "implicit", "ca_file": str(authority.ca_path)}
        await channel(session, there.port, **login).send(a_letter())
        assert len(there.mailbox) == 1


async def test_a_relay_that_offers_no_starttls_gets_neither_password_nor_mail(
    session: aiohttp.ClientSession, there: Relay
) -> None:
    by = channel(session, there.port, tls="starttls", username=USER, password=PASSWORD)
    with pytest.raises(ChannelFailed, match="STARTTLS") as caught:
        await by.send(a_letter())
    assert caught.value.permanent
    assert not there.mailbox
    assert not there.logins


async def test_a_certificate_for_somebody_else_is_told(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    async with relay(server_context(authority.wrong_name())) as there:
        by = channel(session, there.port, tls="starttls", ca_file=str(authority.ca_path))
        with pytest.raises(ChannelFailed, match="its certificate does not hold") as caught:
            await by.send(a_letter())
        assert not caught.value.permanent
        assert not there.mailbox


async def test_a_wrong_password_is_for_good(session: aiohttp.ClientSession) -> None:
    async with relay(asks=True) as there:
        by = channel(session, there.port, username=USER, password="wrong")
        for act in (by.check(), by.send(a_letter())):
            with pytest.raises(ChannelFailed, match="name or password are refused") as caught:
                await act
            assert caught.value.permanent


@pytest.mark.parametrize(
    ("codes", "permanent"),
    [(("550 no", "550 no"), True), (("450 later", "550 no"), False), (("451 later", "452 full"), False)],
)
async def test_a_mail_that_nobody_may_have_is_not_taken(
    session: aiohttp.ClientSession, there: Relay, codes: tuple[str, str], *, permanent: bool
) -> None:
    there.rcpt = dict(zip(("a@example.org", "b@example.org"), codes, strict=True))
    with pytest.raises(ChannelFailed, match="every recipient") as caught:
        await channel(session, there.port, to=tuple(there.rcpt)).send(a_letter())
    assert caught.value.permanent is permanent


async def test_a_mail_that_somebody_may_have_is_taken_and_who_was_refused_is_logged(
    session: aiohttp.ClientSession, there: Relay, capsys: pytest.CaptureFixture[str]
) -> None:
    there.rcpt = {"b@example.org": "550 canary-of-the-server"}
    await channel(session, there.port, to=("a@example.org", "b@example.org")).send(a_letter())
    assert there.recipients == [["a@example.org"]]
    logged = "".join(capsys.readouterr())
    assert "b@example.org" in logged
    assert "canary" not in logged


@pytest.mark.parametrize(("answer", "permanent"), [("554 spam", True), ("451 busy", False), ("421 closing", False)])
async def test_what_the_relay_says_of_a_mail_decides(
    session: aiohttp.ClientSession, there: Relay, answer: str, *, permanent: bool
) -> None:
    there.data = answer
    with pytest.raises(ChannelFailed, match=answer[:3]) as caught:
        await channel(session, there.port).send(a_letter())
    assert caught.value.permanent is permanent
    assert answer[4:] not in caught.value.message


@pytest.mark.parametrize(
    ("said", "permanent"),
    [
        (b"", False),
        (b"220 ", False),
        (b"220 relay\r\n", False),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
        (b"\x00\xff\r\n", False),
        (b"421 too busy\r\n", False),
        (b"554 not for you\r\n", True),
    ],
)
async def test_whatever_stands_there_only_a_refusal_is_for_good(
    session: aiohttp.ClientSession, said: bytes, *, permanent: bool
) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        if said.endswith(b"\n"):
            await asyncio.sleep(0.2)

    async with scripted(other) as port:
        for act in (channel(session, port).check(), channel(session, port).send(a_letter())):
            with pytest.raises(ChannelFailed) as caught:
                await act
            assert caught.value.permanent is permanent, caught.value.message
            assert "-1" not in caught.value.message


@pytest.mark.parametrize("last", [b"", b"500 what?\r\n"])
async def test_a_mail_is_taken_when_the_relay_said_so_whatever_it_says_to_quit(
    session: aiohttp.ClientSession, last: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.channels.email._GOODBYE", 0.1)

    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay\r\n")
        for answer in (b"250 relay\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await reader.readline()
            writer.write(answer)
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 taken\r\n")
        await reader.readline()
        writer.write(last)
        await reader.read()

    async with scripted(hangs) as port:
        assert await channel(session, port).send(a_letter())


@pytest.mark.parametrize(
    ("settings", "security", "port"),
    [
        ({"host": "relay.example"}, "starttls", 587),
        ({"host": "relay.example", "port": 465}, "implicit", 465),
        ({"host": "localhost"}, "none", 25),
        ({"host": "::1"}, "none", 25),
        ({"host": "relay.example", "tls": "none"}, "none", 25),
    ],
)
def test_how_a_connection_is_secured_by_the_rule(settings: dict[str, Any], security: str, port: int) -> None:
    found = EmailSettings.model_validate({**BASE, **settings})
    assert found.security == security
    assert found.place == settings["host"]


@pytest.mark.parametrize(
    "settings",
    [
        {"to": ()},
        {"to": ("nobody",)},
        {"to": ("a@b@c",)},
        {"to": ("a@example.org\r\nDATA",)},
        {"to": ("a@example.org, b@example.org",)},
        {"to": ("<a@example.org",)},
        {"to": ("a@exa mple.org",)},
        {"to": ("ü@example.org",)},
        {"from": "x"},
        {"host": "-"},
        {"port": 0},
        {"host": "relay.example", "tls": "none", "username": "u", "password": "p"},
        {"tls": "maybe"},
    ],
)
def test_what_cannot_work_is_a_mistake_in_the_configuration(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EmailSettings.model_validate({**BASE, **settings})


@pytest.mark.parametrize(
    ("host", "to", "rides"),
    [
        ("relay.example", ("a@example.org",), ()),
        ("relay.example", ("a@gmail.com", "b@googlemail.com"), ("gmail",)),
        ("relay.example", ("a@gmail.com", "b@example.org"), ()),
        ("relay.example", ("a@gmail.com", "b@proton.me"), ()),
        ("smtp.gmail.com", ("a@example.org",), ("gmail",)),
        ("smtp.office365.com", ("a@HOTMAIL.com",), ("outlook",)),
        ("smtp.gmail.com", ("a@pm.me",), ("gmail", "proton")),
        ("notgmail.com", ("a@notgmail.com",), ()),
    ],
)
def test_a_mail_rides_on_whose_relay_or_mailboxes_it_needs(
    host: str, to: tuple[str, ...], rides: tuple[str, ...]
) -> None:
    assert EmailSettings.model_validate({**BASE, "host": host, "to": to}).known_rides == rides
