"""IRC over a `Stream`, as a client (RFC 1459, RFC 2812, IRCv3): lines, capabilities, pings, and why a link ends."""

import re
import secrets

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Fact, Reason
from monitor.net.stream import Stream
from monitor.wire.irc import LINE, Message, capabilities, parse

_LIMIT = 128 * 1024
_UNKNOWN = ("410", "421", "451")  # no such subcommand, no such command, not registered
# What servers close a link with is text for people; what matters most is whether it is about them or about us.
_ABOUT_US = re.compile(
    r"from (?:your|this)|your (?:ip|host|address)|per[ -](?:ip|host|user)|host connections|throttl|too fast"
    r"|\b[dgkqxz][:-]?line|\bban",
    re.IGNORECASE,
)
_BUSY = re.compile(
    r"too many connections|connection limit|no more connections|\bfull\b|going down|shutting down|restart",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"password|access denied", re.IGNORECASE)


class IrcStream:
    """Lines out and messages in; pings are answered, and the end is understood. Methods may raise ProbeFailed."""

    def __init__(self, run: Run, stream: Stream) -> None:
        self._run = run
        self._stream = stream
        self._left = _LIMIT

    def say(self, line: str) -> None:
        """One line."""
        self._stream.write(f"{line}\r\n".encode())

    async def next(self) -> Message:
        """The next message that is for us. Raises ValueError for what is not IRC."""
        while True:
            line = await self._stream.read_line(LINE)
            self._left -= len(line) + 1
            if self._left < 0:
                raise self._run.failed(Reason.SIZE, f"more than {_LIMIT} bytes and no end")
            if not line:
                continue
            message = parse(line)
            if message.command == "PING":
                self.say(f"PONG :{message.last}")
            elif message.command in ("ERROR", "465"):
                raise self._unwanted(message)
            else:
                return message

    async def capabilities(self) -> dict[str, str]:
        """What the server is capable of; nothing where it does not know the question."""
        self.say("CAP LS 302")
        found: dict[str, str] = {}
        while (message := await self.next()).command not in _UNKNOWN:
            if message.command == "CAP" and message.params[1:2] == ("LS",):
                found |= capabilities(message.last) if len(message.params) > 2 else {}
                if message.params[2:3] != ("*",) or len(message.params) < 4:
                    break
        return found

    async def ping(self) -> None:
        """A ping that must come back; what comes before it is the server's greeting."""
        token = secrets.token_hex(8)
        self.say(f"PING :{token}")
        while (message := await self.next()).command != "PONG":
            if message.command == "004" and len(message.params) > 2:
                self._run.facts[Fact.SOFTWARE] = message.params[2][:80]
        if message.last != token:
            raise self._run.failed(Reason.NONCE, "the server answers another ping than ours")

    def _unwanted(self, message: Message) -> ProbeFailed:
        if message.command == "ERROR" and not _ABOUT_US.search(message.last):
            if _BUSY.search(message.last):
                return self._run.failed(Reason.OVERLOADED, "the server says that it is full, or going down")
            what = "the server refuses the password" if _PASSWORD.search(message.last) else "the server closed the link"
            return self._run.failed(Reason.REJECTED, what)
        failure = self._run.failed(Reason.REJECTED, "the server does not want us, or not so often")
        failure.retry_after = 0.0
        return failure
