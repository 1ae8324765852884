"""The resolve step: a name to addresses, by asking name servers ourselves.

Nothing is cached: every attempt sees the DNS of its moment, with the exact
rcode (docs/decisions/0002). The system's order is kept: /etc/hosts first
(RFC 6761 for localhost), then the name servers of resolv.conf, with its search
list and ndots.
"""

import asyncio
import io
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeError, ProbeFailed, ProbeInconclusive
from monitor.domain.settings import Family
from monitor.domain.words import Fact, Layer, Phase, Reason
from monitor.net.ask import Inquiry, Query, Question, Response, Server, ask_tcp, is_truncated, verdict
from monitor.net.faults import has_route_to
from monitor.net.files import Reread
from monitor.net.lookup import Found, Lookup
from monitor.net.tls import TlsContexts

_ANSWERED_LATELY = 120.0  # a resolver that answered anybody within this time is alive
_TCP_PATIENCE = 3.0  # for a server that has just answered over UDP
_IPV6_WORLD = "2000::1"  # any address of the global range; documentation prefixes may be blackholed
_LOOPBACK = ("127.0.0.1", "::1")
_TYPES = {4: "A", 6: "AAAA"}


@dataclass(frozen=True, slots=True)
class NameServers:
    """The name servers to ask and how to complete a short name."""

    addresses: tuple[tuple[str, int], ...]
    search: tuple[str, ...] = ()
    ndots: int = 1

    def candidates(self, host: str) -> list[str]:
        """The names to try for ``host``, in order (resolv.conf(5)); ``host`` itself is among them."""
        if host.endswith("."):
            return [host]
        completed = [f"{host}.{suffix}" for suffix in self.search]
        return [host, *completed] if host.count(".") >= self.ndots else [*completed, host]


def parse_resolv_conf(text: str) -> NameServers:
    """What a resolv.conf(5) says; no addresses when it names none."""
    try:
        system = dns.resolver.Resolver(filename=io.StringIO(text), configure=True)
    except dns.exception.DNSException:
        return NameServers(())
    search = system.search or [system.domain]
    return NameServers(
        tuple((str(address), system.port) for address in system.nameservers),
        tuple(suffix.to_text(omit_final_dot=True) for suffix in search if suffix != dns.name.root),
        system.ndots if system.ndots is not None else 1,
    )


Hosts = dict[str, list[str]]


def parse_hosts(text: str) -> Hosts:
    """Lower-case names -> addresses, of a hosts(5) file."""
    hosts: Hosts = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if names and _is_address(address):
            for name in names:
                hosts.setdefault(name.lower(), []).append(address)
    return hosts


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def system_name_servers() -> Callable[[], NameServers]:
    """What /etc/resolv.conf says at each call."""
    return Reread(Path("/etc/resolv.conf"), parse_resolv_conf)


def system_hosts() -> Callable[[], Hosts]:
    """What /etc/hosts says at each call."""
    return Reread(Path("/etc/hosts"), parse_hosts)


class Resolver:
    """Asks one set of name servers, and knows whether they answer anybody at all."""

    def __init__(
        self,
        servers: Callable[[], NameServers],
        hosts: Callable[[], Hosts],
        contexts: TlsContexts,
        monotonic: Callable[[], float],
    ) -> None:
        self._servers = servers
        self._hosts = hosts
        self._contexts = contexts
        self._monotonic = monotonic
        self._answered = float("-inf")

    async def resolve(self, run: Run, host: str, family: Family) -> list[str]:
        """The addresses of ``host``, at least one, in the order of the answer.

        Raises ProbeFailed dns/* for what name servers said, ProbeInconclusive
        when they answer nothing to anybody. The question that got nothing is a
        fact of the run.
        """
        run.enter(Phase.RESOLVE)
        addresses = literal(host, family) or self._local(host, family)
        if not addresses:
            addresses = await self._ask_families(run, host, family)
        run.facts[Fact.ADDRESSES] = tuple(addresses)
        return addresses

    async def exchange(self, run: Run, query: dns.message.Message) -> dns.message.Message:
        """The answer of the first name server that has one. Raises as `resolve` does, but not for an rcode."""
        asked = query.question[0]
        question = f"{asked.name.to_text(omit_final_dot=True)} {dns.rdatatype.to_text(asked.rdtype)}"
        try:
            server, response = await self._inquire(run, Query(query))
            if is_truncated(response):
                response = await self._again_over_tcp(run, Query(query), server)
        except (ProbeFailed, asyncio.CancelledError):
            run.facts[Fact.DNS_QUESTION] = question
            raise
        if response.rcode() != dns.rcode.NOERROR:
            run.facts[Fact.DNS_QUESTION] = question
        return response

    async def _inquire(self, run: Run, question: Question[Response]) -> tuple[Server, Response]:
        servers = self._servers().addresses
        if not servers:
            raise ProbeInconclusive(Reason.SELF_RESOLVER, "no name server is configured on this machine")
        inquiry = Inquiry(run, question)
        before = run.excuse
        run.excuse = before if self._is_alive() else _dead()
        answer = await inquiry.ask(servers)
        run.excuse = before  # not in a finally: it must outlive the cancellation by a deadline
        if answer is None:
            raise self._silence(inquiry.fault)
        self._answered = self._monotonic()
        return answer

    def _local(self, host: str, family: Family) -> list[str]:
        """The addresses that /etc/hosts gives, IPv4 before IPv6; loopback for localhost even if it gives none."""
        name = host.rstrip(".").lower()
        found = self._hosts().get(name, [])
        if not found and (name == "localhost" or name.endswith(".localhost")):
            found = [*_LOOPBACK]
        return sorted((a for a in found if family in ("any", _version(a))), key=_version)

    async def _ask_families(self, run: Run, host: str, family: Family) -> list[str]:
        if family != "any":
            return await self._ask(run, host, family)
        if has_route_to(_IPV6_WORLD):
            try:
                return await self._ask(run, host, 6)
            except ProbeFailed as failure:
                # NXDOMAIN is for the whole name (RFC 8020), but there are servers that say it of AAAA
                # alone (RFC 4074 section 4.2). Who asks for both, as getaddrinfo does, reaches those names.
                if failure.reason not in (Reason.NO_ANSWER, Reason.NXDOMAIN):
                    raise
                del run.facts[Fact.DNS_QUESTION]
        return await self._ask(run, host, 4)

    async def _ask(self, run: Run, host: str, version: Literal[4, 6]) -> list[str]:
        try:
            return await self._search(run, host, version)
        except (ProbeFailed, asyncio.CancelledError):  # a deadline is a cancellation: this is all that outlives it
            run.facts[Fact.DNS_QUESTION] = f"{host} {_TYPES[version]}"
            raise

    async def _search(self, run: Run, host: str, version: Literal[4, 6]) -> list[str]:
        """The addresses of the first candidate that has some, else the verdict on the name as it is written."""
        as_written: ProbeFailed | None = None
        for name in self._servers().candidates(host):
            found = await self._look_up(run, Lookup(run, name, version))
            if found.addresses:
                return found.addresses
            if name == host:
                as_written = verdict(found.rcode, name, _TYPES[version])
                if as_written.reason not in (Reason.NXDOMAIN, Reason.NO_ANSWER):
                    break
        if as_written is None:
            raise RuntimeError("the name as it is written is always a candidate")
        raise as_written

    async def _look_up(self, run: Run, lookup: Lookup) -> Found:
        server, found = await self._inquire(run, lookup)
        return await self._again_over_tcp(run, lookup, server) if found.truncated else found

    async def _again_over_tcp(self, run: Run, question: Question[Response], server: Server) -> Response:
        try:
            async with asyncio.timeout(_TCP_PATIENCE):
                return await ask_tcp(run, self._contexts, question, server)
        except TimeoutError as error:
            raise run.failed(Reason.TIMEOUT, "the name server answers over UDP, but not over TCP") from error

    def _is_alive(self) -> bool:
        return self._monotonic() - self._answered < _ANSWERED_LATELY

    def _silence(self, fault: ProbeError | None) -> ProbeError:
        if isinstance(fault, ProbeInconclusive):
            return fault
        if self._is_alive():
            return ProbeFailed(Layer.DNS, Reason.TIMEOUT, "the resolver answers for other names, not for this one")
        return _dead()


def _dead() -> ProbeInconclusive:
    return ProbeInconclusive(Reason.SELF_RESOLVER, "the resolver of this vantage answers nothing for anybody")


def literal(host: str, family: Family) -> list[str]:
    """``[host]`` when it is an address of that family already, else nothing."""
    version = _address_version(host)
    if version is None:
        return []
    if family not in ("any", version):
        raise ProbeInconclusive(Reason.SELF_NETWORK, f"{host} is not an IPv{family} address")
    return [host]


@lru_cache(maxsize=65536)
def _address_version(host: str) -> int | None:
    # Asked at every attempt, of the same few hosts.
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return None


def _version(address: str) -> int:
    return 6 if ":" in address else 4
