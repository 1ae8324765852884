"""The ladder's shared parts, and the climb from a name to a stream."""

from collections.abc import Callable
from copy import copy
from typing import Self

import dns.message

from monitor import __version__
from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed, ProbeInconclusive
from monitor.domain.settings import Endpoint, Family, Proxy, Route, Tls
from monitor.domain.words import Fact, Phase, Reason
from monitor.net.belonging import check_belonging
from monitor.net.dial import dial
from monitor.net.proxy import greet, tunnel
from monitor.net.resolve import NameServers, Resolver, literal, system_hosts, system_name_servers
from monitor.net.stream import Stream
from monitor.net.tcpinfo import note_tcp_info
from monitor.net.tls import TlsContexts
from monitor.net.url import Url


class Network:
    """What probes share: resolvers, TLS contexts, clocks. One per process."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        now: Callable[[], float],
        user_agent: str = f"lastseen/{__version__}",
    ) -> None:
        self.monotonic = monotonic
        self.user_agent = user_agent
        """What HTTP requests say of who asks; names the operator's contact where one is configured."""
        self.now = now
        """Unix time; for judging certificates and clocks, never for durations."""
        self.permits: Callable[[Url], bool] = lambda _: True
        """Whether a redirect may be followed to a URL."""
        self.contexts = TlsContexts()
        self._hosts = system_hosts()
        self._system = self._make_resolver(system_name_servers())
        self._resolvers: dict[str, Resolver] = {}

    def guarded(self, permits: Callable[[Url], bool]) -> Self:
        """This network, all its parts shared, for probes whose redirects somebody else may have chosen."""
        guarded = copy(self)
        guarded.permits = permits
        return guarded

    async def addresses(self, run: Run, host: str, route: Route) -> list[str]:
        """The resolve step. See `Resolver.resolve`; names must lead to the route's networks."""
        found = await self._resolver(route.resolver).resolve(run, host, _family(route))
        check_belonging(run, host, found, route.networks)
        return found

    async def exchange(self, run: Run, query: dns.message.Message, route: Route) -> dns.message.Message:
        """One DNS question to the name servers that the resolve step asks. See `Resolver.exchange`."""
        return await self._resolver(route.resolver).exchange(run, query)

    async def address(self, run: Run, host: str, route: Route) -> str:
        """The one address this run uses: the first, and another for each confirmation."""
        run.enter(Phase.RESOLVE)
        found = literal(host, _family(route)) or await self.addresses(run, host, route)
        run.facts[Fact.ADDRESSES] = tuple(found)
        chosen = found[run.retry % len(found)]
        note_address(run, chosen)
        return chosen

    async def connect(self, run: Run, target: Endpoint, route: Route) -> Stream:
        """Resolve and connect; through the route's proxy if it has one.

        The caller closes the stream (``async with``). Raises ProbeFailed dns/*,
        tcp/*, route/*, or ProbeInconclusive for a fault of this machine.
        """
        if route.proxy:
            return await self._connect_through(run, route.proxy, target, route)
        return await self._climb(run, target, route)

    async def _climb(self, run: Run, target: Endpoint, route: Route) -> Stream:
        address = await self.address(run, target.host, route)
        run.enter(Phase.CONNECT)
        stream = await dial(run, self.contexts, (address, target.port), route.source_address)
        note_tcp_info(run, stream.descriptor)
        return stream

    async def _connect_through(self, run: Run, proxy: Proxy, target: Endpoint, route: Route) -> Stream:
        # The proxy is a part of our own path: while it does not even let us ask, there is no news of the target.
        run.excuse = ProbeInconclusive(Reason.PROXY, f"the proxy {proxy.address} does not answer")
        try:
            stream = await self._climb(run, proxy.address, route)
        except ProbeFailed as failure:
            raise ProbeInconclusive(Reason.PROXY, f"the proxy {proxy.address}: {failure.message}") from failure
        try:
            await greet(stream, proxy)
            run.excuse = None
            await tunnel(stream, proxy, target)
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

    def _resolver(self, address: str | None) -> Resolver:
        if address is None:
            return self._system
        if address not in self._resolvers:
            endpoint = Endpoint.parse(address, 53)
            servers = NameServers(((endpoint.host, endpoint.port),))
            self._resolvers[address] = self._make_resolver(lambda: servers)
        return self._resolvers[address]

    def _make_resolver(self, servers: Callable[[], NameServers]) -> Resolver:
        return Resolver(servers, self._hosts, self.contexts, self.monotonic)


def _family(route: Route) -> Family:
    """The address family to ask for: a socket bound to an IPv4 address reaches no IPv6 one."""
    if route.family == "any" and route.source_address is not None:
        return 6 if ":" in route.source_address else 4
    return route.family


def note_address(run: Run, address: str) -> None:
    """Record the address that is asked, and its family."""
    run.facts[Fact.ADDRESS] = address
    run.facts[Fact.FAMILY] = 6 if ":" in address else 4
