"""icmp: does a host answer an echo request (ping)?

::

    probe: icmp
    host: gateway.example.org
    count: 3
    payload: 1400
    dont_fragment: true
    hop_limit: 32

One request is sent, and up to ``count`` (default 1) of them, a second apart,
while none is answered; the first reply ends the attempt. ``payload`` is the
number of bytes after the ICMP header (default 56). ``route.family`` chooses
between IPv4 and IPv6. A host that drops ICMP may be up all the same: prefer a
probe of what the host is for.

It needs an unprivileged ICMP socket (Linux: ``net.ipv4.ping_group_range`` covers
the group of this process, for IPv6 too) or the capability ``net_raw``. With
neither, the outcome is ``inconclusive/self_permission``.

Phases: resolve, connect (the socket), request, response.
Failures: dns/*, route/timeout, route/unreachable (an ICMP error came back: no
such host, network or route, prohibited, or the hop limit was used up),
route/size (a packet of this size does not fit, with ``dont_fragment``).
"""

import asyncio
import secrets
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import Host, ProbeSettings
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase
from monitor.net.datagram import Datagram
from monitor.net.echo import Echo, EchoOptions, hop_limit, open_socket
from monitor.net.network import Network

_PAUSE = 1.0  # between two requests; RFC 1122's manners, and ping's


class IcmpSettings(ProbeSettings):
    """Settings of the icmp probe."""

    host: Host
    count: int = Field(default=1, ge=1, le=100)
    payload: int = Field(default=56, ge=16, le=65507)
    hop_limit: int | None = Field(default=None, ge=1, le=255)
    dont_fragment: bool = False

    @property
    @override
    def endpoint(self) -> str:
        return self.host


class IcmpProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = IcmpSettings
    layers: ClassVar[Mapping[Phase, Layer]] = {
        **LAYER_OF_PHASE,
        Phase.CONNECT: Layer.ROUTE,
        Phase.REQUEST: Layer.ROUTE,
        Phase.RESPONSE: Layer.ROUTE,
    }

    def __init__(self, settings: IcmpSettings, network: Network) -> None:
        self._settings = settings
        self._network = network

    async def attempt(self, run: Run) -> None:
        """Send, and wait for the first reply."""
        settings = self._settings
        address = await self._network.address(run, settings.host, settings.route)
        run.enter(Phase.CONNECT)
        version = 6 if ":" in address else 4
        options = EchoOptions(hop_limit=settings.hop_limit, dont_fragment=settings.dont_fragment)
        sock = open_socket(run, version, options)
        nonce = secrets.token_bytes(16)
        echo = Echo(version, sock.type.name == "SOCK_RAW", secrets.randbits(16), nonce.ljust(settings.payload, b"."))
        async with Datagram.adopt(run, sock, (address, 0), source=settings.route.source_address) as datagram:
            await self._ping(run, datagram, echo)

    async def _ping(self, run: Run, datagram: Datagram, echo: Echo) -> None:
        monotonic = self._network.monotonic
        sent: list[float] = []
        for sequence in range(self._settings.count):
            run.enter(Phase.REQUEST)
            sent.append(monotonic())
            datagram.send(echo.request(sequence))
            run.enter(Phase.RESPONSE)
            last = sequence == self._settings.count - 1
            try:
                async with asyncio.timeout(None if last else _PAUSE):
                    answered = await _reply(run, datagram, echo, len(sent))
            except TimeoutError:
                continue
            run.facts[Fact.PING_SECONDS] = monotonic() - sent[answered]
            return


async def _reply(run: Run, datagram: Datagram, echo: Echo, sent: int) -> int:
    """Wait for a reply; the sequence number of the request that it answers, one of the first ``sent``."""
    while True:
        packet, ancillary = await datagram.receive()
        sequence = echo.answered(packet)
        if sequence is not None and sequence < sent:
            hops = hop_limit(ancillary)
            if hops is not None:
                run.facts[Fact.ICMP_HOP_LIMIT] = hops
            return sequence
