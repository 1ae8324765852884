"""smtp: does a mail server greet, offer what it must, and let us log in? No mail is sent.

By domain, the mail exchangers are asked that its MX records name (RFC 5321
section 5.1), another each round and each confirmation, on port 25; without an
MX record the domain itself::

    probe: smtp
    domain: example.org

By address, one server or a list of equal ones, of which each round asks one::

    probe: smtp
    address: "mail.example.org:587"
    security: starttls
    auth: [PLAIN]
    login: {username: monitor@example.org, password_file: /etc/lastseen/mail}

The attempt reads the greeting, says EHLO, speaks STARTTLS (RFC 3207) and says
EHLO again, and takes its leave; MAIL and RCPT are never said. ``security`` is

- ``auto`` (the default): TLS from the first byte on port 465 (RFC 8314),
  elsewhere STARTTLS where the server offers it;
- ``starttls``: as that, and a server that does not offer it has failed;
- ``tls``: TLS from the first byte, on any port;
- ``plain``: no TLS.

``extensions`` (``[SIZE, SMTPUTF8]``) and ``auth`` (mechanisms) must be offered,
after TLS where there is TLS. ``login`` proves that the server lets its users
in (RFC 4954, by PLAIN or LOGIN); it is sent through TLS only, so that it makes
STARTTLS a must. ``ehlo`` is the name that we present; the default is the
address that the connection comes from, in brackets, as mail programs do. Give
a name that resolves where a server wants one. ``port`` is that of the
exchangers. ``tls`` is explained with the tls probe; many exchangers of others
show a certificate that nobody vouches for, which senders do not mind: write
``tls: {verify: false}`` for these.

Phases: resolve, connect, handshake (greeting, EHLO), starttls, tls, login.
Failures: dns/*, dns/answer (the domain takes no mail, RFC 7505),
route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*, tls/malformed
(bytes in the clear after the server agreed to TLS), handshake/overloaded (4xx,
which asks us to come back later), handshake/rejected (5xx),
handshake/starttls (not offered, or refused), handshake/capability (an
extension or a mechanism is missing), handshake/malformed, handshake/size,
handshake/closed, handshake/reset, handshake/timeout, login/rejected,
login/overloaded, login/capability (neither PLAIN nor LOGIN is offered),
login/closed, login/timeout.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Endpoint, Host, Pool, ProbeSettings, Secret, Settings, Strings, Tls
from monitor.domain.text import shown
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.network import Network
from monitor.net.services import mx_hosts
from monitor.net.stream import Stream
from monitor.wire.smtp import address_literal, auth_plain, auth_text, parse_extensions, parse_line, without_code

_LINE_LIMIT = 4096  # RFC 5321 section 4.5.3.1.5 allows 512
_LINES = 100
_REPLY_LIMIT = 65536
_IMPLICIT = 465
_Extensions = Mapping[str, frozenset[str]]

Words = Annotated[Strings, AfterValidator(lambda words: tuple(word.upper() for word in words))]


class Login(Settings):
    """An account of the server."""

    username: str = Field(min_length=1, pattern="^[^\\x00]*$")
    password: Secret


class SmtpSettings(ProbeSettings):
    """Settings of the smtp probe."""

    domain: Host | None = None
    address: Pool | None = None
    port: int = Field(default=25, ge=1, le=65535)
    security: Literal["auto", "starttls", "tls", "plain"] = "auto"
    tls: Tls = Tls()
    ehlo: Annotated[str, Field(pattern=r"^(\[[0-9A-Za-z:.]+\]|[0-9A-Za-z.-]+)$", max_length=255)] | None = None
    extensions: Words = ()
    auth: Words = ()
    login: Login | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.domain is None) == (self.address is None):
            raise ValueError("write either domain or address")
        if self.login and self.security == "plain":
            raise ValueError("a login is sent through TLS only: security cannot be plain")
        return self

    @property
    @override
    def endpoint(self) -> str:
        return self.domain if self.address is None else str(self.address[0])  # type: ignore[return-value]  # see _check


class _Reply(NamedTuple):
    code: int
    lines: list[str]


class SmtpProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = SmtpSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: SmtpSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._must_tls = settings.security == "starttls" or settings.login is not None

    async def attempt(self, run: Run) -> None:
        """Greet, upgrade, look at what is offered, log in if told to, and leave."""
        settings = self._settings
        target = await self._target(run)
        async with await self._network.connect(run, target, settings.route) as stream:
            if settings.security == "tls" or (settings.security == "auto" and target.port == _IMPLICIT):
                await stream.start_tls(settings.tls, target.host)
                extensions = await self._greet(run, stream)
            else:
                extensions = await self._upgrade(run, stream, target.host, await self._greet(run, stream))
            run.facts[Fact.OFFERED] = _offered(extensions)
            self._check(run, extensions)
            if settings.login:
                run.enter(Phase.LOGIN)
                await _log_in(run, stream, settings.login, extensions.get("AUTH", frozenset()))
            stream.write(b"QUIT\r\n")

    async def _target(self, run: Run) -> Endpoint:
        settings = self._settings
        turn = run.round + run.retry
        if settings.address is not None:
            target = settings.address[turn % len(settings.address)]
            if len(settings.address) > 1:
                run.facts[Fact.HOST] = str(target)
            return target
        domain = settings.endpoint
        hosts = await mx_hosts(self._network, run, domain, settings.route)
        if hosts is None:
            hosts = [domain]
        if not hosts:
            raise run.failed(Reason.ANSWER, f"{domain} takes no mail: its MX record is the null MX")
        target = Endpoint(host=hosts[turn % len(hosts)], port=settings.port)
        run.facts[Fact.HOST] = str(target)
        return target

    async def _greet(self, run: Run, stream: Stream) -> _Extensions:
        run.enter(Phase.HANDSHAKE)
        greeting = await _reply(run, stream)
        if greeting.code != 220:
            raise _refusal(run, greeting, "the greeting")
        run.facts[Fact.SOFTWARE] = shown(greeting.lines[0])
        return await self._hello(run, stream)

    async def _hello(self, run: Run, stream: Stream) -> _Extensions:
        name = self._settings.ehlo or address_literal(stream.local_address)
        reply = await _ask(run, stream, b"EHLO " + name.encode())
        if reply.code != 250:
            raise _refusal(run, reply, "EHLO")
        return parse_extensions(reply.lines[1:])

    async def _upgrade(self, run: Run, stream: Stream, host: str, extensions: _Extensions) -> _Extensions:
        if "STARTTLS" not in extensions:
            if self._must_tls:
                raise run.failed(Reason.STARTTLS, "the server does not offer STARTTLS")
            return extensions
        if self._settings.security == "plain":
            return extensions
        run.enter(Phase.STARTTLS)
        reply = await _ask(run, stream, b"STARTTLS")
        if reply.code == 421:
            raise _refusal(run, reply, "STARTTLS")
        if reply.code != 220:
            raise run.failed(Reason.STARTTLS, f"the server offers STARTTLS, and answers {reply.code} to it")
        await stream.start_tls(self._settings.tls, host)
        run.enter(Phase.HANDSHAKE)
        return await self._hello(run, stream)

    def _check(self, run: Run, extensions: _Extensions) -> None:
        mechanisms = extensions.get("AUTH", frozenset())
        missing = [word for word in self._settings.extensions if word not in extensions]
        missing += [f"AUTH {word}" for word in self._settings.auth if word not in mechanisms]
        if missing:
            raise run.failed(Reason.CAPABILITY, f"the server does not offer {', '.join(missing)}")


def _offered(extensions: _Extensions) -> tuple[str, ...]:
    words = [*extensions, *(f"AUTH={mechanism}" for mechanism in sorted(extensions.get("AUTH", ())))]
    return tuple(word for word in words if word != "AUTH")[:_LINES]


async def _log_in(run: Run, stream: Stream, login: Login, mechanisms: frozenset[str]) -> None:
    password = login.password.get_secret_value()
    if "PLAIN" in mechanisms:
        reply = await _ask(run, stream, b"AUTH PLAIN " + auth_plain(login.username, password))
    elif "LOGIN" in mechanisms:
        reply = await _ask(run, stream, b"AUTH LOGIN")
        for text in (login.username, password):
            if reply.code == 334:
                reply = await _ask(run, stream, auth_text(text))
    else:
        raise run.failed(Reason.CAPABILITY, "the server offers neither AUTH PLAIN nor AUTH LOGIN")
    if reply.code != 235:
        raise _refusal(run, reply, "the login")


async def _ask(run: Run, stream: Stream, command: bytes) -> _Reply:
    stream.write(command + b"\r\n")
    return await _reply(run, stream)


async def _reply(run: Run, stream: Stream) -> _Reply:
    lines: list[str] = []
    room = _REPLY_LIMIT
    while len(lines) < _LINES and room > 0:
        try:
            line = parse_line(await stream.read_line(_LINE_LIMIT))
        except ValueError as error:
            raise run.failed(Reason.MALFORMED, "the server does not speak SMTP") from error
        lines.append(line.text)
        room -= len(line.text)
        if not line.more:
            return _Reply(line.code, lines)
    raise run.failed(Reason.SIZE, f"a reply of more than {_LINES} lines or {_REPLY_LIMIT} bytes")


def _refusal(run: Run, reply: _Reply, what: str) -> ProbeFailed:
    """What an unexpected reply means: 4xx is temporary, 5xx is not, and anything else is no answer to ``what``."""
    # What servers say to a login may repeat its name.
    said = str(reply.code) if run.phase is Phase.LOGIN else f"{reply.code} {shown(without_code(reply.lines[0]))}"
    if reply.code < 400:
        return run.failed(Reason.MALFORMED, f"{what}: {said} is no answer to that")
    if reply.code >= 500:
        return run.failed(Reason.REJECTED, f"{what} was refused: {said}")
    failure = run.failed(Reason.OVERLOADED, f"{what} was put off: {said}")
    if reply.code == 421 or run.phase is not Phase.LOGIN:  # 454 at a login is a broken back end, not our rate
        failure.retry_after = 0.0
    return failure
