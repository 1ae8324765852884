"""A data centre of Telegram's as far as the key exchange goes, on Telethon's codecs, types and ciphers.

TCP in every transport that Telethon speaks (abridged, intermediate, padded, full, obfuscated), or a WebSocket.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from telethon.crypto import AES, AESModeCTR, AuthKey
from telethon.crypto.rsa import get_byte_array
from telethon.extensions import BinaryReader
from telethon.helpers import generate_key_data_from_nonce
from telethon.network.connection.tcpabridged import AbridgedPacketCodec
from telethon.network.connection.tcpfull import FullPacketCodec
from telethon.network.connection.tcpintermediate import IntermediatePacketCodec, RandomizedIntermediatePacketCodec
from telethon.tl import TLObject
from telethon.tl.functions import ReqDHParamsRequest, ReqPqMultiRequest, SetClientDHParamsRequest
from telethon.tl.types import (
    DhGenOk,
    PQInnerData,
    PQInnerDataDc,
    ResPQ,
    ServerDHInnerData,
    ServerDHParamsOk,
)

from monitor.wire.mtproto_proof import DH_PRIME
from tests.support.certificates import server_context
from tests.support.scripted import scripted

Mangle = Callable[[bytes], bytes]
_P, _Q = 1_568_022_193, 1_768_594_033


class Key:
    """An RSA key of the stand-in's own."""

    def __init__(self) -> None:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = private.private_numbers()
        self._exponent = numbers.d
        self.modulus = numbers.public_numbers.n
        self.pem = _pem(private, serialization.PublicFormat.PKCS1)
        self.spki = _pem(private, serialization.PublicFormat.SubjectPublicKeyInfo)
        digest = _sha1(b"".join(TLObject.serialize_bytes(get_byte_array(n)) for n in (self.modulus, 65537)))
        self.fingerprint = int.from_bytes(digest[-8:], "little", signed=True)

    def decrypt(self, data: bytes) -> bytes:
        """The data of RSA_PAD, or of the padding that it replaced, which Telethon uses: with what fills it up."""
        plain = pow(int.from_bytes(data), self._exponent, self.modulus).to_bytes(256)
        inside = plain[32:]
        key = bytes(a ^ b for a, b in zip(plain[:32], sha256(inside).digest(), strict=True))
        opened = AES.decrypt_ige(inside, key, bytes(32))
        data = opened[:192][::-1]
        if opened[192:] == sha256(key + data).digest():
            return data
        assert plain[0] == 0, "neither RSA_PAD nor SHA-1 padding"
        return plain[21:]


def _pem(private: rsa.RSAPrivateKey, form: serialization.PublicFormat) -> str:
    return private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@dataclass(kw_only=True)
class DataCentre:
    """How it behaves; `requests` are what clients asked, as Telethon read it."""

    key: Key
    tail: int = 88
    """Bytes of padding after each object, as live servers send."""
    skew: float = 0.0
    pq: bytes = get_byte_array(_P * _Q)
    fingerprints: list[int] | None = None
    prime: int = DH_PRIME
    mangle: dict[type, Mangle] = field(default_factory=dict)
    """For the type of an answer, what happens to its packet before it is sent."""
    alter: dict[type, Callable[[Any], Any]] = field(default_factory=dict)
    """For the type of a part of an answer, what becomes of it."""
    requests: list[Any] = field(default_factory=list)
    inner: list[Any] = field(default_factory=list)
    """What the encrypted parts of the requests held."""
    keys: list[bytes] = field(default_factory=list)
    """What was agreed on, as Telethon writes numbers: without the zeros in front, which one key in 256 has."""
    goodbyes: list[int | None] = field(default_factory=list)
    """The codes with which WebSockets were closed."""


def _changed(dc: DataCentre, part: Any) -> Any:
    return dc.alter.get(type(part), lambda same: same)(part)


class Talk:
    """One client's key exchange."""

    def __init__(self, dc: DataCentre) -> None:
        self._dc = dc
        self._server_nonce = int.from_bytes(os.urandom(16), "little", signed=True)
        self._new_nonce = 0
        self._a = int.from_bytes(os.urandom(32))  # short: nobody's secret, and quick

    def answer(self, payload: bytes) -> bytes:
        """The packet for a client's packet."""
        assert payload[:8] == bytes(8), "the key id of an unencrypted message is zero"
        message_id, size = int.from_bytes(payload[8:16], "little"), int.from_bytes(payload[16:20], "little")
        assert message_id % 4 == 0
        assert abs(message_id / 2**32 - time.time()) < 5
        assert 0 <= len(payload) - 20 - size < 16, "no more than padding follows the message"
        with BinaryReader(payload[20 : 20 + size]) as reader:
            request = reader.tgread_object()
        self._dc.requests.append(request)
        answer = _changed(self._dc, self._act(request))
        packet = _plain(bytes(answer) + bytes(self._dc.tail), self._dc.skew)
        return self._dc.mangle.get(type(answer), bytes)(packet)

    def _act(self, request: Any) -> Any:
        if isinstance(request, ReqPqMultiRequest):
            names = [self._dc.key.fingerprint] if self._dc.fingerprints is None else self._dc.fingerprints
            return ResPQ(request.nonce, self._server_nonce, self._dc.pq, names)
        if isinstance(request, ReqDHParamsRequest):
            return self._prove(request)
        assert isinstance(request, SetClientDHParamsRequest)
        return self._finish(request)

    def _prove(self, request: ReqDHParamsRequest) -> ServerDHParamsOk:
        assert request.public_key_fingerprint == self._dc.key.fingerprint
        with BinaryReader(self._dc.key.decrypt(request.encrypted_data)) as reader:
            inner = reader.tgread_object()
        assert isinstance(inner, PQInnerData | PQInnerDataDc)
        assert (inner.nonce, inner.server_nonce) == (request.nonce, self._server_nonce)
        assert inner.pq == self._dc.pq
        assert int.from_bytes(inner.p) * int.from_bytes(inner.q) == int.from_bytes(inner.pq)
        assert int.from_bytes(inner.p) < int.from_bytes(inner.q)
        assert (inner.p, inner.q) == (request.p, request.q)
        self._dc.inner.append(inner)
        self._new_nonce = inner.new_nonce
        g_a = get_byte_array(pow(3, self._a, self._dc.prime))
        prime, now = get_byte_array(self._dc.prime), int(time.time() + self._dc.skew)
        proof = bytes(_changed(self._dc, ServerDHInnerData(request.nonce, self._server_nonce, 3, prime, g_a, now)))
        key, vector = generate_key_data_from_nonce(self._server_nonce, self._new_nonce)
        sealed = AES.encrypt_ige(_filled(_sha1(proof) + proof), key, vector)
        return ServerDHParamsOk(request.nonce, self._server_nonce, sealed)

    def _finish(self, request: SetClientDHParamsRequest) -> DhGenOk:
        key, vector = generate_key_data_from_nonce(self._server_nonce, self._new_nonce)
        with BinaryReader(AES.decrypt_ige(request.encrypted_data, key, vector)[20:]) as reader:
            g_b = int.from_bytes(reader.tgread_object().g_b)
        made = AuthKey(get_byte_array(pow(g_b, self._a, self._dc.prime)))
        self._dc.keys.append(made.key)
        digest = made.calc_new_nonce_hash(self._new_nonce, 1)
        return DhGenOk(request.nonce, self._server_nonce, digest)


def _plain(body: bytes, skew: float) -> bytes:
    message_id = int((time.time() + skew) * 2**32) & ~3 | 1
    return bytes(8) + message_id.to_bytes(8, "little") + len(body).to_bytes(4, "little") + body


def _sha1(data: bytes) -> bytes:
    return sha1(data, usedforsecurity=False).digest()


def _filled(data: bytes) -> bytes:
    return data + os.urandom(-len(data) % 16)


def refusal(code: int) -> Mangle:
    """A packet that holds nothing but a transport error."""
    return lambda _: code.to_bytes(4, "little", signed=True)


class _Obfuscated:
    """The other side of Telethon's ObfuscatedIO."""

    def __init__(self, reader: asyncio.StreamReader, head: bytes) -> None:
        self._reader = reader
        self._decrypt = AESModeCTR(head[8:40], head[40:56])
        back = head[55:7:-1]
        self.encrypt = AESModeCTR(back[:32], back[32:48]).encrypt
        self.tag = self._decrypt.encrypt(head)[56:60]

    async def readexactly(self, count: int) -> bytes:
        return bytes(self._decrypt.encrypt(await self._reader.readexactly(count)))


_CODECS = {
    b"\xef" * 4: AbridgedPacketCodec,
    b"\xee" * 4: IntermediatePacketCodec,
    b"\xdd" * 4: RandomizedIntermediatePacketCodec,
}


async def serve(dc: DataCentre, reader: Any, write: Callable[[bytes], Awaitable[None]], *, plain: bool = True) -> None:
    """Find out which transport a client speaks, and answer until it leaves."""
    seal: Mangle = bytes
    first = await reader.readexactly(1)
    if plain and first == b"\xef":
        codec = AbridgedPacketCodec(None)
    else:
        first += await reader.readexactly(7)
        if plain and (known := _CODECS.get(first[:4])):
            codec, reader = known(None), _Unread(reader, first[4:])
        elif plain and first[4:] == bytes(4):
            codec, reader = FullPacketCodec(None), _Unread(reader, first)
        else:
            reader = _Obfuscated(reader, first + await reader.readexactly(56))
            codec, seal = _CODECS[reader.tag](None), reader.encrypt
    talk = Talk(dc)
    while True:
        await write(seal(codec.encode_packet(talk.answer(await codec.read_packet(reader)))))


class _Unread:
    """A reader that has some bytes before those that come."""

    def __init__(self, reader: asyncio.StreamReader, head: bytes) -> None:
        self._reader = reader
        self._head = head

    async def readexactly(self, count: int) -> bytes:
        taken, self._head = self._head[:count], self._head[count:]
        return taken + await self._reader.readexactly(count - len(taken))


@asynccontextmanager
async def data_centre(dc: DataCentre) -> AsyncIterator[int]:
    """The port of a TCP server."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        await serve(dc, reader, write)

    async with scripted(handle) as port:
        yield port


@asynccontextmanager
async def web_data_centre(dc: DataCentre, leaf: tuple[Path, Path] | None = None) -> AsyncIterator[int]:
    """The port of a WebSocket server at /apiws; with a certificate it speaks TLS."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        return await _converse(dc, request)

    app = web.Application()
    app.router.add_get("/apiws", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=None if leaf is None else server_context(leaf))
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _converse(dc: DataCentre, request: web.Request) -> web.WebSocketResponse:
    """Messages of the WebSocket are cut elsewhere than the packets in them, as the protocol allows."""
    socket = web.WebSocketResponse(protocols=("binary",), autoclose=False)
    await socket.prepare(request)
    assert socket.ws_protocol == "binary"
    reader = asyncio.StreamReader()

    async def write(data: bytes) -> None:
        await socket.send_bytes(data[:7])
        await socket.send_bytes(data[7:])

    async with asyncio.TaskGroup() as tasks:
        talk = tasks.create_task(serve(dc, reader, write, plain=False))
        async for message in socket:
            assert message.type is WSMsgType.BINARY
            reader.feed_data(message.data)
        dc.goodbyes.append(socket.close_code)
        talk.cancel()
    return socket
