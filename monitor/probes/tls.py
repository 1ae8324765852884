"""tls: does a TLS handshake prove what it should, and for how long still?

TLS from the first byte; STARTTLS is a step of the tcp probe::

    probe: tls
    address: mqtt.example.org:8883
    tls:
      ca_file: /etc/lastseen/ca.pem
      server_name: mqtt.example.org
      min_version: "1.3"
      alpn: mqtt
    expiry: {warn_days: 21}
    expect_alpn: mqtt

``tls`` is the same wherever it appears: ``server_name`` is the name for SNI and
for the certificate (default: the host of the address), ``ca_file`` holds the
only anchors to trust (PEM; default: the system's), ``min_version`` (default
"1.2") and ``max_version`` are offered, ``alpn`` is a list of protocols to offer,
``pin`` a list of SHA-256 fingerprints of which the leaf must have one::

    probe: tls
    address: ["192.0.2.10:443", "[2001:db8::10]:443"]
    tls:
      server_name: chat.example.org
      verify: false
      pin: "1F:2E:3D:4C:5B:6A:79:88:97:A6:B5:C4:D3:E2:F1:00:1F:2E:3D:4C:5B:6A:79:88:97:A6:B5:C4:D3:E2:F1:00"
    expiry: {warn_days: 0}

``verify: false`` looks at a certificate without believing it: chain, name and
dates prove nothing then, but the pin and the warning before expiry still hold.
``expiry.warn_days`` (default 14, 0 switches it off) fails the attempt when any
certificate of the presented chain ends within so many days. ``expect_alpn``:
the server must choose this protocol. ``address`` may be a list of equal hosts:
each round asks one of them, in turn.

Two settings of ``tls`` look for somebody on the way. ``neutral_name`` is asked
for when the connection is reset or closed right after our hello, before a
single byte came: on one more connection to the same address, with a hello that
names this host instead. Does that get a TLS answer, of whatever kind, it is the
name that is not let through, and the failure is tls/name_reset. Silence after
the hello is tls/timeout, as ever. ``issuers`` is a list of how the names of
organisations begin (in any case) of which one must have issued the leaf; a
trusted certificate of any other is tls/cert_foreign, as an inspecting proxy
shows it whose authority was installed here. Providers change their issuers: a
list needs care, and the catalogue has none::

    probe: tls
    address: mmg.example.org:443
    tls:
      neutral_name: example.com
      issuers: [DigiCert, "Let's Encrypt"]

Phases: resolve, connect, tls.
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout;
tls/cert_expired, tls/cert_not_yet_valid, tls/cert_name, tls/cert_untrusted
(self-signed too), tls/cert_pin, tls/cert_foreign, tls/name_reset, tls/cert_expires_soon, tls/tls_version (no
version in common), tls/tls_alert (the server refuses), tls/alpn, tls/malformed
(not TLS at all), tls/closed, tls/reset, tls/timeout. When several hold, the
chain speaks before the name, the pin before the issuer and the protocol, the expiry last.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import Pool, ProbeSettings, Settings, Tls
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.network import Network
from monitor.net.tls import check_lifetime


class Expiry(Settings):
    """When a certificate's end is near enough to fail."""

    warn_days: float = Field(default=14, ge=0)


class TlsSettings(ProbeSettings):
    """Settings of the tls probe."""

    address: Pool
    tls: Tls = Tls()
    expiry: Expiry = Expiry()
    expect_alpn: str | None = None

    @property
    @override
    def endpoint(self) -> str:
        return str(self.address[0])

    @model_validator(mode="after")
    def _check_alpn(self) -> Self:
        if self.expect_alpn is not None and self.expect_alpn not in self.tls.alpn:
            raise ValueError(f"expect_alpn {self.expect_alpn!r} is not among the protocols that tls.alpn offers")
        return self


class TlsProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = TlsSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: TlsSettings, network: Network) -> None:
        self._settings = settings
        self._network = network

    async def attempt(self, run: Run) -> None:
        """Connect, shake hands, look at what was proven."""
        settings = self._settings
        target = settings.address[(run.round + run.retry) % len(settings.address)]
        if len(settings.address) > 1:
            run.facts[Fact.HOST] = str(target)
        async with await self._network.connect_tls(run, target, settings.route, settings.tls):
            chosen = run.facts.get(Fact.TLS_ALPN)
            if settings.expect_alpn is not None and chosen != settings.expect_alpn:
                raise run.failed(Reason.ALPN, f"the server chose {'another' if chosen else 'no'} protocol")
            if settings.expiry.warn_days:
                check_lifetime(run, self._network.now(), settings.expiry.warn_days)
