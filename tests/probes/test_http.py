import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Fact, Phase
from monitor.net.network import Network
from monitor.probes.http import HttpProbe, HttpSettings
from tests.support.answering import answering
from tests.support.attempts import Result, attempt
from tests.support.certificates import CertificateAuthority
from tests.support.nginx import Nginx, nginx
from tests.support.scripted import resets, scripted
from tests.support.servers import free_port

_SERVER = """
location = / { add_header X-Answer "forty-two"; return 200 "hello world\\n"; }
set $credentials "$http_authorization|$http_cookie";
location = /echo {
  return 200 "$request_method|$http_user_agent|$credentials|$http_accept_encoding|$http_host|$request_uri|";
}
location = /json { default_type application/json; return 200 '{
  "page": {"age": 12, "ok": true, "none": null}, "components": [{"status": "operational"}],
  "m.homeserver": {"base_url": "x"}, "incidents": []}'; }
location = /big { try_files /big.txt =500; }
location = /chunked { ssi on; ssi_types text/plain; try_files /big.txt =500; }
location = /gzip { gzip on; gzip_min_length 1; gzip_types text/plain; gzip_proxied any; try_files /big.txt =500; }
location = /private { auth_basic "x"; auth_basic_user_file @FOLDER@/htpasswd; try_files /small.txt =500; }
location = /bearer { if ($http_authorization != "Bearer t0ken") { return 401; } return 204; }
location = /post { if ($request_method != POST) { return 405; } return 201; }
location = /304 { return 304; }
location = /429 { add_header Retry-After 30 always; return 429; }
location = /429-bare { return 429; }
location = /421 { return 421; }
location = /503 { return 503; }
location = /503-later { add_header Retry-After "Fri, 31 Dec 2100 23:59:59 GMT" always; return 503; }
location = /503-past { add_header Retry-After "Fri, 31 Dec 1999 23:59:59 GMT" always; return 503; }
location = /503-nonsense { add_header Retry-After "soon" always; return 503; }
location = /once { return 302 /echo?a=b%20c; }
location = /twice { return 307 /once; }
location = /loop { return 301 /loop; }
location = /away { return 302 http://127.0.0.1:@OTHER@/echo; }
location = /away-and-back { return 302 http://127.0.0.1:@OTHER@/back; }
location = /away-for-good { return 302 http://127.0.0.1:@OTHER@/once; }
location = /back { return 302 http://127.0.0.1:@HTTP@/echo; }
location = /down { return 302 http://127.0.0.1:@HTTP@/; }
location = /up { return 302 https://localhost:@HTTPS@/; }
location = /ftp { return 302 ftp://127.0.0.1/; }
location = /nowhere { return 302 "http://:0/"; }
location = /see-other { return 303 /echo; }
"""


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("nginx")
    www = folder / "www"
    www.mkdir()
    (www / "big.txt").write_bytes(b"0123456789abcdef" * 32768 + b"the end")
    (www / "small.txt").write_text("secret garden\n")
    (folder / "htpasswd").write_text("monitor:{PLAIN}s3cret\n")
    with nginx(folder, _SERVER.replace("@FOLDER@", str(folder)), ca.leaf(["localhost"])) as running:
        yield running


async def get(server: Nginx, path: str = "/", **settings: Any) -> Result:
    return await attempt("http", {"url": f"http://127.0.0.1:{server.http}{path}", **settings})


def message(result: Result) -> str:
    return result.failure.message if result.failure else ""


async def test_a_plain_answer_is_ok_and_leaves_its_facts(server: Nginx) -> None:
    result = await get(server)
    assert result.verdict == "ok"
    assert result.facts[Fact.HTTP_STATUS] == 200
    assert result.facts[Fact.HTTP_VERSION] == "1.1"
    assert result.facts[Fact.HTTP_SSL] is False
    assert result.facts[Fact.HTTP_REDIRECTS] == 0
    assert result.facts[Fact.HTTP_BODY_BYTES] == 12
    assert result.facts[Fact.HTTP_CONTENT_LENGTH] == 12
    assert Fact.HTTP_LAST_MODIFIED not in result.facts


async def test_phases_are_those_of_http_and_sum_to_the_duration(server: Nginx) -> None:
    result = await get(server)
    assert set(result.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.REQUEST, Phase.RESPONSE}
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-9)


async def test_https_verifies_and_notes_the_certificate(server: Nginx, ca: CertificateAuthority) -> None:
    result = await attempt("https", {"url": f"https://localhost:{server.https}/", "tls": {"ca_file": str(ca.ca_path)}})
    assert result.verdict == "ok"
    assert Phase.TLS in result.phases
    assert result.facts[Fact.HTTP_SSL] is True
    assert isinstance(result.facts[Fact.CERT_EXPIRY], float)


async def test_https_without_trust_fails_at_the_tls_layer(server: Nginx) -> None:
    result = await attempt("https", {"url": f"https://localhost:{server.https}/"})
    assert result.verdict == "tls/cert_untrusted"


async def test_a_large_body_arrives_whole(server: Nginx) -> None:
    result = await get(server, "/big", expect={"body": "the end$"})
    assert result.verdict == "ok"
    assert result.facts[Fact.HTTP_BODY_BYTES] == 32768 * 16 + 7
    assert result.facts[Fact.HTTP_LAST_MODIFIED] == pytest.approx(time.time(), abs=60)


async def test_a_chunked_body_arrives_whole(server: Nginx) -> None:
    result = await get(
        server, "/chunked", expect={"body": "^0123456789abcdef0.*the end$", "header": {"transfer-encoding": "chunked"}}
    )
    assert result.verdict == "ok"
    assert result.facts[Fact.HTTP_CONTENT_LENGTH] == -1
    assert result.facts[Fact.HTTP_BODY_BYTES] == 32768 * 16 + 7


async def test_reading_stops_at_the_limit_without_failing(server: Nginx) -> None:
    result = await get(server, "/big", limit=1000)
    assert result.verdict == "ok"
    assert result.facts[Fact.HTTP_BODY_BYTES] == 1000
    missing = await get(server, "/big", limit=1000, expect={"body": "the end"})
    assert missing.verdict == "http/body"
    assert "first 1000 bytes" in message(missing)


async def test_a_body_beyond_max_bytes_fails(server: Nginx) -> None:
    assert (await get(server, "/big", expect={"max_bytes": 32768 * 16 + 6})).verdict == "http/size"
    assert (await get(server, "/big", limit=10, expect={"max_bytes": 32768 * 16 + 7})).verdict == "ok"


async def test_compression_is_asked_for_and_undone_only_when_wanted(server: Nginx) -> None:
    plain = await get(server, "/gzip", expect={"not_header": {"content-encoding": "."}, "body": "the end"})
    assert plain.verdict == "ok"
    packed = await get(
        server, "/gzip", compression="gzip", expect={"header": {"content-encoding": "gzip"}, "body": "the end$"}
    )
    assert packed.verdict == "ok"
    assert int(packed.run.facts[Fact.HTTP_BODY_BYTES]) < 10000  # type: ignore[arg-type]  # a number by its words.py
    bomb = await get(server, "/gzip", compression="gzip", limit=3000, expect={"not_body": "the end"})
    assert bomb.verdict == "ok"
    assert (await get(server, "/gzip", compression="gzip", expect={"max_bytes": 20000})).verdict == "http/size"


@pytest.mark.parametrize("path", ["/", "/big", "/304"])
async def test_head_and_304_have_no_body(server: Nginx, path: str) -> None:
    result = await get(server, path, method="HEAD", expect={"status": [200, 304]})
    assert result.verdict == "ok"
    assert result.facts[Fact.HTTP_BODY_BYTES] == 0


async def test_204_has_no_body(server: Nginx) -> None:
    assert (await get(server, "/bearer", auth={"token": "t0ken"}, expect={"status": 204})).verdict == "ok"


async def test_credentials_open_doors_and_wrong_ones_do_not(server: Nginx) -> None:
    assert (await get(server, "/private")).verdict == "http/denied"
    right = await get(server, "/private", auth={"username": "monitor", "password": "s3cret"}, expect={"body": "garden"})
    assert right.verdict == "ok"
    wrong = await get(server, "/private", auth={"username": "monitor", "password": "wr0ng"})
    assert wrong.verdict == "http/denied"
    assert "wr0ng" not in message(wrong)
    assert (await get(server, "/bearer", auth={"token": "t0ken"})).verdict == "ok"


async def test_a_body_is_posted(server: Nginx) -> None:
    assert (await get(server, "/post", method="POST", body="x" * 1000, expect={"status": 201})).verdict == "ok"
    assert (await get(server, "/post", method="POST", expect={"status": 201})).verdict == "ok"
    assert (await get(server, "/post", expect={"status": 405})).verdict == "ok"


async def test_the_user_agent_names_us_unless_told_otherwise(server: Nginx) -> None:
    network = Network(time.monotonic, time.time, "lastseen/9 (+ops@example.org)")
    settings = {"url": f"http://127.0.0.1:{server.http}/echo", "expect": {"body": r"\|lastseen/9 \(\+ops@example"}}
    assert (await attempt("http", settings, network=network)).verdict == "ok"
    own = await get(server, "/echo", headers={"user-agent": "me"}, expect={"body": r"^GET\|me\|\|\|\|127"})
    assert own.verdict == "ok"


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, "ok"), ("204", "http/status"), ("2xx", "ok"), ("200-204", "ok"), ([404, "2xx"], "ok"), (201, "http/status")],
)
async def test_expected_statuses_are_numbers_classes_ranges_and_lists(server: Nginx, status: Any, verdict: str) -> None:
    assert (await get(server, expect={"status": status})).verdict == verdict


async def test_header_conditions(server: Nginx) -> None:
    assert (await get(server, expect={"header": {"X-Answer": "^forty"}})).verdict == "ok"
    missing = await get(server, expect={"header": {"x-question": "."}})
    assert (missing.verdict, message(missing)) == ("http/header", "header x-question is absent, no match for '.'")
    assert (await get(server, expect={"header": {"x-answer": "^two"}})).verdict == "http/header"
    assert (await get(server, expect={"not_header": {"x-answer": "two"}})).verdict == "http/header"
    assert (await get(server, expect={"not_header": {"x-answer": "three"}})).verdict == "ok"


async def test_body_conditions(server: Nginx) -> None:
    assert (await get(server, expect={"body": ["hello", "world$"]})).verdict == "ok"
    assert (await get(server, expect={"body": ["hello", "moon"]})).verdict == "http/body"
    assert (await get(server, expect={"not_body": ["moon", "world"]})).verdict == "http/body"
    assert (await get(server, expect={"not_body": "moon"})).verdict == "ok"


@pytest.mark.parametrize(
    ("path", "condition", "holds"),
    [
        ("page", "present", True),
        ("pages", "present", False),
        ("pages", "absent", True),
        ("page", "absent", False),
        ("page.age", 12, True),
        ("page.age", 13, False),
        ("page.age", {"min": 10, "max": 12}, True),
        ("page.age", {"min": 12.5}, False),
        ("page.age", {"regex": "^1"}, True),
        ("page.ok", True, True),
        ("page.ok", 1, False),
        ("page.ok", {"min": 0}, False),
        ("page.none", None, True),
        ("page.none", "present", True),
        ("page.none.more", "absent", True),
        ("components[0].status", "operational", True),
        ("components[1].status", "absent", True),
        ("components.status", "absent", True),
        ("components", {"min_length": 1, "max_length": 1}, True),
        ("components", {"min_length": 2}, False),
        ("components[0].status", {"equals": "operational", "regex": "^op"}, True),
        ("components[0].status", {"regex": "^down"}, False),
        ('["m.homeserver"].base_url', "x", True),
        ("incidents", {"max_length": 0}, True),
        ("page.age", {"max_length": 0}, False),
    ],
)
async def test_json_conditions(server: Nginx, path: str, condition: Any, holds: bool) -> None:
    result = await get(server, "/json", expect={"json": {path: condition}})
    assert result.verdict == ("ok" if holds else "http/json")


async def test_a_body_that_is_no_json_fails_a_json_condition(server: Nginx) -> None:
    assert (await get(server, expect={"json": {"a": "present"}})).verdict == "http/json"
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n", b"[" * 100000) as port:
        nested = await attempt("http", {"url": f"http://127.0.0.1:{port}", "expect": {"json": {"a": "absent"}}})
    assert nested.verdict == "http/json"


async def test_the_http_version_can_be_demanded(server: Nginx) -> None:
    assert (await get(server, expect={"http_version": ["1.0", "1.1"]})).verdict == "ok"
    assert (await get(server, expect={"http_version": "1.0"})).verdict == "http/status"


async def test_redirects_are_not_followed_unless_told(server: Nginx) -> None:
    assert (await get(server, "/once")).verdict == "http/status"
    assert (await get(server, "/once", expect={"status": 302})).verdict == "ok"


async def test_redirects_are_followed_counted_and_bounded(server: Nginx) -> None:
    result = await get(server, "/twice", follow_redirects=2, expect={"body": r"\|/echo\?a=b%20c\|$"})
    assert result.verdict == "ok"
    assert result.facts[Fact.HTTP_REDIRECTS] == 2
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-9)
    assert (await get(server, "/twice", follow_redirects=1)).verdict == "http/redirects"
    assert (await get(server, "/loop", follow_redirects=10)).verdict == "http/redirects"


async def test_a_redirect_changes_post_to_get_only_where_it_must(server: Nginx) -> None:
    post = {"method": "POST", "body": "x", "follow_redirects": 2}
    assert (await get(server, "/see-other", **post, expect={"body": "^GET"})).verdict == "ok"
    assert (await get(server, "/once", **post, expect={"body": "^GET"})).verdict == "ok"
    async with answering(b"HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:%d/echo\r\n\r\n" % server.http) as port:
        kept = await attempt("http", {"url": f"http://127.0.0.1:{port}", **post, "expect": {"body": "^POST"}})
    assert kept.verdict == "ok"


async def test_credentials_never_go_to_another_origin(server: Nginx) -> None:
    private = {"auth": {"token": "t0ken"}, "headers": {"Cookie": "c=1"}, "follow_redirects": 3}
    assert (await get(server, "/once", **private, expect={"body": r"\|Bearer t0ken\|c=1\|"})).verdict == "ok"
    for path in ("/away", "/away-and-back", "/away-for-good"):
        away = await get(server, path, **private, expect={"body": r"^GET\|lastseen[^|]*\|\|\|"})
        assert away.verdict == "ok", path


async def test_tls_may_be_gained_but_not_lost_on_the_way(server: Nginx, ca: CertificateAuthority) -> None:
    tls = {"ca_file": str(ca.ca_path)}
    up = await get(server, "/up", follow_redirects=1, tls=tls | {"server_name": "elsewhere.example"})
    assert up.verdict == "ok"
    assert up.facts[Fact.HTTP_SSL] is True
    down = await attempt("https", {"url": f"https://localhost:{server.https}/down", "follow_redirects": 1, "tls": tls})
    assert down.verdict == "http/redirects"


@pytest.mark.parametrize("path", ["/ftp", "/nowhere"])
async def test_a_redirect_that_leads_nowhere_fails(server: Nginx, path: str) -> None:
    assert (await get(server, path, follow_redirects=1)).verdict == "http/redirects"


@pytest.mark.parametrize(
    ("path", "least", "most"),
    [
        ("/429", 30, 30),
        ("/429-bare", 0, 0),
        ("/421", 0, 0),
        ("/503-later", 86400, 86400),
        ("/503-past", 0, 0),
        ("/503-nonsense", 0, 0),
    ],
)
async def test_a_plea_to_come_back_later_says_when(server: Nginx, path: str, least: float, most: float) -> None:
    failure = await failure_of(f"http://127.0.0.1:{server.http}{path}")
    assert failure.retry_after is not None
    assert least <= failure.retry_after <= most


async def test_503_without_retry_after_is_a_failure_like_any_other(server: Nginx) -> None:
    failure = await failure_of(f"http://127.0.0.1:{server.http}/503")
    assert (failure.layer, failure.reason, failure.retry_after) == ("http", "status", None)


async def test_an_expected_429_is_ok(server: Nginx) -> None:
    assert (await get(server, "/429", expect={"status": 429})).verdict == "ok"


async def failure_of(url: str) -> ProbeFailed:
    probe = HttpProbe(HttpSettings.model_validate({"url": url}), Network(time.monotonic, time.time))
    with pytest.raises(ProbeFailed) as caught:
        await probe.attempt(Run(time.monotonic))
    return caught.value


async def test_each_round_asks_another_member_of_a_pool(server: Nginx) -> None:
    urls = [f"http://127.0.0.1:{server.http}/", f"http://127.0.0.1:{server.other}/"]
    hosts = [(await attempt("http", {"url": urls}, round=n)).facts[Fact.HOST] for n in range(3)]
    assert hosts == [f"127.0.0.1:{port}" for port in (server.http, server.other, server.http)]


async def test_a_server_that_keeps_the_connection_open_holds_nobody_up() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", hold=True) as port:
        result = await attempt("http", {"url": f"http://127.0.0.1:{port}", "expect": {"body": "^ok$"}}, timeout=2)
    assert result.verdict == "ok"


async def test_interim_responses_are_passed_over() -> None:
    async with answering(
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ) as port:
        result = await attempt("http", {"url": f"http://127.0.0.1:{port}", "expect": {"not_header": {"link": "."}}})
    assert result.verdict == "ok"
    assert result.facts[Fact.HTTP_STATUS] == 200


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async with answering(b"HTTP/1.0 200 OK\r\n\r\nsome ", b"words") as port:
        result = await attempt("http", {"url": f"http://127.0.0.1:{port}", "expect": {"body": "^some words$"}})
    assert result.verdict == "ok"
    assert result.facts[Fact.HTTP_VERSION] == "1.0"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (b"", "http/closed"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", "http/closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "http/closed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "http/closed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "http/malformed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "http/malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n", "http/malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "http/malformed"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "http/malformed"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000, "http/size"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 4000, "http/size"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: tea\r\nConnection: upgrade\r\n\r\n", "http/status"),
    ],
)
async def test_what_no_decent_server_says_has_its_reason(answer: bytes, verdict: str) -> None:
    async with answering(answer) as port:
        result = await attempt("http", {"url": f"http://127.0.0.1:{port}"})
    assert result.verdict == verdict


async def test_a_lie_about_the_coding_is_malformed() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip at all") as port:
        settings = {"url": f"http://127.0.0.1:{port}"}
        assert (await attempt("http", settings | {"compression": "gzip"})).verdict == "http/malformed"
        assert (await attempt("http", settings)).verdict == "ok"


async def test_a_reset_during_the_answer_is_http_reset() -> None:
    async with scripted(resets) as port:
        result = await attempt("http", {"url": f"http://127.0.0.1:{port}"})
    assert result.verdict == "http/reset"


async def test_silence_is_http_timeout() -> None:
    async with answering(hold=True) as port:
        result = await attempt("http", {"url": f"http://127.0.0.1:{port}"}, timeout=0.1)
    assert result.verdict == "http/timeout"
    assert result.run.phase is Phase.REQUEST


async def test_a_closed_port_is_tcp_refused() -> None:
    assert (await attempt("http", {"url": f"http://127.0.0.1:{free_port()}"})).verdict == "tcp/refused"


async def test_messages_repeat_servers_escaped_and_bounded_only() -> None:
    evil = b"\x1b[31m" + b"A" * 5000
    async with answering(b"HTTP/1.1 200 OK\r\nX-Evil: " + b"B" * 5000 + b"\r\n\r\n" + evil) as port:
        url = f"http://127.0.0.1:{port}"
        header = await attempt("http", {"url": url, "expect": {"header": {"x-evil": "C"}}})
        document = await attempt("http", {"url": url, "expect": {"json": {"a": "present"}}})
    for result in (header, document):
        assert len(message(result)) < 200
        assert "\x1b" not in message(result)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"url": "ftp://example.org/"},
        {"url": "example.org"},
        {"url": "http://"},
        {"url": "http://user:pw@example.org/"},
        {"url": "http://example.org:99999/"},
        {"url": "http://exa mple.org/"},
        {"url": "http://exämple.org/"},
        {"url": []},
        {"url": "http://h/", "method": "get"},
        {"url": "http://h/", "headers": {"a b": "c"}},
        {"url": "http://h/", "headers": {"a": "b\r\nc: d"}},
        {"url": "http://h/", "headers": {"Connection": "keep-alive"}},
        {"url": "http://h/", "headers": {"Authorization": "x"}, "auth": {"token": "y"}},
        {"url": "http://h/", "auth": {"username": "x"}},
        {"url": "http://h/", "auth": {"token": "x", "password": "y"}},
        {"url": "http://h/", "follow_redirects": 11},
        {"url": "http://h/", "expect": {"status": "6xx"}},
        {"url": "http://h/", "expect": {"status": 1000}},
        {"url": "http://h/", "expect": {"body": "("}},
        {"url": "http://h/", "expect": {"header": {"a": "("}}},
        {"url": "http://h/", "expect": {"json": {"a..b": "present"}}},
        {"url": "http://h/", "expect": {"json": {"a": {"present": False, "min": 1}}}},
        {"url": "http://h/", "expect": {"json": {"a": {"regex": "("}}}},
        {"url": "http://h/", "unknown": 1},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HttpSettings.model_validate(settings)


def test_secrets_show_as_asterisks(tmp_path: Path) -> None:
    settings = HttpSettings.model_validate(
        {"url": "http://h/x?token=q", "headers": {"X-Key": "hidden1"}, "auth": {"token": "hidden2"}}
    )
    assert "hidden" not in f"{settings!r} {settings.model_dump_json()}"
    assert settings.endpoint == "http://h/x"


async def test_a_host_name_with_its_final_dot_is_verified_without_it(server: Nginx, ca: CertificateAuthority) -> None:
    tls = {"ca_file": str(ca.ca_path)}
    assert (await attempt("https", {"url": f"https://localhost.:{server.https}/", "tls": tls})).verdict == "ok"
