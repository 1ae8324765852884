import asyncio
import logging
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from telethon.crypto import rsa
from telethon.crypto.rsa import get_byte_array
from telethon.network import MTProtoPlainSender
from telethon.network.authenticator import do_authentication
from telethon.network.connection import (
    ConnectionTcpAbridged,
    ConnectionTcpFull,
    ConnectionTcpIntermediate,
    ConnectionTcpObfuscated,
)
from telethon.tl.functions import ReqDHParamsRequest, ReqPqMultiRequest
from telethon.tl.types import PQInnerDataDc, ResPQ, ServerDHInnerData, ServerDHParamsFail, ServerDHParamsOk

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Fact, Phase
from monitor.probes.telegram import TelegramProbe, TelegramSettings
from tests.support.attempts import Result, attempt, make_network
from tests.support.certificates import CertificateAuthority
from tests.support.scripted import Handler, closes, resets, says, scripted, silent
from tests.support.servers import free_port
from tests.support.stubborn import mute
from tests.support.telegram import DataCentre, Key, data_centre, refusal, web_data_centre
from tests.support.waiting import until

BARE = ("abridged", "intermediate", "padded")
TRANSPORTS = ("obfuscated", *BARE)
LOGGERS: Any = defaultdict(lambda: logging.getLogger("telethon"))


@pytest.fixture(scope="module")
def key() -> Key:
    return Key()


@pytest.fixture
def dc(key: Key) -> DataCentre:
    return DataCentre(key=key)


async def probe(port: int, key: Key | None = None, **settings: Any) -> Result:
    own = {} if key is None else {"keys": [key.pem]}
    return await attempt("telegram", {"address": f"127.0.0.1:{port}", **own, **settings})


async def prove(port: int, key: Key, **settings: Any) -> Result:
    return await probe(port, key, genuine=True, dc=2, **settings)


def changed(**fields: Any) -> Any:
    """Give an object of Telethon's other values."""

    def change(part: Any) -> Any:
        for name, value in fields.items():
            setattr(part, name, value)
        return part

    return change


# -- the stand-in is accepted by a client that is not ours ---------------------


@pytest.mark.parametrize(
    "connection", [ConnectionTcpAbridged, ConnectionTcpIntermediate, ConnectionTcpFull, ConnectionTcpObfuscated]
)
async def test_telethon_agrees_on_a_key_with_the_stand_in(connection: Any, dc: DataCentre, key: Key) -> None:
    rsa.add_key(key.pem, old=False)
    dc.skew = 40
    async with data_centre(dc) as port:
        client = connection("127.0.0.1", port, 2, loggers=LOGGERS)
        await client.connect()
        answer = await MTProtoPlainSender(client, loggers=LOGGERS).send(ReqPqMultiRequest(4711))
        auth_key, offset = await do_authentication(MTProtoPlainSender(client, loggers=LOGGERS))
        await client.disconnect()
    assert isinstance(answer, ResPQ)
    assert answer.nonce == 4711
    assert answer.server_public_key_fingerprints == [key.fingerprint]
    assert dc.keys == [auth_key.key]
    assert len(auth_key.key) > 248
    assert offset == pytest.approx(40, abs=2)


# -- healthy -------------------------------------------------------------------


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_data_centre_answers_in_every_transport(transport: str, dc: DataCentre, key: Key) -> None:
    async with data_centre(dc) as port:
        result = await probe(port, key, transport=transport)
    assert result.verdict == "ok", result.failure
    assert set(result.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE}
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-9)
    assert Fact.GENUINE not in result.facts
    (request,) = dc.requests  # as Telethon read it
    assert isinstance(request, ReqPqMultiRequest)
    assert request.nonce != 0


async def test_each_attempt_has_a_nonce_of_its_own(dc: DataCentre, key: Key) -> None:
    async with data_centre(dc) as port:
        for _ in range(3):
            await probe(port, key)
    assert len({request.nonce for request in dc.requests}) == 3


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_genuine_data_centre_proves_its_key(transport: str, dc: DataCentre, key: Key) -> None:
    async with data_centre(dc) as port:
        result = await prove(port, key, transport=transport)
    assert result.verdict == "ok", result.failure
    assert result.facts[Fact.GENUINE] is True
    first, second = dc.requests
    (inner,) = dc.inner  # what the server decrypted, as Telethon read it
    assert isinstance(second, ReqDHParamsRequest)
    assert len(bytes(second)) == 320
    assert isinstance(inner, PQInnerDataDc)
    assert (inner.dc, inner.nonce) == (2, first.nonce)


@pytest.mark.parametrize("number", [-2, 10002, 203])
async def test_the_number_of_a_media_or_test_data_centre_reaches_the_server(
    number: int, dc: DataCentre, key: Key
) -> None:
    async with data_centre(dc) as port:
        result = await probe(port, key, genuine=True, dc=number)
    assert (result.verdict, dc.inner[0].dc) == ("ok", number)


async def test_a_key_may_be_written_in_the_other_form_of_pem(dc: DataCentre, key: Key) -> None:
    async with data_centre(dc) as port:
        result = await probe(port, genuine=True, dc=1, keys=key.spki)
    assert result.verdict == "ok"


@pytest.mark.parametrize("tail", [0, 4, 88, 1000])
async def test_padding_behind_an_answer_is_no_matter(tail: int, dc: DataCentre, key: Key) -> None:
    dc.tail = tail
    async with data_centre(dc) as port:
        assert (await prove(port, key, transport="abridged")).verdict == "ok"


async def test_answers_in_single_bytes_are_put_together(key: Key) -> None:
    dc = DataCentre(key=key)
    async with data_centre(dc) as port, scripted(_slowly(port)) as slow:
        assert (await probe(slow, key)).verdict == "ok"


def _slowly(port: int) -> Handler:
    """Hand on what a server says in pieces of one byte."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_connection("127.0.0.1", port)
        try:
            before.write(await reader.read(65536))
            while data := await behind.read(1):
                writer.write(data)
                await asyncio.sleep(0)
        finally:
            before.close()
            await before.wait_closed()

    return handle


async def test_one_of_several_equal_addresses_is_asked_each_round(dc: DataCentre, key: Key) -> None:
    async with data_centre(dc) as one, data_centre(dc) as other:
        settings = {"address": [f"127.0.0.1:{one}", f"127.0.0.1:{other}"], "keys": [key.pem]}
        hosts = [(await attempt("telegram", settings, round=n)).facts[Fact.HOST] for n in range(3)]
    assert hosts == [f"127.0.0.1:{port}" for port in (one, other, one)]


@pytest.mark.parametrize("skew", [-90.0, 0.0, 3600.0])
async def test_the_servers_clock_is_a_fact(skew: float, dc: DataCentre, key: Key) -> None:
    dc.skew = skew
    async with data_centre(dc) as port:
        result = await probe(port, key)
    assert float(str(result.facts[Fact.CLOCK_OFFSET])) == pytest.approx(skew, abs=1)


# -- the way of the web client ---------------------------------------------------


async def test_a_data_centre_answers_over_a_web_socket(tmp_path: Path, dc: DataCentre, key: Key) -> None:
    ca = CertificateAuthority(tmp_path)
    async with web_data_centre(dc, ca.leaf()) as port:
        url = f"wss://localhost:{port}/apiws"
        settings = {"url": url, "tls": {"ca_file": ca.ca_path}, "keys": key.pem, "genuine": True, "dc": 2}
        result = await attempt("telegram", settings)
        await until(lambda: dc.goodbyes == [1000])
    assert result.verdict == "ok", result.failure
    assert result.facts[Fact.GENUINE] is True
    phases = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.REQUEST, Phase.RESPONSE, Phase.HANDSHAKE)
    assert set(result.phases) == set(phases)


async def test_a_wrong_certificate_is_a_fault_of_tls(tmp_path: Path, dc: DataCentre) -> None:
    ca, rogue = CertificateAuthority(tmp_path / "a"), CertificateAuthority(tmp_path / "b")
    async with web_data_centre(dc, rogue.leaf()) as port:
        settings = {"url": f"wss://localhost:{port}/apiws", "tls": {"ca_file": ca.ca_path}}
        assert (await attempt("telegram", settings)).verdict == "tls/cert_untrusted"


async def test_an_upgrade_that_is_refused_is_a_fault_of_http(dc: DataCentre) -> None:
    async with web_data_centre(dc) as port:
        result = await attempt("telegram", {"url": f"ws://127.0.0.1:{port}/elsewhere"})
    assert result.verdict == "http/status"


async def test_a_plea_to_come_back_later_says_when() -> None:
    page = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 77\r\nContent-Length: 0\r\n\r\n"
    async with scripted(says(page)) as port:
        failure = await failed({"url": f"ws://127.0.0.1:{port}/apiws"})
    assert (failure.layer, failure.retry_after) == ("http", 77)


async def test_a_web_socket_that_answers_wrongly_is_told_from_a_good_one(dc: DataCentre, key: Key) -> None:
    dc.alter[ResPQ] = changed(nonce=1)
    async with web_data_centre(dc) as port:
        result = await attempt("telegram", {"url": f"ws://127.0.0.1:{port}/apiws", "keys": key.pem})
    assert result.verdict == "handshake/nonce"


# -- told apart: nobody there, somebody else, something wrong ----------------------


@pytest.mark.parametrize(
    ("handler", "verdict", "message"),
    [
        (silent, "handshake/timeout", "no end within 0.5 s"),
        (closes, "handshake/closed", "the server closed the connection without an answer"),
        (resets, "handshake/reset", None),
    ],
)
@pytest.mark.parametrize("transport", ["obfuscated", "abridged"])
async def test_servers_that_do_not_answer_are_told_apart(
    handler: Handler, verdict: str, message: str | None, transport: str
) -> None:
    async with scripted(handler) as port:
        settings = {"address": f"127.0.0.1:{port}", "transport": transport}
        result = await attempt("telegram", settings, timeout=0.5 if handler is silent else 5)
    assert result.failure is not None
    assert result.verdict == verdict
    assert message in (None, result.failure.message)
    assert Phase.HANDSHAKE in result.phases


async def test_a_server_that_was_stopped_after_it_took_the_connection_times_out() -> None:
    with mute() as port:
        result = await attempt("telegram", {"address": f"127.0.0.1:{port}"}, timeout=0.5)
    assert result.verdict == "handshake/timeout"
    assert result.phases[Phase.HANDSHAKE] > 0.3


async def test_nobody_listening_is_a_fault_of_tcp() -> None:
    assert (await probe(free_port())).verdict == "tcp/refused"


def _says_and_closes(data: bytes) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(data)
        await writer.drain()

    return handle


async def test_an_answer_that_breaks_off_says_after_how_much() -> None:
    async with scripted(_says_and_closes(b"\x1a" + bytes(49))) as port:
        result = await probe(port, transport="abridged")
    assert result.failure is not None
    assert result.verdict == "handshake/closed"
    assert result.failure.message == "the server closed the connection after 50 bytes of an answer"


@pytest.mark.parametrize("size", [20, 40, 56, 64, 72, 80])
async def test_an_answer_cut_short_inside_its_packet_is_malformed(size: int, dc: DataCentre, key: Key) -> None:
    dc.mangle[ResPQ] = lambda packet: packet[:size]
    async with data_centre(dc) as port:
        result = await probe(port, key, transport="abridged")
    assert result.verdict == "handshake/malformed"


PAGES = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<h1>Blocked</h1>",
    b"<html><body>Access to this site is restricted</body></html>",
    b"SSH-2.0-OpenSSH_9.2\r\n",
)


@pytest.mark.parametrize("page", PAGES, ids=["http", "html", "ssh"])
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("piece", [None, 3])
async def test_a_page_means_that_a_proxy_answered(page: bytes, transport: str, piece: int | None) -> None:
    async with scripted(says(page, piece=piece)) as port:
        result = await probe(port, transport=transport)
    assert result.failure is not None
    assert result.verdict == "handshake/altered"
    assert "a proxy answered" in result.failure.message


@pytest.mark.parametrize("transport", BARE)
async def test_bytes_of_nobodys_protocol_are_malformed(transport: str) -> None:
    async with scripted(says(b"\xff" * 400)) as port:
        assert (await probe(port, transport=transport)).verdict == "handshake/malformed"


async def test_a_flood_of_bytes_ends_at_the_first_impossible_length() -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"\x7f\xff\xff\xff" * 20000)
            await writer.drain()

    async with scripted(flood) as port:
        result = await probe(port, transport="intermediate")
    assert result.verdict == "handshake/malformed"


def _with(offset: int, new: bytes) -> Any:
    return lambda packet: packet[:offset] + new + packet[offset + len(new) :]


@pytest.mark.parametrize(
    ("offset", "new"),
    [
        (0, b"\x01"),  # a key id
        (8, b"\x00"),  # a message id that is even
        (20, b"\x00"),  # another constructor
        (56, b"\x09"),  # pq of nine bytes
        (56, b"\xff"),  # no length at all
        (68, b"\x00"),  # not a vector
        (72, b"\xff\xff\xff\xff"),  # four thousand million keys
    ],
)
async def test_an_answer_against_the_protocol_is_malformed(offset: int, new: bytes, dc: DataCentre, key: Key) -> None:
    dc.mangle[ResPQ] = _with(offset, new)
    async with data_centre(dc) as port:
        assert (await probe(port, key)).verdict == "handshake/malformed"


async def test_an_answer_to_another_question_is_a_wrong_nonce(dc: DataCentre, key: Key) -> None:
    dc.alter[ResPQ] = changed(nonce=12345)
    async with data_centre(dc) as port:
        result = await probe(port, key)
    assert result.verdict == "handshake/nonce"
    assert Fact.CLOCK_OFFSET not in result.facts


@pytest.mark.parametrize("names", [[], [1, 2, 3]])
async def test_a_server_without_a_key_of_telegrams_is_not_telegram(names: list[int], dc: DataCentre) -> None:
    dc.fingerprints = names
    async with data_centre(dc) as port:
        assert (await probe(port)).verdict == "handshake/key"


async def test_telegrams_own_key_is_known_by_its_name(dc: DataCentre) -> None:
    dc.fingerprints = [77, 0xD09D1D85DE64FD85 - (1 << 64)]
    async with data_centre(dc) as port:
        assert (await probe(port)).verdict == "ok"


async def failed(settings: dict[str, Any]) -> ProbeFailed:
    """The error itself, with what only the runner sees of it."""
    strict = {name: (value,) if name in ("url", "keys") else value for name, value in settings.items()}
    instance = TelegramProbe(TelegramSettings.model_validate(strict), make_network())
    with pytest.raises(ProbeFailed) as caught:
        await instance.attempt(Run(asyncio.get_running_loop().time))
    return caught.value


@pytest.mark.parametrize(
    ("code", "reason", "retry_after"),
    [
        (-404, "rejected", None),
        (-429, "overloaded", 0),
        (-444, "host_unknown", None),
        (-403, "denied", None),
        (-500, "rejected", None),
    ],
)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_each_transport_error_has_its_reason(
    code: int, reason: str, retry_after: float | None, transport: str, dc: DataCentre
) -> None:
    dc.mangle[ResPQ] = refusal(code)
    async with data_centre(dc) as port:
        failure = await failed({"address": f"127.0.0.1:{port}", "transport": transport})
    assert (failure.layer, failure.reason) == ("handshake", reason)
    assert failure.retry_after == retry_after
    assert str(code) in failure.message


# -- the second step -----------------------------------------------------------------


async def test_a_server_that_only_names_the_key_proves_nothing(dc: DataCentre, key: Key) -> None:
    dc.alter[ServerDHParamsOk] = changed(encrypted_answer=os.urandom(592))  # it could not read the question
    async with data_centre(dc) as port:
        result = await prove(port, key)
    assert result.verdict == "handshake/key"
    assert Fact.GENUINE not in result.facts


@pytest.mark.parametrize("place", [0, 25, 300, 560])
async def test_a_proof_with_one_byte_changed_is_none(place: int, dc: DataCentre, key: Key) -> None:
    def change(answer: Any) -> Any:
        data = bytearray(answer.encrypted_answer)
        data[place] ^= 1
        answer.encrypted_answer = bytes(data)
        return answer

    dc.alter[ServerDHParamsOk] = change
    async with data_centre(dc) as port:
        assert (await prove(port, key)).verdict == "handshake/key"


@pytest.mark.parametrize("part", [ServerDHParamsOk, ServerDHInnerData])
@pytest.mark.parametrize("name", ["nonce", "server_nonce"])
async def test_a_proof_for_somebody_else_is_a_wrong_nonce(part: type, name: str, dc: DataCentre, key: Key) -> None:
    dc.alter[part] = changed(**{name: 99})
    async with data_centre(dc) as port:
        assert (await prove(port, key)).verdict == "handshake/nonce"


async def test_a_proof_with_a_prime_of_its_own_is_altered(dc: DataCentre, key: Key) -> None:
    dc.alter[ServerDHInnerData] = changed(dh_prime=get_byte_array((1 << 2048) - 1942289))
    async with data_centre(dc) as port:
        assert (await prove(port, key)).verdict == "handshake/altered"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (lambda ok: ServerDHParamsFail(ok.nonce, ok.server_nonce, 1), "handshake/rejected"),
        (lambda ok: ResPQ(ok.nonce, ok.server_nonce, b"\x0f", []), "handshake/malformed"),
        (lambda ok: ServerDHParamsOk(ok.nonce, ok.server_nonce, b""), "handshake/malformed"),
        (lambda ok: ServerDHParamsOk(ok.nonce, ok.server_nonce, b"seventeen bytes.."), "handshake/malformed"),
        (lambda ok: ServerDHParamsOk(ok.nonce, ok.server_nonce, bytes(16)), "handshake/key"),
    ],
    ids=["refused", "another answer", "nothing", "no whole blocks", "one block"],
)
async def test_answers_that_are_no_proof_are_told_apart(answer: Any, verdict: str, dc: DataCentre, key: Key) -> None:
    dc.alter[ServerDHParamsOk] = answer
    async with data_centre(dc) as port:
        assert (await prove(port, key)).verdict == verdict


async def test_a_refusal_of_the_second_question_has_its_reason(dc: DataCentre, key: Key) -> None:
    dc.mangle[ServerDHParamsOk] = refusal(-404)
    async with data_centre(dc) as port:
        assert (await prove(port, key)).verdict == "handshake/rejected"


async def test_a_key_that_we_do_not_have_cannot_be_proven(dc: DataCentre, key: Key) -> None:
    dc.fingerprints = [0x0BC35F3509F7B7A5]
    async with data_centre(dc) as port:
        assert (await probe(port, key)).verdict == "ok"
        assert (await prove(port, key)).verdict == "handshake/key"


@pytest.mark.parametrize("pq", [0, 1, 2, 3, 4, 2**63 - 25, 2**64 - 59, 2**64 - 1])
async def test_a_pq_that_no_decent_server_asks_is_malformed(pq: int, dc: DataCentre, key: Key) -> None:
    dc.pq = get_byte_array(pq) or b"\x00"
    async with data_centre(dc) as port:
        result = await prove(port, key)
    assert result.verdict == "handshake/malformed"
    assert len(dc.requests) == 1


# -- settings ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "either address or url"),
        ({"address": "h:1", "url": ("ws://h/",)}, "either address or url"),
        ({"address": "h:1", "tls": {"verify": False}}, "tls belongs to url"),
        ({"url": ("wss://h/apiws",), "transport": "abridged"}, "transport belongs to address"),
        ({"address": "h:1", "transport": "full"}, "'obfuscated', 'abridged'"),
        ({"address": "h:1", "genuine": True}, "genuine needs dc"),
        ({"address": "h:1", "keys": ("nonsense",)}, "keys"),
        ({"address": "h:1", "dc": 40000}, "dc"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        TelegramSettings.model_validate(settings)


def test_the_endpoint_is_where_the_probe_goes() -> None:
    assert TelegramSettings.model_validate({"address": ("h:1", "i:2")}).endpoint == "h:1"
    assert TelegramSettings.model_validate({"url": "wss://h/apiws?secret"}).endpoint == "wss://h/apiws"
