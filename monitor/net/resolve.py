"""The resolve step: a name to addresses, by asking name servers ourselves.

Messages are dnspython's, the transport is ours, and nothing is cached: every
attempt sees the DNS of its moment, with the exact rcode (docs/decisions/0002).
The system's answer order is kept: /etc/hosts first (RFC 6761 for localhost),
then the name servers of resolv.conf, with its search list and ndots.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeError, ProbeFailed, ProbeInconclusive
from monitor.domain.settings import Family
from monitor.domain.words import Fact, Layer, Phase, Reason
from monitor.net.datagram import Datagram

_RETRANSMIT = 1.5  # seconds before the next name server is asked; the run's deadline ends it all
_ANSWERED_LATELY = 120.0  # a resolver that answered anybody within this time is alive
_PAYLOAD = 1232  # DNS flag day 2020: what passes unfragmented nearly everywhere
_HOSTS = Path("/etc/hosts")


@dataclass(frozen=True, slots=True)
class NameServers:
    """The name servers to ask and how to complete a short name."""

    addresses: tuple[tuple[str, int], ...]
    search: tuple[str, ...] = ()
    ndots: int = 1

    def candidates(self, host: str) -> list[str]:
        """The absolute names to try for ``host``, in order (resolv.conf(5))."""
        if host.endswith("."):
            return [host]
        completed = [f"{host}.{suffix}" for suffix in self.search]
        return [host, *completed] if host.count(".") >= self.ndots else [*completed, host]


def system_name_servers() -> NameServers:
    """What /etc/resolv.conf says now; none when it cannot be read."""
    try:
        system = dns.resolver.Resolver(configure=True)
    except (dns.exception.DNSException, OSError):
        return NameServers(())
    return NameServers(
        tuple((str(address), system.port) for address in system.nameservers),
        tuple(suffix.to_text(omit_final_dot=True) for suffix in system.search),
        system.ndots if system.ndots is not None else 1,
    )


class Resolver:
    """Asks one set of name servers, and knows whether they answer anybody at all."""

    def __init__(self, servers: Callable[[], NameServers], monotonic: Callable[[], float]) -> None:
        self._servers = servers
        self._monotonic = monotonic
        self._answered = float("-inf")

    async def resolve(self, run: Run, host: str, family: Family) -> list[str]:
        """The addresses of ``host``, at least one, in the order of the answer.

        Raises ProbeFailed dns/* for what name servers said, ProbeInconclusive
        when they answer nothing to anybody.
        """
        run.enter(Phase.RESOLVE)
        addresses = literal(host, family) or from_hosts(host, family)
        if not addresses:
            addresses = await self._ask_families(run, host, family)
        run.facts[Fact.ADDRESSES] = tuple(addresses)
        return addresses

    async def _ask_families(self, run: Run, host: str, family: Family) -> list[str]:
        if family != "any":
            return await self._ask(run, host, "AAAA" if family == 6 else "A")
        if has_route(6):
            try:
                return await self._ask(run, host, "AAAA")
            except ProbeFailed as failure:
                if failure.reason is not Reason.NO_ANSWER:
                    raise
        return await self._ask(run, host, "A")

    async def _ask(self, run: Run, host: str, rdtype: str) -> list[str]:
        servers = self._servers()
        if not servers.addresses:
            raise ProbeInconclusive(Reason.SELF_RESOLVER, "no name server is configured on this machine")
        verdict: ProbeFailed | None = None
        for name in servers.candidates(host):
            response = await self._exchange(run, name, rdtype, servers)
            addresses = _addresses(response)
            if addresses:
                return addresses
            verdict = verdict or _verdict(response, name, rdtype)
            if verdict.reason not in (Reason.NXDOMAIN, Reason.NO_ANSWER):
                break
        if verdict is None:
            raise RuntimeError("a resolver without candidates")
        raise verdict

    async def _exchange(self, run: Run, name: str, rdtype: str, servers: NameServers) -> dns.message.Message:
        try:
            query = dns.message.make_query(dns.name.from_text(name), rdtype, use_edns=0, payload=_PAYLOAD)
        except dns.exception.DNSException as error:
            raise run.failed(Reason.MALFORMED, f"not a DNS name: {type(error).__name__}") from error
        refusal: ProbeError | None = None
        for server in (*servers.addresses, *servers.addresses):
            try:
                async with asyncio.timeout(_RETRANSMIT):
                    response = await ask_udp(run, query, server)
            except TimeoutError:
                continue
            except ProbeError as error:
                refusal = error
                continue
            self._answered = self._monotonic()
            return response
        raise self._silence(refusal)

    def _silence(self, refusal: ProbeError | None) -> ProbeError:
        if isinstance(refusal, ProbeInconclusive):
            return refusal
        if self._monotonic() - self._answered < _ANSWERED_LATELY:
            return ProbeFailed(Layer.DNS, Reason.TIMEOUT, "the resolver answers for other names, not for this one")
        return ProbeInconclusive(Reason.SELF_RESOLVER, "the resolver of this vantage answers nothing for anybody")


async def ask_udp(run: Run, query: dns.message.Message, server: tuple[str, int]) -> dns.message.Message:
    """One question, one answer over UDP; again over TCP when it came truncated (RFC 7766)."""
    async with Datagram.connect(run, server) as datagram:
        await datagram.send(query.to_wire())
        while True:
            response = parse(await datagram.receive())
            if response is not None and query.is_response(response):
                break
    if response.flags & dns.flags.TC:
        return await _ask_tcp(run, query, server)
    return response


async def _ask_tcp(run: Run, query: dns.message.Message, server: tuple[str, int]) -> dns.message.Message:
    reader, writer = await asyncio.open_connection(*server)
    try:
        writer.write(query.to_wire(prepend_length=True))
        response = parse(await reader.readexactly(int.from_bytes(await reader.readexactly(2))))
    except (OSError, asyncio.IncompleteReadError) as error:
        raise run.failed(Reason.CLOSED, "the name server broke off its TCP answer") from error
    finally:
        writer.transport.abort()
    if response is None or not query.is_response(response):
        raise run.failed(Reason.MALFORMED, "not a DNS answer")
    return response


def parse(wire: bytes) -> dns.message.Message | None:
    """A DNS message, or None for bytes that are none."""
    try:
        return dns.message.from_wire(wire, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return None


def _addresses(response: dns.message.Message) -> list[str]:
    return [
        item.address
        for rrset in response.answer
        if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
        for item in rrset
    ]


_RCODES = {dns.rcode.NXDOMAIN: Reason.NXDOMAIN, dns.rcode.SERVFAIL: Reason.SERVFAIL, dns.rcode.REFUSED: Reason.REFUSED}


def _verdict(response: dns.message.Message, name: str, rdtype: str) -> ProbeFailed:
    rcode = response.rcode()
    if rcode == dns.rcode.NOERROR:
        return ProbeFailed(Layer.DNS, Reason.NO_ANSWER, f"{name} has no {rdtype} record")
    return ProbeFailed(Layer.DNS, _RCODES.get(rcode, Reason.RCODE), f"{name} {rdtype}: {dns.rcode.to_text(rcode)}")


def literal(host: str, family: Family) -> list[str]:
    """``[host]`` when it is an address of that family already, else nothing."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return []
    if family not in ("any", address.version):
        raise ProbeInconclusive(Reason.SELF_NETWORK, f"{host} is not an IPv{family} address")
    return [host]


def from_hosts(host: str, family: Family) -> list[str]:
    """The addresses that /etc/hosts gives for ``host``, IPv4 before IPv6."""
    wanted = host.rstrip(".").lower()
    try:
        lines = _HOSTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found: list[str] = []
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        if wanted in (name.lower() for name in names):
            found.append(address)
    return sorted((a for a in found if family in ("any", _version(a))), key=_version)


def _version(address: str) -> int:
    return 6 if ":" in address else 4


def has_route(version: int) -> bool:
    """Whether this host has a route to the world in IPv4 or IPv6. Sends nothing."""
    # A UDP connect only looks the route up. Documentation prefixes may be blackholed: ask for ordinary addresses.
    family, probe = (socket.AF_INET6, "2000::1") if version == 6 else (socket.AF_INET, "192.88.99.1")
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((probe, 9))
    except OSError:
        return False
    return True
