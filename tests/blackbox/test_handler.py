"""``GET /probe`` as a scraper and an operator meet it."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.blackbox.allow import Allowance
from monitor.blackbox.modules import load_modules
from monitor.blackbox.prober import Prober, Request
from monitor.clock import SystemClock
from monitor.domain.words import Fact
from monitor.net.network import Network
from monitor.net.resolve import NameServers, Resolver
from tests.blackbox.conftest import Serve
from tests.support.bind import Bind
from tests.support.blackbox import probe
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.nginx import Nginx, nginx
from tests.support.scripted import hangs_up, scripted, silent
from tests.support.servers import free_port

HEADER = "X-Prometheus-Scrape-Timeout-Seconds"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> Iterator[Nginx]:
    body = """
    location /ok { return 200 ok; }
    location /away { return 302 http://localhost:@HTTP@/ok; }
    location /far { return 302 /away; }
    location /own { return 302 /ok; }
    location /markup { add_header Location "http://127.0.0.1:1/<b>\\t"; return 302; }
    """
    with nginx(tmp_path_factory.mktemp("site"), body, authority.leaf()) as server:
        yield server


def written(folder: Path, text: str) -> Path:
    path = folder / "blackbox.yml"
    path.write_text(text)
    return path


async def test_without_a_file_the_usual_modules_are_there(serve: Serve, site: Nginx) -> None:
    async with serve(None) as ours:
        for module, target in (("http_2xx", f"127.0.0.1:{site.http}/ok"), ("tcp_connect", f"127.0.0.1:{site.http}")):
            assert (await ours.probe(module, target)).value("probe_success") == 1
        assert (await ours.probe("icmp", "127.0.0.1")).value("probe_icmp_reply_hop_limit") > 0
        assert (await probe(ours.session, ours.base, {"target": f"127.0.0.1:{site.http}/ok"})).value(
            "probe_success"
        ) == 1


async def test_a_target_outside_the_allowance_is_refused_and_not_asked(serve: Serve, site: Nginx) -> None:
    async with serve(None, ("127.0.0.1:*", "https://localhost/*")) as ours:
        assert (await ours.probe("http_2xx", f"http://127.0.0.1:{site.http}/ok")).value("probe_success") == 1
        for module, target in (
            ("http_2xx", f"http://localhost:{site.http}/ok"),
            ("http_2xx", "http://127.0.0.1.evil.example/"),
            ("tcp_connect", f"localhost:{site.http}"),
            ("icmp", "127.0.0.1"),
        ):
            answer = await ours.probe(module, target)
            assert answer.status == 403
            assert answer.text.startswith("web.probe_allow does not let /probe go to ")


async def test_a_redirect_outside_the_allowance_is_refused(serve: Serve, site: Nginx) -> None:
    async with serve(None, (f"127.0.0.1:{site.http}",)) as ours:
        assert (await ours.probe("http_2xx", f"http://127.0.0.1:{site.http}/own")).value("probe_success") == 1
        for path in ("away", "far"):
            answer = await ours.probe("http_2xx", f"http://127.0.0.1:{site.http}/{path}")
            assert answer.status == 403
            assert f"http://localhost:{site.http}/ok, where a redirect led" in answer.text


async def test_a_redirect_is_allowed_by_its_url(serve: Serve, site: Nginx) -> None:
    allow = (f"http://127.0.0.1:{site.http}/away", f"http://localhost:{site.http}/o?")
    async with serve(None, allow) as ours:
        assert (await ours.probe("http_2xx", f"http://127.0.0.1:{site.http}/away")).value("probe_success") == 1
        assert (await ours.probe("http_2xx", f"http://127.0.0.1:{site.http}/ok")).status == 403


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"module": "http_2xx"}, "Target parameter is missing"),
        ({"module": "http_2xx", "target": ""}, "Target parameter is missing"),
        ({"module": "nope", "target": "a"}, "Unknown module 'nope'"),
        ({"module": "<b>\n", "target": "a"}, "Unknown module '<b>\\n'"),
        ({"target": "a" * 2049}, "The parameter target is longer than 2048 characters"),
        ({"module": "a" * 201, "target": "a"}, "The parameter module is longer than 200 characters"),
        ({"target": "a", "hostname": "a b"}, "Not a hostname: 'a b'"),
        ({"target": "a", "hostname": "a\r\nX: b"}, "Not a hostname"),
    ],
)
async def test_a_wrong_request_is_a_400_with_a_reason(serve: Serve, query: dict[str, str], text: str) -> None:
    async with serve(None) as ours:
        answer = await probe(ours.session, ours.base, query)
    assert answer.status == 400
    assert text in answer.text
    assert answer.content_type.startswith("text/plain")


async def test_the_scrape_timeout_less_half_a_second_is_the_deadline(serve: Serve, tmp_path: Path) -> None:
    modules = written(tmp_path, "modules: {a: {prober: tcp, timeout: 30s, tcp: {query_response: [{expect: x}]}}}")
    async with serve(modules) as ours, scripted(silent) as port:
        began = time.monotonic()
        answer = await probe(ours.session, ours.base, {"module": "a", "target": f"127.0.0.1:{port}"}, {HEADER: "0.8"})
        assert 0.25 < time.monotonic() - began < 2
    assert answer.value("probe_success") == 0
    assert 0.25 < answer.value("probe_duration_seconds") < 0.5


async def test_the_module_caps_the_scrape_timeout(serve: Serve, tmp_path: Path) -> None:
    modules = written(tmp_path, "modules: {a: {prober: tcp, timeout: 200ms, tcp: {query_response: [{expect: x}]}}}")
    async with serve(modules) as ours, scripted(silent) as port:
        for value in ("60", "0.4", ""):
            headers = {HEADER: value} if value else {}
            answer = await probe(ours.session, ours.base, {"module": "a", "target": f"127.0.0.1:{port}"}, headers)
            assert 0.15 < answer.value("probe_duration_seconds") < 0.4


@pytest.mark.parametrize("value", ["soon", "nan", "inf"])
async def test_a_scrape_timeout_that_is_none_is_told(serve: Serve, value: str) -> None:
    async with serve(None) as ours:
        answer = await probe(ours.session, ours.base, {"target": "127.0.0.1:1"}, {HEADER: value})
    assert answer.status == 400
    assert "Failed to parse the timeout" in answer.text


async def test_too_many_probes_at_once_are_turned_away(serve: Serve, tmp_path: Path) -> None:
    modules = written(tmp_path, "modules: {a: {prober: tcp, timeout: 500ms, tcp: {query_response: [{expect: x}]}}}")
    async with serve(modules, at_once=2) as ours, scripted(silent) as port:
        answers = await asyncio.gather(*(ours.probe("a", f"127.0.0.1:{port}") for _ in range(3)))
        assert sorted(answer.status for answer in answers) == [200, 200, 503]
        assert (await ours.probe("a", f"127.0.0.1:{port}")).status == 200


async def test_debug_tells_the_way_the_metrics_and_the_module_without_secrets(
    serve: Serve, site: Nginx, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    modules = written(
        tmp_path,
        "modules: {a: {prober: http, http: {headers: {X-Key: hunter2}, valid_status_codes: [418], "
        f"bearer_token_file: {tmp_path}/token}}}}}}",
    )
    async with serve(modules) as ours:
        answer = await ours.probe("a", f"127.0.0.1:{site.http}/ok", debug="true")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert "phase connect" in answer.text
    assert "failed: status 200 is not valid" in answer.text
    assert "probe_http_status_code 200\n" in answer.text
    assert '"X-Key": "**********"' in answer.text
    assert "hunter2" not in answer.text
    assert "from-a-file" not in answer.text


async def test_text_of_a_server_is_escaped(serve: Serve, tmp_path: Path) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 \x1b[31m\x00<script>\xff\r\n")
        await reader.read()

    modules = written(
        tmp_path, 'modules: {a: {prober: tcp, tcp: {query_response: [{expect: "^220 (?P<all>.*)"}, {expect: x}]}}}'
    )
    async with serve(modules) as ours, scripted(handler) as port:
        answer = await probe(
            ours.session,
            ours.base,
            {"module": "a", "target": f"127.0.0.1:{port}\x1b", "debug": "true"},
            {HEADER: "0.7"},
        )
        assert "\x1b" not in answer.text
        answer = await probe(
            ours.session, ours.base, {"module": "a", "target": f"127.0.0.1:{port}", "debug": "true"}, {HEADER: "0.7"}
        )
    assert "\x1b" not in answer.text
    assert "\x00" not in answer.text


FAMILIES = """\
modules:
  v4: {prober: tcp, tcp: {preferred_ip_protocol: ip4}}
  v4_only: {prober: tcp, tcp: {preferred_ip_protocol: ip4, ip_protocol_fallback: false}}
  v6_only: {prober: tcp, tcp: {preferred_ip_protocol: ip6, ip_protocol_fallback: false}}
"""


@pytest.fixture
def names(tmp_path: Path, authority: CertificateAuthority) -> Iterator[Bind]:
    zone = "$TTL 1\n@ IN SOA a. b. 1 2 3 4 5\n@ IN NS a.\nfour IN A 127.0.0.1\nsix IN AAAA ::1\n"
    with Bind(tmp_path, {"example.test": zone}, authority.leaf()) as bind:
        yield bind


@pytest.mark.parametrize(
    ("module", "host", "family"),
    [
        ("v4", "[::1]", 6),
        ("v4_only", "[::1]", 0),
        ("v6_only", "[::1]", 6),
        ("v4", "six.example.test", 6),
        ("v4_only", "six.example.test", 0),
        ("v6_only", "six.example.test", 6),
        ("v6_only", "four.example.test", 0),
    ],
)
async def test_the_other_family_is_asked_when_the_preferred_one_has_no_address(
    names: Bind, tmp_path: Path, module: str, host: str, family: int
) -> None:
    clock = SystemClock()
    network = Network(clock.monotonic, clock.now)
    servers = NameServers((("127.0.0.1", names.port),))
    network._system = Resolver(lambda: servers, dict, network.contexts, clock.monotonic)
    prober = Prober(network, clock)
    chosen = load_modules(written(tmp_path, FAMILIES))[module]
    async with scripted(hangs_up, host="::1") as port:
        asked = Request(module=chosen, target=f"{host}:{port}", hostname="", timeout=3.0)
        probed = await prober.probe(asked, Allowance())
    assert probed.fact(Fact.FAMILY) == family
    assert (probed.problem == "") == (family == 6)


@pytest.mark.parametrize("kind", ["http", "tls", "dns", "icmp", "failed"])
async def test_promtool_finds_nothing_wrong(
    serve: Serve, site: Nginx, tmp_path: Path, authority: CertificateAuthority, kind: str
) -> None:
    modules = written(
        tmp_path,
        "modules:\n"
        f"  http: {{prober: http, http: {{tls_config: {{ca_file: {authority.ca_path}}}}}}}\n"
        "  tls: {prober: tcp, tcp: {tls: true, tls_config: {insecure_skip_verify: true}}}\n"
        "  dns: {prober: dns, dns: {query_name: example.test, query_type: SOA}}\n"
        "  icmp: {prober: icmp}\n"
        "  failed: {prober: http}\n",
    )
    zone = "$TTL 1\n@ IN SOA a. b. 1 2 3 4 5\n@ IN NS a.\n"
    with Bind(tmp_path, {"example.test": zone}, authority.leaf()) as bind:
        async with serve(modules) as ours, scripted(hangs_up, tls=server_context(authority.expired())) as port:
            targets = {
                "http": f"https://127.0.0.1:{site.https}/own",
                "tls": f"127.0.0.1:{port}",
                "dns": bind.address,
                "icmp": "127.0.0.1",
                "failed": f"127.0.0.1:{free_port()}",
            }
            answer = await ours.probe(kind, targets[kind])
    assert answer.value("probe_success") == (kind != "failed")
    checked = await asyncio.to_thread(
        subprocess.run, ["promtool", "check", "metrics"], input=answer.text.encode(), capture_output=True, check=False
    )
    told = (checked.stdout + checked.stderr).decode()
    assert (checked.returncode, told) == (0, "")


async def test_another_file_takes_the_place_of_the_first(serve: Serve, tmp_path: Path) -> None:
    async with serve(None) as ours:
        ours.blackbox.use({}, None)
        assert (await ours.probe("icmp", "127.0.0.1")).status == 400
