"""threema: does a chat server of Threema answer, and is it Threema's?

Forty-eight bytes are sent: a key made for this attempt, and a cookie. Only who
holds the secret half of a key that Threema's apps have built in can answer them.
The answer is opened (NaCl's crypto_box), checked, and the connection closed;
nobody logs in. It proves more than an open port: the server lives, and nobody
stands between it and us::

    probe: threema
    address: "g-33.0.threema.ch:5222"

``address`` may be a list of equal servers: each round asks one of them, in turn.
``keys`` are the public keys of which the server must hold one, 32 bytes each in
hexadecimal; by default the two that Threema's apps know::

    probe: threema
    address: ["chat.example.org:5222", "chat.example.org:443"]
    keys: 450b975735279fdecb3313648f5fc6ee9ff4360ea92a8c1751c661e4c0d8c909

Phases: resolve, connect, handshake.
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout;
handshake/timeout, handshake/closed (not a byte came), handshake/malformed (the
answer ends too early), handshake/reset, handshake/key (the answer opens with none
of the keys: not Threema's server, or its bytes were changed on the way),
handshake/nonce (the answer is to another hello: it does not repeat our cookie).
Sources: threema-ch/threema-android, domain/libthreema/threema-protocols/src/csp.struct.yml
(the hello of the client and of the server), PublicKeys.kt (the keys).
"""

import os
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import Pool, ProbeSettings, Strings
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.network import Network
from monitor.net.pool import member
from monitor.net.stream import Stream

_COOKIE = 16
_KEY = 32
_BOX = _KEY + _COOKIE + 16  # the server's key for the session, our cookie, and the authenticator
_COUNTER = (1).to_bytes(8, "little")
_PRODUCTION = (
    "450b975735279fdecb3313648f5fc6ee9ff4360ea92a8c1751c661e4c0d8c909",
    "da7c73798f97d587c3a25ebe0a91417f76dbcccdda2930e6a9090af62eba6f15",
)


def _check_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    for key in keys:
        if len(bytes.fromhex(key)) != _KEY:
            raise ValueError("not a key: write 32 bytes in hexadecimal")
    return keys


class ThreemaSettings(ProbeSettings):
    """Settings of the threema probe."""

    address: Pool
    keys: Annotated[Strings, AfterValidator(_check_keys)] = Field(default=_PRODUCTION, min_length=1)

    @property
    @override
    def endpoint(self) -> str:
        return str(self.address[0])


class ThreemaProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = ThreemaSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: ThreemaSettings, network: Network) -> None:
        # Here, because it takes longer to import than the rest of a start: who watches no Threema need not wait for it.
        from nacl import bindings, exceptions  # noqa: PLC0415  # for the reason above

        self._settings = settings
        self._network = network
        self._keys = [bytes.fromhex(key) for key in settings.keys]
        self._nacl = bindings
        self._crypto_error = exceptions.CryptoError

    async def attempt(self, run: Run) -> None:
        """Say hello, and open the answer."""
        settings = self._settings
        target = settings.address[member(run, settings.address)]
        public, secret = self._nacl.crypto_box_keypair()
        cookie = os.urandom(_COOKIE)
        async with await self._network.connect(run, target, settings.route) as stream:
            run.enter(Phase.HANDSHAKE)
            stream.write(public + cookie)
            hello = await _read(run, stream, _COOKIE + _BOX)
        theirs = hello[:_COOKIE]
        plain = self._open(hello[_COOKIE:], theirs + _COUNTER, secret)
        if plain is None:
            raise run.failed(Reason.KEY, "the answer is not from a holder of Threema's key")
        if plain[_KEY:] != cookie or theirs == cookie:
            raise run.failed(Reason.NONCE, "the answer does not repeat our cookie: it is to another hello")
        run.facts[Fact.GENUINE] = True

    def _open(self, box: bytes, nonce: bytes, secret: bytes) -> bytes | None:
        for key in self._keys:
            try:
                return self._nacl.crypto_box_open(box, nonce, key, secret)
            except self._crypto_error:
                continue
        return None


async def _read(run: Run, stream: Stream, size: int) -> bytes:
    """So many bytes. Raises ProbeFailed closed when there are none, malformed when there are less."""
    data = b""
    while len(data) < size:
        piece = await stream.read()
        if not piece and not data:
            raise run.failed(Reason.CLOSED, "the server closed the connection without an answer")
        if not piece:
            raise run.failed(Reason.MALFORMED, f"the answer ends after {len(data)} of {size} bytes")
        data += piece
    return data[:size]
