"""Requests and responses inside Signal's chat WebSocket.

Source: signalapp/Signal-Server, SubProtocol.proto, and signalapp/libsignal,
which sends and reads the same message: type = 1; request = 2 with verb, path,
headers (5) and id (4); response = 3 with id, status, message, body, headers (5).
"""

from dataclasses import dataclass
from typing import Self

from monitor.wire.protobuf import Message, encode

_REQUEST, _RESPONSE = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response. ``headers`` as HTTP has them, names in lower case."""

    id: int
    status: int
    headers: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def parse(cls, data: bytes) -> Self | None:
        """The response in a message, None when the message is a request of the server's. Raises ValueError."""
        message = Message.parse(data)
        kind = message.number(1)
        if kind == _REQUEST:
            return None
        if kind != _RESPONSE:
            raise ValueError(f"a message of type {kind}, neither a request nor a response")
        response = Message.parse(message.data(3))
        headers = (line.partition(b":") for line in response.every(5))
        return cls(
            id=response.number(1),
            status=response.number(2),
            headers=tuple((name.strip().lower(), value.strip()) for name, _, value in headers),
        )


def keepalive(number: int) -> bytes:
    """The request that keeps a connection alive, ``number`` is its id."""
    request = encode([(1, b"GET"), (2, b"/v1/keepalive"), (4, number)])
    return encode([(1, _REQUEST), (2, request)])
