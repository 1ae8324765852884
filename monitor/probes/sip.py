"""sip: does a SIP server or telephone answer?

An OPTIONS request (RFC 3261 section 11) is sent, which rings nobody and needs no
account::

    probe: sip
    address: "sip.example.org:5060"

The response must be to our own request. Most of them prove the server alive, a
refusal (401, 403, 404, 405, 483) as well as 200: what fails is 408, 500, 502, 503,
504 and 580. ``expect`` names the statuses that are right instead, alone or as a
range or class::

    probe: sip
    domain: example.org
    transport: tls
    expect: [200, "40x", "480-489"]

``transport`` is ``udp`` (a request is repeated after 0.5 s, then after 1 s, 2 s
and 4 s), ``tcp`` or ``tls``; without a port 5060 is asked, and 5061 with ``tls``.
``address`` may be a list of equal servers: each round asks one of them, in turn.
With ``domain`` the servers are those of its SRV record (``_sip._udp``,
``_sip._tcp``, ``_sips._tcp``: RFC 3263), or the domain itself where there is none,
and a certificate must be for the domain (RFC 5922). ``uri`` is who is asked,
``sip:`` and the domain or the address by default::

    probe: sip
    address: "192.0.2.7"
    uri: "sip:reception@example.org"

Phases: resolve, connect (tcp, tls), tls (tls), handshake.
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*;
handshake/timeout, handshake/unreachable (ICMP: nobody listens on that UDP port),
handshake/closed, handshake/reset, handshake/malformed (no SIP),
handshake/size (a head beyond 16 KiB, a body beyond 64 KiB), handshake/nonce (the response to another
request), handshake/status, handshake/overloaded (503; with Retry-After it asks us
to come back later, and says when).
"""

import os
import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import Endpoint, Host, ProbeSettings, Strings, Tls, as_tuple
from monitor.domain.text import shown
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.datagram import Datagram
from monitor.net.network import Network
from monitor.net.pool import member
from monitor.net.services import srv_records
from monitor.net.stream import Stream
from monitor.wire.sip import Answer, Question, decode

_T1, _T2 = 0.5, 4.0  # seconds: RFC 3261 section 17.1.2.2
_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}
_SERVICES = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_UNWELL = frozenset({408, 500, 502, 503, 504, 580})  # who answers so did not get through to what should answer
_ALIVE = frozenset(range(200, 700)) - _UNWELL
_HEAD_LIMIT = 16384
_BODY_LIMIT = 65536
_DAY = 86400.0
_URI = re.compile(r"sips?:[^\s<>\"]{1,200}", re.ASCII)
_SPAN = re.compile(r"([2-6])(?:([0-9])(?:([0-9])|x)|xx)|([2-6][0-9]{2})-([2-6][0-9]{2})")


def _span(item: str | int) -> range:
    """The statuses that ``404``, ``40x``, ``4xx`` or ``400-499`` stands for. Raises ValueError."""
    text = str(item)
    if not _SPAN.fullmatch(text):
        raise ValueError(f"not a final SIP status: {item!r}; write 200, 40x, 4xx or 480-489")
    first, _, last = text.partition("-")
    return range(int(first.replace("x", "0")), int((last or first).replace("x", "9")) + 1)


def _check_statuses(items: tuple[str | int, ...]) -> tuple[str | int, ...]:
    for item in items:
        _span(item)
    return items


def _uri(text: str) -> str:
    if not _URI.fullmatch(text):
        raise ValueError("not a SIP URI; write sip:example.org or sip:user@example.org")
    return text


Statuses = Annotated[tuple[str | int, ...], BeforeValidator(as_tuple), AfterValidator(_check_statuses)]


class SipSettings(ProbeSettings):
    """Settings of the sip probe."""

    address: Strings = ()
    domain: Host | None = None
    transport: Literal["udp", "tcp", "tls"] = "udp"
    uri: Annotated[str, AfterValidator(_uri)] | None = None
    expect: Statuses = ()
    tls: Tls = Tls()

    @property
    def targets(self) -> tuple[Endpoint, ...]:
        """The servers to ask in turn; none when they are looked up."""
        return tuple(Endpoint.parse(text, _PORTS[self.transport]) for text in self.address)

    @property
    @override
    def endpoint(self) -> str:
        return self.domain or str(self.targets[0])

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.domain is None) == (not self.targets):
            raise ValueError("takes either address or domain")
        if self.transport == "udp" and self.route.proxy:
            raise ValueError("a proxy carries no UDP; use transport tcp or tls")
        return self


class SipProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = SipSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: SipSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._targets = settings.targets
        self._right = frozenset(status for item in settings.expect for status in _span(item)) or _ALIVE

    async def attempt(self, run: Run) -> None:
        """Ask, and judge the final response."""
        target = await self._target(run)
        answer = await (self._over_udp if self._settings.transport == "udp" else self._over_stream)(run, target)
        run.answer = answer
        if software := answer.headers.get("server"):
            run.facts[Fact.SOFTWARE] = shown(software)
        if allowed := answer.headers.get("allow"):
            run.facts[Fact.OFFERED] = shown(allowed)
        if answer.status in self._right:
            return
        reason = Reason.OVERLOADED if answer.status == 503 else Reason.STATUS
        failure = run.failed(reason, f"the server answers with status {answer.status}")
        if answer.status == 503 and answer.retry_after is not None:
            failure.retry_after = min(answer.retry_after, _DAY)
        raise failure

    async def _target(self, run: Run) -> Endpoint:
        settings = self._settings
        if settings.domain is None:
            return self._targets[member(run, self._targets)]
        name = f"{_SERVICES[settings.transport]}.{settings.domain}"
        found = await srv_records(self._network, run, name, settings.route)
        if found is None:
            return Endpoint(host=settings.domain, port=_PORTS[settings.transport])
        if not found:
            raise run.failed(Reason.NO_ANSWER, f"{settings.domain} offers no SIP over {settings.transport}")
        target = found[run.retry % len(found)]
        run.facts[Fact.HOST] = str(target)
        return target

    def _question(self, target: Endpoint, sent_by: str) -> Question:
        settings = self._settings
        place = settings.domain or str(target).removesuffix(f":{_PORTS[settings.transport]}")
        return Question(
            nonce=os.urandom(16).hex(),
            transport=settings.transport.upper(),
            sent_by=sent_by,
            uri=settings.uri or f"sip:{place}",
            user_agent=self._network.user_agent,
        )

    async def _over_udp(self, run: Run, target: Endpoint) -> Answer:
        route = self._settings.route
        host = await self._network.address(run, target.host, route)
        run.enter(Phase.HANDSHAKE)
        async with Datagram.connect(run, (host, target.port), source=route.source_address) as datagram:
            here = datagram.socket.getsockname()
            question = self._question(target, str(Endpoint(host=here[0], port=here[1])))

            def accept(data: bytes) -> Answer | None:
                head = data.lstrip(b"\r\n").partition(b"\r\n\r\n")[0]
                return _final(run, _decoded(run, head), question)

            return await datagram.ask(question.encode(), accept, _T1, _T2)

    async def _over_stream(self, run: Run, target: Endpoint) -> Answer:
        settings = self._settings
        async with await self._network.connect(run, target, settings.route) as stream:
            if settings.transport == "tls":
                await stream.start_tls(settings.tls, settings.domain or target.host)
            run.enter(Phase.HANDSHAKE)
            # Responses come back on this connection (RFC 3261 section 18.2.2): our address is nobody's business.
            question = self._question(target, "lastseen.invalid")
            stream.write(question.encode())
            while True:
                answer = _decoded(run, await _head(run, stream))
                if (final := _final(run, answer, question)) is not None:
                    return final
                if answer.size > _BODY_LIMIT:
                    raise run.failed(Reason.SIZE, f"a body of {answer.size} bytes")
                await stream.read_exactly(answer.size)


async def _head(run: Run, stream: Stream) -> bytes:
    """The lines up to an empty one; empty lines before them are signs of life (RFC 5626 section 3.5.1)."""
    lines: list[bytes] = []
    room = _HEAD_LIMIT
    while room > 0:
        line = await stream.read_line(room)
        room -= len(line) + 2
        if line:
            lines.append(line)
        elif lines:
            return b"\n".join(lines)
    raise run.failed(Reason.SIZE, f"a response head of more than {_HEAD_LIMIT} bytes")


def _final(run: Run, answer: Answer, question: Question) -> Answer | None:
    """``answer`` if it is final, None if more will come. Raises ProbeFailed nonce when it is not to ``question``."""
    if not answer.is_to(question):
        raise run.failed(Reason.NONCE, "the response is to another request")
    return answer if answer.status >= 200 else None


def _decoded(run: Run, head: bytes) -> Answer:
    try:
        return decode(head)
    except ValueError as error:
        raise run.failed(Reason.MALFORMED, str(error)) from error
