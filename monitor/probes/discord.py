"""discord: does Discord's gateway say hello?

The gateway is the WebSocket that every client hangs on. It speaks first, unasked:
a hello (op 10) with the interval of heartbeats. That is awaited, and the
connection closed. Nobody identifies, so nobody logs in::

    probe: discord
    interval: 120s

With ``heartbeat: true`` one heartbeat is sent, and its answer (op 11) awaited::

    probe: discord
    url: "wss://gateway.discord.gg/?v=10&encoding=json"
    heartbeat: true

``url`` may be a list of equal URLs: each round asks one, in turn. ``tls`` is
explained with the tls probe.

Phases: resolve, connect, tls, request (until the first byte of the answer),
response, handshake (hello and heartbeat).
Facts: round_trip, from the heartbeat to its answer.
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*;
http/status (no 101), http/denied, http/upgrade, http/malformed, http/closed,
http/size, http/reset, http/timeout; handshake/timeout (connected, and no hello),
handshake/expect (something else than a hello came), handshake/malformed,
handshake/size (a message beyond 64 KiB), handshake/capability (4012: this version
of the gateway is gone), handshake/denied (4001 to 4005: what we sent is not
wanted), handshake/overloaded (4008; 1001, 1012, 1013 and op 7: the server goes
away), handshake/closed (other codes), handshake/reset. A status 429, or 503 with
Retry-After, and close code 4008 ask us to come back later.
Sources: discord/discord-api-docs, Gateway, and Opcodes and Status Codes.
"""

from collections.abc import Mapping
from typing import ClassVar

from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import ProbeSettings, Tls
from monitor.domain.text import shown
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.http import status_failure
from monitor.net.network import Network
from monitor.net.pool import member
from monitor.net.stream import Stream
from monitor.net.url import Url, WebSocketUrls
from monitor.net.websocket import Opcode, WebSocket, ask_upgrade
from monitor.wire.discord import HEARTBEAT, Op, decode

_LIMIT = 65536
_MOST_EVENTS = 16  # before the answer to a heartbeat; without a login nothing else has reason to come
_RATE_LIMITED = 4008
_REASONS = {
    1001: Reason.OVERLOADED,
    1012: Reason.OVERLOADED,
    1013: Reason.OVERLOADED,
    4001: Reason.DENIED,
    4002: Reason.DENIED,
    4003: Reason.DENIED,
    4004: Reason.DENIED,
    4005: Reason.DENIED,
    _RATE_LIMITED: Reason.OVERLOADED,
    4012: Reason.CAPABILITY,
}


class DiscordSettings(ProbeSettings):
    """Settings of the discord probe."""

    url: WebSocketUrls = ("wss://gateway.discord.gg/?v=10&encoding=json",)
    heartbeat: bool = False
    tls: Tls = Tls()

    @property
    @override
    def endpoint(self) -> str:
        return self.url[0].partition("?")[0]


class DiscordProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = DiscordSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: DiscordSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._urls = [Url.parse(text) for text in settings.url]
        self._places = [url.endpoint for url in self._urls]

    async def attempt(self, run: Run) -> None:
        """Open the gateway, and wait for its hello."""
        url = self._urls[member(run, self._places)]
        async with await self._network.connect(run, url.endpoint, self._settings.route) as stream:
            if url.secure:
                await stream.start_tls(self._settings.tls, url.endpoint.host)
            response = await ask_upgrade(run, stream, url, {"User-Agent": self._network.user_agent})
            if response.status != 101:
                raise status_failure(run, response, self._network.now())
            run.enter(Phase.HANDSHAKE)
            await self._converse(run, stream)

    async def _converse(self, run: Run, stream: Stream) -> None:
        socket = WebSocket(run, stream, _LIMIT)
        try:
            _check_hello(run, await _event(run, socket))
            if self._settings.heartbeat:
                await self._beat(run, socket)
        except ProbeFailed as failure:
            raise _explained(failure, socket.close_code) from failure
        socket.leave()

    async def _beat(self, run: Run, socket: WebSocket) -> None:
        begun = self._network.monotonic()
        socket.send(Opcode.TEXT, HEARTBEAT)
        for _ in range(_MOST_EVENTS):
            if await _event(run, socket) == Op.HEARTBEAT_ACK:
                run.facts[Fact.ROUND_TRIP] = self._network.monotonic() - begun
                return
        raise run.failed(Reason.EXPECT, f"{_MOST_EVENTS} messages, and none that answers our heartbeat (op 11)")


async def _event(run: Run, socket: WebSocket) -> int:
    """The kind of the next event."""
    message = await socket.message()
    try:
        return decode(message)
    except ValueError as error:
        raise run.failed(Reason.MALFORMED, str(error)) from error


def _check_hello(run: Run, op: int) -> None:
    if op == Op.RECONNECT:
        raise run.failed(Reason.OVERLOADED, "the gateway sends us away at once (op 7)")
    if op != Op.HELLO:
        raise run.failed(Reason.EXPECT, f"the gateway says op {shown(op)} in place of hello (op 10)")


def _explained(failure: ProbeFailed, code: int | None) -> ProbeFailed:
    """``failure``, with what a close code of the gateway means."""
    if code is None or failure.reason is not Reason.CLOSED:
        return failure
    retry_after = 0.0 if code == _RATE_LIMITED else None
    return ProbeFailed(failure.layer, _REASONS.get(code, Reason.CLOSED), failure.message, retry_after=retry_after)
