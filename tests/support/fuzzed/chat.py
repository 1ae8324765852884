"""Mail and chat: SMTP, IMAP, IRC, XMPP, and dialogues in general."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from tests.support.bending import Line
from tests.support.casting import Cast, Place, tls_server
from tests.support.fuzzed.common import (
    ACCOUNT,
    Way,
    at_place,
    over_tls,
    replying,
    saying,
)

_SMTP_HELLO = b"250-mail.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n"
_SMTP = replying(
    (b"EHLO", _SMTP_HELLO),
    (b"AUTH PLAIN", b"235 2.7.0 Authentication successful\r\n"),
    (b"QUIT", b"221 2.0.0 Bye\r\n"),
    first=b"220 mail.example.org ESMTP Postfix (Debian/GNU)\r\n",
)
_IMAP = replying(
    (rb"(a\d+) CAPABILITY", rb"* CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID IDLE AUTH=PLAIN\r\n\1 OK done.\r\n"),
    (rb"(a\d+) NOOP", b"* 23 EXISTS\r\n\\1 OK NOOP completed.\r\n"),
    (rb"(a\d+) AUTHENTICATE", b"\\1 OK [CAPABILITY IMAP4rev1 IDLE UIDPLUS] Logged in\r\n"),
    (rb"(a\d+) IDLE", b"+ idling\r\n\\1 OK Idle completed.\r\n"),
    first=b"* OK [CAPABILITY IMAP4rev1 SASL-IR IDLE AUTH=PLAIN] Dovecot ready.\r\n",
)
_IMAP_WORDS = b"* CAPABILITY" + b" A" * 8000 + b"\r\n"
_IRC = replying(
    (b"CAP LS", b":irc.example.org CAP * LS * :multi-prefix sasl=PLAIN\r\n:irc.example.org CAP * LS :away-notify\r\n"),
    (b"CAP REQ", b":irc.example.org CAP lastseen ACK :sasl\r\n"),
    (b"AUTHENTICATE PLAIN", b"AUTHENTICATE +\r\n"),
    (
        b"AUTHENTICATE ",
        b":irc.example.org 900 lastseen x m :You are now logged in\r\n:irc.example.org 903 lastseen :ok\r\n",
    ),
    (
        b"CAP END",
        b"PING :1234\r\n:irc.example.org 001 lastseen :Welcome\r\n:irc.example.org 004 lastseen i ngircd-26\r\n",
    ),
    (rb"PING :?(\w+)", rb":irc.example.org PONG irc.example.org :\1\r\n"),
)


async def _until(line: Line, heard: bytearray, pattern: bytes) -> re.Match[bytes]:
    """Listen until that was said; the rest stays in ``heard``."""
    while (found := re.search(pattern, bytes(heard))) is None:
        heard += await line.readexactly(1)
    del heard[: found.end()]
    return found


_STREAM = (
    b"<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client' "
    b"id='s1' from='example.org' version='1.0'>"
)
_MECHANISMS = (
    b"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256</mechanism>"
    b"<mechanism>PLAIN</mechanism></mechanisms>"
)
_SASL = b"xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"


async def _xmpp_plain(line: Line) -> None:
    await _until(line, bytearray(), rb"<stream:stream [^>]*>")
    line.write(_STREAM + b"<stream:features>" + _MECHANISMS + b"</stream:features>")
    await line.read()


async def _xmpp_starttls(line: Line) -> None:
    heard = bytearray()
    await _until(line, heard, rb"<stream:stream [^>]*>")
    tls = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
    line.write(_STREAM + b"<stream:features>" + tls + b"</stream:features>")
    await _until(line, heard, rb"<starttls [^>]*/>")
    line.write(b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")


async def _xmpp_login(line: Line) -> None:
    heard = bytearray()
    await _until(line, heard, rb"<stream:stream [^>]*>")
    line.write(_STREAM + b"<stream:features>" + _MECHANISMS + b"</stream:features>")
    first = base64.b64decode((await _until(line, heard, rb"<auth [^>]*>([^<]*)</auth>"))[1])[3:]
    nonce = first.partition(b"r=")[2] + b"server"
    challenge = b"r=" + nonce + b",s=c2FsdA==,i=2"
    line.write(b"<challenge %b>%b</challenge>" % (_SASL, base64.b64encode(challenge)))
    await _until(line, heard, rb"<response [^>]*>([^<]*)</response>")
    salted = hashlib.pbkdf2_hmac("sha256", b"made-up", b"salt", 2)
    said = b",".join((first, challenge, b"c=biws,r=" + nonce))
    proof = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), said, "sha256")
    line.write(b"<success %b>%b</success>" % (_SASL, base64.b64encode(b"v=" + base64.b64encode(proof))))
    await _until(line, heard, rb"<stream:stream [^>]*>")
    line.write(_STREAM + b"<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>")
    number = (await _until(line, heard, rb"<iq [^>]*id='(\w+)'.*?</iq>"))[1]
    jid = b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>monitor@example.org/1</jid></bind>"
    line.write(b"<presence/><iq type='result' id='%b'>%b</iq>" % (number, jid))
    number = (await _until(line, heard, rb"<iq [^>]*id='(\w+)'.*?</iq>"))[1]
    line.write(b"<iq type='result' id='%b'/>" % number)
    await line.read()


def _xmpp(place: Place, security: str, **more: Any) -> Mapping[str, Any]:
    return at_place(place, domain="example.org", security=security, **more)


_DIALOGUE = [
    {"expect": "^220 (?P<name>\\S+)"},
    {"send": "EHLO monitor.example.org", "expect": "^250 8BITMIME"},
    {"send": "QUIT", "expect": "^221", "lines": True},
]


CASTS: dict[str, Way] = {
    "imap": lambda _: (
        Cast(
            name="plain",
            settings=lambda place: at_place(place, security="plain", capabilities=["IDLE"]),
            serve=_IMAP,
            dear=(saying(b"* OK hi\r\n" + _IMAP_WORDS * 90), saying(b"* OK hi\r\n" + b"* 1 FETCH\r\n" * 30_000)),
        ),
        Cast(
            name="login",
            settings=lambda place: over_tls(place, security="tls", login=ACCOUNT, idle=True),
            serve=_IMAP,
            inside_tls=True,
        ),
    ),
    "irc": lambda _: (
        Cast(
            name="plain",
            settings=at_place,
            serve=_IRC,
            dear=(saying(b":x CAP * LS * :" + b"a " * 4000 + b"\r\n"), saying(b"PING :1\r\n" * 100_000)),
        ),
        Cast(
            name="login",
            settings=lambda place: at_place(place, login=ACCOUNT),
            serve=_IRC,
            dear=(saying(b":x CAP * LS :sasl\r\n" + b":x 372 a :b\r\n" * 100_000),),
        ),
    ),
    "smtp": lambda _: (
        Cast(
            name="plain",
            settings=lambda place: at_place(place, security="plain", extensions=["SIZE"]),
            serve=_SMTP,
            dear=(saying(b"220 hi\r\n" + (b"250-" + b"a " * 2000 + b"\r\n") * 99 + b"250 x\r\n"),),
        ),
        Cast(
            name="login",
            settings=lambda place: over_tls(place, security="tls", login=ACCOUNT),
            serve=_SMTP,
            inside_tls=True,
        ),
    ),
    "tcp": lambda _: (
        Cast(
            name="dialogue",
            settings=lambda place: at_place(place, dialogue=_DIALOGUE),
            serve=_SMTP,
            dear=(saying(b"220 x\r\n" + b"250-\r\n" * 100_000),),
        ),
    ),
    "tls": lambda folder: (Cast(name="handshake", settings=over_tls, serve=lambda line: tls_server(line, folder)),),
    "xmpp": lambda _: (
        Cast(
            name="plain",
            settings=lambda place: _xmpp(place, "plain"),
            serve=_xmpp_plain,
            dear=(
                saying(_STREAM + b"<stream:features>" + b"<a/>" * 16_000),
                saying(_STREAM + b"<a " + b" ".join(b"a%d='1'" % n for n in range(6000)) + b">"),
                saying(_STREAM + b"<message/>" * 6000),
            ),
        ),
        Cast(
            name="login",
            settings=lambda place: _xmpp(
                place, "tls", login=ACCOUNT, tls={"ca_file": place.ca_file, "server_name": "localhost"}
            ),
            serve=_xmpp_login,
            inside_tls=True,
        ),
    ),
}
