"""xmpp: does an XMPP server serve its domain, offer what it must, and let us log in?

By domain, the servers are asked that its SRV records name (RFC 6120 section
3.2.1), another at each confirmation; without such a record the domain itself,
on port 5222 for clients and 5269 for servers::

    probe: xmpp
    domain: example.org

By address, one server of the domain or a list of equal ones, of which each
round asks one. A login proves more than what is offered to everybody::

    probe: xmpp
    domain: example.org
    address: "chat.example.org:5222"
    mechanisms: [SCRAM-SHA-256]
    login: {username: monitor, password_file: /etc/lastseen/xmpp}

As another server would ask, through TLS from the first byte::

    probe: xmpp
    domain: example.org
    service: server
    security: tls

The attempt opens a stream, speaks STARTTLS, opens a stream again, reads what
is offered and takes its leave. ``security`` is

- ``starttls`` (the default): a server that does not offer it has failed;
- ``tls``: TLS from the first byte (XEP-0368), by the records ``_xmpps-client``
  and ``_xmpps-server``, without which an address must be given; ALPN is offered,
  and the outcome does not depend on it;
- ``plain``: no TLS.

The certificate must name the domain, wherever the records lead; ``tls`` is
explained with the tls probe. Where TLS is spoken, clients must be offered a SASL
mechanism. ``mechanisms`` must all be offered, too; for servers ``dialback``
(XEP-0220) counts as one. ``service`` is ``client`` or ``server``. We say to
servers neither who we are nor show a certificate: that is no way to see whether
they offer EXTERNAL.

With a ``login`` (the name before the @) the attempt logs in by SCRAM-SHA-256 or
SCRAM-SHA-1, and verifies that the server knows the password as well; by PLAIN
only where nothing else is offered, and only to a server whose certificate is
verified or pinned. Then it binds a resource and sends a ping (XEP-0199), to
which an error is an answer, too. It does not become available: nobody sees it
come and go.

Phases: resolve, connect, handshake (streams and what they offer), starttls,
tls, login (SASL and the resource), send (the ping).
Failures: dns/*, dns/answer (the domain says that it has no such service),
dns/no_answer (no record for TLS from the first byte), route/unreachable,
tcp/refused, tcp/reset, tcp/timeout, tls/*, tls/malformed (bytes in the clear
after the server agreed to TLS), handshake/host_unknown, handshake/overloaded
(the server has no room, or is shutting down), handshake/rejected (any other
stream error; a breach of its policy asks us to come back later),
handshake/starttls (not offered, or refused), handshake/capability (a mechanism
is missing), handshake/malformed (no XMPP, more than 64 KiB of it, or what
RFC 6120 forbids in it), handshake/closed, handshake/reset, handshake/timeout,
login/rejected, login/overloaded, login/capability, login/nonce,
login/signature (the server does not prove that it knows the password),
login/malformed, login/closed, login/timeout, send/nonce, send/closed,
send/timeout.
"""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Endpoint, Host, Pool, ProbeSettings, Secret, Settings, Strings, Tls
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.network import Network
from monitor.net.services import srv_records
from monitor.net.stream import Stream
from monitor.net.xmpp import XmppStream
from monitor.wire import xmpp
from monitor.wire.sasl import SCRAM, Account, Challenge, Scram, decoded, encoded, prepared

_PORTS = {"client": 5222, "server": 5269}
_STARTTLS = f"<starttls xmlns='{xmpp.TLS}'/>".encode()
_CHALLENGE, _SUCCESS, _FAILURE = (f"{xmpp.SASL} {name}" for name in ("challenge", "success", "failure"))


def _check_secret(value: SecretStr) -> SecretStr:
    prepared(value.get_secret_value())
    return value


class Login(Settings):
    """An account of the domain."""

    username: Annotated[str, Field(min_length=1, max_length=1023), AfterValidator(prepared)]
    password: Annotated[Secret, AfterValidator(_check_secret)]


class XmppSettings(ProbeSettings):
    """Settings of the xmpp probe."""

    domain: Host
    service: Literal["client", "server"] = "client"
    address: Pool | None = None
    security: Literal["starttls", "tls", "plain"] = "starttls"
    tls: Tls = Tls()
    mechanisms: Strings = ()
    login: Login | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.login and self.security == "plain":
            raise ValueError("a login is sent through TLS only: security cannot be plain")
        if self.login and self.service == "server":
            raise ValueError("a login is for clients: service cannot be server")
        return self

    @property
    @override
    def endpoint(self) -> str:
        return self.domain if self.address is None else str(self.address[0])


class XmppProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = XmppSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: XmppSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._domain = settings.domain.removesuffix(".")
        self._head = xmpp.head(self._domain, f"jabber:{settings.service}")
        direct = settings.security == "tls"
        alpn = settings.tls.alpn or ((f"xmpp-{settings.service}",) if direct else ())
        self._tls = settings.tls.model_copy(update={"alpn": alpn})
        self._record = f"_xmpp{'s' if direct else ''}-{settings.service}._tcp.{self._domain}"
        login = settings.login
        self._account = Account(login.username, login.password.get_secret_value()) if login else None

    async def attempt(self, run: Run) -> None:
        """Find the server, connect, and converse."""
        target = await self._target(run)
        async with await self._network.connect(run, target, self._settings.route) as stream:
            try:
                await self._converse(run, stream)
            except ValueError as error:
                raise run.failed(Reason.MALFORMED, f"what the server says is not XMPP: {error}") from error

    async def _target(self, run: Run) -> Endpoint:
        if self._settings.address is not None:
            pool = self._settings.address
            target = pool[(run.round + run.retry) % len(pool)]
            if len(pool) > 1:
                run.facts[Fact.HOST] = str(target)
            return target
        found = await srv_records(self._network, run, self._record, self._settings.route)
        if found:
            target = found[run.retry % len(found)]
            run.facts[Fact.HOST] = str(target)
            return target
        if found is not None:
            raise run.failed(Reason.ANSWER, "the domain says that it does not offer this service")
        if self._settings.security == "tls":
            raise run.failed(Reason.NO_ANSWER, f"{self._record} has no SRV record")
        return Endpoint(host=self._domain, port=_PORTS[self._settings.service])

    async def _converse(self, run: Run, stream: Stream) -> None:
        talk = XmppStream(run, stream, self._head)
        security = self._settings.security
        if security == "starttls":
            run.enter(Phase.HANDSHAKE)
            await _ask_for_tls(run, talk)
        if security != "plain":
            await stream.start_tls(self._tls, self._domain)
        run.enter(Phase.HANDSHAKE)
        names = xmpp.offered(await talk.open())
        if names:
            run.facts[Fact.OFFERED] = names
        self._check_offer(run, names)
        if self._account is not None:
            run.enter(Phase.LOGIN)
            await self._log_in(run, talk, self._account, names)
            run.enter(Phase.SEND)
            begun = self._network.monotonic()
            await talk.ask("get", f"<ping xmlns='{xmpp.PING}'/>", self._domain)
            run.facts[Fact.ROUND_TRIP] = self._network.monotonic() - begun
        stream.write(b"</stream:stream>")

    def _check_offer(self, run: Run, names: tuple[str, ...]) -> None:
        settings = self._settings
        missing = [name for name in settings.mechanisms if name not in names]
        if missing:
            raise run.failed(Reason.CAPABILITY, f"the server does not offer {' and '.join(missing)}")
        if settings.service == "client" and settings.security != "plain" and not names:
            raise run.failed(Reason.CAPABILITY, "the server offers no way to log in")

    async def _log_in(self, run: Run, talk: XmppStream, account: Account, names: tuple[str, ...]) -> None:
        mechanism = next((name for name in SCRAM if name in names), None)
        if mechanism is not None:
            await _prove(run, talk, Scram(account, mechanism, secrets.token_urlsafe(18)))
        else:
            await self._show(run, talk, account, names)
        features = await talk.open()
        if features.child(f"{xmpp.BIND} bind") is None:
            raise run.failed(Reason.CAPABILITY, "the server offers no resource to those who logged in")
        answer = await talk.ask("set", f"<bind xmlns='{xmpp.BIND}'/>")
        if answer.attributes["type"] == "error":
            error = answer.child("jabber:client error")
            why = xmpp.condition(error) if error is not None else "no condition"
            raise run.failed(Reason.REJECTED, f"the server gives us no resource: {why}")

    async def _show(self, run: Run, talk: XmppStream, account: Account, names: tuple[str, ...]) -> None:
        if "PLAIN" not in names:
            raise run.failed(Reason.CAPABILITY, f"the server offers neither {' nor '.join(SCRAM)} nor PLAIN")
        if not self._tls.verify and not self._tls.pin:
            raise run.failed(Reason.CAPABILITY, "the server offers only PLAIN, and its certificate is not verified")
        answer = await talk.say(xmpp.sasl("auth", encoded(account.plain()), " mechanism='PLAIN'"))
        if answer.name != _SUCCESS:
            raise _refused(run, answer)


async def _ask_for_tls(run: Run, talk: XmppStream) -> None:
    features = await talk.open()
    run.enter(Phase.STARTTLS)
    if features.child(f"{xmpp.TLS} starttls") is None:
        raise run.failed(Reason.STARTTLS, "the server does not offer STARTTLS")
    answer = await talk.say(_STARTTLS)
    if answer.name != f"{xmpp.TLS} proceed":
        raise run.failed(Reason.STARTTLS, "the server offers STARTTLS, but refuses it")
    talk.leave()


async def _prove(run: Run, talk: XmppStream, scram: Scram) -> None:
    """Log in by SCRAM. The server's proof comes with the success, or before it in a challenge of its own."""
    mechanism = f" mechanism='{scram.mechanism}'"
    answer = await talk.say(xmpp.sasl("auth", encoded(scram.first()), mechanism))
    if answer.name != _CHALLENGE:
        raise _refused(run, answer)
    challenge = Challenge.parse(decoded(answer.text))
    if not scram.is_asked(challenge):
        raise run.failed(Reason.NONCE, "the server's challenge answers another login than ours")
    final = await asyncio.to_thread(scram.final, challenge)
    answer = await talk.say(xmpp.sasl("response", encoded(final)))
    if answer.name not in (_CHALLENGE, _SUCCESS):
        raise _refused(run, answer)
    if not scram.is_proof(decoded(answer.text)):
        raise run.failed(Reason.SIGNATURE, "the server does not prove that it knows the password")
    if answer.name == _CHALLENGE and (answer := await talk.say(xmpp.sasl("response", ""))).name != _SUCCESS:
        raise _refused(run, answer)


def _refused(run: Run, answer: xmpp.Element) -> ProbeFailed:
    """What ended a login that did not succeed (RFC 6120 section 6.5)."""
    if answer.name == _SUCCESS:
        return run.failed(Reason.SIGNATURE, "the server does not prove that it knows the password")
    if answer.name != _FAILURE:
        return run.failed(Reason.MALFORMED, "the server answers the login with something else")
    why = xmpp.condition(answer)
    if why == "temporary-auth-failure":
        return run.failed(Reason.OVERLOADED, "the server cannot check logins at the moment")
    return run.failed(Reason.REJECTED, f"the server refuses the login: {why}")
