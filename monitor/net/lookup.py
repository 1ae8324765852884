"""The resolve step's own question, A or AAAA, and the little of its answer that counts (RFC 1035 section 4).

Asked at every attempt on a name, where dnspython's objects cost more than the
rest of the attempt; the `dns` probe, which looks at whole answers, uses those.
Without EDNS, as the C library asks: every server understands it.
"""

import secrets
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from monitor.domain.attempt import Run
from monitor.domain.words import Reason
from monitor.net.ask import UNABLE

_HEADER = 12
_RECURSE = bytes.fromhex("0100 0001 0000 0000 0000")  # RD, one question
_TYPES = {4: 1, 6: 28}
_LENGTHS = {4: 4, 6: 16}
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_CLASS_IN = 1
_RECORD = struct.Struct("!HHIH")  # type, class, TTL, length of the data


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an answer says: its rcode, whether it is cut short, and the addresses in it."""

    rcode: int
    truncated: bool
    addresses: list[str]


class Lookup:
    """A question for the addresses of ``name`` in IP ``version``. Raises ProbeFailed malformed for what is no name."""

    def __init__(self, run: Run, name: str, version: int) -> None:
        self._version = version
        try:
            self._question = _question(name, _TYPES[version])
        except ValueError as error:
            raise run.failed(Reason.MALFORMED, "not a DNS name") from error
        self._id = secrets.token_bytes(2)

    def to_wire(self, *, prepend_length: bool = False) -> bytes:
        """The message; over a stream with its length before it."""
        wire = self._id + _RECURSE + self._question
        return len(wire).to_bytes(2) + wire if prepend_length else wire

    def accept(self, run: Run, wire: bytes) -> Found | None:
        """The answer in ``wire``; None for a packet that belongs to another question.

        Raises ProbeFailed malformed for an answer to our id that is broken or repeats another question.
        """
        if len(wire) < _HEADER or wire[:2] != self._id:
            return None
        rcode, truncated = wire[3] & 0x0F, bool(wire[2] & 0x02)
        if not wire[2] & 0x80 or not self._repeats(wire, rcode):
            raise run.failed(Reason.MALFORMED, "the answer is to another question")
        try:
            addresses = [] if truncated else list(self._addresses(wire))
        except (IndexError, struct.error) as error:
            raise run.failed(Reason.MALFORMED, "not a DNS message: it ends too early") from error
        return Found(rcode=rcode, truncated=truncated, addresses=addresses)

    def is_unable(self, response: Found) -> bool:
        """Whether another name server should be asked."""
        return response.rcode in UNABLE

    def _repeats(self, wire: bytes, rcode: int) -> bool:
        if wire[4:6] == b"\0\0":  # whoever could not or would not read the question need not repeat it
            return rcode != 0
        return wire[_HEADER : _HEADER + len(self._question)].lower() == self._question.lower()

    def _addresses(self, wire: bytes) -> Iterator[str]:
        place = _HEADER + (len(self._question) if wire[4:6] != b"\0\0" else 0)
        for _ in range(int.from_bytes(wire[6:8])):
            place = _after_name(wire, place)
            kind, record_class, _, length = _RECORD.unpack_from(wire, place)
            place += _RECORD.size
            data = wire[place : place + length]
            if len(data) < length:
                raise IndexError
            place += length
            if kind == _TYPES[self._version] and record_class == _CLASS_IN and length == _LENGTHS[self._version]:
                yield socket.inet_ntop(_FAMILIES[self._version], data)


def _after_name(wire: bytes, place: int) -> int:
    """Where the record goes on after its owner's name; a compression pointer ends a name."""
    while length := wire[place]:
        if length >= 0xC0:
            return place + 2
        place += length + 1
    return place + 1


@lru_cache(maxsize=65536)
def _question(name: str, kind: int) -> bytes:
    labels = [label.encode("ascii") for label in name.removesuffix(".").split(".")]
    if not all(0 < len(label) < 64 for label in labels) or sum(len(label) + 1 for label in labels) > 254:
        raise ValueError(name)
    encoded = b"".join(bytes([len(label)]) + label for label in labels)
    return encoded + b"\0" + kind.to_bytes(2) + _CLASS_IN.to_bytes(2)
