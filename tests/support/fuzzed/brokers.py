"""Brokers of messages: AMQP, Kafka, MQTT, NATS."""

import struct
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support.bending import Line
from tests.support.casting import Cast, Serve
from tests.support.fuzzed.common import (
    ACCOUNT,
    Way,
    at_place,
    at_url,
    saying,
)
from tests.support.fuzzed.sockets import SOCKET_DEAR, behind_socket


def _amqp(method: int, arguments: bytes) -> bytes:
    payload = struct.pack("!HH", 10, method) + arguments
    return b"\x01\x00\x00" + struct.pack("!I", len(payload)) + payload + b"\xce"


def _amqp_start(table: bytes) -> bytes:
    texts = b"".join(struct.pack("!I", len(text)) + text for text in (table, b"PLAIN AMQPLAIN", b"en_US"))
    return _amqp(10, b"\x00\x09" + texts)


_AMQP_TABLE = (
    b"\x07productS\x00\x00\x00\x08RabbitMQ\x07versionS\x00\x00\x00\x053.9.1\x0ccapabilitiesF\x00\x00\x00\x1f"
    b"\x1cauthentication_failure_closet\x01\x01nI\x00\x00\x00\x01\x01lL\x00\x00\x00\x00\x00\x00\x00\x01\x01vV"
)


async def _amqp_broker(line: Line) -> None:
    await line.readexactly(8)
    line.write(_amqp_start(_AMQP_TABLE))
    for answer in (_amqp(30, b"\x07\xff\x00\x02\x00\x00\x00\x3c"), _amqp(41, b"\x00"), _amqp(51, b"")):
        await line.readuntil(b"\xce")
        if answer[9:11] == b"\x00\x29":
            await line.readuntil(b"\xce")  # tune-ok comes before open
        line.write(answer)
    await line.read()


async def _kafka(line: Line) -> None:
    answers = {
        18: struct.pack("!hI", 0, 3) + struct.pack("!9h", 17, 0, 1, 18, 0, 2, 36, 0, 0),
        17: struct.pack("!hIh5s", 0, 1, 5, b"PLAIN"),
        36: struct.pack("!hhi", 0, -1, 0),
    }
    while True:
        asked = await line.readexactly(int.from_bytes(await line.readexactly(4)))
        line.write(_kafka_frame(asked, answers[int.from_bytes(asked[:2])]))


def _kafka_frame(asked: bytes, body: bytes) -> bytes:
    return struct.pack("!I", len(body) + 4) + asked[4:8] + body


def _kafka_dear(*bodies: bytes) -> Serve:
    async def serve(line: Line) -> None:
        for body in bodies:
            asked = await line.readexactly(int.from_bytes(await line.readexactly(4)))
            line.write(_kafka_frame(asked, body))
        await line.read()

    return serve


def _mqtt(level: int) -> Callable[[Any], Awaitable[None]]:
    none = b"\x00" if level == 5 else b""

    async def serve(line: Any) -> None:
        while True:
            (first,) = await line.readexactly(1)
            size = shift = 0
            more = True
            while more:
                (byte,) = await line.readexactly(1)
                size |= (byte & 0x7F) << shift
                shift, more = shift + 7, byte > 0x7F
            body = await line.readexactly(size)
            if first == 0x10:
                line.write(_connack(level))
            elif first == 0x82:
                line.write(_mqtt_packet(0x90, body[:2] + none + b"\x01"))
            elif first == 0x32:
                topic = int.from_bytes(body[:2]) + 2
                number, rest = body[topic : topic + 2], body[topic + 2 :]
                line.write(_mqtt_packet(0x31, body[:topic] + none + b"left here long ago"))
                line.write(_mqtt_packet(0x40, number))
                line.write(_mqtt_packet(0x32, body[:topic] + number + rest))

    return serve


def _connack(level: int, properties: bytes = b"\x24\x01\x21\x00\x0a\x2a\x01\x26\x00\x01a\x00\x01b") -> bytes:
    return _mqtt_packet(0x20, b"\x00\x00" + (_varint(len(properties)) + properties if level == 5 else b""))


def _mqtt_packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + _varint(len(body)) + body


def _varint(size: int) -> bytes:
    out = bytearray()
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((*out, size))


_MQTT_CROWD = _connack(4) + b"\x90\x03\x00\x01\x01" + b"\x40\x02\x00\x02" + b"\x30\x03\x00\x01a" * 100_000
_NATS_INFO = b'INFO {"server_id":"N","version":"2.9.10","auth_required":true,"max_payload":1048576}\r\n'


async def _nats(line: Line) -> None:
    line.write(_NATS_INFO)
    await line.readuntil(b"PING\r\n")
    line.write(b"PING\r\n+OK\r\nPONG\r\n")
    asked = await line.readuntil(b"PING\r\n")
    payload = asked.split(b"\r\n")[-3]
    line.write(b"MSG lastseen.probe 1 5\r\nother\r\n")
    line.write(b"MSG lastseen.probe 1 %d\r\n%b\r\nPONG\r\n" % (len(payload), payload))
    await line.read()


CASTS: dict[str, Way] = {
    "amqp": lambda _: (
        Cast(
            name="login",
            settings=lambda place: at_place(place, **ACCOUNT),
            serve=_amqp_broker,
            dear=(
                saying(_amqp_start(b"\x00V" * 65_000)),
                saying(_amqp_start(b"\x01aF\x00\x00\x00\x07" * 10 + b"\x01at\x01")),
                saying(b"\x08\x00\x00\x00\x00\x00\x00\xce" * 50_000),
            ),
        ),
    ),
    "kafka": lambda _: (
        Cast(
            name="login",
            settings=lambda place: at_place(place, **ACCOUNT),
            serve=_kafka,
            dear=(
                _kafka_dear(struct.pack("!hI", 0, 43_000) + bytes(6) * 43_000),
                _kafka_dear(struct.pack("!hI", 0, 0), struct.pack("!hI", 0, 130_000) + bytes(2) * 130_000),
            ),
        ),
    ),
    "mqtt": lambda _: (
        Cast(
            name="3.1.1",
            settings=lambda place: at_place(place, topic="lastseen/probe", **ACCOUNT),
            serve=_mqtt(4),
            dear=(saying(_MQTT_CROWD),),
        ),
        Cast(
            name="5",
            settings=lambda place: at_place(place, topic="lastseen/probe", version=5),
            serve=_mqtt(5),
            dear=(
                saying(_connack(5, b"\x01\x00" * 130_000)),
                saying(_connack(5, b"\x26\x00\x00\x00\x00" * 52_000)),
            ),
        ),
        Cast(
            name="WebSocket",
            settings=lambda place: at_url("ws", "/mqtt", place, topic="lastseen/probe"),
            serve=behind_socket(_mqtt(4)),
            dear=SOCKET_DEAR,
        ),
    ),
    "nats": lambda _: (
        Cast(
            name="subject",
            settings=lambda place: at_place(place, subject="lastseen.probe", **ACCOUNT),
            serve=_nats,
            dear=(
                saying(b"INFO [" + b"[]," * 21_000 + b"[]]\r\n"),
                saying(_NATS_INFO, b"PING\r\n" * 200_000),
                saying(_NATS_INFO, b"MSG a 1 1\r\nx\r\n" * 100_000),
            ),
        ),
    ),
}
