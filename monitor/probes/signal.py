"""signal: does Signal's chat service answer behind its front end?

The attempt opens the chat WebSocket as the app does before it logs in, without
an account, asks one keepalive request, and must get the answer to it with
status 200. That comes from the application itself: a load balancer that is
alive before dead servers does not pass::

    probe: signal
    tls: {ca_file: /etc/lastseen/signal-roots.pem}
    interval: 120s

Signal's hosts have certificates of Signal's own two roots, not of a public
authority. ``tls.ca_file`` holds the roots (PEM) as found in libsignal
(rust/net/res); without it the system's anchors are asked, which fails by
design. ``tls: {verify: false}`` asks the application without believing the
certificate. ``tls`` is explained with the tls probe. ``url`` is for another
server that speaks the protocol, and may be a list of equal ones, of which each
round asks one::

    probe: signal
    url: "wss://chat.staging.example.org/v1/websocket/"

Phases: resolve, connect, tls, request, response, handshake.
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*;
of the upgrade http/status, http/denied, http/capability (status 499: this kind
of client is too old), http/upgrade, http/malformed, http/closed, http/size,
http/reset, http/timeout; of the keepalive handshake/status, handshake/denied
and handshake/capability likewise, handshake/nonce (an answer to another
request), handshake/malformed, handshake/closed, handshake/size,
handshake/reset, handshake/timeout. The message of a wrong status says whether
it came from the application, which stamps its answers, or from what stands in
front of it. A status 429, or 503 with Retry-After, asks us to come back later.

Facts: clock_offset, by the application's stamp (X-Signal-Timestamp).
Sources: signalapp/libsignal, rust/net; signalapp/Signal-Server.
"""

import os
import re
from collections.abc import Mapping
from typing import ClassVar

from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import ProbeSettings, Tls
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.http import Response, status_failure
from monitor.net.network import Network
from monitor.net.stream import Stream
from monitor.net.url import Url, WebSocketUrls
from monitor.net.websocket import Opcode, WebSocket, ask_upgrade
from monitor.wire.signalchat import Answer, keepalive

_LIMIT = 8192  # bytes of a message; an answer has about 50
_STAMP = re.compile(rb"\d{1,15}")  # milliseconds of Unix time


class SignalSettings(ProbeSettings):
    """Settings of the signal probe."""

    url: WebSocketUrls = ("wss://chat.signal.org/v1/websocket/",)
    tls: Tls = Tls()

    @property
    @override
    def endpoint(self) -> str:
        return self.url[0].partition("?")[0]


class SignalProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = SignalSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: SignalSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._urls = [Url.parse(text) for text in settings.url]

    async def attempt(self, run: Run) -> None:
        """Open the chat, ask one keepalive, and leave."""
        url = self._urls[(run.round + run.retry) % len(self._urls)]
        if len(self._urls) > 1:
            run.facts[Fact.HOST] = str(url.endpoint)
        async with await self._network.connect(run, url.endpoint, self._settings.route) as stream:
            if url.secure:
                await stream.start_tls(self._settings.tls, url.endpoint.host)
            await self._upgrade(run, stream, url)
            run.enter(Phase.HANDSHAKE)
            socket = WebSocket(run, stream, _LIMIT)
            await self._keep_alive(run, socket)
            socket.leave()

    async def _upgrade(self, run: Run, stream: Stream, url: Url) -> None:
        asked = self._network.now()
        response = await ask_upgrade(run, stream, url, {"User-Agent": self._network.user_agent})
        self._note_clock(run, response, asked)
        if response.status != 101:
            raise self._refusal(run, response)

    async def _keep_alive(self, run: Run, socket: WebSocket) -> None:
        number = int.from_bytes(os.urandom(7))
        asked = self._network.now()
        socket.send(Opcode.BINARY, keepalive(number))
        answer = await _answer(run, socket)
        if answer.id != number:
            raise run.failed(Reason.NONCE, "an answer to another request than ours")
        response = Response(answer.status, "", answer.headers, b"", truncated=False)
        self._note_clock(run, response, asked)
        if response.status != 200:
            raise self._refusal(run, response)

    def _note_clock(self, run: Run, response: Response, asked: float) -> None:
        stamp = _stamp(response)
        if stamp is not None:
            run.facts[Fact.CLOCK_OFFSET] = stamp - (asked + self._network.now()) / 2

    def _refusal(self, run: Run, response: Response) -> ProbeFailed:
        if response.status == 499:
            return run.failed(Reason.CAPABILITY, "status 499: Signal says that this kind of client is too old")
        failure = status_failure(run, response, self._network.now())
        whose = "with the stamp of Signal's application"
        if _stamp(response) is None:
            whose = "without the stamp of Signal's application: it came from what stands in front of it"
        return ProbeFailed(failure.layer, failure.reason, f"{failure.message} {whose}", retry_after=failure.retry_after)


async def _answer(run: Run, socket: WebSocket) -> Answer:
    """The first response; requests of the server's own are passed over."""
    while True:
        message = await socket.message()
        try:
            answer = Answer.parse(message)
        except ValueError as error:
            raise run.failed(Reason.MALFORMED, f"not a message of Signal's: {error}") from error
        if answer is not None:
            return answer


def _stamp(response: Response) -> float | None:
    """When the application says that it answered, Unix time; None when something else answered."""
    value = response.header(b"x-signal-timestamp") or b""
    return int(value) / 1000 if _STAMP.fullmatch(value) else None
