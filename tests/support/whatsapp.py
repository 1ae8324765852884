"""A stand-in for WhatsApp's chat servers: the Noise handshake, certificates under a root of its own, both transports.

Nothing of ours is inside: Noise is noiseprotocol's, signatures are libxeddsa's,
messages are Google's Protocol Buffers. An open web client (Baileys 7.0.0-rc14)
goes on from it to the QR code, and libsignal verifies the signatures.
"""

import asyncio
import hashlib
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xeddsa
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from noise.connection import Keypair, NoiseConnection
from noise.state import SymmetricState
from typing_extensions import override

from tests.support.certificates import server_context
from tests.support.protobufs import message_types

PROLOGUE = b"WA\x06\x03"
DAY = 86400
MESSAGES = message_types(
    "whatsapp",
    {
        "HandshakeMessage": {2: "ClientHello client", 3: "ServerHello server", 4: "ClientFinish finish"},
        "ClientHello": {1: "bytes ephemeral"},
        "ServerHello": {1: "bytes ephemeral", 2: "bytes static", 3: "bytes payload"},
        "ClientFinish": {1: "bytes static", 2: "bytes payload"},
        "CertChain": {1: "Certificate leaf", 2: "Certificate intermediate"},
        "Certificate": {1: "bytes details", 2: "bytes signature"},
        "Details": {
            1: "uint32 serial",
            2: "uint32 issuer",
            3: "bytes key",
            4: "uint64 not_before",
            5: "uint64 not_after",
        },
    },
)
# <iq from=s.whatsapp.net type=set id=.. xmlns=md><pair-device><ref/><ref/></pair-device></iq> in the binary form of
# the web client: after it the client shows a QR code.
_PAIR_DEVICE = bytes.fromhex(
    "00f80a190603045a08ff02471116fc026d64f801f802edeef802f802ed50fc0c32405245464552454e434531"
    "f802ed50fc0c32405245464552454e434532"
)


class SigningKey:
    """A Curve25519 key pair that signs, drawn from a seed."""

    def __init__(self, seed: str) -> None:
        self._private = xeddsa.seed_to_priv(hashlib.sha256(seed.encode()).digest())
        self.public = xeddsa.priv_to_curve25519_pub(self._private)

    def sign(self, message: bytes) -> bytes:
        """As libsignal does: the sign of the Edwards point goes into the highest bit."""
        nonce = hashlib.sha512(self._private + message).digest()
        signature = bytearray(xeddsa.ed25519_priv_sign(self._private, message, nonce))
        signature[63] |= xeddsa.priv_to_ed25519_pub(self._private)[31] & 0x80
        return bytes(signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What the certificates say; the defaults are those of a server in good order."""

    root: str = "root"
    """The seed of the key that signs the intermediate certificate."""
    leaf: tuple[float, float] = (-1, 90)
    intermediate: tuple[float, float] = (-30, 700)
    """Days from now, first and last of each validity."""
    issuers: tuple[int, int] = (3, 0)
    """What the leaf and the intermediate say of who signed them."""
    key: bytes | None = None
    """The key in the leaf; default: the server's own."""
    signer: str = "intermediate"
    """The seed of the key that signs the leaf."""


def _same(message: Any) -> Any:
    return message


@dataclass
class WhatsApp:
    """One server. What it sends may be bent: the chain, the hello that holds it, and the bytes of the frame."""

    papers: Papers = Papers()
    bend_chain: Callable[[Any], Any] = _same
    bend_hello: Callable[[Any], Any] = _same
    bend_frame: Callable[[bytes], bytes] = _same
    greetings: list[bytes] = field(default_factory=list)
    """What clients sent before the hello: prologue and first frame."""
    finished: list[bytes] = field(default_factory=list)
    """The payloads of clients that went on: none of ours may be here."""
    cuts: tuple[int, ...] = ()
    """Where a message to a web client is cut into several: their borders mean nothing."""
    static: X25519PrivateKey = field(default_factory=lambda: _x25519("static"))

    @property
    def root(self) -> str:
        """The public key that proves this server, as the probe's setting has it."""
        return SigningKey(self.papers.root).public.hex()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the phones' transport: a handler of `scripted`."""
        await self._converse(reader, writer.write)
        await reader.read()

    async def serve_web(self, request: web.Request) -> web.WebSocketResponse:
        """One connection of the web client's transport."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        reader = asyncio.StreamReader()
        answers: asyncio.Queue[bytes] = asyncio.Queue()

        async def take() -> None:
            async for message in socket:
                reader.feed_data(message.data)
            reader.feed_eof()

        async def give() -> None:
            while True:
                answer = await answers.get()
                for start, end in zip((0, *self.cuts), (*self.cuts, len(answer)), strict=True):
                    await socket.send_bytes(answer[start:end])

        taking, giving = asyncio.ensure_future(take()), asyncio.ensure_future(give())
        try:
            await self._converse(reader, answers.put_nowait)
            await taking
        except asyncio.IncompleteReadError:
            pass  # the client left
        finally:
            giving.cancel()
            taking.cancel()
            await asyncio.gather(giving, taking, return_exceptions=True)
        return socket

    async def _converse(self, reader: asyncio.StreamReader, write: Callable[[bytes], object]) -> None:
        prologue = await reader.readexactly(4)
        hello = await _frame(reader)
        self.greetings.append(prologue + len(hello).to_bytes(3) + hello)
        noise = responder(self.static, prologue)
        noise.read_message(MESSAGES["HandshakeMessage"].FromString(hello).client.ephemeral)
        answer = bytes(noise.write_message(self.bend_chain(self.chain()).SerializeToString()))
        server = MESSAGES["ServerHello"](ephemeral=answer[:32], static=answer[32:80], payload=answer[80:])
        message = MESSAGES["HandshakeMessage"](server=self.bend_hello(server))
        write(self.bend_frame(_framed(message.SerializeToString())))
        finish = MESSAGES["HandshakeMessage"].FromString(await _frame(reader)).finish
        self.finished.append(bytes(noise.read_message(finish.static + finish.payload)))
        write(_framed(noise.encrypt(_PAIR_DEVICE)))

    def chain(self) -> Any:
        """The certificates, as `papers` has them."""
        papers, now = self.papers, time.time()
        middle = SigningKey("intermediate")
        key = papers.key or self.static.public_key().public_bytes_raw()
        leaf_issuer, middle_issuer = papers.issuers
        leaf = _details(329, leaf_issuer, key, papers.leaf, now)
        intermediate = _details(3, middle_issuer, middle.public, papers.intermediate, now)
        return MESSAGES["CertChain"](
            leaf={"details": leaf, "signature": SigningKey(papers.signer).sign(leaf)},
            intermediate={"details": intermediate, "signature": SigningKey(papers.root).sign(intermediate)},
        )


@asynccontextmanager
async def web_chat(server: WhatsApp, leaf: tuple[Path, Path] | None = None) -> AsyncIterator[int]:
    """The web client's transport at ``/ws/chat``, with TLS when there is a ``leaf``; its port."""
    app = web.Application()
    app.router.add_get("/ws/chat", server.serve_web)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(leaf) if leaf else None)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def responder(static: X25519PrivateKey, prologue: bytes = PROLOGUE) -> NoiseConnection:
    """A server's side of the handshake."""
    noise = _connection(prologue)
    noise.set_as_responder()
    noise.set_keypair_from_private_bytes(Keypair.STATIC, static.private_bytes_raw())
    return _started(noise)


def initiator(ephemeral: X25519PrivateKey, prologue: bytes = PROLOGUE) -> NoiseConnection:
    """A client's side, with its ephemeral key given."""
    noise = _connection(prologue)
    noise.set_as_initiator()
    noise.set_keypair_from_private_bytes(Keypair.STATIC, _x25519("client").private_bytes_raw())
    noise.set_keypair_from_private_bytes(Keypair.EPHEMERAL, ephemeral.private_bytes_raw())
    return _started(noise)


class _Unhashed(SymmetricState):  # type: ignore[misc]  # noiseprotocol ships no types
    """WhatsApp's deviation from Noise: an empty payload that no key seals is not hashed."""

    @override
    def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        return super().encrypt_and_hash(plaintext) if self.cipher_state.has_key() else plaintext

    @override
    def decrypt_and_hash(self, ciphertext: bytes) -> bytes:
        return super().decrypt_and_hash(ciphertext) if self.cipher_state.has_key() else ciphertext


def _connection(prologue: bytes) -> NoiseConnection:
    noise = NoiseConnection.from_name(b"Noise_XX_25519_AESGCM_SHA256")
    noise.set_prologue(prologue)
    return noise


def _started(noise: NoiseConnection) -> NoiseConnection:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One of ephemeral keypairs is already set. This is OK for testing")
        noise.start_handshake()
    noise.noise_protocol.handshake_state.symmetric_state.__class__ = _Unhashed
    return noise


def _x25519(seed: str) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())


def _details(serial: int, issuer: int, key: bytes, days: tuple[float, float], now: float) -> bytes:
    first, last = (int(now + day * DAY) for day in days)
    details = MESSAGES["Details"](serial=serial, issuer=issuer, key=key, not_before=first, not_after=last)
    return bytes(details.SerializeToString())


async def _frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(3)))


def _framed(payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + payload
