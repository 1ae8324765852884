"""mqtt: does an MQTT broker take a session, and does a message sent through it arrive?

MQTT 3.1.1 or 5.0. The attempt connects, opens a session (CONNECT) and ends
when the broker has accepted it (CONNACK)::

    probe: mqtt
    address: broker.example.org:1883

``tls`` (see the tls probe) speaks TLS from the first byte. With ``topic`` a
message at QoS 1 is sent to that topic and awaited from there: the broker's
PUBACK says that it was accepted, its arrival that it was delivered::

    probe: mqtt
    address: broker.example.org:8883
    tls: {ca_file: /etc/lastseen/ca.pem}
    version: 5
    username: monitor
    password: made-up
    topic: lastseen/probe

The message is new each time and known by a nonce: what was retained on the
topic, or sent there by others, is passed over (up to 1,000 messages). Give the
check a topic of its own; the account needs the right to write and to read it.
``password_file`` keeps the password out of the configuration.

A broker that wants a login refuses a session without one. That proves it alive
and is ok when there is neither ``username`` nor ``topic``, unless
``accept_refusal: false``. ``url`` in place of ``address`` reaches a broker through
a WebSocket::

    probe: mqtt
    url: wss://broker.example.org/mqtt

``address`` and ``url`` may be lists of equal hosts: each round asks one of them,
in turn. ``version`` is 3.1.1 (the default) or 5. Each attempt uses a client id of
its own, so that none ends the session of another, and a clean session; it says
goodbye (DISCONNECT) at the end.

Phases: resolve, connect, tls (if any), request and response (url), handshake
(until CONNACK, and SUBACK with a topic), send (until PUBACK), deliver.
Facts: round_trip, from sending the message to its arrival.
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*,
http/* (url; see the websocket probe);
login/rejected (the broker refuses the credentials, or wants some);
handshake/overloaded (unavailable, busy, over a quota, shutting down),
handshake/capability (another version of MQTT only, or no QoS 1),
handshake/rejected (the client id, the subscription, anything else),
handshake/denied (banned); send/rejected, send/overloaded;
deliver/timeout (accepted, never arrived), deliver/nonce (only other messages);
handshake, send or deliver with closed, malformed, size (a packet beyond
256 KiB), reset, timeout. A broker of 3.1.1 may refuse by closing without a word.
Sources: OASIS MQTT 3.1.1 (sections 3.1 to 3.14), MQTT 5.0 (sections 2.2.2, 2.4, 3).
"""

import os
from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Pool, ProbeSettings, Secret, Tls
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.network import Network
from monitor.net.pool import member
from monitor.net.tunnel import Channel, tunnel
from monitor.net.url import Url, WebSocketUrls
from monitor.wire import mqtt as wire
from monitor.wire.mqtt import Kind

_LIMIT = 256 * 1024
_OTHERS = 1000
_SUBSCRIPTION, _MESSAGE = 1, 2  # packet identifiers
_NOT_AUTHORISED = (4, 5, 0x86, 0x87, 0x8C)
# 3.1.1 table 3.1; 5.0 section 2.4. What is not here is a plain "no" from 0x80 on.
_NOES = {
    1: (Reason.CAPABILITY, "does not speak this version of MQTT"),
    2: (Reason.REJECTED, "does not accept the client id"),
    3: (Reason.OVERLOADED, "says that it is unavailable"),
    0x84: (Reason.CAPABILITY, "does not speak this version of MQTT"),
    0x85: (Reason.REJECTED, "does not accept the client id"),
    0x88: (Reason.OVERLOADED, "says that it is unavailable"),
    0x89: (Reason.OVERLOADED, "says that it is busy"),
    0x8A: (Reason.DENIED, "has banned this client"),
    0x8B: (Reason.OVERLOADED, "says that it is shutting down"),
    0x97: (Reason.OVERLOADED, "says that a quota is exceeded"),
    0x9F: (Reason.OVERLOADED, "says that there are too many connections a second"),
}
_COME_BACK_LATER = (0x8A, 0x97, 0x9F)


def _check_topic(topic: str) -> str:
    if not topic or len(topic.encode()) > 65535 or any(sign in topic for sign in "+#\0"):
        raise ValueError("not the name of one topic: no wildcards (+, #), not empty, at most 65,535 bytes")
    return topic


class MqttSettings(ProbeSettings):
    """Settings of the mqtt probe."""

    address: Pool = ()
    url: WebSocketUrls = ()
    tls: Tls | None = None
    version: Literal["3.1.1", 5] = "3.1.1"
    username: str = Field(default="", max_length=1000)
    password: Secret = Field(default=Secret(""), max_length=10_000)
    topic: Annotated[str, AfterValidator(_check_topic)] | None = None
    accept_refusal: bool = True

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if bool(self.address) is bool(self.url):
            raise ValueError("give either address or url")
        if self.tls is not None and any(url.startswith("ws:") for url in self.url):
            raise ValueError("a url that begins with ws:// is not encrypted; write wss://")
        if self.password.get_secret_value() and not self.username:
            raise ValueError("a password needs a username")
        return self

    @property
    @override
    def endpoint(self) -> str:
        return self.url[0].partition("?")[0] if self.url else str(self.address[0])


class MqttProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = MqttSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: MqttSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._level = 5 if settings.version == 5 else 4
        self._urls = [Url.parse(text) for text in settings.url]
        self._pool = settings.address or tuple(url.endpoint for url in self._urls)

    async def attempt(self, run: Run) -> None:
        """Connect, open a session, send a message through it."""
        settings = self._settings
        place = member(run, self._pool)
        url = self._urls[place] if self._urls else None
        async with await self._network.connect(run, self._pool[place], settings.route) as stream:
            if settings.tls or (url and url.secure):
                await stream.start_tls(settings.tls or Tls(), self._pool[place].host)
            channel = await tunnel(self._network, run, stream, url, "mqtt") if url else stream
            session = _Session(run, channel, self._level, self._network.monotonic)
            try:
                await self._converse(run, session)
            except ValueError as error:
                raise run.failed(Reason.MALFORMED, f"not MQTT: {error}") from error
            channel.write(wire.DISCONNECT)

    async def _converse(self, run: Run, session: "_Session") -> None:
        run.enter(Phase.HANDSHAKE)
        settings = self._settings
        client_id = f"lastseen{os.urandom(7).hex()}"  # 22 letters and digits: every broker must take it (3.1.3.1)
        code, qos = await session.open(client_id, settings.username, settings.password.get_secret_value())
        if code in _NOT_AUTHORISED:
            if settings.accept_refusal and not settings.username and settings.topic is None:
                return
            wrong = "refuses the credentials" if settings.username else "wants a login"
            raise ProbeFailed(Layer.LOGIN, Reason.REJECTED, f"the broker {wrong} (code {code:#x})")
        if code:
            raise _no(run, code, "refuses the session")
        if settings.topic is not None:
            if not qos:
                raise run.failed(Reason.CAPABILITY, "the broker takes no messages at QoS 1")
            run.facts[Fact.ROUND_TRIP] = await session.round_trip(settings.topic)


class _Session:
    """The packets of one connection. Messages are taken and acknowledged whenever they come."""

    def __init__(self, run: Run, channel: Channel, level: int, monotonic: Callable[[], float]) -> None:
        self._run = run
        self._channel = channel
        self._level = level
        self._monotonic = monotonic
        self._payload = b""
        self._length = 0
        self._others = 0
        self._arrived: float | None = None

    async def open(self, client_id: str, username: str, password: str) -> wire.Connack:
        """CONNECT, and what the broker says to it."""
        self._channel.write(wire.encode_connect(self._level, client_id, username, password))
        kind, _ = await self._head()
        if kind is not Kind.CONNACK:
            raise ValueError(f"{kind.name} in place of CONNACK")
        return wire.parse_connack(self._level, await self._body())

    async def round_trip(self, topic: str) -> float:
        """Seconds from publishing a message to its arrival; phases handshake, send and deliver."""
        run = self._run
        self._payload = b"lastseen " + os.urandom(16).hex().encode()
        code = await self._ask(wire.encode_subscribe(self._level, _SUBSCRIPTION, topic), Kind.SUBACK)
        if code >= 0x80:
            raise _no(run, code, "refuses the subscription")
        run.enter(Phase.SEND)
        sent = self._monotonic()
        code = await self._ask(wire.encode_publish(self._level, _MESSAGE, topic, self._payload), Kind.PUBACK)
        if code >= 0x80:
            raise _no(run, code, "refuses the message")
        run.enter(Phase.DELIVER)
        while self._arrived is None:
            await self._next(None)
        return self._arrived - sent

    async def _ask(self, request: bytes, kind: Kind) -> int:
        """The code of the acknowledgement of ``request``, which is of this ``kind``."""
        self._channel.write(request)
        while (body := await self._next(kind)) is None:
            pass
        if kind is Kind.PUBACK:
            number, code = wire.parse_puback(body)
        else:
            number, code = wire.parse_suback(self._level, body)
        if number != (_MESSAGE if kind is Kind.PUBACK else _SUBSCRIPTION):
            raise self._run.failed(Reason.NONCE, f"the broker acknowledges packet {number}, which was not sent")
        return code

    async def _next(self, wanted: Kind | None) -> bytes | None:
        """Take one packet: the body of the one that is ``wanted``, None for a message that came in between."""
        kind, flags = await self._head()
        if kind is not wanted and kind is not Kind.PUBLISH and (kind is not Kind.DISCONNECT or self._level < 5):
            raise ValueError(f"an unexpected {kind.name}")
        body = await self._body()
        if kind is wanted:
            return body
        if kind is Kind.DISCONNECT:
            raise _no(self._run, wire.parse_disconnect(body), "ended the session", otherwise=Reason.CLOSED)
        self._take(wire.parse_publish(self._level, flags, body))
        return None

    def _take(self, message: wire.Publication) -> None:
        if message.qos:  # also for those of others: a broker holds back the next until some are acknowledged
            self._channel.write(wire.encode_puback(message.number))
        if message.payload == self._payload and not message.retained:
            self._arrived = self._arrived or self._monotonic()
            return
        self._others += 1
        if self._others > _OTHERS:
            raise self._run.failed(Reason.NONCE, f"{self._others} messages on the topic, and none of them ours")

    async def _head(self) -> tuple[Kind, int]:
        first, self._length = await self._channel.read_exactly(2)
        try:
            return Kind(first >> 4), first & 0x0F
        except ValueError:
            raise ValueError(f"a packet of type {first >> 4}") from None

    async def _body(self) -> bytes:
        byte = self._length
        size = byte & 0x7F
        for shift in (7, 14, 21):
            if byte < 0x80:
                break
            byte = (await self._channel.read_exactly(1))[0]
            size |= (byte & 0x7F) << shift
        if byte >= 0x80:
            raise ValueError("a length of more than four bytes")
        if size > _LIMIT:
            raise self._run.failed(Reason.SIZE, f"a packet of {size} bytes")
        return await self._channel.read_exactly(size)


def _no(run: Run, code: int, what: str, otherwise: Reason = Reason.REJECTED) -> ProbeFailed:
    """The failure that a code of refusal stands for, in the current phase."""
    reason, text = _NOES.get(code, (otherwise, what))
    if code < 0x80 and code not in _NOES and otherwise is not Reason.CLOSED:
        return run.failed(Reason.MALFORMED, f"not MQTT: code {code:#x} is reserved")
    failure = run.failed(reason, f"the broker {text} (code {code:#x})")
    if code in _COME_BACK_LATER:
        failure.retry_after = 0.0
    return failure
