"""kafka: does a Kafka broker answer in its own protocol, and let an account in?

The attempt connects, asks which versions of its requests the broker knows
(ApiVersions, the first thing that every client asks, which is answered without
a login), and ends when the answer is a whole one::

    probe: kafka
    address: broker.example.org:9092

With ``username`` it logs in (SASL PLAIN); ``password_file`` keeps the password
out of the configuration. ``tls`` (see the tls probe) speaks TLS from the first
byte::

    probe: kafka
    address: [broker-1.example.org:9094, broker-2.example.org:9094]
    tls: {ca_file: /etc/lastseen/ca.pem}
    username: monitor
    password: made-up

``address`` may be a list of equal hosts: each round asks one of them, in turn.
No topic, partition or group is touched. Other SASL mechanisms than PLAIN are
not spoken; a broker that offers others only is probed without ``username``.

Phases: resolve, connect, tls (if any), handshake (ApiVersions), login (until
the answer to SaslAuthenticate).
Facts: offered (SASL mechanisms, with a login).
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*;
handshake/nonce (the answer is to another request), handshake/capability (it
does not know the request), handshake/overloaded, handshake/rejected;
login/rejected (the account or its password), login/capability (no PLAIN, or no
login at all, on this listener), login/overloaded; handshake or login with
closed, malformed, size (an answer beyond 256 KiB), reset, timeout.
Sources: kafka.apache.org/protocol (requests 17, 18 and 36, error codes). The
probe is tested against a stand-in that is made of the protocol classes of
kafka-python, a client that is not ours, which connects to it as well; not
against Apache Kafka itself.
"""

import os
from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import Pool, ProbeSettings, Secret, Tls
from monitor.domain.text import shown
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.network import Network
from monitor.net.pool import member
from monitor.net.stream import Stream
from monitor.wire import kafka as wire
from monitor.wire.cursor import Cursor

_LIMIT = 256 * 1024
_MOST = 20
_ERRORS = {
    7: (Reason.OVERLOADED, "says that the request timed out"),
    8: (Reason.OVERLOADED, "says that it is not available"),
    33: (Reason.CAPABILITY, "does not offer the mechanism PLAIN"),
    34: (Reason.CAPABILITY, "takes no login on this listener"),
    35: (Reason.CAPABILITY, "does not know this version of the request"),
    58: (Reason.REJECTED, "refuses the credentials"),
    89: (Reason.OVERLOADED, "says that a quota is exceeded"),
}


class KafkaSettings(ProbeSettings):
    """Settings of the kafka probe."""

    address: Pool
    tls: Tls | None = None
    username: str = Field(default="", max_length=1000)
    password: Secret = Field(default=Secret(""), max_length=10_000)

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        if self.password.get_secret_value() and not self.username:
            raise ValueError("a password needs a username")
        return self

    @property
    @override
    def endpoint(self) -> str:
        return str(self.address[0])


class KafkaProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = KafkaSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: KafkaSettings, network: Network) -> None:
        self._settings = settings
        self._network = network

    async def attempt(self, run: Run) -> None:
        """Connect, ask for versions, log in."""
        settings = self._settings
        target = settings.address[member(run, settings.address)]
        async with await self._network.connect(run, target, settings.route) as stream:
            if settings.tls:
                await stream.start_tls(settings.tls, target.host)
            try:
                await self._converse(run, stream)
            except ValueError as error:
                raise run.failed(Reason.MALFORMED, f"not Kafka: {error}") from error

    async def _converse(self, run: Run, stream: Stream) -> None:
        run.enter(Phase.HANDSHAKE)
        number = int.from_bytes(os.urandom(4)) >> 1  # the protocol's number is signed
        stream.write(wire.encode_api_versions(number))
        _check(run, wire.parse_api_versions(await _answer(run, stream, number)).error)
        if self._settings.username:
            run.enter(Phase.LOGIN)
            await self._log_in(run, stream)

    async def _log_in(self, run: Run, stream: Stream) -> None:
        settings = self._settings
        stream.write(wire.encode_sasl_handshake(1, "PLAIN"))
        error, mechanisms = wire.parse_sasl_handshake(await _answer(run, stream, 1))
        run.facts[Fact.OFFERED] = tuple(shown(name) for name in mechanisms[:_MOST])
        _check(run, error)
        stream.write(wire.encode_sasl_plain(2, settings.username, settings.password.get_secret_value()))
        _check(run, wire.parse_sasl_authenticate(await _answer(run, stream, 2)))


async def _answer(run: Run, stream: Stream, number: int) -> Cursor:
    """The answer to the request with this number."""
    size = int.from_bytes(await stream.read_exactly(4))
    if size >= 1 << 31:
        raise ValueError("a negative size")
    if size > _LIMIT:
        raise run.failed(Reason.SIZE, f"an answer of {size} bytes")
    answered, cursor = wire.parse_correlation(await stream.read_exactly(size))
    if answered != number:
        raise run.failed(Reason.NONCE, "the answer is to another request than ours")
    return cursor


def _check(run: Run, error: int) -> None:
    if error:
        reason, text = _ERRORS.get(error, (Reason.REJECTED, "refuses"))
        raise run.failed(reason, f"the broker {text} (error {error})")
