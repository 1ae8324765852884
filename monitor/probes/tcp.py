"""tcp: does a port accept a connection, and does what answers say the right things?

The attempt resolves, connects, and ends there unless a dialogue is given. A
dialogue is a list of steps; each step may send, then expect, then start TLS,
or any part of these in this order::

    probe: tcp
    address: mail.example.org:25
    dialogue:
      - expect: "^220 "
      - send: "EHLO monitor.example.org"
      - expect: "^250[ -]STARTTLS"
      - send: "STARTTLS"
      - expect: "^220"
        starttls: true
      - send: "QUIT"
      - expect: "^221"

``send`` is a line: CRLF is added (``eol: ""`` sends it as it is). ``expect`` is
a regular expression, multi-line, searched in everything that has arrived since
the last match, however the bytes were cut into packets. ``send_hex`` and
``expect_hex`` do the same with bytes, written in hexadecimal::

    probe: tcp
    address: "broker.example.org:1883"
    dialogue:
      - send_hex: "10 13 0004 4d515454 04 02 001e 0007 70726f62652d31"
        expect_hex: "20 02 00"

Named groups of an expression can be used in a later send as ``${name}``, and
those of the last match by number, as ``${1}``. In a configuration file write
``$${name}``: a single dollar there asks the environment. With ``lines: true`` what is
expected is searched in one line after the other, each without its end, and the
line that matches is used up whole.

``tls`` (see the tls probe) wraps the connection in TLS from the start or, when
a step has ``starttls``, gives the settings for that. What such a step expects
ends with its line; where ``eol`` is empty (XMPP) it ends with the match. Bytes
that follow in the clear are refused. ``address`` may be a list of equal hosts:
each round asks one of them, in turn.

``route`` is the same wherever it appears: ``family`` (4 or 6; default: IPv6
where this host has a route for it and the name an address), ``source_address``,
``resolver`` (a name server to ask in place of the system's), ``proxy``
(``socks5://host:port`` or ``http://host:port``), and ``networks``: where the
addresses of the target's names are, in CIDR notation, or ``public`` for
anywhere that the public Internet reaches::

    probe: tcp
    address: g.whatsapp.net:5222
    route:
      family: 4
      networks: ["157.240.0.0/16", "31.13.64.0/18", "2a03:2880::/32"]

A name that leads to none of these networks fails with dns/foreign_address, and
nobody is connected to: a forged answer leads to a block page, or to an address
that is nobody's. One address that belongs there is enough, addresses that were
configured are not judged, and names that a redirect leads to are. Networks of
a provider change: name them only if you will keep them up to date. ``public``
needs no care, and is not for services inside a network of one's own.

Phases: resolve, connect, tls (if any), handshake (the dialogue), starttls.
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*,
handshake/expect (the stream ended or the limit of 64 KiB was reached without a
match is handshake/closed or handshake/size), handshake/timeout,
handshake/reset, handshake/starttls.
"""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Pool, ProbeSettings, Settings, Tls
from monitor.domain.text import shown
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.network import Network
from monitor.net.stream import Stream

_LIMIT = 65536
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def _hex(value: object) -> object:
    if isinstance(value, str):
        try:
            return bytes.fromhex(value)
        except ValueError as error:
            raise ValueError("not hexadecimal; write pairs of digits, spaces allowed") from error
    return value


def _expression(value: object) -> object:
    if isinstance(value, str):
        try:
            re.compile(value.encode(), re.MULTILINE)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
    return value


Hex = Annotated[bytes, BeforeValidator(_hex), Field(json_schema_extra={"type": "string"})]
Expression = Annotated[str, BeforeValidator(_expression)]


class Step(Settings):
    """One step of a dialogue: send, then expect, then start TLS."""

    send: str | None = None
    send_hex: Hex | None = None
    expect: Expression | None = None
    expect_hex: Hex | None = None
    lines: bool = False
    """Search one line after the other, as blackbox_exporter does, not the stream."""
    starttls: bool = False
    eol: str = "\r\n"

    @model_validator(mode="after")
    def _check_kinds(self) -> Self:
        if self.send is not None and self.send_hex is not None:
            raise ValueError("send and send_hex exclude each other")
        if self.expect is not None and self.expect_hex is not None:
            raise ValueError("expect and expect_hex exclude each other")
        return self


class TcpSettings(ProbeSettings):
    """Settings of the tcp probe."""

    address: Pool
    tls: Tls | None = None
    dialogue: tuple[Step, ...] = ()

    @property
    @override
    def endpoint(self) -> str:
        return str(self.address[0])


class TcpProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = TcpSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: TcpSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._expects = [_compile(step) for step in settings.dialogue]

    async def attempt(self, run: Run) -> None:
        """Connect, then hold the dialogue."""
        settings = self._settings
        target = settings.address[(run.round + run.retry) % len(settings.address)]
        if len(settings.address) > 1:
            run.facts[Fact.HOST] = str(target)
        async with await self._network.connect(run, target, settings.route) as stream:
            if settings.tls and not any(step.starttls for step in settings.dialogue):
                await stream.start_tls(settings.tls, target.host)
            await self._converse(run, stream, target.host)

    async def _converse(self, run: Run, stream: Stream, host: str) -> None:
        captured: dict[str, bytes] = {}
        numbered: dict[str, bytes] = {}
        for step, pattern in zip(self._settings.dialogue, self._expects, strict=True):
            run.enter(Phase.STARTTLS if step.starttls else Phase.HANDSHAKE)
            if step.send is not None:
                stream.write(_fill(step.send, captured | numbered) + step.eol.encode())
            elif step.send_hex is not None:
                stream.write(step.send_hex)
            if pattern is not None:
                match = await (_expect_line if step.lines else _expect)(run, stream, pattern)
                captured.update((name, text) for name, text in match.groupdict().items() if text is not None)
                numbered = {str(number): match[number] or b"" for number in range(match.re.groups + 1)}
                if step.starttls and step.eol and not step.lines and not match.group().endswith(b"\n"):
                    await stream.read_line()
            if step.starttls:
                await stream.start_tls(self._settings.tls or Tls(), host)
        if captured:
            run.facts[Fact.CAPTURES] = tuple(f"{name}={text!r}" for name, text in captured.items())


def _compile(step: Step) -> re.Pattern[bytes] | None:
    if step.expect is not None:
        return re.compile(step.expect.encode(), re.MULTILINE)
    if step.expect_hex is not None:
        return re.compile(re.escape(step.expect_hex))
    return None


async def _expect(run: Run, stream: Stream, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
    match = await stream.read_until(pattern, _LIMIT)
    if match is None:
        raise _unsaid(run, pattern)
    return match


async def _expect_line(run: Run, stream: Stream, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
    while (line := await stream.next_line(_LIMIT)) is not None:
        if match := pattern.search(line):
            return match
    raise _unsaid(run, pattern)


def _unsaid(run: Run, pattern: re.Pattern[bytes]) -> ProbeFailed:
    reason = Reason.STARTTLS if run.phase is Phase.STARTTLS else Reason.EXPECT
    return run.failed(reason, f"the server closed the connection without saying {shown(pattern.pattern.decode())}")


def _fill(text: str, captured: dict[str, bytes]) -> bytes:
    return _VARIABLE.sub(lambda m: captured.get(m.group(1), b"").decode("latin-1"), text).encode("latin-1", "replace")
