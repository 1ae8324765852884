import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.domain.words import Fact, Phase
from monitor.probes.tls import TlsSettings
from tests.support.attempts import attempt, patience
from tests.support.certificates import CertificateAuthority, expiry, fingerprint, server_context
from tests.support.openssl import OpensslServer
from tests.support.scripted import Handler, closes, hangs_up, resets, says, scripted, silent
from tests.support.servers import free_port

# ServerHello with version 3.1 (TLS 1.0), cipher TLS_RSA_WITH_AES_128_CBC_SHA, as a server of old would send it.
_HELLO_BODY = b"\x03\x01" + b"\x11" * 32 + b"\x00" + b"\x00\x2f" + b"\x00"
_HELLO = b"\x02" + len(_HELLO_BODY).to_bytes(3) + _HELLO_BODY
TLS_1_0 = b"\x16\x03\x01" + len(_HELLO).to_bytes(2) + _HELLO
HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"


@pytest.fixture
def ca(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path)


async def look(context: ssl.SSLContext, ca: CertificateAuthority, host: str = "127.0.0.1", **more: Any) -> str:
    tls = {"ca_file": ca.ca_path, **more.pop("tls", {})}
    async with scripted(silent, tls=context) as port:
        return (await attempt("tls", {"address": f"{host}:{port}", "tls": tls, **more})).verdict


async def test_a_good_certificate_is_ok_and_its_facts_are_noted(ca: CertificateAuthority) -> None:
    leaf = ca.leaf()
    context = server_context(leaf)
    context.set_alpn_protocols(["mqtt", "http/1.1"])
    async with scripted(silent, tls=context) as port:
        settings = {"address": f"localhost:{port}", "route": {"family": 4}}
        result = await attempt("tls", {**settings, "tls": {"ca_file": ca.ca_path, "alpn": ["h2", "mqtt"]}})
    assert result.verdict == "ok"
    assert result.facts[Fact.TLS_VERSION] == "TLSv1.3"
    assert str(result.facts[Fact.TLS_CIPHER]).startswith("TLS_")
    assert result.facts[Fact.TLS_ALPN] == "mqtt"
    assert result.facts[Fact.CERT_EXPIRY] == expiry(leaf[0])
    assert result.facts[Fact.CERT_FINGERPRINT] == fingerprint(leaf[0])
    assert set(result.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.TLS}
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("leaf", "ok"),
        ("expired", "tls/cert_expired"),
        ("not_yet_valid", "tls/cert_not_yet_valid"),
        ("wrong_name", "tls/cert_name"),
        ("self_signed", "tls/cert_untrusted"),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_certificates_of_every_kind(ca: CertificateAuthority, kind: str, host: str, verdict: str) -> None:
    leaf = ca.leaf() if kind == "leaf" else getattr(ca, kind)()
    assert await look(server_context(leaf), ca, host, route={"family": 4}) == verdict


async def test_another_authority_is_not_trusted(ca: CertificateAuthority, tmp_path: Path) -> None:
    rogue = CertificateAuthority(tmp_path / "rogue")
    assert await look(server_context(rogue.leaf()), ca) == "tls/cert_untrusted"


async def test_the_system_does_not_trust_a_test_authority(ca: CertificateAuthority) -> None:
    async with scripted(silent, tls=server_context(ca.leaf())) as port:
        assert (await attempt("tls", {"address": f"127.0.0.1:{port}"})).verdict == "tls/cert_untrusted"


async def test_the_name_to_prove_can_be_another_than_the_host(ca: CertificateAuthority) -> None:
    context = server_context(ca.leaf(["chat.example.org"]))
    assert await look(context, ca) == "tls/cert_name"
    assert await look(context, ca, tls={"server_name": "chat.example.org"}) == "ok"


async def test_without_verification_only_the_handshake_counts(ca: CertificateAuthority) -> None:
    context = server_context(ca.self_signed(["other.example"]))
    assert await look(context, ca, tls={"verify": False}) == "ok"


async def test_a_pin_holds_with_and_without_verification(ca: CertificateAuthority) -> None:
    leaf = ca.leaf()
    digest = fingerprint(leaf[0]).upper()
    colons = ":".join(digest[place : place + 2] for place in range(0, 64, 2))
    for verify in (True, False):
        assert await look(server_context(leaf), ca, tls={"pin": ["00" * 32, colons], "verify": verify}) == "ok"
        assert await look(server_context(leaf), ca, tls={"pin": "00" * 32, "verify": verify}) == "tls/cert_pin"


@pytest.mark.parametrize(
    ("warn_days", "verdict"),
    [(None, "tls/cert_expires_soon"), (11, "tls/cert_expires_soon"), (9, "ok"), (0, "ok")],
)
async def test_the_end_of_a_certificate_is_near(
    ca: CertificateAuthority, warn_days: float | None, verdict: str
) -> None:
    more: dict[str, Any] = {} if warn_days is None else {"expiry": {"warn_days": warn_days}}
    assert await look(server_context(ca.leaf(days=10)), ca, **more) == verdict


async def test_a_lapsed_certificate_that_is_not_verified_still_expires_soon(ca: CertificateAuthority) -> None:
    assert await look(server_context(ca.expired()), ca, tls={"verify": False}) == "tls/cert_expires_soon"


@pytest.mark.parametrize(("offered", "verdict"), [("mqtt", "ok"), ("h2", "tls/alpn"), (None, "tls/alpn")])
async def test_the_protocol_that_the_server_must_choose(
    ca: CertificateAuthority, offered: str | None, verdict: str
) -> None:
    context = server_context(ca.leaf())
    if offered:
        context.set_alpn_protocols([offered])
    assert await look(context, ca, tls={"alpn": ["mqtt", "h2"]}, expect_alpn="mqtt") == verdict


@pytest.mark.parametrize(
    ("server", "client", "verdict"),
    [
        ("-tls1_2", {"min_version": "1.3"}, "tls/tls_version"),
        ("-tls1_3", {"max_version": "1.2"}, "tls/tls_version"),
        ("-tls1_2", {}, "ok"),
        ("-tls1_3", {"min_version": "1.3"}, "ok"),
    ],
)
async def test_versions_in_common_with_openssls_own_server(
    ca: CertificateAuthority, tmp_path: Path, server: str, client: dict[str, str], verdict: str
) -> None:
    with OpensslServer(tmp_path, ca.leaf(), server) as openssl:
        result = await attempt("tls", {"address": openssl.address, "tls": {"ca_file": ca.ca_path, **client}})
    assert result.verdict == verdict, result.failure


async def test_a_server_that_shares_no_cipher_answers_with_an_alert(ca: CertificateAuthority, tmp_path: Path) -> None:
    options = ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")  # the leaf's key is of elliptic curves
    with OpensslServer(tmp_path, ca.leaf(), *options) as openssl:
        result = await attempt("tls", {"address": openssl.address, "tls": {"ca_file": ca.ca_path}})
    assert result.verdict == "tls/tls_alert"


async def test_a_server_that_does_not_know_the_name_answers_with_an_alert(
    ca: CertificateAuthority, tmp_path: Path
) -> None:
    leaf = ca.leaf()
    options = ("-servername", "known.example", "-servername_fatal", "-cert2", leaf[0], "-key2", leaf[1])
    with OpensslServer(tmp_path, leaf, *options) as openssl:
        tls = {"ca_file": ca.ca_path, "server_name": "other.example"}
        result = await attempt("tls", {"address": openssl.address, "tls": tls})
    assert result.verdict == "tls/tls_alert"
    assert result.failure is not None
    assert "unrecognized name" in result.failure.message


async def test_a_server_that_wants_a_certificate_of_ours_is_seen_up_to_the_handshake(
    ca: CertificateAuthority, tmp_path: Path
) -> None:
    options = ("-Verify", "1", "-verify_return_error", "-CAfile", ca.ca_path, "-tls1_2")
    with OpensslServer(tmp_path, ca.leaf(), *options) as openssl:
        result = await attempt("tls", {"address": openssl.address, "tls": {"ca_file": ca.ca_path}})
    assert result.verdict == "tls/tls_alert"


@pytest.mark.parametrize(
    ("handler", "verdict"),
    [
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "tls/malformed"),
        (says(b"220 mail.example.org ESMTP\r\n"), "tls/malformed"),
        (says(b"\x00" * 64), "tls/malformed"),
        (says(TLS_1_0), "tls/tls_version"),
        (says(HANDSHAKE_FAILURE), "tls/tls_alert"),
        (says(TLS_1_0[:7]), "tls/timeout"),
        (silent, "tls/timeout"),
        (closes, "tls/closed"),
        (resets, "tls/reset"),
    ],
    ids=["http", "smtp", "zeros", "TLS 1.0", "alert", "half a hello", "silence", "closed", "reset"],
)
async def test_what_is_not_a_handshake(handler: Handler, verdict: str) -> None:
    async with scripted(handler) as port:
        result = await attempt("tls", {"address": f"127.0.0.1:{port}"}, timeout=patience(verdict, 0.4))
    assert result.verdict == verdict, result.failure


async def test_a_handshake_in_single_bytes_succeeds(ca: CertificateAuthority) -> None:
    inner = server_context(ca.leaf())
    async with scripted(silent, tls=inner) as hidden:

        async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", hidden)

            async def forward() -> None:
                while data := await reader.read(65536):
                    back.write(data)

            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(forward())
                    while byte := await there.read(1):
                        writer.write(byte)
                        await writer.drain()
            finally:
                back.close()

        async with scripted(drip) as port:
            result = await attempt("tls", {"address": f"127.0.0.1:{port}", "tls": {"ca_file": ca.ca_path}})
    assert result.verdict == "ok"


async def test_a_closed_port_is_tcp_refused() -> None:
    assert (await attempt("tls", {"address": f"127.0.0.1:{free_port()}"})).verdict == "tcp/refused"


async def test_hanging_up_before_the_hello_is_not_ok() -> None:
    async with scripted(hangs_up) as port:
        result = await attempt("tls", {"address": f"127.0.0.1:{port}"})
    assert result.verdict in ("tls/closed", "tls/reset")  # whether our hello arrives before or after the end


async def test_trust_anchors_that_cannot_be_read_are_our_own_fault(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    async with scripted(silent) as port:
        for path in (empty, tmp_path / "missing.pem"):
            settings = {"address": f"127.0.0.1:{port}", "tls": {"ca_file": path}}
            assert (await attempt("tls", settings)).verdict == "inconclusive/self_permission"


async def test_a_pool_asks_one_address_a_round(ca: CertificateAuthority) -> None:
    async with scripted(silent, tls=server_context(ca.leaf())) as port:
        pool = [f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}"]
        settings = {"address": pool, "tls": {"ca_file": ca.ca_path}}
        results = [await attempt("tls", settings, round=number) for number in range(3)]
    assert [result.verdict for result in results] == ["ok", "tcp/refused", "ok"]
    assert [result.facts[Fact.HOST] for result in results] == [pool[0], pool[1], pool[0]]


def test_a_protocol_that_is_not_offered_cannot_be_expected() -> None:
    with pytest.raises(ValidationError, match="not among the protocols"):
        TlsSettings.model_validate({"address": "a.example:1", "expect_alpn": "mqtt"})
