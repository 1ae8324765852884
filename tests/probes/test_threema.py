import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl import bindings
from pydantic import ValidationError

from monitor.domain.words import Fact, Phase
from monitor.probes.threema import ThreemaSettings
from tests.support.attempts import Result, attempt
from tests.support.scripted import closes, hangs_up, resets, says, scripted, silent
from tests.support.servers import free_port
from tests.support.stubborn import mute
from tests.support.threema import Threema, crypto_box


async def probe(server: Threema, **more: Any) -> Result:
    async with scripted(server.handle) as port:
        return await attempt("threema", {"address": f"127.0.0.1:{port}", "keys": server.key, **more}, timeout=1)


async def test_who_holds_the_key_is_genuine() -> None:
    result = await probe(Threema())
    assert result.verdict == "ok"
    assert result.facts[Fact.GENUINE] is True
    assert set(result.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE}
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)


async def test_any_one_of_the_keys_is_enough() -> None:
    server, other = Threema(), Threema()
    assert (await probe(server, keys=[other.key, server.key])).verdict == "ok"


async def test_another_key_is_told_apart() -> None:
    ours, production = await probe(Threema(), keys=Threema().key), await probe(Threema(), keys=default_keys())
    assert (ours.verdict, production.verdict) == ("handshake/key", "handshake/key")
    assert Fact.GENUINE not in ours.facts


def default_keys() -> tuple[str, ...]:
    return ThreemaSettings.model_validate({"address": "a:1"}).keys


def test_the_keys_are_those_of_the_apps() -> None:
    assert [key[:8] for key in default_keys()] == ["450b9757", "da7c7379"]


async def test_a_cookie_that_is_not_repeated_is_told_apart() -> None:
    assert (await probe(Threema(repeats=bytes(16)))).verdict == "handshake/nonce"
    assert (await probe(Threema(echoes=True))).verdict == "handshake/nonce"


@pytest.mark.parametrize("size", [1, 16, 79])
async def test_a_truncated_answer_is_malformed(size: int) -> None:
    result = await probe(Threema(says=size))
    assert result.verdict == "handshake/malformed"
    assert result.failure is not None
    assert f"{size} of 80 bytes" in result.failure.message


@pytest.mark.parametrize(
    ("handler", "verdict"),
    [
        (silent, "handshake/timeout"),
        (closes, "handshake/closed"),
        (hangs_up, "handshake/closed"),
        (resets, "handshake/reset"),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b" " * 100), "handshake/key"),
        (says(os.urandom(80), piece=7), "handshake/key"),
    ],
    ids=["silent", "closes", "hangs up", "resets", "speaks HTTP", "says noise"],
)
async def test_servers_that_are_none(handler: Any, verdict: str) -> None:
    async with scripted(handler) as port:
        result = await attempt("threema", {"address": f"127.0.0.1:{port}"}, timeout=0.8)
    # A server that leaves at once may do so with a reset, for what we said was not read.
    assert result.verdict in ({verdict, "handshake/reset"} if handler is hangs_up else {verdict})


async def test_a_server_that_hangs_is_a_timeout_of_the_handshake() -> None:
    with mute() as port:
        result = await attempt("threema", {"address": f"127.0.0.1:{port}"}, timeout=0.8)
    assert result.verdict == "handshake/timeout"


async def test_a_closed_port_is_refused_and_each_round_asks_another_server() -> None:
    server = Threema()
    async with scripted(server.handle) as port:
        settings = {"address": [f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}"], "keys": server.key}
        verdicts = [(await attempt("threema", settings, round=n)).verdict for n in range(2)]
    assert verdicts == ["ok", "tcp/refused"]


@settings(max_examples=100)
@given(st.binary(min_size=0, max_size=120))
def test_any_bytes_are_a_verdict(data: bytes) -> None:
    async def once() -> str:
        async with scripted(says_and_closes(data)) as port:
            return (await attempt("threema", {"address": f"127.0.0.1:{port}"})).verdict

    expected = "handshake/closed" if not data else "handshake/malformed" if len(data) < 80 else "handshake/key"
    assert asyncio.run(once()) == expected


def says_and_closes(data: bytes) -> Any:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(48)
        writer.write(data)
        await writer.drain()

    return handler


@settings(max_examples=20)
@given(st.binary(max_size=200), st.binary(min_size=24, max_size=24))
def test_the_stand_in_encrypts_as_libsodium_does(plain: bytes, nonce: bytes) -> None:
    secret = X25519PrivateKey.generate()
    public, other = bindings.crypto_box_keypair()
    box = crypto_box(plain, nonce, public, secret)
    assert box == bindings.crypto_box(plain, nonce, public, secret.private_bytes_raw())
    assert bindings.crypto_box_open(box, nonce, secret.public_key().public_bytes_raw(), other) == plain


def test_nobody_waits_for_the_library_who_watches_no_threema() -> None:
    code = "import sys, monitor.registry; print('nacl' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"address": "a"},
        {"address": "a:1", "keys": ()},
        {"address": "a:1", "keys": "00" * 31},
        {"address": "a:1", "keys": "zz" * 32},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ThreemaSettings.model_validate(settings)
