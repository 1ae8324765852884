"""The ladder's shared parts, and the climb from a name to a stream."""

import asyncio
import socket
from collections.abc import Callable

from monitor.domain.attempt import Run
from monitor.domain.settings import Endpoint, Route, Tls
from monitor.domain.words import Fact, Phase
from monitor.net.faults import os_fault
from monitor.net.proxy import tunnel
from monitor.net.resolve import NameServers, Resolver, system_name_servers
from monitor.net.stream import Stream
from monitor.net.tcpinfo import note_tcp_info
from monitor.net.tls import TlsContexts


class Network:
    """What probes share: resolvers, TLS contexts, clocks. One per process."""

    def __init__(self, monotonic: Callable[[], float], now: Callable[[], float]) -> None:
        self.monotonic = monotonic
        self.now = now
        """Unix time; for judging certificates and clocks, never for durations."""
        self.contexts = TlsContexts()
        self._system = Resolver(system_name_servers, monotonic)
        self._resolvers: dict[str, Resolver] = {}

    async def addresses(self, run: Run, host: str, route: Route) -> list[str]:
        """The resolve step. See `Resolver.resolve`."""
        return await self._resolver(route.resolver).resolve(run, host, route.family)

    async def address(self, run: Run, host: str, route: Route) -> str:
        """The one address this run uses: the first, and another for each confirmation."""
        found = await self.addresses(run, host, route)
        chosen = found[run.retry % len(found)]
        note_address(run, chosen)
        return chosen

    async def connect(self, run: Run, target: Endpoint, route: Route) -> Stream:
        """Resolve and connect; through the route's proxy if it has one.

        The caller closes the stream (``async with``). Raises ProbeFailed dns/*,
        tcp/*, route/*, or ProbeInconclusive for a fault of this machine.
        """
        hop = route.proxy.address if route.proxy else target
        address = await self.address(run, hop.host, route)
        run.enter(Phase.CONNECT)
        stream = await self._dial(run, (address, hop.port), route.source_address)
        if route.proxy:
            try:
                await tunnel(stream, route.proxy, target)
            except BaseException:
                stream.close()
                raise
        return stream

    async def connect_tls(self, run: Run, target: Endpoint, route: Route, tls: Tls) -> Stream:
        """`connect`, then the TLS handshake."""
        stream = await self.connect(run, target, route)
        try:
            await stream.start_tls(tls, target.host)
        except BaseException:
            stream.close()
            raise
        return stream

    async def _dial(self, run: Run, address: tuple[str, int], source: str | None) -> Stream:
        loop = asyncio.get_running_loop()
        try:
            transport, stream = await loop.create_connection(
                lambda: Stream(run, self.contexts), *address, local_addr=(source, 0) if source else None
            )
        except OSError as error:
            raise os_fault(run, error) from error
        sock: socket.socket = transport.get_extra_info("socket")
        note_tcp_info(run, sock)
        return stream

    def _resolver(self, address: str | None) -> Resolver:
        if address is None:
            return self._system
        if address not in self._resolvers:
            endpoint = Endpoint.parse(address, 53)
            servers = NameServers(((endpoint.host, endpoint.port),))
            self._resolvers[address] = Resolver(lambda: servers, self.monotonic)
        return self._resolvers[address]


def note_address(run: Run, address: str) -> None:
    """Record the address that is asked, and its family."""
    run.facts[Fact.ADDRESS] = address
    run.facts[Fact.FAMILY] = 6 if ":" in address else 4
