"""irc: does an IRC server answer, let us register, and answer again?

The attempt asks what the server is capable of (``CAP LS 302``, IRCv3) and takes
its leave, before it has a name; a server too old for the question says that
it does not know it, and has answered::

    probe: irc
    address: "irc.example.org:6697"
    tls: {}

``register: true`` goes on: NICK and USER until the welcome (001), then a PING
whose token must come back. The real name that is shown to others is the
monitor's, with the operator's contact where one is configured. ``nick`` is
ours; when it is taken, others are tried, with digits at the end::

    probe: irc
    address: [irc1.example.org:6697, irc2.example.org:6697]
    tls: {}
    register: true
    nick: lastseen
    capabilities: [sasl]

With a ``login`` the attempt registers as an account, by SASL PLAIN; with a
``password`` it shows the server's own (PASS). Both want TLS and a certificate
that is verified or pinned, or a server on this machine::

    probe: irc
    address: "irc.example.org:6697"
    tls: {}
    login: {username: monitor, password_file: /etc/lastseen/irc}

``capabilities`` must all be offered. ``address`` may be a list of equal
servers: each round asks one. ``tls`` is TLS from the first byte, and explained
with the tls probe. No channel is joined, and nothing is said to anybody.

Phases: resolve, connect, tls (if any), handshake (the capabilities), login (the
registration), send (the ping).
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*,
handshake/rejected (the server does not want us: banned, throttled, too many
connections from here, which asks us to come back later), handshake/overloaded
(it is full, or going down), handshake/capability (something is not offered),
handshake/malformed, handshake/size (128 KiB and no end), handshake/closed,
handshake/reset, handshake/timeout, login/rejected (the password, the account,
the nick, or banned), login/overloaded, login/malformed, login/closed,
login/timeout, send/nonce (the answer to another ping), send/closed,
send/timeout.
"""

import ipaddress
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import Pool, ProbeSettings, Secret, Settings, Strings, Tls
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.irc import IrcStream
from monitor.net.network import Network
from monitor.wire.irc import Message, authenticate
from monitor.wire.sasl import Account, encoded, prepared

_TAKEN = ("433", "436", "437")
_NICKS = 3
_NICK_LENGTH = 9  # RFC 2812 section 1.2.1; what every server allows
_REFUSALS = {
    "432": "the nick, which it does not allow",
    "463": "connections from here",
    "464": "the password",
    "902": "the account, or this nick for it",
    "904": "the account or its password",
    "905": "a message that long",
    "906": "to go on with the login",
    "907": "a second login",
    "908": "this way of logging in",
}


def _check_password(value: SecretStr) -> SecretStr:
    if re.search(r"[\0\r\n]", value.get_secret_value()):
        raise ValueError("a password of IRC is one line")
    prepared(value.get_secret_value())
    return value


Password = Annotated[Secret, Field(min_length=1, max_length=400), AfterValidator(_check_password)]


class Login(Settings):
    """An account of the network."""

    username: Annotated[str, Field(min_length=1, max_length=400), AfterValidator(prepared)]
    password: Password


class IrcSettings(ProbeSettings):
    """Settings of the irc probe."""

    address: Pool
    tls: Tls | None = None
    register_: bool = Field(default=False, alias="register")
    nick: str = Field(default="lastseen", pattern=r"^[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]{0,29}$")
    capabilities: Strings = ()
    login: Login | None = None
    password: Password | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.login is None and self.password is None:
            return self
        if self.tls is None and not all(_is_here(endpoint.host) for endpoint in self.address):
            raise ValueError("a password goes through TLS only: write tls: {}")
        if self.tls is not None and not self.tls.verify and not self.tls.pin:
            raise ValueError("a password goes only to a server whose certificate is verified or pinned")
        return self

    @property
    @override
    def endpoint(self) -> str:
        return str(self.address[0])


def _is_here(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


class IrcProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = IrcSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: IrcSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        login = settings.login
        self._account = Account(login.username, login.password.get_secret_value()) if login else None
        self._registers = settings.register_ or login is not None or settings.password is not None

    async def attempt(self, run: Run) -> None:
        """Connect and converse."""
        settings = self._settings
        target = settings.address[(run.round + run.retry) % len(settings.address)]
        if len(settings.address) > 1:
            run.facts[Fact.HOST] = str(target)
        async with await self._network.connect(run, target, settings.route) as stream:
            if settings.tls:
                await stream.start_tls(settings.tls, target.host)
            run.enter(Phase.HANDSHAKE)
            try:
                await self._converse(run, IrcStream(run, stream))
            except ValueError as error:
                raise run.failed(Reason.MALFORMED, f"what the server says is not IRC: {error}") from error

    async def _converse(self, run: Run, talk: IrcStream) -> None:
        offered = await talk.capabilities()
        if offered:
            run.facts[Fact.OFFERED] = tuple(offered)
        missing = [name for name in self._settings.capabilities if name not in offered]
        if missing:
            raise run.failed(Reason.CAPABILITY, f"the server does not offer {' and '.join(missing)}")
        if self._account is not None and "PLAIN" not in (offered.get("sasl", "-") or "PLAIN").split(","):
            raise run.failed(Reason.CAPABILITY, "the server does not offer SASL PLAIN")
        if self._registers:
            run.enter(Phase.LOGIN)
            self._introduce(talk)
            await self._welcome(run, talk)
            run.enter(Phase.SEND)
            begun = self._network.monotonic()
            await talk.ping()
            run.facts[Fact.ROUND_TRIP] = self._network.monotonic() - begun
        talk.say("QUIT")

    def _introduce(self, talk: IrcStream) -> None:
        if self._settings.password is not None:
            talk.say(f"PASS :{self._settings.password.get_secret_value()}")
        talk.say(f"NICK {self._settings.nick}")
        talk.say(f"USER lastseen 0 * :{' '.join(self._network.user_agent.split())}")
        talk.say("CAP END" if self._account is None else "CAP REQ :sasl")

    async def _welcome(self, run: Run, talk: IrcStream) -> None:
        """Until 001, doing on the way what the server asks for."""
        taken = 0
        known = self._account is None
        while (message := await talk.next()).command != "001":
            if message.command in _TAKEN:
                taken += 1
                if taken > _NICKS:
                    raise run.failed(Reason.REJECTED, f"{taken} nicks are all taken")
                talk.say(f"NICK {self._settings.nick[: _NICK_LENGTH - 4]}{secrets.randbelow(10000):04}")
            elif message.command in _REFUSALS:
                raise run.failed(Reason.REJECTED, f"the server refuses {_REFUSALS[message.command]}")
            elif self._account is not None:
                known = _go_on(run, talk, self._account, message) or known
        if not known:
            raise run.failed(Reason.REJECTED, "the server lets us in, but not as the account")


def _go_on(run: Run, talk: IrcStream, account: Account, message: Message) -> bool:
    """The next step of SASL PLAIN (IRCv3 sasl-3.1); True when the server knows us now."""
    if message.command == "CAP" and "NAK" in message.params:
        raise run.failed(Reason.CAPABILITY, "the server offers SASL, but refuses it")
    if message.command == "CAP" and "ACK" in message.params:
        talk.say("AUTHENTICATE PLAIN")
    elif message.command == "AUTHENTICATE":
        for line in authenticate(encoded(account.plain())):
            talk.say(line)
    elif message.command == "903":
        talk.say("CAP END")
        return True
    return False
