"""The lines of the NATS client protocol (docs.nats.io, "Client Protocol"), as a client sends and receives them."""

import json
from enum import Enum, unique
from typing import NamedTuple


@unique
class Verb(Enum):
    """What a line of a server begins with."""

    INFO = b"INFO"
    MESSAGE = b"MSG"
    OK = b"+OK"
    ERROR = b"-ERR"
    PING = b"PING"
    PONG = b"PONG"


_VERBS = {verb.value: verb for verb in Verb}


class Info(NamedTuple):
    """What a server says of itself before anything else."""

    version: str
    tls_required: bool
    tls_available: bool


def parse_line(line: bytes) -> tuple[Verb, bytes]:
    """The verb of a line (without its end), and the rest."""
    word, _, rest = line.partition(b" ")
    verb = _VERBS.get(word.upper())
    if verb is None:
        raise ValueError("a line that begins with no verb of the protocol")
    return verb, rest.strip()


def parse_info(text: bytes) -> Info:
    """Read the JSON object of INFO."""
    try:
        said = json.loads(text)
    except RecursionError:
        raise ValueError("INFO is nested too deeply") from None
    if not isinstance(said, dict):
        raise ValueError("INFO is no JSON object")  # noqa: TRY004  # what does not parse is a ValueError here
    version = said.get("version")
    return Info(
        version if isinstance(version, str) else "", said.get("tls_required") is True, said.get("tls_available") is True
    )


def parse_size(text: bytes) -> int:
    """How many bytes the message that MSG announces has, its line end not counted."""
    fields = text.split()
    if len(fields) not in (3, 4) or not fields[-1].isdigit() or len(fields[-1]) > 10:
        raise ValueError("MSG does not say how long the message is")
    return int(fields[-1])


def parse_error(text: bytes) -> str:
    """The words of -ERR, without their quotes."""
    return text.decode("utf-8", "replace").strip().strip("'")


def encode_connect(*, tls: bool, username: str = "", password: str = "", token: str = "") -> bytes:
    """CONNECT, and a PING whose PONG says that it was accepted."""
    options: dict[str, object] = {"verbose": False, "pedantic": False, "tls_required": tls, "name": "lastseen"}
    options |= {"lang": "python", "version": "1", "protocol": 0, "echo": True}
    if username:
        options |= {"user": username, "pass": password}
    if token:
        options["auth_token"] = token
    return b"CONNECT " + json.dumps(options).encode() + b"\r\nPING\r\n"


def encode_round_trip(subject: str, payload: bytes) -> bytes:
    """SUB, PUB to the same subject, and a PING whose PONG says that both were taken."""
    name = subject.encode()
    return b"SUB %b 1\r\nPUB %b %d\r\n%b\r\nPING\r\n" % (name, name, len(payload), payload)
