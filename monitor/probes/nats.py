"""nats: does a NATS server greet, let a client in, and deliver?

The attempt connects, takes the server's INFO, sends CONNECT and PING and ends
with PONG::

    probe: nats
    address: bus.example.org:4222

With ``subject`` a message is sent to that subject and awaited from there: PONG
says that the server took it, its arrival that it was delivered. The message is
known by a nonce, those of others are passed over (up to 1,000)::

    probe: nats
    address: bus.example.org:4222
    tls: {ca_file: /etc/lastseen/ca.pem}
    username: monitor
    password: made-up
    subject: lastseen.probe

``token`` is for servers that want one in place of ``username`` and ``password``;
``password_file`` and ``token_file`` keep secrets out of the configuration. ``tls``
(see the tls probe) demands TLS, which begins after INFO; a server that
requires it gets it with the system's trust anchors where ``tls`` is not given.

A server that wants a login refuses a client without one. That proves it alive
and is ok when there is neither a login nor a ``subject``, unless
``accept_refusal: false``. ``address`` may be a list of equal hosts: each round
asks one of them, in turn.

Phases: resolve, connect, starttls (INFO, with ``tls``), tls (if any), handshake
(INFO, and PONG without a login), login (until PONG), send (until PONG), deliver.
Facts: software, round_trip (from sending the message to its arrival).
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*;
handshake/starttls (TLS is demanded and not offered, or the other way round);
login/rejected (the server refuses the login, or wants one);
handshake/overloaded or login/overloaded (too many connections, shutting down);
send/rejected (no right to write or to read the subject); deliver/timeout
(accepted, never arrived), deliver/nonce (only other messages); and in each of
these phases rejected, closed, malformed, size (a line beyond 64 KiB, a message
beyond 256 KiB), reset, timeout.
Sources: docs.nats.io, "Client Protocol"; nats-server 2.9 for the words of -ERR.
"""

import os
from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Pool, ProbeSettings, Secret, Tls
from monitor.domain.text import shown
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.network import Network
from monitor.net.pool import member
from monitor.net.stream import Stream
from monitor.wire import nats as wire
from monitor.wire.nats import Verb

_LINE = 65536
_LIMIT = 256 * 1024
_OTHERS = 1000
# What -ERR says (nats-server, server/errors.go and client.go), in lower case, and what it means.
_ERRORS = (
    ("permissions violation", Reason.REJECTED),
    ("exceeded", Reason.OVERLOADED),
    ("shutdown", Reason.OVERLOADED),
    ("throttling", Reason.OVERLOADED),
    ("tls required", Reason.STARTTLS),
)
_REFUSALS = ("authorization", "authentication", "credentials")


def _check_subject(subject: str) -> str:
    if not subject or len(subject.encode()) > 1000 or any(sign.isspace() or sign in "*>\0" for sign in subject):
        raise ValueError("not the name of one subject: no wildcards (*, >), no spaces, not empty, at most 1,000 bytes")
    return subject


class NatsSettings(ProbeSettings):
    """Settings of the nats probe."""

    address: Pool
    tls: Tls | None = None
    username: str = Field(default="", max_length=1000)
    password: Secret = Field(default=Secret(""), max_length=2000)
    token: Secret = Field(default=Secret(""), max_length=2000)
    subject: Annotated[str, AfterValidator(_check_subject)] | None = None
    accept_refusal: bool = True

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        if self.password.get_secret_value() and not self.username:
            raise ValueError("a password needs a username")
        if self.token.get_secret_value() and self.username:
            raise ValueError("token and username exclude each other")
        return self

    @property
    @override
    def endpoint(self) -> str:
        return str(self.address[0])


class NatsProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = NatsSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: NatsSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        password, token = settings.password.get_secret_value(), settings.token.get_secret_value()
        self._has_login = bool(settings.username or token)
        self._connect = {
            tls: wire.encode_connect(tls=tls, username=settings.username, password=password, token=token)
            for tls in (False, True)
        }

    async def attempt(self, run: Run) -> None:
        """Connect, be greeted, be let in, send a message round."""
        settings = self._settings
        target = settings.address[member(run, settings.address)]
        async with await self._network.connect(run, target, settings.route) as stream:
            session = _Session(run, stream, self._network.monotonic)
            try:
                await self._converse(run, session, stream, target.host)
            except ValueError as error:
                raise run.failed(Reason.MALFORMED, f"not NATS: {error}") from error

    async def _converse(self, run: Run, session: "_Session", stream: Stream, host: str) -> None:
        tls, subject = self._settings.tls, self._settings.subject
        run.enter(Phase.STARTTLS if tls else Phase.HANDSHAKE)
        info = await session.info()
        if tls and not (info.tls_required or info.tls_available):
            raise run.failed(Reason.STARTTLS, "the server does not offer TLS")
        secure = tls is not None or info.tls_required
        if secure:
            await stream.start_tls(tls or Tls(), host)
        run.enter(Phase.LOGIN if self._has_login else Phase.HANDSHAKE)
        stream.write(self._connect[secure])
        try:
            await session.until(Verb.PONG)
        except ProbeFailed as failure:
            wanted = self._has_login or subject is not None or not self._settings.accept_refusal
            if wanted or failure.layer is not Layer.LOGIN:
                raise
            return
        if subject is not None:
            run.facts[Fact.ROUND_TRIP] = await session.round_trip(subject)


class _Session:
    """The lines of one connection."""

    def __init__(self, run: Run, stream: Stream, monotonic: Callable[[], float]) -> None:
        self._run = run
        self._stream = stream
        self._monotonic = monotonic
        self._payload = b""
        self._others = 0
        self._arrived: float | None = None

    async def info(self) -> wire.Info:
        """The server's greeting."""
        verb, rest = wire.parse_line(await self._stream.read_line(_LINE))
        if verb is Verb.ERROR:
            raise self._error(rest)
        if verb is not Verb.INFO:
            raise ValueError(f"{verb.name} in place of INFO")
        info = wire.parse_info(rest)
        if info.version:
            self._run.facts[Fact.SOFTWARE] = shown(f"NATS {info.version}")
        return info

    async def round_trip(self, subject: str) -> float:
        """Seconds from sending a message to its arrival; phases send and deliver."""
        self._run.enter(Phase.SEND)
        self._payload = b"lastseen " + os.urandom(16).hex().encode()
        sent = self._monotonic()
        self._stream.write(wire.encode_round_trip(subject, self._payload))
        await self.until(Verb.PONG)
        self._run.enter(Phase.DELIVER)
        while self._arrived is None:
            await self._next()
        return self._arrived - sent

    async def until(self, wanted: Verb) -> None:
        """Take lines up to the one that is ``wanted``."""
        while await self._next() is not wanted:
            pass

    async def _next(self) -> Verb:
        verb, rest = wire.parse_line(await self._stream.read_line(_LINE))
        if verb is Verb.ERROR:
            raise self._error(rest)
        if verb is Verb.PONG:
            return verb
        self._others += 1
        if self._others > _OTHERS:
            raise self._run.failed(Reason.NONCE, f"{_OTHERS} messages and lines of other kinds, and none of them ours")
        if verb is Verb.PING:
            self._stream.write(b"PONG\r\n")
        elif verb is Verb.MESSAGE:
            await self._take(wire.parse_size(rest))
        return verb

    async def _take(self, size: int) -> None:
        if size > _LIMIT:
            raise self._run.failed(Reason.SIZE, f"a message of {size} bytes")
        message = await self._stream.read_exactly(size + 2)
        if self._payload and message == self._payload + b"\r\n":
            self._arrived = self._arrived or self._monotonic()

    def _error(self, rest: bytes) -> ProbeFailed:
        text = wire.parse_error(rest)
        said, answer = text.lower(), f"the server answered {shown(text)}"
        for words, reason in _ERRORS:
            if words in said:
                return self._run.failed(reason, answer)
        if any(word in said for word in _REFUSALS):
            return ProbeFailed(Layer.LOGIN, Reason.REJECTED, answer)
        return self._run.failed(Reason.REJECTED, answer)
