import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError
from signedjson.key import decode_verify_key_bytes, generate_signing_key, get_verify_key
from signedjson.sign import sign_json, verify_signed_json
from unpaddedbase64 import decode_base64, encode_base64

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Fact, Phase
from monitor.net.url import Url
from monitor.probes.matrix import MatrixProbe, MatrixSettings
from tests.support.attempts import Result, attempt, make_network, patience
from tests.support.bind import Bind
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.scripted import closes, says, scripted, silent
from tests.support.stopping import stopped
from tests.support.synapse import Synapse

NAME = "hs.test"
LEAF = [NAME, "stand.test", "127.0.0.1"]
HTTP_PHASES = [Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.REQUEST, Phase.RESPONSE, Phase.HANDSHAKE]
ZONE = """$TTL 60
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
"""
Body = bytes | dict[str, Any] | list[Any]


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def synapse(tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority) -> Iterator[Synapse]:
    with Synapse(tmp_path_factory.mktemp("synapse"), ca.leaf(LEAF), NAME) as started:
        yield started


@pytest.fixture(scope="module")
def token(synapse: Synapse) -> str:
    return synapse.register("monitor")


@pytest.fixture(scope="module")
def resolvers(
    tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority, synapse: Synapse
) -> Iterator[dict[str, str]]:
    """By how the server is found, a name server that says so."""
    nowhere, real = f"@ IN A {synapse.empty}\n", f"real IN A {synapse.host}\nother IN A {synapse.other}\n"
    records = {
        "well-known": f"@ IN A {synapse.host}\n",
        "srv": f"{nowhere}{real}_matrix-fed._tcp IN SRV 0 0 8448 real\n_matrix-fed._tcp IN SRV 0 9 8448 other\n",
        "old srv": f"{nowhere}{real}_matrix._tcp IN SRV 0 0 8448 real\n",
        "default port": f"@ IN A {synapse.other}\n",
        "nowhere": nowhere,
        "not offered": f"{nowhere}_matrix-fed._tcp IN SRV 0 0 0 .\n",
    }
    with ExitStack() as stack:
        made = {}
        for name, text in records.items():
            folder = tmp_path_factory.mktemp("bind")
            made[name] = stack.enter_context(Bind(folder, {NAME: ZONE + text}, ca.leaf())).address
        yield made


async def probe(ca: CertificateAuthority, resolver: str, server: str = NAME, **settings: Any) -> Result:
    tls = {"ca_file": ca.ca_path, **settings.pop("tls", {})}
    route = {"resolver": resolver, "family": 4}
    return await attempt("matrix", {"server": server, "tls": tls, "route": route, **settings}, timeout=10)


# -- a real server: clients -------------------------------------------------------


async def test_clients_find_their_server_and_are_told_to_log_in(
    resolvers: dict[str, str], synapse: Synapse, ca: CertificateAuthority
) -> None:
    result = await probe(ca, resolvers["well-known"])
    assert result.verdict == "ok", result.failure
    assert list(result.phases) == HTTP_PHASES
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)
    assert result.facts[Fact.HOST] == "hs.test:443"
    assert result.facts[Fact.ADDRESS] == synapse.host
    offered = result.facts[Fact.OFFERED]
    assert isinstance(offered, tuple)
    assert "v1.11" in offered


async def test_a_known_token_syncs(resolvers: dict[str, str], token: str, ca: CertificateAuthority) -> None:
    result = await probe(ca, resolvers["well-known"], access_token=token)
    assert result.verdict == "ok", result.failure
    assert list(result.phases) == [*HTTP_PHASES, Phase.LOGIN]
    assert token not in repr(result)


async def test_an_unknown_token_is_rejected(resolvers: dict[str, str], ca: CertificateAuthority) -> None:
    result = await probe(ca, resolvers["well-known"], access_token="syt_wrong")
    assert result.verdict == "login/rejected"
    assert result.failure is not None
    assert "syt_wrong" not in result.failure.message


async def test_a_homeserver_by_its_url_needs_no_discovery(synapse: Synapse) -> None:
    result = await attempt("matrix", {"server": "elsewhere.test", "homeserver": f"http://{synapse.address}"})
    assert result.verdict == "ok", result.failure
    assert Phase.TLS not in result.phases


@pytest.mark.parametrize("side", ["client", "federation"])
async def test_a_wrong_certificate(side: str, resolvers: dict[str, str], ca: CertificateAuthority) -> None:
    wrong = {"server_name": "other.example"}  # of the homeserver; its .well-known is found
    assert (await probe(ca, resolvers["well-known"], side=side, tls=wrong)).verdict == "tls/cert_name"
    assert (await probe(ca, resolvers["well-known"], side=side, tls={"ca_file": None})).verdict == "tls/cert_untrusted"


async def test_a_server_that_stopped(synapse: Synapse, resolvers: dict[str, str], ca: CertificateAuthority) -> None:
    plain = {"server": NAME, "homeserver": f"http://{synapse.address}"}
    route = {"resolver": resolvers["well-known"], "family": 4}
    with stopped(synapse):
        assert (await attempt("matrix", plain, timeout=0.3)).verdict == "http/timeout"
        assert (await attempt("matrix", {"server": NAME, "route": route}, timeout=0.3)).verdict == "tls/timeout"


# -- a real server: federation ------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "turn", "host"),
    [
        ("well-known", 0, "hs.test:443"),
        ("srv", 0, "other.hs.test:8448"),
        ("srv", 1, "real.hs.test:8448"),
        ("old srv", 0, "real.hs.test:8448"),
        ("default port", 0, "hs.test:8448"),
    ],
)
async def test_other_servers_find_it_and_its_keys_are_genuine(
    way: str, turn: int, host: str, resolvers: dict[str, str], ca: CertificateAuthority
) -> None:
    settings = {"server": NAME, "side": "federation", "tls": {"ca_file": ca.ca_path}}
    route = {"resolver": resolvers[way], "family": 4}
    result = await attempt("matrix", {**settings, "route": route}, timeout=10, round=turn)
    assert result.verdict == "ok", result.failure
    assert set(result.phases) == set(HTTP_PHASES)
    assert result.facts[Fact.HOST] == host
    assert result.facts[Fact.GENUINE] is True
    assert str(result.facts[Fact.SOFTWARE]).startswith("'Synapse 1.")


async def test_a_name_with_a_port_is_asked_there(resolvers: dict[str, str], ca: CertificateAuthority) -> None:
    result = await probe(ca, resolvers["default port"], "hs.test:8448", side="federation")
    assert result.verdict == "handshake/host_unknown"  # hs.test and hs.test:8448 are two server names
    assert result.facts[Fact.HOST] == "hs.test:8448"


async def test_a_server_of_another_name(synapse: Synapse, ca: CertificateAuthority) -> None:
    tls = {"ca_file": ca.ca_path, "server_name": NAME}
    for server in (synapse.other, f"{synapse.other}:8448"):
        result = await attempt("matrix", {"server": server, "side": "federation", "tls": tls})
        assert result.verdict == "handshake/host_unknown", result.failure


@pytest.mark.parametrize(("way", "verdict"), [("nowhere", "tcp/refused"), ("not offered", "dns/answer")])
async def test_a_server_that_cannot_be_found(
    way: str, verdict: str, resolvers: dict[str, str], ca: CertificateAuthority
) -> None:
    result = await probe(ca, resolvers[way], side="federation")
    assert result.verdict == verdict
    assert result.failure is not None
    assert "its .well-known/matrix/server is of no use either: Connection refused" in result.failure.message


async def test_a_name_that_does_not_exist(resolvers: dict[str, str], ca: CertificateAuthority) -> None:
    for side in ("client", "federation"):
        result = await probe(ca, resolvers["well-known"], "no.hs.test", side=side)
        assert result.verdict == "dns/nxdomain", result.failure


# -- a stand-in, for what no decent server says ---------------------------------------


class Site:
    """Answers by path: status, body and header fields. What was asked is in ``asked``, by whom in ``peers``."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.answers: dict[str, tuple[int, Body, Mapping[str, str]]] = {}
        self.asked: list[str] = []
        self.peers: list[object] = []

    def says(self, path: str, body: Body, status: int = 200, **headers: str) -> None:
        self.answers[path] = (status, body, {name.replace("_", "-"): value for name, value in headers.items()})

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        self.peers.append(request.transport and request.transport.get_extra_info("peername"))
        status, body, headers = self.answers.get(request.path, (404, {"errcode": "M_UNRECOGNIZED"}, {}))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(status=status, body=data, headers=headers)


@pytest.fixture(scope="module")
def stand_in_name(tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority) -> Iterator[tuple[str, str]]:
    """A host, and a name server that calls it stand.test."""
    host = f"127.44.{secrets.randbelow(256)}.{1 + secrets.randbelow(250)}"
    with Bind(tmp_path_factory.mktemp("bind"), {"stand.test": f"{ZONE}@ IN A {host}\n"}, ca.leaf()) as bind:
        yield host, bind.address


@pytest.fixture
async def site(stand_in_name: tuple[str, str], ca: CertificateAuthority) -> AsyncIterator[Site]:
    """https://stand.test on 443 and 8448; healthy on both sides until a test changes an answer."""
    made = Site(stand_in_name[0])
    made.says("/.well-known/matrix/client", {"m.homeserver": {"base_url": "https://stand.test/chat/"}})
    made.says("/.well-known/matrix/server", {"m.server": "stand.test:443"})
    made.says("/chat/_matrix/client/versions", {"versions": ["v1.1", "v1.16"]})
    made.says("/chat/_matrix/client/v3/sync", {"errcode": "M_MISSING_TOKEN"}, 401)
    made.says("/chat/_matrix/client/v3/account/whoami", {"user_id": "@a:stand.test"})
    made.says("/_matrix/federation/v1/version", {"server": {"name": "stand-in"}})
    made.says("/_matrix/key/v2/server", published_keys())
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    for port in (443, 8448):
        await web.TCPSite(runner, made.host, port, ssl_context=server_context(ca.leaf(LEAF))).start()
    yield made
    await runner.cleanup()


def published_keys(name: str = "stand.test", until: float = 3600, change: Callable[[Any], Any] | None = None) -> Any:
    """Signed by signedjson, the reference implementation; ``change`` is made before."""
    key = generate_signing_key("1")
    document = {
        "server_name": name,
        "valid_until_ts": int((time.time() + until) * 1000),
        "verify_keys": {"ed25519:1": {"key": encode_base64(get_verify_key(key).encode())}},
        "old_verify_keys": {},
        "grüße": '\u2028 \u0001 " \\ 😀',
    }
    if change:
        change(document)
    return sign_json(document, name, key)


async def ask(site_name: tuple[str, str], ca: CertificateAuthority, **settings: Any) -> Result:
    return await probe(ca, site_name[1], "stand.test", **settings)


@pytest.mark.parametrize("side", ["client", "federation"])
async def test_a_stand_in_that_is_healthy(
    side: str, site: Site, stand_in_name: tuple[str, str], ca: CertificateAuthority
) -> None:
    assert (await ask(stand_in_name, ca, side=side)).verdict == "ok"
    assert len(site.asked) == 3


async def test_a_server_without_a_well_known_is_its_own_name(
    site: Site, stand_in_name: tuple[str, str], ca: CertificateAuthority
) -> None:
    site.says("/.well-known/matrix/client", b"", 404)
    for path in ("versions", "v3/sync"):
        site.answers[f"/_matrix/client/{path}"] = site.answers.pop(f"/chat/_matrix/client/{path}")
    assert (await ask(stand_in_name, ca)).verdict == "ok"


CLIENT: dict[str, tuple[str, Body, int, dict[str, str], str]] = {
    "discovery broken": ("/.well-known/matrix/client", b"", 500, {}, "http/status"),
    "discovery denied": ("/.well-known/matrix/client", b"", 403, {}, "http/denied"),
    "discovery not JSON": ("/.well-known/matrix/client", b"<html>", 200, {}, "handshake/malformed"),
    "discovery empty": ("/.well-known/matrix/client", {}, 200, {}, "handshake/malformed"),
    "discovery of a number": ("/.well-known/matrix/client", {"m.homeserver": 7}, 200, {}, "handshake/malformed"),
    "discovery of no URL": (
        "/.well-known/matrix/client",
        {"m.homeserver": {"base_url": "https://[x"}},
        200,
        {},
        "handshake/malformed",
    ),
    "discovery away from TLS": (
        "/.well-known/matrix/client",
        {"m.homeserver": {"base_url": "http://stand.test"}},
        200,
        {},
        "handshake/redirects",
    ),
    "discovery in circles": (
        "/.well-known/matrix/client",
        b"",
        302,
        {"Location": "/.well-known/matrix/client"},
        "http/redirects",
    ),
    "discovery to nowhere": ("/.well-known/matrix/client", b"", 302, {"Location": "ftp://x/"}, "http/redirects"),
    "redirect away from TLS": ("/.well-known/matrix/client", b"", 302, {"Location": "http://x/"}, "http/redirects"),
    "too large": ("/chat/_matrix/client/versions", b" " * 100_000, 200, {}, "handshake/size"),
    "too deep": ("/chat/_matrix/client/versions", b"[" * 60_000, 200, {}, "handshake/malformed"),
    "no versions": ("/chat/_matrix/client/versions", {"versions": []}, 200, {}, "handshake/malformed"),
    "not found": ("/chat/_matrix/client/versions", {}, 404, {}, "http/status"),
    "overloaded": ("/chat/_matrix/client/versions", {}, 429, {"Retry-After": "30"}, "http/status"),
    "application down": ("/chat/_matrix/client/v3/sync", b"", 502, {}, "http/status"),
    "open to everybody": ("/chat/_matrix/client/v3/sync", {"next_batch": "s1"}, 200, {}, "http/status"),
    "no Matrix error": ("/chat/_matrix/client/v3/sync", {"error": "login"}, 401, {}, "handshake/malformed"),
    "another error": ("/chat/_matrix/client/v3/sync", {"errcode": "M_FORBIDDEN"}, 401, {}, "handshake/expect"),
}


@pytest.mark.parametrize("name", CLIENT)
async def test_how_the_side_of_the_clients_fails(
    name: str, site: Site, stand_in_name: tuple[str, str], ca: CertificateAuthority
) -> None:
    path, body, status, headers, verdict = CLIENT[name]
    site.says(path, body, status, **headers)
    result = await ask(stand_in_name, ca)
    assert result.verdict == verdict, result.failure


WHOAMI, SYNC = "/chat/_matrix/client/v3/account/whoami", "/chat/_matrix/client/v3/sync"
LOGINS: dict[str, tuple[str, int, Body, str]] = {
    "deactivated": (WHOAMI, 403, {"errcode": "M_USER_DEACTIVATED"}, "login/rejected"),
    "nobody": (WHOAMI, 200, {}, "handshake/malformed"),
    "down": (WHOAMI, 503, {}, "http/status"),
    "expired": (SYNC, 401, {"errcode": "M_UNKNOWN_TOKEN"}, "login/rejected"),
    "a list": (SYNC, 200, b"[]", "handshake/malformed"),
    "too large": (SYNC, 200, b" " * (1 << 20) + b"  ", "handshake/size"),
    "broken": (SYNC, 500, b"", "http/status"),
    "well": (SYNC, 200, {"next_batch": "s1"}, "ok"),
}


@pytest.mark.parametrize("name", LOGINS)
async def test_how_a_login_ends(
    name: str, site: Site, stand_in_name: tuple[str, str], ca: CertificateAuthority
) -> None:
    path, status, body, verdict = LOGINS[name]
    site.says(path, body, status)
    assert (await ask(stand_in_name, ca, access_token="t")).verdict == verdict


def _unsigned(document: Any) -> None:
    document["verify_keys"]["ed25519:2"] = document["verify_keys"]["ed25519:1"]


def _forged(document: Any) -> None:
    document["verify_keys"]["ed25519:1"] = {"key": encode_base64(get_verify_key(generate_signing_key("1")).encode())}


def test_the_reference_takes_the_keys_of_the_stand_in() -> None:
    found = published_keys()
    public = found["verify_keys"]["ed25519:1"]["key"]
    verify_signed_json(found, "stand.test", decode_verify_key_bytes("ed25519:1", decode_base64(public)))


KEYS: dict[str, tuple[Callable[[], Any], str]] = {
    "of another server": (lambda: published_keys("other.test"), "handshake/host_unknown"),
    "out of date": (lambda: published_keys(until=-60), "handshake/key"),
    "none": (lambda: published_keys(change=lambda found: found["verify_keys"].clear()), "handshake/key"),
    "one unsigned": (lambda: published_keys(change=_unsigned), "handshake/key"),
    "signed by another": (lambda: published_keys(change=_forged), "handshake/signature"),
    "changed afterwards": (lambda: {**published_keys(), "old_verify_keys": {"x": 1}}, "handshake/signature"),
    "signed by nobody": (lambda: {**published_keys(), "signatures": {}}, "handshake/key"),
    "not base64": (
        lambda: {**published_keys(), "verify_keys": {"ed25519:1": {"key": "ü"}}},
        "handshake/malformed",
    ),
    "a fraction": (lambda: {**published_keys(), "x": 0.5}, "handshake/malformed"),
    "not JSON": (lambda: b"{", "handshake/malformed"),
    "a text": (lambda: {**published_keys(), "verify_keys": "x"}, "handshake/malformed"),
    "without an end": (lambda: {**published_keys(), "valid_until_ts": None}, "handshake/malformed"),
    "with a surrogate": (lambda: {**published_keys(), "x": "\ud800"}, "handshake/malformed"),
}


@pytest.mark.parametrize("name", KEYS)
async def test_keys_that_prove_nothing(
    name: str, site: Site, stand_in_name: tuple[str, str], ca: CertificateAuthority
) -> None:
    make, verdict = KEYS[name]
    site.says("/_matrix/key/v2/server", make())
    result = await ask(stand_in_name, ca, side="federation")
    assert result.verdict == verdict, result.failure
    assert Fact.GENUINE not in result.facts


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 404), (b"", 500), (b"{}", 200), (b"[", 200), (b'{"m.server": "a b"}', 200)]
)
async def test_a_well_known_of_no_use_is_passed_over(
    body: bytes, status: int, site: Site, stand_in_name: tuple[str, str], ca: CertificateAuthority
) -> None:
    site.says("/.well-known/matrix/server", body, status)
    result = await ask(stand_in_name, ca, side="federation")
    assert result.verdict == "ok", result.failure
    assert result.facts[Fact.HOST] == "stand.test:8448"


async def test_a_redirect_of_the_well_known_is_followed(
    site: Site, stand_in_name: tuple[str, str], ca: CertificateAuthority
) -> None:
    site.answers["/elsewhere"] = site.answers["/.well-known/matrix/client"]
    site.says("/.well-known/matrix/client", b"", 301, Location="https://stand.test:8448/elsewhere")
    result = await ask(stand_in_name, ca)
    assert result.verdict == "ok", result.failure


@pytest.mark.parametrize(("headers", "connections"), [({}, 2), ({"Connection": "close"}, 3)], ids=["lasts", "ends"])
async def test_the_requests_to_the_homeserver_share_a_connection_where_it_lasts(
    headers: dict[str, str], connections: int, site: Site, stand_in_name: tuple[str, str], ca: CertificateAuthority
) -> None:
    site.says("/chat/_matrix/client/versions", {"versions": ["v1.1"]}, 200, **headers)
    assert (await ask(stand_in_name, ca)).verdict == "ok"
    assert len(site.asked) == 3
    assert len(set(site.peers)) == connections


async def test_a_plea_to_come_back_later_says_when(
    site: Site, stand_in_name: tuple[str, str], ca: CertificateAuthority
) -> None:
    site.says("/chat/_matrix/client/versions", {"errcode": "M_LIMIT_EXCEEDED"}, 429, Retry_After="30")
    settings = {"server": "stand.test", "tls": {"ca_file": str(ca.ca_path)}, "route": {"resolver": stand_in_name[1]}}
    network = make_network()
    with pytest.raises(ProbeFailed) as caught:
        await MatrixProbe(MatrixSettings.model_validate(settings), network).attempt(Run(network.monotonic))
    assert caught.value.retry_after == 30


@pytest.mark.parametrize("side", ["client", "federation"])
async def test_nothing_leads_to_where_we_may_not_go(
    side: str, site: Site, stand_in_name: tuple[str, str], ca: CertificateAuthority
) -> None:
    asked: list[Url] = []

    def permits(url: Url) -> bool:
        asked.append(url)
        return False

    network = make_network().guarded(permits)
    settings = {"server": "stand.test", "side": side, "tls": {"ca_file": ca.ca_path}}
    route = {"resolver": stand_in_name[1], "family": 4}
    result = await attempt("matrix", {**settings, "route": route}, network=network)
    assert result.verdict == "handshake/redirects"
    assert [str(url.endpoint) for url in asked] == ["stand.test:443"]
    assert len(site.asked) == 1


BROKEN = {
    "closes": (closes, "http/closed"),
    "says nothing": (silent, "http/timeout"),
    "speaks SMTP": (says(b"220 mail\r\n"), "http/malformed"),
    "cut short": (says(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"versions"'), "http/timeout"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_no_web_server(name: str) -> None:
    handler, verdict = BROKEN[name]
    async with scripted(handler) as port:
        settings = {"server": "a.test", "homeserver": f"http://127.0.0.1:{port}"}
        assert (await attempt("matrix", settings, timeout=patience(verdict, 0.3))).verdict == verdict


# -- settings ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"server": ""},
        {"server": "a b"},
        {"server": "a.example:0"},
        {"server": "2001:db8::1"},
        {"server": "@me:a.example"},
        {"server": "a.example/x", "side": "federation"},
        {"server": "a.example", "side": "both"},
        {"server": "a.example", "side": "federation", "access_token": "t"},
        {"server": "a.example", "side": "federation", "homeserver": "https://a.example"},
        {"server": "a.example", "homeserver": "ws://a.example"},
        {"server": "a.example", "homeserver": "http://a.example", "access_token": "t"},
        {"server": "a.example", "access_token": ""},
        {"server": "a.example", "access_token": "a\r\nb"},
    ],
    ids=repr,
)
def test_mistakes_in_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MatrixSettings.model_validate(settings)


def test_the_sides_of_a_server_are_two_targets() -> None:
    assert MatrixSettings.model_validate({"server": "a.example"}).endpoint == "a.example"
    sided = MatrixSettings.model_validate({"server": "a.example:1", "side": "federation"})
    assert sided.endpoint == "a.example:1/federation"
