"""whatsapp: is WhatsApp's chat front end alive, and is it WhatsApp's?

The attempt opens the conversation as a phone or the web client does, up to the
server's hello, and hangs up there: no account, no pairing, no number. The hello
is sealed for this one attempt and holds a chain of certificates, which must be
signed by WhatsApp's root key and name the very key that sealed it. What passes
is WhatsApp, whatever its address; nothing is learnt of messages::

    probe: whatsapp
    address: ["e1.whatsapp.net:443", "e2.whatsapp.net:443"]
    interval: 120s

``address`` is the transport of the phones: TCP without TLS, ports 443 and 5222.
It may be a list of equal hosts: each round asks one of them, in turn. ``url`` is
the transport of the web client, a WebSocket, and may be a list as well; one of
the two must be given::

    probe: whatsapp
    url: "wss://web.whatsapp.com/ws/chat"
    interval: 120s

``headers`` of the upgrade are shown as asterisks everywhere; Origin (the web
client's) and User-Agent (which names this monitor) are sent unless they name
another. ``tls`` is explained with the tls probe. ``root`` is the public key in
hexadecimal that signs the chain, for a server other than WhatsApp's own.

Phases: resolve, connect, tls (wss), request and response (``url``), handshake.
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*;
of the upgrade http/status, http/denied, http/upgrade, http/malformed,
http/closed, http/size, http/reset, http/timeout; then handshake/timeout (it
took the connection and says nothing), handshake/closed, handshake/reset,
handshake/malformed (what came is no server hello), handshake/altered (a hello
that is not sealed for us: bytes were changed, or somebody stands in between),
handshake/signature (a certificate that the root or the intermediate did not
sign), handshake/key (the certificate is for another key than the server's),
handshake/cert_expired, handshake/cert_not_yet_valid; the first that holds.

Facts: genuine, and chain_expiry, the earlier end of the two certificates.
Sources: tulir/whatsmeow, handshake.go and socket/; WhiskeySockets/Baileys,
src/Utils/noise-handler.ts; WhatsApp/proxy for hosts and ports.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import Endpoint, Pool, ProbeSettings, Tls
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.http import Headers, status_failure
from monitor.net.network import Network
from monitor.net.stream import Stream
from monitor.net.tunnel import Channel, Tunnel
from monitor.net.url import Url, WebSocketUrls
from monitor.net.websocket import WebSocket, ask_upgrade
from monitor.wire import whatsapp, xeddsa
from monitor.wire.noise import Altered, Initiator
from monitor.wire.whatsapp import Certificate

_LIMIT = 8192  # bytes of a frame; a server hello has about 350
_ORIGIN = "https://web.whatsapp.com"
_DAY = 86400


PublicKey = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]
"""32 bytes in hexadecimal."""


class WhatsAppSettings(ProbeSettings):
    """Settings of the whatsapp probe."""

    address: Pool | None = None
    url: WebSocketUrls | None = None
    headers: Headers = Field(default={})
    tls: Tls = Tls()
    root: PublicKey = whatsapp.ROOT.hex()

    @model_validator(mode="after")
    def _check_transport(self) -> Self:
        if (self.address is None) == (self.url is None):
            raise ValueError("whatsapp takes either address or url")
        if self.address is not None and self.model_fields_set & {"headers", "tls"}:
            raise ValueError("headers and tls belong to url: there is neither HTTP nor TLS on the way to an address")
        return self

    @property
    @override
    def endpoint(self) -> str:
        return str(self.address[0]) if self.address else "" if self.url is None else self.url[0].partition("?")[0]


class WhatsAppProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = WhatsAppSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: WhatsAppSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._root = bytes.fromhex(settings.root)
        self._targets: list[Endpoint | Url] = [*(settings.address or ()), *map(Url.parse, settings.url or ())]
        own = {name: value.get_secret_value() for name, value in settings.headers.items()}
        named = {name.lower() for name in own}
        ours = {"User-Agent": network.user_agent, "Origin": _ORIGIN}
        self._headers = {name: value for name, value in ours.items() if name.lower() not in named} | own

    async def attempt(self, run: Run) -> None:
        """Say hello, check what the server's hello proves, and hang up."""
        target = self._targets[(run.round + run.retry) % len(self._targets)]
        endpoint = target.endpoint if isinstance(target, Url) else target
        if len(self._targets) > 1:
            run.facts[Fact.HOST] = str(endpoint)
        async with await self._network.connect(run, endpoint, self._settings.route) as stream:
            if isinstance(target, Url):
                await self._upgrade(run, stream, target)
                socket = WebSocket(run, stream, _LIMIT)
                await self._prove(run, Tunnel(socket))
                socket.leave()
            else:
                await self._prove(run, stream)

    async def _upgrade(self, run: Run, stream: Stream, url: Url) -> None:
        if url.secure:
            await stream.start_tls(self._settings.tls, url.endpoint.host)
        response = await ask_upgrade(run, stream, url, self._headers)
        if response.status != 101:
            raise status_failure(run, response, self._network.now())

    async def _prove(self, run: Run, line: Channel) -> None:
        run.enter(Phase.HANDSHAKE)
        initiator = Initiator(whatsapp.PROLOGUE)
        line.write(whatsapp.client_hello(initiator.ephemeral))
        size = int.from_bytes(await line.read_exactly(3))
        if size > _LIMIT:
            raise run.failed(Reason.MALFORMED, f"what came is no frame of WhatsApp's: it would have {size} bytes")
        frame = await line.read_exactly(size)
        try:
            static, opened = initiator.open(*whatsapp.server_hello(frame))
            leaf, intermediate = whatsapp.chain(opened)
        except Altered as error:
            raise run.failed(Reason.ALTERED, f"the server hello is not WhatsApp's, or was changed: {error}") from error
        except ValueError as error:
            raise run.failed(Reason.MALFORMED, f"not a server hello: {error}") from error
        self._check_signatures(run, leaf, intermediate)
        if leaf.key != static:
            raise run.failed(Reason.KEY, "the certificate is for another key than the one that the server uses")
        self._check_dates(run, leaf, intermediate)
        run.facts[Fact.GENUINE] = True

    def _check_signatures(self, run: Run, leaf: Certificate, intermediate: Certificate) -> None:
        links = (
            ("intermediate", intermediate, self._root, 0, "root key"),
            ("leaf", leaf, intermediate.key, intermediate.serial, "intermediate certificate"),
        )
        for name, certificate, key, issuer, by in links:
            signed = xeddsa.verify(key, certificate.details, certificate.signature)
            if not signed or certificate.issuer != issuer:
                raise run.failed(Reason.SIGNATURE, f"the {name} certificate is not signed by the {by}")

    def _check_dates(self, run: Run, leaf: Certificate, intermediate: Certificate) -> None:
        now = self._network.now()
        ends = min(leaf.not_after, intermediate.not_after)
        begins = max(leaf.not_before, intermediate.not_before)
        run.facts[Fact.CHAIN_EXPIRY] = float(ends)
        if now > ends:
            raise run.failed(
                Reason.CERT_EXPIRED, f"a certificate of the chain ended {(now - ends) / _DAY:.1f} days ago"
            )
        if now < begins:
            left = (begins - now) / _DAY
            raise run.failed(Reason.CERT_NOT_YET_VALID, f"a certificate of the chain begins in {left:.1f} days only")
