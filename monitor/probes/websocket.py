r"""websocket: can a WebSocket be opened, and does what is behind it answer?

The attempt resolves, connects, speaks TLS for ``wss``, asks for the upgrade and
verifies the answer to our key (RFC 6455). It ends there unless there is a
dialogue or a ping::

    probe: websocket
    url: "wss://gateway.example.org/?v=10&encoding=json"
    headers: {Origin: "https://www.example.org"}
    dialogue:
      - expect: '"op":\s*10'

A dialogue is a list of steps; each may ``send`` a text message, or
``send_hex`` a binary one written in hexadecimal, and then ``expect`` a regular
expression, multi-line, or ``expect_hex`` bytes, to be found in the next
complete message, text or binary. A server that speaks first needs a step with
only an expectation. ``ping: true`` measures a ping-pong after the dialogue::

    probe: websocket
    url: "wss://broker.example.org/mqtt"
    subprotocols: [mqtt]
    dialogue:
      - send_hex: "10 13 0004 4d515454 04 02 001e 0007 70726f62652d31"
        expect_hex: "20 02 00"
      - send_hex: "c0 00"
        expect_hex: "d0 00"
    ping: true

Pings of the server are answered. At the end a close frame is sent, and its
answer awaited for 0.2 s at most, of which the outcome does not depend.
``limit`` (1 MiB) caps a message. ``url`` may be a list of equal URLs: each round
asks one, in turn. ``headers`` are shown as asterisks everywhere; ``tls`` is
explained with the tls probe. Redirects are not followed.

Phases: resolve, connect, tls (wss), request (until the first byte of the
answer), response, handshake (dialogue and ping).
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*,
http/status (no 101), http/upgrade (a 101 that does not accept our upgrade),
http/malformed, http/closed, http/size (a head beyond 64 KiB), http/reset,
http/timeout, handshake/expect, handshake/malformed (a frame against the
protocol), handshake/closed, handshake/size (a message beyond the limit, or
10,000 frames), handshake/reset, handshake/timeout.
A status 429 or 421, or 503 with Retry-After, asks us to come back later, and
says when.
"""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import ProbeSettings, Settings, Strings, Tls
from monitor.domain.text import Expression, compiled, shown
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.http import Headers, status_failure
from monitor.net.network import Network
from monitor.net.url import Url, WebSocketUrls
from monitor.net.websocket import Opcode, WebSocket, ask_upgrade


def _hex(value: object) -> object:
    if isinstance(value, str):
        try:
            return bytes.fromhex(value)
        except ValueError as error:
            raise ValueError("not hexadecimal; write pairs of digits, spaces allowed") from error
    return value


Hex = Annotated[bytes, BeforeValidator(_hex), Field(json_schema_extra={"type": "string"})]


class Step(Settings):
    """One step of a dialogue: send a message, then expect one."""

    send: str | None = None
    send_hex: Hex | None = None
    expect: Expression | None = None
    expect_hex: Hex | None = None

    @model_validator(mode="after")
    def _check_kinds(self) -> Self:
        if self.send is not None and self.send_hex is not None:
            raise ValueError("send and send_hex exclude each other")
        if self.expect is not None and self.expect_hex is not None:
            raise ValueError("expect and expect_hex exclude each other")
        return self

    def pattern(self) -> re.Pattern[bytes] | None:
        """What the next message must hold."""
        if self.expect_hex is not None:
            return re.compile(re.escape(self.expect_hex))
        return None if self.expect is None else compiled(self.expect)


class WebSocketSettings(ProbeSettings):
    """Settings of the websocket probe."""

    url: WebSocketUrls
    headers: Headers = Field(default={})
    subprotocols: Strings = ()
    dialogue: tuple[Step, ...] = ()
    ping: bool = False
    limit: int = Field(default=1 << 20, ge=0)
    tls: Tls = Tls()

    @property
    @override
    def endpoint(self) -> str:
        return self.url[0].partition("?")[0]


class WebSocketProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = WebSocketSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: WebSocketSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._urls = [Url.parse(text) for text in settings.url]
        self._dialogue = [(step, step.pattern()) for step in settings.dialogue]
        own = {name: value.get_secret_value() for name, value in settings.headers.items()}
        agent = {} if any(name.lower() == "user-agent" for name in own) else {"User-Agent": network.user_agent}
        self._headers = agent | own

    async def attempt(self, run: Run) -> None:
        """Open, converse, ping, and close politely."""
        url = self._urls[(run.round + run.retry) % len(self._urls)]
        if len(self._urls) > 1:
            run.facts[Fact.HOST] = str(url.endpoint)
        async with await self._network.connect(run, url.endpoint, self._settings.route) as stream:
            if url.secure:
                await stream.start_tls(self._settings.tls, url.endpoint.host)
            response = await ask_upgrade(run, stream, url, self._headers, self._settings.subprotocols)
            if response.status != 101:
                raise status_failure(run, response, self._network.now())
            socket = WebSocket(run, stream, self._settings.limit)
            if self._dialogue or self._settings.ping:
                run.enter(Phase.HANDSHAKE)
            for step, pattern in self._dialogue:
                await _take(run, socket, step, pattern)
            if self._settings.ping:
                run.facts[Fact.PING_SECONDS] = await socket.ping()
            await socket.close()


async def _take(run: Run, socket: WebSocket, step: Step, pattern: re.Pattern[bytes] | None) -> None:
    if step.send is not None:
        socket.send(Opcode.TEXT, step.send.encode())
    elif step.send_hex is not None:
        socket.send(Opcode.BINARY, step.send_hex)
    if pattern is not None:
        message = await socket.message()
        if not pattern.search(message):
            wanted = shown(step.expect if step.expect is not None else step.expect_hex)
            raise run.failed(Reason.EXPECT, f"no match for {wanted} in a message of {len(message)} bytes")
