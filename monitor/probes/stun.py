"""stun: does a STUN server say where we come from, does a TURN server relay for us?

Calls of messengers need such servers to get through firewalls. A Binding request
(RFC 8489) is answered by everyone; the answer must repeat our transaction id and
tell an address::

    probe: stun
    address: "stun.example.org:3478"

``transport`` is ``udp`` (a request is repeated after 0.5 s, then after 1 s, 2 s
and so on), ``tcp`` or ``tls``; without a port 3478 is asked, and 5349 with
``tls``. ``address`` may be a list of equal servers: each round asks one of them,
in turn. Or servers are looked up with ``srv``, the whole name of an SRV record;
with ``tls`` the certificate is then for the name without its two first labels.

``turn: true`` asks for an allocation (RFC 8656) instead, without an account: the
answer that one is needed, with a realm and a nonce, proves that a TURN server is
there::

    probe: stun
    srv: _turn._udp.example.org
    turn: true

With ``username`` and ``password`` (long-term credentials: MD5 and HMAC-SHA1) the
allocation is made, and given back at once. Its answer must be signed by the same
password::

    probe: stun
    address: "turn.example.org"
    transport: tls
    turn: true
    username: monitor
    password: not-a-real-one

Phases: resolve, connect (tcp, tls), tls (tls), handshake, login (the allocation).
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*;
handshake/timeout, handshake/unreachable (ICMP: nobody listens on that UDP port),
handshake/closed, handshake/reset, handshake/malformed (no STUN, or no address in
it), handshake/nonce (the answer to another request), handshake/denied (400, 401
without ``turn``, 403), handshake/capability (420, 440, 442: something that we ask
for is not offered), handshake/rejected (300: we are sent to another server),
handshake/overloaded (486, 508), handshake/status (500 and other errors);
login/rejected (401, 441: not with these credentials), login/signature (the answer
is not signed by the password), login/nonce, and the others as login/*.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar, Literal, ParamSpec, Protocol, Self, TypeVar

from pydantic import model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import Endpoint, ProbeSettings, Secret, Strings, Tls
from monitor.domain.text import shown
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.datagram import Datagram
from monitor.net.network import Network
from monitor.net.pool import member
from monitor.net.services import srv_records
from monitor.net.stream import Stream
from monitor.wire.stun import (
    HEADER,
    UDP_TRANSPORT,
    Answer,
    Attribute,
    Method,
    address,
    body_size,
    decode,
    encode,
    long_term_key,
)

_RTO = 0.5  # seconds: RFC 8489 section 6.2.1
_PORTS = {"udp": 3478, "tcp": 3478, "tls": 5349}
_STALE_NONCE = 438
_LONGEST = 763  # bytes of a realm or a nonce: RFC 8489 sections 14.9 and 14.10
_REASONS = {
    300: Reason.REJECTED,
    400: Reason.DENIED,
    401: Reason.DENIED,
    403: Reason.DENIED,
    420: Reason.CAPABILITY,
    _STALE_NONCE: Reason.NONCE,
    440: Reason.CAPABILITY,
    441: Reason.REJECTED,
    442: Reason.CAPABILITY,
    486: Reason.OVERLOADED,
    508: Reason.OVERLOADED,
}

P = ParamSpec("P")
Parsed = TypeVar("Parsed")
Attributes = tuple[tuple[Attribute, bytes], ...]
_WANTED: Attributes = ((Attribute.REQUESTED_TRANSPORT, UDP_TRANSPORT),)
_GIVE_BACK: Attributes = ((Attribute.LIFETIME, bytes(4)),)


class StunSettings(ProbeSettings):
    """Settings of the stun probe."""

    address: Strings = ()
    srv: str | None = None
    transport: Literal["udp", "tcp", "tls"] = "udp"
    turn: bool = False
    username: str | None = None
    password: Secret | None = None
    tls: Tls = Tls()

    @property
    def targets(self) -> tuple[Endpoint, ...]:
        """The servers to ask in turn; none when they are looked up."""
        return tuple(Endpoint.parse(text, _PORTS[self.transport]) for text in self.address)

    @property
    @override
    def endpoint(self) -> str:
        return self.srv or str(self.targets[0])

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.srv is None) == (not self.targets):
            raise ValueError("takes either address or srv")
        if self.srv is not None and self.srv.count(".") < 3:
            raise ValueError("srv is the whole name of the record, as in _stun._udp.example.org")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.username is not None and not self.turn:
            raise ValueError("username and password are for turn: true")
        if self.transport == "udp" and self.route.proxy:
            raise ValueError("a proxy carries no UDP; use transport tcp or tls")
        return self


class _Talk(Protocol):
    """Questions and their answers, whatever carries them."""

    async def ask(self, method: Method, attributes: Attributes = (), key: bytes | None = None) -> Answer:
        """The answer to a request."""
        ...

    def tell(self, method: Method, attributes: Attributes = (), key: bytes | None = None) -> None:
        """A request whose answer nobody waits for."""
        ...


class _OverUdp:
    def __init__(self, run: Run, datagram: Datagram) -> None:
        self._run = run
        self._datagram = datagram
        self._answered: set[bytes] = set()

    async def ask(self, method: Method, attributes: Attributes = (), key: bytes | None = None) -> Answer:
        transaction = os.urandom(12)

        def accept(data: bytes) -> Answer | None:
            answer = _parsed(self._run, decode, data)
            # A request that was repeated has two answers; the second one may come after the next request.
            return None if answer.transaction in self._answered else _own(self._run, answer, method, transaction)

        answer = await self._datagram.ask(encode(method, transaction, attributes, key), accept, _RTO)
        self._answered.add(transaction)
        return answer

    def tell(self, method: Method, attributes: Attributes = (), key: bytes | None = None) -> None:
        self._datagram.send(encode(method, os.urandom(12), attributes, key))


class _OverStream:
    def __init__(self, run: Run, stream: Stream) -> None:
        self._run = run
        self._stream = stream

    async def ask(self, method: Method, attributes: Attributes = (), key: bytes | None = None) -> Answer:
        transaction = os.urandom(12)
        self._stream.write(encode(method, transaction, attributes, key))
        head = await self._stream.read_exactly(HEADER)
        body = await self._stream.read_exactly(_parsed(self._run, body_size, head))
        return _own(self._run, _parsed(self._run, decode, head + body), method, transaction)

    def tell(self, method: Method, attributes: Attributes = (), key: bytes | None = None) -> None:
        self._stream.write(encode(method, os.urandom(12), attributes, key))


def _own(run: Run, answer: Answer, method: Method, transaction: bytes) -> Answer:
    """``answer`` if it is to this request."""
    if answer.transaction != transaction or answer.method != method:
        raise run.failed(Reason.NONCE, "the answer is to another request")
    return answer


class StunProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = StunSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: StunSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._targets = settings.targets
        self._name = settings.srv.split(".", 2)[2] if settings.srv else None

    async def attempt(self, run: Run) -> None:
        """Ask for our address, or for an allocation."""
        target = await self._target(run)
        async with self._udp(run, target) if self._settings.transport == "udp" else self._stream(run, target) as talk:
            if self._settings.turn:
                await self._allocate(run, talk)
            else:
                answer = await talk.ask(Method.BINDING)
                _check(run, answer, Attribute.XOR_MAPPED_ADDRESS)

    async def _target(self, run: Run) -> Endpoint:
        srv = self._settings.srv
        if srv is None:
            return self._targets[member(run, self._targets)]
        found = await srv_records(self._network, run, srv, self._settings.route)
        if not found:
            raise run.failed(Reason.NO_ANSWER, f"no server is published as {srv}")
        run.facts[Fact.HOST] = str(found[run.retry % len(found)])
        return found[run.retry % len(found)]

    @asynccontextmanager
    async def _udp(self, run: Run, target: Endpoint) -> AsyncIterator[_Talk]:
        route = self._settings.route
        host = await self._network.address(run, target.host, route)
        run.enter(Phase.HANDSHAKE)
        async with Datagram.connect(run, (host, target.port), source=route.source_address) as datagram:
            yield _OverUdp(run, datagram)

    @asynccontextmanager
    async def _stream(self, run: Run, target: Endpoint) -> AsyncIterator[_Talk]:
        settings = self._settings
        async with await self._network.connect(run, target, settings.route) as stream:
            if settings.transport == "tls":
                await stream.start_tls(settings.tls, self._name or target.host)
            run.enter(Phase.HANDSHAKE)
            yield _OverStream(run, stream)

    async def _allocate(self, run: Run, talk: _Talk) -> None:
        """Get as far as the account, or to the allocation; what was got is given back."""
        answer = await talk.ask(Method.ALLOCATE, _WANTED)
        if answer.error != 401:
            _check(run, answer, Attribute.XOR_RELAYED_ADDRESS)  # who needs no account may have it so
            talk.tell(Method.REFRESH, _GIVE_BACK)
            return
        realm, nonce = _challenge(run, answer)
        username, password = self._settings.username, self._settings.password
        if username is None or password is None:
            return
        run.enter(Phase.LOGIN)
        key = long_term_key(username, realm, password.get_secret_value())
        account = ((Attribute.USERNAME, username.encode()), (Attribute.REALM, realm))
        answer = await talk.ask(Method.ALLOCATE, (*_WANTED, *account, (Attribute.NONCE, nonce)), key)
        if answer.error == _STALE_NONCE:
            _, nonce = _challenge(run, answer)
            answer = await talk.ask(Method.ALLOCATE, (*_WANTED, *account, (Attribute.NONCE, nonce)), key)
        _check(run, answer, Attribute.XOR_RELAYED_ADDRESS)
        if not answer.is_signed_by(key):
            raise run.failed(Reason.SIGNATURE, "the allocation is not signed by the password")
        talk.tell(Method.REFRESH, (*_GIVE_BACK, *account, (Attribute.NONCE, nonce)), key)


def _challenge(run: Run, answer: Answer) -> tuple[bytes, bytes]:
    """Realm and nonce of an answer that wants an account."""
    realm = answer.attributes.get(Attribute.REALM, b"")
    nonce = answer.attributes.get(Attribute.NONCE, b"")
    if not 0 < len(realm) <= _LONGEST or not 0 < len(nonce) <= _LONGEST:
        raise run.failed(Reason.MALFORMED, "the server wants an account, and gives no proper realm and nonce for it")
    return realm, nonce


def _check(run: Run, answer: Answer, wanted: Attribute) -> None:
    """Raise ProbeFailed unless ``answer`` is a success that holds the address ``wanted``."""
    if software := answer.attributes.get(Attribute.SOFTWARE):
        run.facts[Fact.SOFTWARE] = shown(software.decode(errors="replace"))
    if not answer.error:
        _parsed(run, address, answer, wanted)
        return
    reason = _REASONS.get(answer.error, Reason.STATUS)
    if answer.error == 401 and run.phase is Phase.LOGIN:
        reason = Reason.REJECTED
    raise run.failed(reason, f"the server answers with error {answer.error}")


def _parsed(run: Run, parse: Callable[P, Parsed], *args: P.args, **kwargs: P.kwargs) -> Parsed:
    """What ``parse`` makes of a server's bytes."""
    try:
        return parse(*args, **kwargs)
    except ValueError as error:
        raise run.failed(Reason.MALFORMED, str(error)) from error
