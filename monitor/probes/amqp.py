"""amqp: does an AMQP broker (0-9-1, as RabbitMQ speaks it) greet, and let an account in?

The attempt connects, sends the protocol's header, and ends when the broker has
answered with connection.start::

    probe: amqp
    address: broker.example.org:5672

With ``username`` it logs in (SASL PLAIN) and opens the virtual host ``vhost``
(default ``/``); ``password_file`` keeps the password out of the configuration.
``tls`` (see the tls probe) speaks TLS from the first byte::

    probe: amqp
    address: broker.example.org:5671
    tls: {ca_file: /etc/lastseen/ca.pem}
    username: monitor
    password: made-up
    vhost: orders

``address`` may be a list of equal hosts: each round asks one of them, in turn.
After a login the connection is closed as the protocol wants it; without one
RabbitMQ notes in its log that a client left early.

Phases: resolve, connect, tls (if any), handshake (until connection.start),
login (until connection.open-ok).
Facts: software (product and version of the broker), offered (SASL mechanisms).
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*;
handshake/capability (another version of AMQP only, or no PLAIN for a login);
login/rejected (the account or its password, no right to the virtual host),
login/host_unknown (no such virtual host), login/overloaded (a limit of
connections is reached, shutting down, no resources), login/closed;
handshake or login with closed, malformed, size (a frame beyond 128 KiB), reset,
timeout.
Sources: AMQP 0-9-1 specification sections 2.2.4 and 4.2, reference 1.4 and 1.2
(reply codes); RabbitMQ's "Authentication Failure Notifications" and errata.
"""

from collections.abc import Mapping
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
from monitor.wire import amqp as wire
from monitor.wire.amqp import Method
from monitor.wire.cursor import Cursor

_LIMIT = 128 * 1024
_HEARTBEATS = 10
_MOST = 20
# Reply codes of the reference, section 1.2. 530 is told apart by the broker's words.
_CLOSES = {
    320: (Reason.OVERLOADED, "is shutting down, or an operator ends the connection"),
    402: (Reason.HOST_UNKNOWN, "knows no such virtual host"),
    403: (Reason.REJECTED, "refuses the credentials"),
    506: (Reason.OVERLOADED, "has not enough resources"),
}
_NOT_ALLOWED = 530


def _check_vhost(vhost: str) -> str:
    if len(vhost.encode()) > 255:
        raise ValueError("longer than the 255 bytes that AMQP allows")
    return vhost


class AmqpSettings(ProbeSettings):
    """Settings of the amqp probe."""

    address: Pool
    tls: Tls | None = None
    username: str = Field(default="", max_length=1000)
    password: Secret = Field(default=Secret(""), max_length=10_000)
    vhost: Annotated[str, AfterValidator(_check_vhost)] = "/"

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        if (self.password.get_secret_value() or self.vhost != "/") and not self.username:
            raise ValueError("password and vhost need a username")
        return self

    @property
    @override
    def endpoint(self) -> str:
        return str(self.address[0])


class AmqpProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = AmqpSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: AmqpSettings, network: Network) -> None:
        self._settings = settings
        self._network = network

    async def attempt(self, run: Run) -> None:
        """Connect, be greeted, log in."""
        settings = self._settings
        target = settings.address[member(run, settings.address)]
        async with await self._network.connect(run, target, settings.route) as stream:
            if settings.tls:
                await stream.start_tls(settings.tls, target.host)
            try:
                await self._open(run, stream)
            except ValueError as error:
                raise run.failed(Reason.MALFORMED, f"not AMQP 0-9-1: {error}") from error

    async def _open(self, run: Run, stream: Stream) -> None:
        run.enter(Phase.HANDSHAKE)
        stream.write(wire.HEADER)
        start = wire.parse_start(await _expect(run, stream, Method.START))
        _note(run, start)
        if not self._settings.username:
            return
        if "PLAIN" not in start.mechanisms:
            raise run.failed(Reason.CAPABILITY, "the broker does not offer the mechanism PLAIN")
        run.enter(Phase.LOGIN)
        try:
            await self._log_in(run, stream)
        except ProbeFailed as failure:
            if failure.reason is Reason.CLOSED and not _tells_refusals(start):
                raise run.failed(Reason.REJECTED, "the broker closed the connection at the login") from failure
            raise
        stream.write(wire.encode_close())

    async def _log_in(self, run: Run, stream: Stream) -> None:
        settings = self._settings
        stream.write(wire.encode_start_ok(settings.username, settings.password.get_secret_value()))
        tune = wire.parse_tune(await _expect(run, stream, Method.TUNE))
        stream.write(wire.encode_tune_ok(tune) + wire.encode_open(settings.vhost))
        await _expect(run, stream, Method.OPEN_OK)


async def _expect(run: Run, stream: Stream, wanted: Method) -> Cursor:
    """The arguments of the method that must come next."""
    for _ in range(_HEARTBEATS):
        head = await stream.read_exactly(wire.HEAD_SIZE)
        if head.startswith(wire.HEADER[:4]):
            version = head[4:] + await stream.read_exactly(1)
            raise run.failed(Reason.CAPABILITY, f"the broker speaks AMQP {'-'.join(map(str, version))} only")
        size = wire.frame_size(head)
        if size > _LIMIT:
            raise run.failed(Reason.SIZE, f"a frame of {size} bytes")
        found = wire.parse_method(head, await stream.read_exactly(size))
        if found is not None:
            return _arguments(run, stream, found, wanted)
    raise ValueError(f"{_HEARTBEATS} heartbeats in place of an answer")


def _arguments(run: Run, stream: Stream, found: tuple[Method, Cursor], wanted: Method) -> Cursor:
    method, cursor = found
    if method is Method.CLOSE:
        close = wire.parse_close(cursor)
        stream.write(wire.encode_close_ok())
        raise _closed(run, close)
    if method is not wanted:
        raise ValueError(f"connection.{method.name.lower()} in place of connection.{wanted.name.lower()}")
    return cursor


def _closed(run: Run, close: wire.Close) -> ProbeFailed:
    """The failure that connection.close stands for. Its text may name the account, and is not repeated."""
    reason, text = _CLOSES.get(close.code, (Reason.CLOSED, "closes the connection"))
    if close.code == _NOT_ALLOWED:
        reason, text = Reason.REJECTED, "does not allow the account into the virtual host"
        if "limit" in close.text:
            reason, text = Reason.OVERLOADED, "has reached its limit of connections"
        elif "not found" in close.text:
            reason, text = _CLOSES[402]
    return run.failed(reason, f"the broker {text} (code {close.code})")


def _tells_refusals(start: wire.Start) -> bool:
    capabilities = start.properties.get("capabilities")
    return isinstance(capabilities, Mapping) and capabilities.get("authentication_failure_close") is True


def _note(run: Run, start: wire.Start) -> None:
    names = [start.properties.get(name) for name in ("product", "version")]
    said = " ".join(name for name in names if isinstance(name, str))
    if said:
        run.facts[Fact.SOFTWARE] = shown(said)
    run.facts[Fact.OFFERED] = tuple(shown(name) for name in start.mechanisms[:_MOST])
