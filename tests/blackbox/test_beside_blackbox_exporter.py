"""The same file of modules, the same targets, at the same time: blackbox_exporter 0.23 and us."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.blackbox.conftest import Ours, Serve
from tests.support.bind import Bind
from tests.support.blackbox import Answer, BlackboxExporter, probe
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.nginx import Nginx, nginx
from tests.support.scripted import Handler, hangs_up, scripted
from tests.support.servers import free_port

_TIMES = ("_duration_seconds", "probe_dns_lookup_time_seconds")

MODULES = """
modules:
  http_2xx:
    prober: http
    timeout: 3s
    http: {preferred_ip_protocol: ip4, enable_http2: false, tls_config: {ca_file: @CA@}}
  http_no_anchors: {prober: http, timeout: 3s, http: {enable_http2: false}}
  http_insecure: {prober: http, timeout: 3s, http: {enable_http2: false, tls_config: {insecure_skip_verify: true}}}
  http_other_name:
    prober: http
    timeout: 3s
    http: {enable_http2: false, tls_config: {ca_file: @CA@, server_name: other.example}}
  http_host_header:
    prober: http
    timeout: 3s
    http: {enable_http2: false, headers: {Host: other.example}, tls_config: {ca_file: @CA@}}
  http_no_follow: {prober: http, timeout: 3s, http: {follow_redirects: false}}
  http_no_follow_old: {prober: http, timeout: 3s, http: {no_follow_redirects: true, valid_status_codes: [302]}}
  http_404_ok: {prober: http, timeout: 3s, http: {valid_status_codes: [404, 418]}}
  http_post: {prober: http, timeout: 3s, http: {method: POST, headers: {X-Kind: test}, body: "a=b"}}
  http_head: {prober: http, timeout: 3s, http: {method: HEAD}}
  http_body: {prober: http, timeout: 3s, http: {fail_if_body_not_matches_regexp: ["(?i)HELLO\\\\s+[[:alpha:]]+"]}}
  http_body_start: {prober: http, timeout: 3s, http: {fail_if_body_not_matches_regexp: ["^second"]}}
  http_body_multiline: {prober: http, timeout: 3s, http: {fail_if_body_not_matches_regexp: ["(?m)^second$"]}}
  http_body_end: {prober: http, timeout: 3s, http: {fail_if_body_not_matches_regexp: ["second$"]}}
  http_bad_body: {prober: http, timeout: 3s, http: {fail_if_body_matches_regexp: ["hello"]}}
  http_header_match:
    prober: http
    timeout: 3s
    http: {fail_if_header_matches: [{header: x-kind, regexp: "^b", allow_missing: true}]}
  http_header_missing: {prober: http, timeout: 3s, http: {fail_if_header_matches: [{header: x-none, regexp: a}]}}
  http_header_not_match:
    prober: http
    timeout: 3s
    http:
      fail_if_header_not_matches:
      - {header: X-Kind, regexp: "^a$"}
      - {header: X-Kind, regexp: "^b$"}
      - {header: X-None, regexp: "^b$", allow_missing: true}
  http_header_wanting: {prober: http, timeout: 3s, http: {fail_if_header_not_matches: [{header: x-kind, regexp: c}]}}
  http_version: {prober: http, timeout: 3s, http: {valid_http_versions: ["HTTP/1.0"]}}
  http_ssl: {prober: http, timeout: 3s, http: {fail_if_ssl: true, enable_http2: false, tls_config: {ca_file: @CA@}}}
  http_not_ssl: {prober: http, timeout: 3s, http: {fail_if_not_ssl: true}}
  http_small: {prober: http, timeout: 3s, http: {body_size_limit: 4B}}
  http_small_body: {prober: http, timeout: 3s, http: {body_size_limit: 4B, fail_if_body_matches_regexp: [zzz]}}
  http_gzip: {prober: http, timeout: 3s, http: {compression: gzip, fail_if_body_not_matches_regexp: [squeezed]}}
  http_basic: {prober: http, timeout: 3s, http: {basic_auth: {username: me, password: secret}}}
  http_bearer: {prober: http, timeout: 3s, http: {authorization: {type: Token, credentials: t0k}}}
  tcp_connect: {prober: tcp, timeout: 3s}
  tcp_tls: {prober: tcp, timeout: 3s, tcp: {tls: true, tls_config: {ca_file: @CA@}}}
  tcp_tls_insecure: {prober: tcp, timeout: 3s, tcp: {tls: true, tls_config: {insecure_skip_verify: true}}}
  tcp_banner: {prober: tcp, timeout: 3s, tcp: {query_response: [{expect: "^220 .*ready$"}]}}
  tcp_nothing: {prober: tcp, timeout: 500ms, tcp: {query_response: [{expect: "^250"}]}}
  tcp_irc:
    prober: tcp
    timeout: 3s
    tcp:
      query_response:
      - send: "NICK prober"
      - expect: "PING :([^ ]+)"
        send: "PONG ${1} $1 $$"
      - expect: "^:[^ ]+ 001"
  tcp_starttls:
    prober: tcp
    timeout: 3s
    tcp:
      query_response:
      - {expect: "^220"}
      - {send: "EHLO prober"}
      - {expect: "^250-STARTTLS"}
      - {send: STARTTLS}
      - {expect: "^220", starttls: true}
      - {send: "EHLO prober"}
      - {expect: "^250 over TLS"}
      tls_config: {ca_file: @CA@}
  dns_a: {prober: dns, timeout: 3s, dns: {query_name: example.test, query_type: A}}
  dns_any_tcp: {prober: dns, timeout: 3s, dns: {query_name: example.test, transport_protocol: tcp}}
  dns_soa: {prober: dns, timeout: 3s, dns: {query_name: example.test, query_type: SOA, recursion_desired: false}}
  dns_nx: {prober: dns, timeout: 3s, dns: {query_name: nx.example.test, query_type: SOA}}
  dns_nx_ok: {prober: dns, timeout: 3s, dns: {query_name: nx.example.test, query_type: A, valid_rcodes: [NXDOMAIN]}}
  dns_empty: {prober: dns, timeout: 3s, dns: {query_name: example.test, query_type: AAAA}}
  dns_refused: {prober: dns, timeout: 3s, dns: {query_name: elsewhere.test, query_type: A}}
  dns_chaos: {prober: dns, timeout: 3s, dns: {query_name: version.bind, query_type: TXT, query_class: CH}}
  dns_tls:
    prober: dns
    timeout: 3s
    dns:
      query_name: example.test
      query_type: A
      transport_protocol: tcp
      dns_over_tls: true
      tls_config: {ca_file: @CA@}
@RECORDS@
  icmp: {prober: icmp, timeout: 2s}
  icmp_v4: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4, payload_size: 64, ttl: 9}}
  icmp_v6_only: {prober: icmp, timeout: 1s, icmp: {preferred_ip_protocol: ip6, ip_protocol_fallback: false}}
"""
_RULES = ("fail_if_matches", "fail_if_all_match", "fail_if_not_matches", "fail_if_none_matches")
_EXPRESSIONS = {"all": r"\tA\t192", "some": r"192\.0\.2\.1$", "none": "198[.]"}
_SECTIONS = ("answer", "additional")
RECORDS = {
    f"dns_{section}_{rule}_{kind}": f"validate_{section}_rrs: {{{rule}_regexp: ['{expression}']}}"
    for section in _SECTIONS
    for rule in _RULES
    for kind, expression in _EXPRESSIONS.items()
}
ZONE = """\
$TTL 300
@ IN SOA ns.example.test. host.example.test. 2024010101 3600 600 86400 300
@ IN NS ns.example.test.
ns IN A 127.0.0.1
@ IN A 192.0.2.1
@ IN A 192.0.2.2
"""
SITE = """
location /ok { add_header X-Kind a; add_header X-Kind b; return 200 "hello world\\n"; }
location /lines { return 200 "first\\nsecond\\nthird"; }
location /last { return 200 "first\\nsecond"; }
location /last-newline { return 200 "first\\nsecond\\n"; }
location /missing { return 404 "no"; }
location /broken { return 500 "no"; }
location /empty { return 204; }
location /r1 { return 302 /r2; }
location /r2 { return 301 /ok; }
location /loop { return 302 /loop; }
location /to-tls { return 302 https://127.0.0.1:@HTTPS@/ok; }
location /to-plain { return 302 http://127.0.0.1:@HTTP@/ok; }
location /to-nobody { return 302 http://127.0.0.1:1/; }
location /basic { if ($http_authorization != "Basic bWU6c2VjcmV0") { return 401; } return 200 "in"; }
location /bearer { if ($http_authorization != "Token t0k") { return 401; } return 200 "in"; }
location /form {
  if ($request_method != POST) { return 405; }
  if ($http_x_kind != test) { return 400; } return 200 $content_length; }
location /host { if ($host != other.example) { return 421; } return 200 ok; }
location /packed.gz { add_header Content-Encoding gzip; }
"""


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> Path:
    records = "\n".join(
        f"  {name}: {{prober: dns, timeout: 3s, dns: {{query_name: example.test, query_type: A, {rule}}}}}"
        for name, rule in RECORDS.items()
    )
    path = tmp_path_factory.mktemp("modules") / "blackbox.yml"
    path.write_text(MODULES.replace("@CA@", str(authority.ca_path)).replace("@RECORDS@", records))
    return path


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "www").mkdir()
    (folder / "www" / "static.txt").write_text("static")
    (folder / "www" / "packed.gz").write_bytes(gzip.compress(b"squeezed " * 100))
    with nginx(folder, SITE, authority.leaf([*("localhost", "127.0.0.1"), "other.example"])) as server:
        yield server


@pytest.fixture(scope="session")
def bind(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> Iterator[Bind]:
    with Bind(tmp_path_factory.mktemp("bind"), {"example.test": ZONE}, authority.leaf()) as server:
        yield server


Reference = Callable[[Path], BlackboxExporter]
Both = Callable[[str, str], "asyncio.Future[tuple[Answer, Answer]]"]


class SideBySide:
    """Asks both, and compares."""

    def __init__(self, ours: Ours, reference: BlackboxExporter) -> None:
        self._ours = ours
        self._reference = f"http://{reference.address}"

    async def same(self, module: str, target: str, **more: str) -> Answer:
        """Ask both; our answer, which has the same series and the same values but for times."""
        ours = await self._ours.probe(module, target, **more)
        theirs = await probe(self._ours.session, self._reference, {"module": module, "target": target, **more})
        assert ours.status == theirs.status == 200
        assert ours.content_type == theirs.content_type
        assert set(ours.series) == set(theirs.series)
        assert _steady(ours) == _steady(theirs)
        return ours


def _steady(answer: Answer) -> dict[object, float]:
    return {key: value for key, value in answer.series.items() if not key[0].endswith(_TIMES)}


@pytest.fixture
async def both(serve: Serve, modules: Path, reference: Reference) -> AsyncIterator[SideBySide]:
    async with serve(modules) as ours:
        yield SideBySide(ours, reference(modules))


@pytest.mark.parametrize(
    ("module", "path", "success"),
    [
        ("http_2xx", "http:/ok", 1),
        ("http_2xx", "https:/ok", 1),
        ("http_2xx", "http:/static.txt", 1),
        ("http_2xx", "http:/empty", 1),
        ("http_2xx", "http:/missing", 0),
        ("http_2xx", "http:/broken", 0),
        ("http_2xx", "http:/r1", 1),
        ("http_2xx", "https:/r1", 1),
        ("http_2xx", "http:/loop", 0),
        ("http_2xx", "http:/to-tls", 1),
        ("http_2xx", "https:/to-plain", 1),
        ("http_2xx", "http:/to-nobody", 0),
        ("http_no_anchors", "https:/ok", 0),
        ("http_insecure", "https:/ok", 1),
        ("http_other_name", "https:/ok", 1),
        ("http_host_header", "https:/host", 1),
        ("http_no_follow", "http:/r1", 0),
        ("http_no_follow", "http:/ok", 1),
        ("http_no_follow_old", "http:/r1", 1),
        ("http_404_ok", "http:/missing", 1),
        ("http_404_ok", "http:/ok", 0),
        ("http_post", "http:/form", 1),
        ("http_head", "http:/ok", 1),
        ("http_head", "http:/static.txt", 1),
        ("http_body", "http:/ok", 1),
        ("http_body", "http:/lines", 0),
        ("http_body", "http:/missing", 0),
        ("http_body_start", "http:/lines", 0),
        ("http_body_multiline", "http:/lines", 1),
        ("http_body_end", "http:/last", 1),
        ("http_body_end", "http:/last-newline", 0),
        ("http_bad_body", "http:/ok", 0),
        ("http_bad_body", "http:/lines", 1),
        ("http_header_match", "http:/ok", 0),
        ("http_header_match", "http:/lines", 1),
        ("http_header_missing", "http:/ok", 0),
        ("http_header_not_match", "http:/ok", 1),
        ("http_header_not_match", "http:/lines", 0),
        ("http_header_wanting", "http:/ok", 0),
        ("http_version", "http:/ok", 0),
        ("http_ssl", "https:/ok", 0),
        ("http_ssl", "http:/ok", 1),
        ("http_not_ssl", "http:/ok", 0),
        ("http_small", "http:/ok", 0),
        ("http_small", "http:/missing", 0),
        ("http_small_body", "http:/ok", 0),
        ("http_gzip", "http:/packed.gz", 1),
        ("http_gzip", "http:/ok", 0),
        ("http_basic", "http:/basic", 1),
        ("http_bearer", "http:/bearer", 1),
        ("http_basic", "http:/bearer", 0),
    ],
)
async def test_http_is_seen_alike(both: SideBySide, site: Nginx, module: str, path: str, success: int) -> None:
    scheme, _, rest = path.partition(":")
    port = site.https if scheme == "https" else site.http
    answer = await both.same(module, f"{scheme}://127.0.0.1:{port}{rest}")
    assert answer.value("probe_success") == success


async def test_a_target_without_a_scheme_is_http(both: SideBySide, site: Nginx) -> None:
    assert (await both.same("http_2xx", f"127.0.0.1:{site.http}/ok")).value("probe_success") == 1


async def test_the_hostname_of_the_request_becomes_host_and_server_name(both: SideBySide, site: Nginx) -> None:
    answer = await both.same("http_2xx", f"https://127.0.0.1:{site.https}/host", hostname="other.example")
    assert answer.value("probe_success") == 1


@pytest.mark.parametrize("module", ["http_2xx", "tcp_connect", "tcp_tls"])
async def test_a_closed_port_is_seen_alike(both: SideBySide, module: str) -> None:
    assert (await both.same(module, f"127.0.0.1:{free_port()}")).value("probe_success") == 0


@pytest.mark.parametrize("module", ["http_2xx", "http_insecure", "tcp_tls", "tcp_tls_insecure"])
@pytest.mark.parametrize("kind", ["leaf", "expired", "wrong_name", "self_signed", "not_yet_valid"])
async def test_certificates_are_seen_alike(
    both: SideBySide, authority: CertificateAuthority, module: str, kind: str
) -> None:
    good = kind == "leaf" or "insecure" in module
    async with scripted(_hello, tls=server_context(getattr(authority, kind)())) as port:
        target = f"127.0.0.1:{port}" if module.startswith("tcp") else f"https://127.0.0.1:{port}/"
        answer = await both.same(module, target)
    assert answer.value("probe_success") == good
    assert (("probe_ssl_earliest_cert_expiry", frozenset()) in answer.series) == good


async def test_the_words_of_an_odd_certificate_are_the_same(both: SideBySide, tmp_path: Path) -> None:
    async with scripted(_hello, tls=server_context(_odd_leaf(tmp_path))) as port:
        answer = await both.same("http_insecure", f"https://127.0.0.1:{port}/")
    assert answer.value("probe_success") == 1


def _odd_leaf(folder: Path) -> tuple[Path, Path]:
    """A certificate whose subject has everything that is written in a special way."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.DOMAIN_COMPONENT, "example"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'Ann, "Bob" & <Söhne>; \\ GmbH+Co'),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "#one"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, " two "),
            x509.NameAttribute(NameOID.COMMON_NAME, "first"),
            x509.NameAttribute(NameOID.COMMON_NAME, "evil\n# HELP me"),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, "42"),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "root@example.org"),
            x509.NameAttribute(NameOID.TITLE, "Größe"),
        ]
    )
    start = datetime.fromtimestamp(1_700_000_000, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    paths = folder / "odd.pem", folder / "odd.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


async def _hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
    await writer.drain()


async def _irc(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    assert await reader.readline() == b"NICK prober\n"
    writer.write(b":server NOTICE * :hello\r\nPING :cookie\r\n")
    if await reader.readline() == b"PONG cookie cookie $\n":
        writer.write(b":server 001 prober :Welcome\r\n")
    await writer.drain()
    await reader.read()


def _greets(data: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await reader.read()

    return handler


def _greets_and_closes(data: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return handler


@pytest.mark.parametrize(
    ("module", "handler", "success", "by_regex"),
    [
        pytest.param("tcp_connect", hangs_up, 1, 0, id="connect"),
        pytest.param("tcp_banner", _greets(b"220 mail.example ready\r\n"), 1, 0, id="crlf"),
        pytest.param("tcp_banner", _greets(b"hello\n220 mail.example ready\n"), 1, 0, id="second line, lf"),
        pytest.param("tcp_banner", _greets_and_closes(b"220 mail.example ready"), 1, 0, id="line without an end"),
        pytest.param("tcp_banner", _greets_and_closes(b"220 mail ready or not\r\n"), 0, 1, id="other line"),
        pytest.param("tcp_banner", hangs_up, 0, 1, id="nothing, then closed"),
        pytest.param("tcp_nothing", _greets(b"220 mail.example ready\r\n"), 0, 0, id="deadline"),
        pytest.param("tcp_irc", _irc, 1, 0, id="dialogue with a capture"),
        pytest.param("tcp_tls", _greets_and_closes(b"not TLS at all\r\n"), 0, 0, id="plain where TLS is wanted"),
    ],
)
async def test_dialogues_are_seen_alike(
    both: SideBySide, module: str, handler: Handler, success: int, by_regex: int
) -> None:
    async with scripted(handler) as port:
        answer = await both.same(module, f"127.0.0.1:{port}")
    assert answer.value("probe_success") == success
    assert answer.value("probe_failed_due_to_regex") == by_regex


async def test_starttls_is_seen_alike(both: SideBySide, authority: CertificateAuthority) -> None:
    leaf = authority.leaf()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220-mail.example\r\n220 ready\r\n")
        await reader.readline()
        writer.write(b"250-mail.example\r\n250-STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 go\r\n")
        await writer.start_tls(server_context(leaf))
        await reader.readline()
        writer.write(b"250 over TLS\r\n")
        await reader.read()

    async with scripted(handler) as port:
        answer = await both.same("tcp_starttls", f"127.0.0.1:{port}")
    assert answer.value("probe_success") == 1
    assert ("probe_ssl_earliest_cert_expiry", frozenset()) in answer.series


@pytest.mark.parametrize(
    ("module", "success"),
    [
        ("dns_a", 1),
        ("dns_any_tcp", 1),
        ("dns_soa", 1),
        ("dns_nx", 0),
        ("dns_nx_ok", 1),
        ("dns_empty", 1),
        ("dns_refused", 0),
        ("dns_chaos", 1),
        ("dns_answer_fail_if_matches_all", 0),
        ("dns_answer_fail_if_matches_none", 1),
        ("dns_answer_fail_if_all_match_all", 1),
        ("dns_answer_fail_if_all_match_some", 0),
        ("dns_answer_fail_if_not_matches_some", 0),
        ("dns_answer_fail_if_none_matches_some", 1),
    ],
)
async def test_dns_is_seen_alike(both: SideBySide, bind: Bind, module: str, success: int) -> None:
    assert (await both.same(module, bind.address)).value("probe_success") == success


@pytest.mark.parametrize("module", RECORDS)
async def test_rules_for_records_are_seen_alike(both: SideBySide, bind: Bind, module: str) -> None:
    await both.same(module, bind.address)


async def test_dns_over_tls_is_seen_alike(both: SideBySide, bind: Bind) -> None:
    assert (await both.same("dns_tls", f"127.0.0.1:{bind.tls_port}")).value("probe_success") == 1


async def test_a_name_server_that_is_not_there_is_seen_alike(both: SideBySide) -> None:
    assert (await both.same("dns_a", f"127.0.0.1:{free_port()}")).value("probe_success") == 0


@pytest.mark.parametrize(("module", "success"), [("icmp", 1), ("icmp_v4", 1), ("icmp_v6_only", 0)])
async def test_icmp_is_seen_alike(both: SideBySide, module: str, success: int) -> None:
    assert (await both.same(module, "127.0.0.1")).value("probe_success") == success


@pytest.mark.parametrize(
    ("module", "target"),
    [("tcp_connect", "no-port"), ("http_2xx", "::::"), ("icmp", "not a host"), ("dns_a", "not a host")],
)
async def test_what_is_no_target_is_a_failed_probe(both: SideBySide, module: str, target: str) -> None:
    assert (await both.same(module, target)).value("probe_success") == 0


async def test_what_is_wrong_with_a_request_is_told_alike(serve: Serve, modules: Path, reference: Reference) -> None:
    async with serve(modules) as ours:
        theirs = f"http://{reference(modules).address}"
        for query in ({"module": "nope", "target": "x"}, {"module": "tcp_connect"}, {"module": "nope"}):
            ours_said = await probe(ours.session, ours.base, query)
            they_said = await probe(ours.session, theirs, query)
            assert ours_said.status == they_said.status == 400
            assert ours_said.text.strip().replace("'", '"') == they_said.text.strip()
