"""What Discord's gateway says first, and to a heartbeat. See `monitor.wire` for the promise of a codec.

Source: discord/discord-api-docs, Gateway; discord-api-types 0.38, GatewayOpcodes.
"""

from enum import IntEnum, unique

from monitor.wire import document

HEARTBEAT = b'{"op":1,"d":null}'
"""A heartbeat before anything else has come: no sequence to name."""


@unique
class Op(IntEnum):
    """The kinds of events that matter before a login."""

    HEARTBEAT = 1
    RECONNECT = 7
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


def decode(message: bytes) -> int:
    """The kind of event that ``message`` is, mostly an `Op`. Raises ValueError, for a hello without an interval too."""
    event = document.parse(message)
    op = event.get("op") if isinstance(event, dict) else None
    if type(op) is not int:
        raise ValueError("not an event of Discord's gateway")
    if op == Op.HELLO and not _heartbeat_interval(event.get("d")) > 0:
        raise ValueError("a hello without a heartbeat interval")
    return op


def _heartbeat_interval(data: object) -> int:
    """Milliseconds between heartbeats, 0 when ``data`` names none."""
    interval = data.get("heartbeat_interval") if isinstance(data, dict) else None
    return interval if type(interval) is int else 0
