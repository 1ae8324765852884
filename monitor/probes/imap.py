"""imap: does a mailbox server greet, answer, and let us in? No mailbox is opened.

The attempt reads the greeting, asks for STARTTLS and for the capabilities where
they have not been told, and times a NOOP, before any login::

    probe: imap
    address: "mail.example.org:993"

With an account it logs in, and may see whether the server would tell of new
mail at once (IDLE, RFC 2177)::

    probe: imap
    address: "mail.example.org:143"
    security: starttls
    capabilities: [IMAP4rev1, "AUTH=PLAIN"]
    login: {username: monitor, password_file: /etc/lastseen/mail}
    idle: true

``security`` is

- ``auto`` (the default): TLS from the first byte on port 993 (RFC 8314),
  elsewhere STARTTLS where the server offers it;
- ``starttls``: as that, and a server that does not offer it has failed;
- ``tls``: TLS from the first byte, on any port;
- ``plain``: no TLS.

``capabilities`` must be told by the server, before or after the login. ``login``
proves that the server lets its users in, by AUTHENTICATE PLAIN or, where that
is not offered, by LOGIN; it is sent through TLS only, so that it makes STARTTLS
a must. A server that greets as if we had logged in already (PREAUTH) is not
asked for it. ``address`` may be a list of equal hosts: each round asks one of
them, in turn. ``tls`` is explained with the tls probe.

Phases: resolve, connect, handshake (greeting, CAPABILITY, NOOP, IDLE),
starttls, tls, login.
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*,
tls/malformed (bytes in the clear after the server agreed to TLS),
handshake/starttls (not offered, or refused), handshake/capability (one is
missing, or it is no IMAP4rev1 or rev2), handshake/rejected (BYE in place of a
greeting, NO or BAD to what everybody may ask), handshake/overloaded (the same
with the codes UNAVAILABLE, LIMIT or INUSE of RFC 5530; BYE in the middle),
handshake/malformed, handshake/size, handshake/closed, handshake/reset,
handshake/timeout, login/rejected, login/overloaded, login/capability (no way to
log in that we know is offered), login/closed, login/timeout.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Pool, ProbeSettings, Secret, Settings, Strings, Tls
from monitor.domain.text import shown
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.network import Network
from monitor.net.stream import Stream
from monitor.wire.imap import Response, auth_plain, parse_response, quoted

_LINE_LIMIT = 16384
_LINES = 100
_ANSWER_LIMIT = 65536
_IMPLICIT = 993
_BUSY = ("UNAVAILABLE", "LIMIT", "INUSE")

Words = Annotated[Strings, AfterValidator(lambda words: tuple(word.upper() for word in words))]


class Login(Settings):
    """An account of the server."""

    username: str = Field(min_length=1, pattern="^[^\\x00]*$")
    password: Secret


class ImapSettings(ProbeSettings):
    """Settings of the imap probe."""

    address: Pool
    security: Literal["auto", "starttls", "tls", "plain"] = "auto"
    tls: Tls = Tls()
    capabilities: Words = ()
    login: Login | None = None
    idle: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.login and self.security == "plain":
            raise ValueError("a login is sent through TLS only: security cannot be plain")
        if self.idle and not self.login:
            raise ValueError("idle needs a login")
        return self

    @property
    @override
    def endpoint(self) -> str:
        return str(self.address[0])


class ImapProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = ImapSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: ImapSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._must_tls = settings.security == "starttls" or settings.login is not None
        self._wanted = frozenset((*settings.capabilities, *(["IDLE"] if settings.idle else [])))

    async def attempt(self, run: Run) -> None:
        """Greet, upgrade, ask for a sign of life, log in if told to, and leave."""
        settings = self._settings
        target = settings.address[(run.round + run.retry) % len(settings.address)]
        if len(settings.address) > 1:
            run.facts[Fact.HOST] = str(target)
        async with await self._network.connect(run, target, settings.route) as stream:
            session = _Session(run, stream)
            if settings.security == "tls" or (settings.security == "auto" and target.port == _IMPLICIT):
                await stream.start_tls(settings.tls, target.host)
                known = await session.greet()
            else:
                known = await session.greet()
                await self._upgrade(run, session, target.host, known=known)
            await self._prove(run, session)
            if settings.login and not known:
                run.enter(Phase.LOGIN)
                await session.log_in(settings.login)
            await self._use(run, session)
            session.leave()

    async def _upgrade(self, run: Run, session: "_Session", host: str, *, known: bool) -> None:
        if self._settings.security == "plain":
            return
        offered = not known and "STARTTLS" in await session.capabilities()  # not allowed after a login
        if offered:
            await session.start_tls(self._settings.tls, host)
        elif self._must_tls:
            raise run.failed(Reason.STARTTLS, "the server does not offer STARTTLS")

    async def _prove(self, run: Run, session: "_Session") -> None:
        """What every server must do before a login (RFC 9051 section 6.1)."""
        if not await session.capabilities() & {"IMAP4REV1", "IMAP4REV2"}:
            raise run.failed(Reason.CAPABILITY, "the server speaks neither IMAP4rev1 nor IMAP4rev2")
        began = self._network.monotonic()
        await session.ask(b"NOOP")
        run.facts[Fact.ROUND_TRIP] = self._network.monotonic() - began

    async def _use(self, run: Run, session: "_Session") -> None:
        """What can be asked once the server has said all that it can do."""
        run.enter(Phase.HANDSHAKE)
        if self._wanted:
            await session.capabilities()
        run.facts[Fact.OFFERED] = tuple(sorted(session.told))[:_LINES]
        missing = self._wanted - session.told
        if missing:
            raise run.failed(Reason.CAPABILITY, f"the server does not offer {', '.join(sorted(missing))}")
        if self._settings.idle:
            await session.ask(b"IDLE", b"DONE")


class _Session:
    """The dialogue of one connection. Raises ProbeFailed in the run's current phase for what is not as it should be."""

    def __init__(self, run: Run, stream: Stream) -> None:
        self._run = run
        self._stream = stream
        self._asked = 0
        self._taken = 0
        self._capabilities: frozenset[str] | None = None
        self.told: frozenset[str] = frozenset()
        """All capabilities that were told since TLS began."""

    async def greet(self) -> bool:
        """Take the greeting; whether we count as logged in already."""
        self._run.enter(Phase.HANDSHAKE)
        greeting = await self._response()
        if greeting.tag != "*" or greeting.word not in ("OK", "PREAUTH"):
            raise self._refusal(greeting, "the greeting")
        self._run.facts[Fact.SOFTWARE] = shown(greeting.text)
        return greeting.word == "PREAUTH"

    async def capabilities(self) -> frozenset[str]:
        """What the server can do now; asked for unless it has been told."""
        if self._capabilities is None:
            await self.ask(b"CAPABILITY")
        if self._capabilities is None:
            raise self._run.failed(Reason.MALFORMED, "the server does not say what it can do")
        return self._capabilities

    async def start_tls(self, tls: Tls, host: str) -> None:
        """STARTTLS, and TLS; what was said before is forgotten (RFC 9051 section 6.2.1)."""
        self._run.enter(Phase.STARTTLS)
        await self.ask(b"STARTTLS")
        await self._stream.start_tls(tls, host)
        self._run.enter(Phase.HANDSHAKE)
        self._capabilities, self.told = None, frozenset()

    async def log_in(self, login: Login) -> None:
        """By AUTHENTICATE PLAIN, else by LOGIN."""
        offered = await self.capabilities()
        password = login.password.get_secret_value()
        self._capabilities = None  # others hold after a login
        if "AUTH=PLAIN" in offered:
            response = auth_plain(login.username, password)
            if "SASL-IR" in offered:
                await self.ask(b"AUTHENTICATE PLAIN " + response)
            else:
                await self.ask(b"AUTHENTICATE PLAIN", response)
            return
        if "LOGINDISABLED" in offered:
            raise self._run.failed(Reason.CAPABILITY, "the server offers neither AUTHENTICATE PLAIN nor LOGIN")
        try:
            command = b"LOGIN %b %b" % (quoted(login.username), quoted(password))
        except ValueError as error:
            raise self._run.failed(Reason.CAPABILITY, "the server offers only LOGIN, which takes ASCII") from error
        await self.ask(command)

    async def ask(self, command: bytes, more: bytes | None = None) -> None:
        """One command until its OK; ``more`` is the line to send when the server wants to hear more."""
        self._asked += 1
        tag = f"a{self._asked}"
        self._stream.write(b"%b %b\r\n" % (tag.encode(), command))
        begun = self._taken
        for _ in range(_LINES):
            response = await self._response()
            if self._taken - begun > _ANSWER_LIMIT:
                break
            if response.tag == tag:
                if response.word != "OK":
                    raise self._refusal(response, command.partition(b" ")[0].decode())
                return
            if response.word == "BYE":
                raise self._run.failed(Reason.OVERLOADED, "the server took its leave in the middle of the conversation")
            if response.tag == "+" and more is not None:
                self._stream.write(more + b"\r\n")
                more = None
            elif response.tag != "*":
                raise self._run.failed(Reason.MALFORMED, "the server answers what was not asked")
        raise self._run.failed(Reason.SIZE, f"an answer of more than {_LINES} lines or {_ANSWER_LIMIT} bytes")

    def leave(self) -> None:
        """Say goodbye, and do not wait for the answer."""
        self._stream.write(b"z LOGOUT\r\n")

    async def _response(self) -> Response:
        line = await self._stream.read_line(_LINE_LIMIT)
        self._taken += len(line)
        try:
            response = parse_response(line)
        except ValueError as error:
            raise self._run.failed(Reason.MALFORMED, "the server does not speak IMAP") from error
        told = response.capabilities
        if told is not None:
            self._capabilities = told
            self.told |= told
        return response

    def _refusal(self, response: Response, what: str) -> ProbeFailed:
        """What NO, BAD or BYE means; anything else is no answer to ``what``."""
        if response.word not in ("NO", "BAD", "BYE"):
            return self._run.failed(Reason.MALFORMED, f"{what}: the server said something else")
        phase, code = self._run.phase, response.code_name
        # What servers say to a login may repeat its name.
        said = response.word if phase is Phase.LOGIN else f"{response.word} {shown(response.text)}"
        if code in _BUSY:
            failure = self._run.failed(Reason.OVERLOADED, f"{what} was put off: {said} ({code})")
            if phase is not Phase.LOGIN or code == "LIMIT":  # UNAVAILABLE at a login is a broken back end, not our rate
                failure.retry_after = 0.0
            return failure
        reason = Reason.STARTTLS if phase is Phase.STARTTLS else Reason.REJECTED
        return self._run.failed(reason, f"{what} was refused: {said}")
