"""Servers that answer as quickly as they can, so that the prober and not they are what is measured.

Argument: a folder for certificates. Says on a line, as JSON, the targets that lead to them; serves until it is ended.
A request is taken to come in one piece, as it does on loopback. None of them proves anything.
"""

import asyncio
import base64
import hashlib
import json
import re
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any, cast

import uvloop
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from typing_extensions import override

from monitor.wire.mtproto_proof import FINGERPRINTS
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.whatsapp import WhatsApp

Answer = Callable[[bytes], bytes]
"""What is said to what was heard; nothing is an answer as well."""

_HOST = "127.0.0.1"
_XMPP = (
    b"<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client' "
    b"id='s1' from='example.org' version='1.0'><stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
    b"<mechanism>SCRAM-SHA-256</mechanism><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
)
_WS_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class _Server(asyncio.Protocol):
    def __init__(self, greeting: bytes, answer: Callable[[], Answer]) -> None:
        self._greeting = greeting
        self._answer = answer()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._greeting:
            self._transport.write(self._greeting)

    @override
    def data_received(self, data: bytes) -> None:
        if answer := self._answer(data):
            self._transport.write(answer)


class _Packets(asyncio.DatagramProtocol):
    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        mapped = pack("!HHBB", 0x20, 8, 0, 1) + b"\x31\x32\x5e\x12\xa4\x43"  # XOR-MAPPED-ADDRESS
        self._transport.sendto(pack("!HHI", 0x0101, len(mapped), 0x2112A442) + data[8:20] + mapped, addr)


def _by(*pairs: tuple[bytes, bytes]) -> Answer:
    """The second of the first pair whose first begins what was heard."""

    def answer(heard: bytes) -> bytes:
        return next((said for begin, said in pairs if heard.startswith(begin)), b"")

    return answer


def _imap(heard: bytes) -> bytes:
    found = re.match(rb"(a\d+) NOOP", heard)
    return found[1] + b" OK NOOP completed.\r\n" if found else b""


def _telegram(heard: bytes) -> bytes:
    """resPQ, to a message with req_pq_multi."""
    body = pack("<I", 0x05162463) + heard[24:40] + bytes(16) + b"\x08\x17\xed\x48\x94\x1a\x08\xf9\x81\0\0\0"
    body += pack("<IIQ", 0x1CB5C415, 1, min(FINGERPRINTS))
    return bytes(8) + pack("<qI", int(time.time() * 2**32) & ~3 | 1, len(body)) + body


def _abridged(heard: bytes) -> bytes:
    said = _telegram(heard[2:])
    return bytes((len(said) // 4,)) + said


def _obfuscated(heard: bytes) -> bytes:
    head, back = heard[:64], heard[55:7:-1]
    inward = Cipher(AES(head[8:40]), CTR(head[40:56])).decryptor()
    outward = Cipher(AES(back[:32]), CTR(back[32:48])).encryptor()
    said = _telegram(inward.update(heard)[68:])
    return outward.update(len(said).to_bytes(4, "little") + said)


class _WhatsApp:
    """The responder's side of Noise XX, with keys and certificates that are made once."""

    def __init__(self) -> None:
        real = WhatsApp()
        self.root = real.root
        self._static = real.static
        self._chain = real.chain().SerializeToString()
        self._ephemeral = X25519PrivateKey.generate()
        self._publics = [key.public_key().public_bytes_raw() for key in (self._ephemeral, self._static)]

    def phone(self, heard: bytes) -> bytes:
        """The server hello."""
        theirs = heard[-32:]
        peer = X25519PublicKey.from_public_bytes(theirs)
        name = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0"
        digest = _hash(_hash(_hash(name, heard[:4]), theirs), self._publics[0])
        both = HKDF(SHA256(), 64, salt=name, info=b"").derive(self._ephemeral.exchange(peer))
        static = AESGCM(both[32:]).encrypt(bytes(12), self._publics[1], digest)
        digest = _hash(digest, static)
        both = HKDF(SHA256(), 64, salt=both[:32], info=b"").derive(self._static.exchange(peer))
        payload = AESGCM(both[32:]).encrypt(bytes(12), self._chain, digest)
        hello = b"".join(_field(number, part) for number, part in enumerate((self._publics[0], static, payload), 1))
        message = _field(3, hello)
        return len(message).to_bytes(3) + message

    def web(self) -> Answer:
        """The same behind a WebSocket, its handshake first."""
        steps = iter((_upgrade, self._framed))

        def answer(heard: bytes) -> bytes:
            return next(steps, _nothing)(heard)

        return answer

    def _framed(self, heard: bytes) -> bytes:
        mask, masked = heard[2:6], heard[6:]
        said = self.phone(bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked)))
        return b"\x82\x7e" + len(said).to_bytes(2) + said


def _hash(digest: bytes, data: bytes) -> bytes:
    return hashlib.sha256(digest + data).digest()


def _field(number: int, data: bytes) -> bytes:
    """A field of Protocol Buffers, of up to 16383 bytes."""
    size = len(data)
    return bytes((number << 3 | 2, *((size,) if size < 128 else (size & 0x7F | 0x80, size >> 7)))) + data


def _upgrade(heard: bytes) -> bytes:
    found = re.search(rb"Sec-WebSocket-Key: (\S+)", heard)
    key = base64.b64encode(hashlib.sha1(found[1] + _WS_GUID, usedforsecurity=False).digest()) if found else b""
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    return head + key + b"\r\n\r\n"


def _nothing(_: bytes) -> bytes:
    return b""


async def _serve(folder: Path) -> None:
    authority = CertificateAuthority(folder)
    tls = server_context(authority.leaf())
    trust = {"tls": {"ca_file": str(authority.ca_path)}}
    plain = {"security": "plain"}
    whatsapp = _WhatsApp()
    packets, _ = await asyncio.get_running_loop().create_datagram_endpoint(_Packets, (_HOST, 0))
    targets: dict[str, dict[str, Any]] = {
        "tcp": await _listen("tcp"),
        "tls": await _listen("tls", tls=tls) | trust,
        "whatsapp": await _listen("whatsapp", whatsapp.phone) | {"root": whatsapp.root},
        "whatsapp-wss": await _listen("whatsapp", make=whatsapp.web, tls=tls) | trust | {"root": whatsapp.root},
        "telegram": await _listen("telegram", _obfuscated),
        "telegram-abridged": await _listen("telegram", _abridged) | {"transport": "abridged"},
        "mqtt": await _listen("mqtt", _by((b"\x10", b"\x20\x02\0\0"))),
        "xmpp": await _listen("xmpp", _by((b"<?xml", _XMPP))) | plain | {"domain": "example.org"},
        "smtp": await _listen(
            "smtp",
            _by((b"EHLO", b"250-mail.example.org\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n")),
            b"220 mail.example.org ESMTP\r\n",
        )
        | plain,
        "imap": await _listen("imap", _imap, b"* OK [CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN] ready\r\n") | plain,
        "irc": await _listen("irc", _by((b"CAP LS", b":irc.example.org CAP * LS :multi-prefix sasl=PLAIN\r\n"))),
        "nats": await _listen(
            "nats", _by((b"CONNECT", b"PONG\r\n")), b'INFO {"version":"2.9.10","max_payload":1048576}\r\n'
        ),
        "stun-udp": {"probe": "stun", "address": f"{_HOST}:{packets.get_extra_info('sockname')[1]}"},
    }
    web = targets["whatsapp-wss"]
    web["url"] = f"wss://{web.pop('address')}/ws/chat"
    print(json.dumps(targets), flush=True)
    await asyncio.Event().wait()


async def _listen(
    kind: str,
    answer: Answer = _nothing,
    greeting: bytes = b"",
    *,
    make: Callable[[], Answer] | None = None,
    tls: ssl.SSLContext | None = None,
) -> dict[str, Any]:
    """A server, and the target that leads there."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Server(greeting, make or (lambda: answer)), _HOST, 0, ssl=tls, backlog=1000
    )
    return {"probe": kind, "address": f"{_HOST}:{server.sockets[0].getsockname()[1]}"}


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Path(sys.argv[1])))
