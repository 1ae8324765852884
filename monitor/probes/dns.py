r"""dns: does a name server give the right answer?

One question, over the transport that is asked for::

    probe: dns
    name: matrix.example.org
    type: A
    resolver: 9.9.9.9
    expect:
      answers: [192.0.2.10, 192.0.2.11]
      only: true

``resolver`` is ``host``, ``host:port`` or a list of equal ones, of which each
round asks one. It is then the target: its silence is an outage. Without it the
system's name servers are asked (or the route's ``resolver``), which belong to
our own path: silence towards everybody is ``inconclusive/self_resolver``.

``transport`` is ``udp`` (asked again once, after 1.5 s; over TCP when the
answer comes truncated), ``tcp``, ``tls`` (RFC 7858, port 853) or ``https``
(RFC 8484, POST over HTTP/1.1, to ``url``). ``tls`` is explained with the tls
probe::

    probe: dns
    name: example.org
    type: SOA
    transport: tls
    resolver: dns.example.net
    tls: {ca_file: /etc/lastseen/ca.pem}
    expect: {serial: {min: 2024010100}, dnssec: authentic}

An answer is judged by ``expect``, of which everything must hold:

- ``rcode``: one or a list; default NOERROR.
- ``answers``: all of these must be among the records of the type asked for.
  Written as ``dig +short`` prints them, the last dot of a name and the quotes
  of a text left out or not; between slashes a value is a regular expression:
  ``"/^v=spf1 .* -all$/"``. ``any_of``: one of these must be there.
  ``only: true``: no other may be there.
- ``min_answers``: so many records of the type; default 1 with NOERROR.
- ``serial: {min: N}``: the SOA's serial, compared in the circle of RFC 1982.
- ``dnssec: authentic``: the resolver vouches for the answer with the AD bit.
  ``dnssec: validate``: we verify the signatures ourselves, with the keys and
  delegations that the same server gives, up to ``trust_anchor`` (DS or DNSKEY
  records as in a zone file; default: the root's). An unsigned answer fails.
  That a name does not exist, or a wildcard may answer, is not proven.
- ``answer``, ``authority``, ``additional``: expressions over whole records,
  written ``name TTL class type data`` with tabs: ``any``, ``every``, ``none``,
  ``not_every``::

    probe: dns
    name: version.bind
    type: TXT
    class: CH
    resolver: ["192.0.2.53", "[2001:db8::53]:5353"]
    recursion: false
    expect: {answer: {none: '9\.1[01]\.'}}

Phases: resolve (the name of the resolver), connect (tcp, tls, https), tls (tls,
https), request, response (with ``dnssec: validate`` all further questions too).
Failures: dns/timeout, dns/nxdomain, dns/servfail, dns/refused, dns/rcode,
dns/no_answer, dns/answer, dns/serial, dns/bogus, dns/malformed, dns/size (more
than 256 records), dns/closed, dns/reset; dns/unreachable (ICMP: nobody listens on that UDP port),
route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*; with https also
http/status, http/header (not a DNS message), http/malformed, http/closed,
http/reset, http/timeout.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Annotated, ClassVar, Literal, Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import Endpoint, ProbeSettings, Strings, Tls
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.anchors import ROOT_ANCHORS, parse_anchors
from monitor.net.answers import DnsExpect, check_answer, lines, serial_of
from monitor.net.ask import Query, ask_datagram, ask_stream, is_truncated, make_query, without_holding
from monitor.net.datagram import Datagram
from monitor.net.http import encode_request, exchange
from monitor.net.network import Network
from monitor.net.stream import Stream
from monitor.net.url import Url

_MESSAGE = "application/dns-message"
_LARGEST = 65535
_PORTS = {"udp": 53, "tcp": 53, "tls": 853, "https": 443}

Ask = Callable[[dns.message.Message], Awaitable[dns.message.Message]]


def _type(text: str) -> str:
    try:
        return dns.rdatatype.to_text(dns.rdatatype.from_text(text))
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"not a record type: {text!r}") from error


def _name(text: str) -> str:
    try:
        dns.name.from_text(text)
    except dns.exception.DNSException as error:
        raise ValueError(f"not a DNS name: {text!r}") from error
    return text


def _doh(text: str) -> str:
    if not Url.parse(text).secure:
        raise ValueError("not an https URL")
    return text


class DnsSettings(ProbeSettings):
    """Settings of the dns probe."""

    name: Annotated[str, AfterValidator(_name)]
    type: Annotated[str, AfterValidator(_type)] = "A"
    record_class: Literal["IN", "CH"] = Field(default="IN", alias="class")
    resolver: Strings = ()
    transport: Literal["udp", "tcp", "tls", "https"] = "udp"
    url: Annotated[str, AfterValidator(_doh)] | None = None
    tls: Tls = Tls()
    recursion: bool = True
    expect: DnsExpect = DnsExpect()
    trust_anchor: Annotated[Strings, AfterValidator(lambda texts: texts if parse_anchors(texts) else ())] = ROOT_ANCHORS

    @property
    def resolvers(self) -> tuple[Endpoint, ...]:
        """The name servers to ask in turn; none for the system's."""
        return tuple(Endpoint.parse(text, _PORTS[self.transport]) for text in self.resolver)

    @property
    @override
    def endpoint(self) -> str:
        return " ".join([self.name, self.type, *(f"@{resolver}" for resolver in self.resolvers[:1])])

    @model_validator(mode="after")
    def _check_transport(self) -> Self:
        if (self.transport == "https") != (self.url is not None):
            raise ValueError("transport https takes a url, and the others take none")
        if self.transport == "https" and self.resolver:
            raise ValueError("url and resolver exclude each other")
        resolvers = self.resolvers  # parsed, and so checked, whatever the transport
        if self.transport in ("tcp", "tls") and not resolvers:
            raise ValueError(f"transport {self.transport} takes a resolver")
        if self.transport == "udp" and self.route.proxy:
            raise ValueError("a proxy carries no UDP; use transport tcp, tls or https")
        return self


class DnsProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = DnsSettings
    layers: ClassVar[Mapping[Phase, Layer]] = {**LAYER_OF_PHASE, Phase.REQUEST: Layer.DNS, Phase.RESPONSE: Layer.DNS}

    def __init__(self, settings: DnsSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._resolvers = settings.resolvers
        self._url = Url.parse(settings.url) if settings.url is not None else None
        if settings.expect.dnssec == "validate":
            from monitor.net.dnssec import Validator  # noqa: PLC0415  # takes 20 ms, and is seldom wanted

            self._validator: type[Validator] | None = Validator
        else:
            self._validator = None

    async def attempt(self, run: Run) -> None:
        """Ask, note what came, judge it."""
        settings = self._settings
        async with self._channel(run) as ask:
            response = run.answer = await ask(self._query(run))
            _note(run, response)
            check_answer(response, settings.name, settings.type, settings.expect)
            if settings.expect.dnssec == "authentic" and not response.flags & dns.flags.AD:
                raise run.failed(Reason.BOGUS, "the resolver does not vouch for the answer (no AD bit)")
            if self._validator is not None:
                await self._validator(run, ask, settings.trust_anchor, self._network.now()).check(response)

    def _query(self, run: Run) -> dns.message.Message:
        settings = self._settings
        flags = dns.flags.RD if settings.recursion else 0
        if settings.expect.dnssec == "validate" and settings.recursion:
            flags |= dns.flags.CD  # a validating resolver hands over what it would refuse: the fault can be named
        elif settings.expect.dnssec == "authentic":
            flags |= dns.flags.AD
        query = make_query(run, settings.name, settings.type, settings.record_class, flags=flags)
        if settings.expect.dnssec:
            query.want_dnssec()
        return query

    def _channel(self, run: Run) -> AbstractAsyncContextManager[Ask]:
        if self._url is not None:
            return self._https(run, self._url)
        resolvers = self._resolvers
        if not resolvers:
            return self._system(run)
        target = resolvers[(run.round + run.retry) % len(resolvers)]
        if len(resolvers) > 1:
            run.facts[Fact.HOST] = str(target)
        return self._udp(run, target) if self._settings.transport == "udp" else self._stream(run, target)

    @asynccontextmanager
    async def _system(self, run: Run) -> AsyncIterator[Ask]:
        run.enter(Phase.RESPONSE)
        yield lambda query: self._network.exchange(run, query, self._settings.route)

    @asynccontextmanager
    async def _udp(self, run: Run, target: Endpoint) -> AsyncIterator[Ask]:
        route = self._settings.route
        address = await self._network.address(run, target.host, route)
        run.enter(Phase.REQUEST)
        async with Datagram.connect(run, (address, target.port), source=route.source_address) as datagram:

            async def ask(query: dns.message.Message) -> dns.message.Message:
                response = await ask_datagram(run, datagram, query)
                if not is_truncated(response):
                    return response
                async with self._stream(run, Endpoint(host=address, port=target.port)) as over_tcp:
                    return await over_tcp(query)

            run.enter(Phase.RESPONSE)
            yield ask

    @asynccontextmanager
    async def _stream(self, run: Run, target: Endpoint) -> AsyncIterator[Ask]:
        settings = self._settings
        async with await self._network.connect(run, target, settings.route) as stream:
            if settings.transport == "tls":
                await stream.start_tls(settings.tls, target.host)
            run.enter(Phase.RESPONSE)
            yield lambda query: ask_stream(run, stream, Query(query))

    @asynccontextmanager
    async def _https(self, run: Run, url: Url) -> AsyncIterator[Ask]:
        async with await self._network.connect_tls(
            run, url.endpoint, self._settings.route, self._settings.tls
        ) as stream:
            yield partial(self._post, run, stream, url)

    async def _post(self, run: Run, stream: Stream, url: Url, query: dns.message.Message) -> dns.message.Message:
        run.layers = LAYER_OF_PHASE  # until there is a DNS message, what fails is HTTP
        query.id = 0  # RFC 8484 section 4.1
        headers = {
            "User-Agent": self._network.user_agent,
            "Accept": _MESSAGE,
            "Content-Type": _MESSAGE,
            "Connection": "keep-alive",
        }
        response = await exchange(run, stream, encode_request("POST", url, headers, query.to_wire()), limit=_LARGEST)
        run.facts[Fact.HTTP_STATUS] = response.status
        if response.status != 200:
            raise run.failed(Reason.STATUS, f"status {response.status}, expected 200")
        if response.header(b"content-type") != _MESSAGE.encode():
            raise run.failed(Reason.HEADER, f"the answer is not {_MESSAGE}")
        run.layers = self.layers
        message = await without_holding(Query(query).accept, run, response.body)
        if message is None:
            raise run.failed(Reason.MALFORMED, "not a DNS message, or one with another id")
        return message


def _note(run: Run, response: dns.message.Message) -> None:
    run.facts[Fact.DNS_RCODE] = dns.rcode.to_text(response.rcode())
    run.facts[Fact.DNS_ANSWERS] = sum(len(rrset) for rrset in response.answer)
    run.facts[Fact.DNS_AUTHORITY] = sum(len(rrset) for rrset in response.authority)
    run.facts[Fact.DNS_ADDITIONAL] = sum(len(rrset) for rrset in response.additional)
    run.facts[Fact.DNS_RECORDS] = tuple(lines(response.answer))
    run.facts[Fact.DNS_AUTHENTIC] = bool(response.flags & dns.flags.AD)
    serial = serial_of(response)
    if serial is not None:
        run.facts[Fact.DNS_SERIAL] = serial
