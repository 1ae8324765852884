"""telegram: does a data centre of Telegram answer as one, and does it hold Telegram's key?

The attempt connects as an app does that has no account yet, and asks for the
begin of a key exchange (MTProto ``req_pq_multi``). The answer must repeat our
nonce and name an RSA key of Telegram's: this data centre speaks MTProto to us
now. There it ends; nothing is registered, and nothing is learnt of messages::

    probe: telegram
    address: "149.154.167.51:443"

``transport`` is ``obfuscated`` unless you choose another: the apps send
everything encrypted with keys that go first, so that is what must get through
the network. ``abridged``, ``intermediate`` and ``padded`` are the bare ones;
where one of these fails and ``obfuscated`` does not, or the reverse, somebody
looks into the traffic. ``address`` may be a list of equal addresses: each round
asks one of them, in turn. ``url`` is the way of the web client, a WebSocket,
which is always obfuscated, and may be a list as well; one of the two must be
given. ``tls`` is explained with the tls probe::

    probe: telegram
    url: "wss://venus.web.telegram.org/apiws"
    interval: 120s

Whoever stands in between could repeat the nonce, too. ``genuine: true`` goes one
question further, as far as the server's proof that it holds the private RSA
key, and leaves it there: no key is agreed. It costs the server a decryption
and us some 25 ms of computing, so it is off by default. It needs ``dc``, the
number of the data centre (media: negative; test: 10000 more). ``keys`` adds RSA
public keys (PEM) to Telegram's own, for a server of yours::

    probe: telegram
    address: "149.154.167.51:443"
    genuine: true
    dc: 2

Phases: resolve, connect, tls (wss), request and response (``url``), handshake.
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*;
of the upgrade http/status, http/denied, http/upgrade, http/malformed,
http/closed, http/size, http/reset, http/timeout; then handshake/timeout (it
took the connection and says nothing), handshake/closed, handshake/reset,
handshake/altered (a page or another protocol's greeting came: a proxy
answered), handshake/malformed, handshake/size (``url``: a message beyond
128 KiB), handshake/nonce (the answer is to another question), handshake/key (it
names no key of Telegram's; with ``genuine`` also: it did not prove to hold it),
handshake/rejected and handshake/denied (it refused the question),
handshake/host_unknown (it is another data centre), handshake/overloaded (too
many questions from our address: we come back later).
With ``genuine``, handshake/altered is also a proof with foreign numbers in it.

Facts: clock_offset (of the answer's message id), genuine.
Sources: core.telegram.org, mtproto/mtproto-transports and mtproto/auth_key;
tdlib/td, td/telegram/net/ConnectionCreator.cpp (the apps obfuscate); Telethon.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Endpoint, Pool, ProbeSettings, Strings, Tls
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.http import status_failure
from monitor.net.network import Network
from monitor.net.stream import Stream
from monitor.net.url import Url, WebSocketUrls
from monitor.net.websocket import Opcode, WebSocket, ask_upgrade
from monitor.wire.mtproto import (
    ForeignText,
    Link,
    Message,
    ResPQ,
    Transport,
    TransportError,
    message,
    open_message,
    read_res_pq,
    req_pq_multi,
)
from monitor.wire.mtproto_proof import (
    DH_PRIME,
    FINGERPRINTS,
    PRODUCTION_KEY,
    Exchange,
    ProofRefused,
    PublicKey,
    factor,
    read_server_dh,
)

_LIMIT = 1 << 17  # bytes of a WebSocket's message
_GOODBYE = (1000).to_bytes(2)
_REFUSALS: Mapping[int, tuple[Reason, str]] = {
    -403: (Reason.DENIED, "the server forbids us to ask (-403)"),
    -404: (Reason.REJECTED, "the server does not take the question (-404): it knows no such key, or no such query"),
    -429: (Reason.OVERLOADED, "the server has had too many questions from this address (-429)"),
    -444: (Reason.HOST_UNKNOWN, "the server belongs to another data centre than the one asked for (-444)"),
}


def _check_keys(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        PublicKey.parse(text)
    return texts


class TelegramSettings(ProbeSettings):
    """Settings of the telegram probe."""

    address: Pool | None = None
    url: WebSocketUrls | None = None
    transport: Transport = "obfuscated"
    genuine: bool = False
    dc: int | None = Field(default=None, ge=-32768, le=32767)
    keys: Annotated[Strings, AfterValidator(_check_keys)] = ()
    tls: Tls = Tls()

    @model_validator(mode="after")
    def _check_transport(self) -> Self:
        if (self.address is None) == (self.url is None):
            raise ValueError("telegram takes either address or url")
        if self.address is not None and "tls" in self.model_fields_set:
            raise ValueError("tls belongs to url: there is no TLS on the way to an address")
        if self.url is not None and self.transport != "obfuscated":
            raise ValueError("a WebSocket is always obfuscated: transport belongs to address")
        if self.genuine and self.dc is None:
            raise ValueError("genuine needs dc, the number of the data centre")
        return self

    @property
    @override
    def endpoint(self) -> str:
        return str(self.address[0]) if self.address else "" if self.url is None else self.url[0].partition("?")[0]


class TelegramProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = TelegramSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: TelegramSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._targets: list[Endpoint | Url] = [*(settings.address or ()), *map(Url.parse, settings.url or ())]
        own = [PublicKey.parse(text) for text in settings.keys]
        theirs = [PublicKey.parse(PRODUCTION_KEY)] if settings.genuine else []
        self._keys = {key.fingerprint: key for key in own + theirs}
        self._known = FINGERPRINTS.union(self._keys)

    async def attempt(self, run: Run) -> None:
        """Begin a key exchange, check what the answers prove, and hang up."""
        target = self._targets[(run.round + run.retry) % len(self._targets)]
        endpoint = target.endpoint if isinstance(target, Url) else target
        if len(self._targets) > 1:
            run.facts[Fact.HOST] = str(endpoint)
        async with await self._network.connect(run, endpoint, self._settings.route) as stream:
            socket = await self._upgrade(run, stream, target) if isinstance(target, Url) else None
            run.enter(Phase.HANDSHAKE)
            line = _Line(run, Link(self._settings.transport, os.urandom), stream, socket)
            try:
                await self._converse(run, line)
            except ValueError as error:
                raise _translated(run, error) from error
            if socket is not None:
                socket.send(Opcode.CLOSE, _GOODBYE)

    async def _upgrade(self, run: Run, stream: Stream, url: Url) -> WebSocket:
        if url.secure:
            await stream.start_tls(self._settings.tls, url.endpoint.host)
        headers = {"User-Agent": self._network.user_agent}
        response = await ask_upgrade(run, stream, url, headers, ("binary",))
        if response.status != 101:
            raise status_failure(run, response, self._network.now())
        return WebSocket(run, stream, _LIMIT)

    async def _converse(self, run: Run, line: "_Line") -> None:
        nonce = os.urandom(16)
        asked = self._network.now()
        answer = await line.ask(req_pq_multi(nonce), asked)
        offer = read_res_pq(answer.body)
        if offer.nonce != nonce:
            raise run.failed(Reason.NONCE, "the answer is to another question: it repeats another nonce")
        run.facts[Fact.CLOCK_OFFSET] = round(answer.sent - (asked + self._network.now()) / 2, 3)
        if self._known.isdisjoint(offer.fingerprints):
            raise run.failed(Reason.KEY, "the server names no key of Telegram's")
        if self._settings.genuine:
            await self._prove(run, line, offer)

    async def _prove(self, run: Run, line: "_Line", offer: ResPQ) -> None:
        key = next((self._keys[name] for name in offer.fingerprints if name in self._keys), None)
        if key is None:
            raise run.failed(Reason.KEY, "the server names no key that this probe could have it prove")
        exchange = Exchange(nonce=offer.nonce, server_nonce=offer.server_nonce, new_nonce=os.urandom(32))
        factors = await _factors(offer.pq)
        question = exchange.req_dh_params(factors, key, self._settings.dc or 0, os.urandom)
        sealed = read_server_dh((await line.ask(question, self._network.now())).body)
        proof = exchange.unseal(sealed.encrypted)
        if proof is None:
            raise run.failed(Reason.KEY, "the server did not prove that it holds Telegram's private key")
        nonces = (offer.nonce, offer.server_nonce)
        if (sealed.nonce, sealed.server_nonce) != nonces or (proof.nonce, proof.server_nonce) != nonces:
            raise run.failed(Reason.NONCE, "the proof is the answer to another question: it repeats other nonces")
        if proof.prime != DH_PRIME:
            raise run.failed(Reason.ALTERED, "the proof names a prime that is not Telegram's")
        run.facts[Fact.GENUINE] = True


class _Line:
    """Questions and answers over whatever carries them. Raises ProbeFailed, and ValueError as the codec does."""

    def __init__(self, run: Run, link: Link, stream: Stream, socket: WebSocket | None) -> None:
        self._run = run
        self._link = link
        self._stream = stream
        self._socket = socket

    async def ask(self, body: bytes, now: float) -> Message:
        """Send a question, take the answer."""
        packet = self._link.pack(message(body, now))
        if self._socket is not None:
            self._socket.send(Opcode.BINARY, packet)
        else:
            self._stream.write(packet)
        while (payload := self._link.feed(await self._more())) is None:
            pass
        return open_message(payload)

    async def _more(self) -> bytes:
        if self._socket is not None:
            return await self._socket.message()
        data = await self._stream.read()
        if not data:
            begun = self._link.pending
            when = f"after {begun} bytes of an answer" if begun else "without an answer"
            raise self._run.failed(Reason.CLOSED, f"the server closed the connection {when}")
        return data


async def _factors(pq: int) -> tuple[int, int]:
    """The factors of ``pq``; other attempts run meanwhile, as computing takes some 25 ms."""
    for found in factor(pq):
        if found is not None:
            return found
        await asyncio.sleep(0)
    raise ValueError("pq has no factors")


def _translated(run: Run, error: ValueError) -> ProbeFailed:
    """The failure for an answer that is none."""
    if isinstance(error, ForeignText):
        return run.failed(Reason.ALTERED, "plain text of another protocol came back: a proxy answered, not Telegram")
    if isinstance(error, ProofRefused):
        return run.failed(Reason.REJECTED, "the server refused to prove its key")
    if not isinstance(error, TransportError):
        return run.failed(Reason.MALFORMED, f"not an answer of MTProto: {error}")
    reason, text = _REFUSALS.get(error.code, (Reason.REJECTED, f"the server refused with {error.code}"))
    failure = run.failed(reason, text)
    failure.retry_after = 0.0 if error.code == -429 else None
    return failure
