"""Signs that somebody stands between us and a target. Resolvers lie, filters cut, portals answer: all on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.domain.settings import Tls
from monitor.domain.words import Fact, Phase
from monitor.probes.http import HttpSettings
from tests.support.attempts import Result, attempt
from tests.support.censor import Cut, answers, cuts_in_order, cuts_with_reset, filtering, name_filter
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.nginx import Nginx, nginx
from tests.support.openssl import OpensslServer
from tests.support.scripted import Handler, closes, reset, resets, scripted, scripted_udp, silent

CHAT, NEUTRAL = "chat.example.org", "example.com"
NOBODY = "127.0.53.53"
"""What the forger of an answer may put there: a bogon, and at the same time nowhere outside of this machine."""


@pytest.fixture
def ca(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path)


# -- addresses of nobody's ------------------------------------------------------


async def led_to(address: str, networks: Any, kind: str = "tcp") -> Result:
    """An attempt on a name that a resolver leads there."""
    async with scripted_udp(answers({CHAT: [address]})) as dns, scripted(silent) as port:
        route = {"resolver": f"127.0.0.1:{dns}", "family": 4, "networks": networks}
        target = {"icmp": {"host": CHAT}, "http": {"url": f"http://{CHAT}:{port}/"}}
        return await attempt(kind, {**target.get(kind, {"address": f"{CHAT}:{port}"}), "route": route}, timeout=1)


@pytest.mark.parametrize("kind", ["tcp", "tls", "http", "icmp"])
@pytest.mark.parametrize("networks", ["public", ["157.240.0.0/16", "2a03:2880::/32"]], ids=["public", "listed"])
async def test_a_name_that_leads_elsewhere_fails_before_anybody_is_asked(kind: str, networks: Any) -> None:
    result = await led_to(NOBODY, networks, kind)
    assert result.verdict == "dns/foreign_address"
    assert set(result.phases) == {Phase.RESOLVE}
    assert result.facts[Fact.ADDRESSES] == (NOBODY,)
    assert result.facts[Fact.DNS_QUESTION] == f"{CHAT} A"


async def test_a_name_that_leads_to_the_provider_is_asked() -> None:
    assert (await led_to("127.0.0.1", "127.0.0.0/8")).verdict == "ok"


async def test_without_networks_every_address_is_welcome() -> None:
    assert (await led_to("127.0.0.1", [])).verdict == "ok"


async def test_an_address_that_was_configured_is_not_judged() -> None:
    async with scripted(silent) as port:
        settings = {"address": f"127.0.0.1:{port}", "route": {"networks": "public"}}
        assert (await attempt("tcp", settings)).verdict == "ok"


# -- a name that is cut ---------------------------------------------------------


@asynccontextmanager
async def counting(handler: Handler) -> AsyncIterator[tuple[int, list[int]]]:
    """The port of such a server, and an entry for each connection to it."""
    connections: list[int] = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(len(connections))
        await handler(reader, writer)

    async with scripted(counted) as port:
        yield port, connections


async def shake(port: int, ca: CertificateAuthority, name: str = CHAT, *, timeout: float = 5, **tls: Any) -> Result:
    settings = {"ca_file": ca.ca_path, "server_name": name, "neutral_name": NEUTRAL, **tls}
    return await attempt("tls", {"address": f"127.0.0.1:{port}", "tls": settings}, timeout=timeout)


@pytest.mark.parametrize("cut", [cuts_with_reset, cuts_in_order], ids=["reset", "closed"])
async def test_a_name_that_alone_is_cut_is_told(ca: CertificateAuthority, cut: Cut) -> None:
    async with (
        scripted(silent, tls=server_context(ca.leaf([CHAT, "other.example"]))) as server,
        filtering(server, CHAT, cut=cut) as port,
    ):
        result = await shake(port, ca)
        assert result.verdict == "tls/name_reset"
        assert result.failure is not None
        assert f"but after one that names {NEUTRAL} it answers" in result.failure.message
        assert not {Fact.CERT_EXPIRY, Fact.TLS_VERSION, Fact.CERT_FINGERPRINT} & set(result.facts)
        assert set(result.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.TLS}
        assert (await shake(port, ca, "other.example")).verdict == "ok"


@pytest.mark.parametrize(("handler", "verdict"), [(resets, "tls/reset"), (closes, "tls/closed")])
async def test_what_is_cut_whatever_it_names_is_no_matter_of_the_name(
    ca: CertificateAuthority, handler: Any, verdict: str
) -> None:
    async with scripted(handler) as port:
        assert (await shake(port, ca)).verdict == verdict


async def test_without_a_neutral_name_nobody_is_asked_again(ca: CertificateAuthority) -> None:
    async with counting(resets) as (port, connections):
        assert (await shake(port, ca, neutral_name=None)).verdict == "tls/reset"
    assert len(connections) == 1


async def test_one_more_connection_is_made_at_most_and_none_when_all_is_well(ca: CertificateAuthority) -> None:
    async with counting(resets) as (port, connections):
        await shake(port, ca)
    assert len(connections) == 2
    async with (
        scripted(silent, tls=server_context(ca.leaf([CHAT]))) as server,
        counting(name_filter(("127.0.0.1", server))) as (port, connections),
    ):
        assert (await shake(port, ca)).verdict == "ok"
    assert len(connections) == 1


async def test_an_alert_is_an_answer_too(ca: CertificateAuthority, tmp_path: Path) -> None:
    """Servers of many names refuse one that is not theirs (RFC 6066 section 3: unrecognized_name)."""
    (tmp_path / "openssl").mkdir()
    first, second = ca.leaf([CHAT]), ca.leaf(["other.example"])
    options = ("-servername", CHAT, "-servername_fatal", "-cert2", second[0], "-key2", second[1])
    with OpensslServer(tmp_path / "openssl", first, *options) as server:
        async with filtering(server.port, CHAT) as port:
            assert (await shake(server.port, ca, NEUTRAL)).verdict == "tls/tls_alert"
            assert (await shake(port, ca)).verdict == "tls/name_reset"


async def test_what_is_no_tls_is_no_answer(ca: CertificateAuthority) -> None:
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(65536)
        if CHAT.encode() in hello:
            reset(writer)
        else:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with scripted(page) as port:
        assert (await shake(port, ca)).verdict == "tls/reset"


async def test_a_server_that_is_silent_from_then_on_leaves_what_happened(ca: CertificateAuthority) -> None:
    """Filters go on dropping for a while what comes from whom they have cut."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(65536)
        if CHAT.encode() in hello:
            reset(writer)
        else:
            await silent(reader, writer)

    async with scripted(once) as port:
        assert (await shake(port, ca, timeout=0.5)).verdict == "tls/reset"


async def test_silence_after_the_hello_is_a_timeout(ca: CertificateAuthority) -> None:
    async with counting(silent) as (port, connections):
        assert (await shake(port, ca, timeout=0.3)).verdict == "tls/timeout"
    assert len(connections) == 1


async def test_a_server_that_had_answered_is_not_asked_again(ca: CertificateAuthority) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(bytes.fromhex("16 0303 0200"))  # the head of a record that does not come
        await writer.drain()
        await asyncio.sleep(0.05)
        reset(writer)

    async with counting(half) as (port, connections):
        assert (await shake(port, ca)).verdict == "tls/reset"
    assert len(connections) == 1


async def test_a_server_that_breaks_off_after_starttls_is_not_asked_again(ca: CertificateAuthority) -> None:
    async def mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await reader.read(1)
        reset(writer)

    settings = {"tls": {"neutral_name": NEUTRAL}, "dialogue": [{"expect": "^220 ", "starttls": True}]}
    async with counting(mail) as (port, connections):
        assert (await attempt("tcp", {"address": f"127.0.0.1:{port}", **settings})).verdict == "tls/reset"
    assert len(connections) == 1


async def test_every_kind_that_speaks_tls_can_tell(ca: CertificateAuthority) -> None:
    names = {"tls": {"ca_file": ca.ca_path, "neutral_name": NEUTRAL, "server_name": CHAT}}
    async with (
        scripted(silent, tls=server_context(ca.leaf([CHAT]))) as server,
        filtering(server, CHAT) as port,
    ):
        for kind, target in {
            "https": {"url": f"https://127.0.0.1:{port}/"},
            "websocket": {"url": f"wss://127.0.0.1:{port}/"},
            "whatsapp": {"url": f"wss://127.0.0.1:{port}/ws/chat"},
            "tcp": {"address": f"127.0.0.1:{port}"},
            "mqtt": {"address": f"127.0.0.1:{port}"},
        }.items():
            assert (await attempt(kind, {**target, **names})).verdict == "tls/name_reset", kind


# -- certificates of somebody else ------------------------------------------------


@pytest.mark.parametrize(
    ("issuers", "verdict"),
    [
        ([], "ok"),
        ("Test CA", "ok"),
        (["DigiCert", "test"], "ok"),
        (["DigiCert", "Let's Encrypt"], "tls/cert_foreign"),
        ("CA", "tls/cert_foreign"),
    ],
)
async def test_a_trusted_certificate_of_a_foreign_issuer_is_told(
    ca: CertificateAuthority, issuers: Any, verdict: str
) -> None:
    async with scripted(silent, tls=server_context(ca.leaf([CHAT]))) as port:
        result = await shake(port, ca, issuers=issuers)
        assert result.verdict == verdict
        assert result.failure is None or result.failure.message == "the certificate is issued by 'Test CA'"
        assert (await shake(port, ca, issuers=issuers, verify=False)).verdict == verdict


async def test_what_is_not_trusted_at_all_is_that_first(ca: CertificateAuthority, tmp_path: Path) -> None:
    rogue = CertificateAuthority(tmp_path / "rogue", "Rogue")
    async with scripted(silent, tls=server_context(rogue.leaf([CHAT]))) as port:
        assert (await shake(port, ca, issuers="Test CA")).verdict == "tls/cert_untrusted"


def test_a_neutral_name_is_a_name() -> None:
    with pytest.raises(ValidationError, match="not a host name"):
        Tls.model_validate({"neutral_name": "no name"})


# -- pages of somebody else -------------------------------------------------------

_SITE = """
add_header X-Edge "edge-7" always;
location = / { return 200 "the page\\n"; }
location = /away { return 302 http://127.0.0.1:@OTHER@/login; }
location = /gone { return 404; }
location = /zipped { gzip on; gzip_min_length 1; gzip_types text/plain; try_files /page.txt =500; }
location = /portal { add_header X-Portal 1; return 302 http://127.0.0.1:@OTHER@/login; }
location = /login { add_header X-Portal 1; return 200 "pay here\\n"; }
location = /blocked { add_header X-Portal 1; return 200 "by order\\n"; }
location = /forbidden { add_header X-Portal 1 always; return 403; }
location = /broken { add_header X-Portal 1 always; return 502; }
"""
"""nginx: where a location adds a header, those of its surroundings are not added."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("nginx")
    with nginx(folder, _SITE) as server:
        (folder / "www/page.txt").write_text("the page, long enough to be worth it\n" * 9)
        yield server


async def get(server: Nginx, path: str, genuine: dict[str, Any], **settings: Any) -> Result:
    expect = {"genuine": genuine, **settings.pop("expect", {})}
    return await attempt("http", {"url": f"http://127.0.0.1:{server.http}{path}", "expect": expect, **settings})


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("/", "ok"),
        ("/gone", "http/status"),
        ("/away", "http/status"),
        ("/blocked", "http/injected"),
        ("/forbidden", "http/injected"),
        ("/portal", "http/injected"),
        ("/broken", "http/status"),
    ],
)
async def test_an_answer_without_the_mark_of_the_provider_is_injected(server: Nginx, path: str, verdict: str) -> None:
    assert (await get(server, path, {"header": {"X-Edge": "^edge-"}})).verdict == verdict


async def test_the_message_says_what_is_missing_and_where_it_leads(server: Nginx) -> None:
    result = await get(server, "/portal", {"header": {"X-Edge": "."}})
    assert result.failure is not None
    assert result.failure.message == (
        "status 302 lacks header x-edge, which all of the provider's answers have"
        f" and leads to b'http://127.0.0.1:{server.other}/login'"
    )


async def test_a_portal_is_not_followed_but_the_providers_own_redirects_are(server: Nginx) -> None:
    mark = {"header": {"X-Edge": "."}}
    assert (await get(server, "/portal", mark, follow_redirects=3)).verdict == "http/injected"
    away = await get(server, "/away", mark, follow_redirects=3)
    assert (away.verdict, away.facts[Fact.HTTP_REDIRECTS]) == ("ok", 1), "another site has other marks"


@pytest.mark.parametrize(("mark", "verdict"), [("^the page", "ok"), ("welcome", "http/injected")])
async def test_the_mark_may_be_in_the_body(server: Nginx, mark: str, verdict: str) -> None:
    assert (await get(server, "/", {"body": mark})).verdict == verdict
    assert (await get(server, "/zipped", {"body": mark}, compression="gzip")).verdict == verdict


async def test_injected_comes_before_what_else_is_wrong(server: Nginx) -> None:
    expect = {"status": 204, "header": {"X-Other": "."}, "body": "hello"}
    assert (await get(server, "/blocked", {"header": {"X-Edge": "."}}, expect=expect)).verdict == "http/injected"
    assert (await get(server, "/", {"header": {"X-Edge": "."}}, expect={"body": "hello"})).verdict == "http/body"


def test_a_mark_is_an_expression() -> None:
    with pytest.raises(ValidationError, match="not a regular expression"):
        HttpSettings.model_validate({"url": "http://h/", "expect": {"genuine": {"header": {"X-Edge": "("}}}})
