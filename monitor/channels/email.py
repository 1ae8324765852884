"""email: a letter by SMTP, through a relay.

Plain text and HTML in one message, to one mailbox or several::

    name: mail-oncall
    channel: email
    host: smtp.example.org
    username: lastseen
    password: ${SMTP_PASSWORD}
    from: lastseen <lastseen@example.org>
    to: [oncall@example.org, chief@example.net]

``tls`` is ``starttls`` (the rule: a relay that does not offer it is refused),
``implicit`` (the rule on port 465) or ``none`` (the rule for this machine
itself; a password then goes to this machine only). ``port`` is 587, 465 or 25
accordingly. ``ca_file`` trusts a relay of one's own. ``timeout`` (15 s) holds
for the whole exchange. Signing (DKIM) is the relay's.

Letters of an incident form a thread: each refers to the same id, which is that
of no message, and to the first letter, where that is known. Every try of a
letter has the same ``Message-ID``, so that a mailbox which knows it shows the
letter once.
``Auto-Submitted: auto-generated`` keeps robots from answering;
``X-Lastseen-Key``, ``-Conversation``, ``-Event`` and ``-Severity`` are there for
filters, and one more for each label, such as ``X-Lastseen-Service``.

Taken means that the relay took it for at least one of the recipients; who was
refused is in the log. 5xx is for good (535: name or password are refused), as
is a relay that does not offer STARTTLS or a login; 4xx and everything else may
pass. The check connects, starts TLS and logs in.

Rides on gmail, outlook or proton, when the relay is theirs or when all
recipients have their mailboxes there.

Sources: RFC 5321 (SMTP), 5322 (Message-ID, References), 3207 (STARTTLS), 3834
(Auto-Submitted), 8314 (port 465).
"""

import hashlib
import ipaddress
import re
import socket
import ssl
from asyncio import timeout
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate
from html import escape
from typing import Annotated, ClassVar, Literal, Self

import aiohttp
import structlog
from aiosmtplib import SMTP
from aiosmtplib import errors as smtp
from pydantic import AfterValidator, Field, SecretStr, model_validator
from typing_extensions import override

from monitor.domain.alert import ChannelFailed, ChannelSettings, Letter
from monitor.domain.mailboxes import mail_carrier
from monitor.domain.settings import Host, Secret, Strings, check_host
from monitor.net.api import Patience, trust
from monitor.net.trouble import trouble

_PORTS = {"starttls": 587, "implicit": 465, "none": 25}
_GOODBYE = 2.0
"""Seconds that a relay may take for its last word: the letter is taken already."""
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_MAILBOX = re.compile(rf"(?P<name>[^<>@]*<)?(?P<user>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>[A-Za-z0-9.-]+)(?(name)>)")
"""RFC 5322's addr-spec without quoted strings and comments, perhaps with a name before it."""
_log = structlog.get_logger(__name__)


def _mailbox(text: str) -> Address:
    found = _MAILBOX.fullmatch(text)
    if found is None or not text.isprintable():
        raise ValueError(f"not a mailbox: {text!r}; write name@example.org or Name <name@example.org>")
    user, domain = found["user"], check_host(found["domain"])
    return Address(display_name=(found["name"] or "").rstrip("<").strip(' "'), username=user, domain=domain)


def _check_mailbox(text: str) -> str:
    _mailbox(text)
    return text


def _check_mailboxes(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        raise ValueError("no recipient")
    for text in texts:
        _mailbox(text)
    return texts


class EmailSettings(ChannelSettings):
    """Settings of the email channel."""

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    tls: Literal["starttls", "implicit", "none"] | None = None
    ca_file: str | None = None
    username: str = ""
    password: Secret = SecretStr("")
    from_: Annotated[str, AfterValidator(_check_mailbox)] = Field(alias="from")
    to: Annotated[Strings, AfterValidator(_check_mailboxes)]
    timeout: Patience = 15.0

    @model_validator(mode="after")
    def _check_secrecy(self) -> Self:
        if self.username and self.security == "none" and not self._is_here:
            raise ValueError("a password goes out encrypted: set tls to starttls or implicit")
        return self

    @property
    def security(self) -> str:
        """How the connection is secured, by the rule where ``tls`` says nothing."""
        if self.tls is not None:
            return self.tls
        return "implicit" if self.port == _PORTS["implicit"] else "none" if self._is_here else "starttls"

    @property
    def _is_here(self) -> bool:
        with suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return self.host == "localhost"

    @property
    def sender(self) -> Address:
        """The mailbox in ``From``."""
        return _mailbox(self.from_)

    @property
    def recipients(self) -> tuple[Address, ...]:
        """The mailboxes in ``To``."""
        return tuple(_mailbox(text) for text in self.to)

    @property
    @override
    def known_rides(self) -> tuple[str, ...]:
        # Where only some of the mailboxes are theirs, somebody is still reached.
        theirs = {mail_carrier(mailbox.domain) for mailbox in self.recipients}
        found = {mail_carrier(self.host), *(theirs if len(theirs) == 1 else ())}
        return tuple(sorted(carrier for carrier in found if carrier))

    @property
    @override
    def place(self) -> str:
        return self.host


class EmailChannel:
    """See the module's docstring."""

    settings_type: ClassVar[type[ChannelSettings]] = EmailSettings

    def __init__(self, settings: EmailSettings, session: aiohttp.ClientSession) -> None:
        del session  # SMTP is no HTTP
        self._settings = settings
        self._sender = settings.sender
        self._recipients = settings.recipients

    async def send(self, letter: Letter) -> str:
        """Hand the message to the relay. Returns the Message-ID that starts the thread."""
        message = self._message(letter)
        async with self._relay() as relay:
            refused, _ = await relay.sendmail(
                self._sender.addr_spec,
                [mailbox.addr_spec for mailbox in self._recipients],
                message.as_bytes(policy=SMTP_POLICY),
            )
        if refused:
            codes = sorted({response.code for response in refused.values()})
            _log.warning("the relay refused some of the recipients", recipients=sorted(refused), codes=codes)
        return letter.thread or str(message["Message-ID"])

    async def check(self) -> None:
        """Whether the relay lets us in."""
        async with self._relay() as relay:
            await relay.noop()

    @asynccontextmanager
    async def _relay(self) -> AsyncIterator[SMTP]:
        """A connection, logged in; what goes wrong becomes `ChannelFailed`."""
        settings = self._settings
        relay = SMTP(
            hostname=settings.host,
            port=settings.port or _PORTS[settings.security],
            local_hostname=_own_name(),
            timeout=settings.timeout,
            use_tls=settings.security == "implicit",
            start_tls=settings.security == "starttls",
            tls_context=_context(settings),
            username=settings.username or None,
            password=settings.password.get_secret_value() or None,
        )
        try:
            async with timeout(settings.timeout):
                await relay.connect()
                yield relay
            with suppress(smtp.SMTPException, OSError):
                await relay.quit(timeout=_GOODBYE)
        except (smtp.SMTPException, OSError, ValueError) as error:
            raise _failure(error) from None  # the relay's own words may repeat what we sent
        finally:
            relay.close()

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage(policy=SMTP_POLICY)
        message["From"] = self._sender
        message["To"] = self._recipients
        message["Subject"] = _line(letter.title)
        message["Date"] = formatdate(letter.decided)
        message["Message-ID"] = self._id(letter.key)
        root = self._id(letter.conversation)
        if letter.thread:
            message["In-Reply-To"] = _line(letter.thread)
        message["References"] = f"{root} {_line(letter.thread)}".strip()
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        for name, value in _marks(letter).items():
            message[f"X-Lastseen-{name}"] = value
        message["Content-Language"] = _line(letter.language)
        message.set_content(_clean(letter.text), cte="quoted-printable")
        message.add_alternative(_page(letter), subtype="html", cte="quoted-printable")
        return message

    def _id(self, text: str) -> str:
        return f"<{hashlib.sha256(text.encode()).hexdigest()[:32]}.lastseen@{self._sender.domain}>"


def _failure(error: Exception) -> ChannelFailed:
    if isinstance(error, smtp.SMTPRecipientsRefused):
        is_permanent = all(refusal.code >= 500 for refusal in error.recipients)
        return ChannelFailed("the relay refused every recipient", permanent=is_permanent)
    if isinstance(error, smtp.SMTPAuthenticationError):
        return ChannelFailed(f"name or password are refused ({error.code})", permanent=error.code >= 500)
    if isinstance(error, smtp.SMTPResponseException) and error.code >= 200:
        return ChannelFailed(f"the relay answered {error.code}", permanent=500 <= error.code < 600)
    if isinstance(error, smtp.SMTPException) and not isinstance(error, OSError | smtp.SMTPResponseException):
        return ChannelFailed("the relay offers no STARTTLS, or no login that we know", permanent=True)
    return ChannelFailed(trouble(error))


def _context(settings: EmailSettings) -> ssl.SSLContext | None:
    context = trust(settings.ca_file)
    return context if isinstance(context, ssl.SSLContext) else None


def _own_name() -> str:
    # Not `socket.getfqdn`, which asks the resolver: it may be what is broken.
    name = socket.gethostname()
    return name if name.isascii() and name.isprintable() and " " not in name and name else "localhost"


def _marks(letter: Letter) -> dict[str, str]:
    told = {"key": letter.key, "conversation": letter.conversation, "event": letter.event, "severity": letter.severity}
    marks = {**letter.labels, **told}
    return {
        name.replace("_", "-").title(): _line(value).encode("ascii", "replace").decode()
        for name, value in marks.items()
        if name.isascii() and name.isidentifier() and value
    }


def _line(text: str) -> str:
    """One line, so that nothing in it can become a header of its own."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:500]


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _page(letter: Letter) -> str:
    return _clean(
        f'<!DOCTYPE html>\n<html lang="{escape(letter.language)}"><head><meta charset="utf-8"></head>\n'
        f"<body>\n{letter.html}\n</body></html>\n"
    )
