"""A mail relay that is somebody else's (aiosmtpd), and says no where a test wants it to."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "lastseen", "canary-password"


@dataclass
class Relay:
    """``mailbox`` holds what it took. ``rcpt`` says no to recipients, ``data`` to mails, ``login`` to everybody."""

    mailbox: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    rcpt: dict[str, str] = field(default_factory=dict)
    data: str = "250 taken"
    login: bool = True
    is_silent: bool = False
    logins: list[str] = field(default_factory=list)
    was_secure: list[bool] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Whether a recipient is served."""
        if address in self.rcpt:
            return self.rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail."""
        if self.is_silent:
            await asyncio.sleep(3600)
        if self.data.startswith("250"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.mailbox.append(mail)
            self.recipients.append(list(envelope.rcpt_tos))
            self.was_secure.append(session.ssl is not None)
        return self.data

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Name and password."""
        assert isinstance(data, LoginPassword)
        self.logins.append(mechanism)
        is_right = self.login and data == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)


@asynccontextmanager
async def relay(
    tls: ssl.SSLContext | None = None, *, is_implicit: bool = False, asks: bool = False
) -> AsyncIterator[Relay]:
    """One on a free port of 127.0.0.1; with ``tls`` it offers STARTTLS or, if implicit, begins with TLS."""
    there = Relay()
    loop = asyncio.get_running_loop()

    talks: list[SMTP] = []

    def connected() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # it warns of passwords in the clear
            talk = SMTP(
                there,
                hostname="relay.example",
                tls_context=None if is_implicit else tls,
                require_starttls=tls is not None and not is_implicit,
                authenticator=there.authenticate,
                auth_required=asks,
                auth_require_tls=tls is not None and not is_implicit,
                loop=loop,
            )
        talks.append(talk)
        return talk

    server = await loop.create_server(connected, "127.0.0.1", 0, ssl=tls if is_implicit else None)
    there.port = server.sockets[0].getsockname()[1]
    try:
        yield there
    finally:
        server.close()
        for talk in talks:
            if isinstance(talk.transport, asyncio.Transport):
                with suppress(AttributeError):  # Python 3.11.2: a TLS transport that is gone has nothing to abort
                    talk.transport.abort()
        await asyncio.sleep(0.02)  # what a broken TLS handshake left goes by itself
