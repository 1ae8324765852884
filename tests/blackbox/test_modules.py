"""The file of modules: what is taken, what is refused, and where it says so."""

from pathlib import Path

import pytest

from monitor.blackbox.modules import load_modules
from monitor.config import ConfigError

CONFIG = Path(__file__).parents[2] / "config" / "blackbox.yml"


def problems(tmp_path: Path, text: str) -> list[str]:
    """Every mistake of a file, without its folder."""
    path = tmp_path / "blackbox.yml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_modules(path)
    return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]


def test_without_a_file_there_are_three_modules() -> None:
    assert set(load_modules(None)) == {"http_2xx", "tcp_connect", "icmp"}


def test_the_example_of_this_repository_is_taken() -> None:
    assert {"http_2xx", "tcp_connect", "icmp", "dns_soa"} <= set(load_modules(CONFIG))


def test_the_example_of_debian_is_taken_but_for_grpc(tmp_path: Path) -> None:
    lines = Path("/etc/prometheus/blackbox.yml").read_text().splitlines(keepends=True)
    refused = problems(tmp_path, "".join(lines))
    grpc = [n for n, line in enumerate(lines, 1) if line == "    prober: grpc\n"]
    assert len(grpc) == 2
    for number in grpc:
        assert any(
            problem.startswith(f"blackbox.yml:{number}:13: the prober grpc is not supported") for problem in refused
        )
    start = lines.index("  grpc:\n")
    (tmp_path / "kept.yml").write_text("".join(lines[:start] + lines[lines.index("  ssh_banner:\n") :]))
    assert len(load_modules(tmp_path / "kept.yml")) == 8


def test_an_empty_file_and_empty_sections_are_defaults(tmp_path: Path) -> None:
    path = tmp_path / "blackbox.yml"
    path.write_text("# nothing\n")
    assert load_modules(path) == {}
    path.write_text("modules:\n  web:\n    prober: http\n    timeout:\n    http:\n      headers:\n")
    assert load_modules(path) == {"web": load_modules(None)["http_2xx"]}


def test_a_dollar_is_a_dollar(tmp_path: Path) -> None:
    path = tmp_path / "blackbox.yml"
    path.write_text('modules: {a: {prober: tcp, tcp: {query_response: [{expect: "^(a)$", send: "${1} $$"}]}}}')
    (step,) = load_modules(path)["a"].tcp.query_response
    assert (step.expect, step.send) == ("^(a)$", "${1} $$")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("prober: http, htpt: {}", "blackbox.yml:1:29: unknown key 'htpt' (did you mean 'http'?)"),
        ("prober: gopher", "blackbox.yml:1:23: must be 'http', 'tcp', 'dns' or 'icmp'"),
        ("prober: unix", "the prober unix is not supported"),
        ("timeout: 5s", "blackbox.yml:1:14: 'prober' is missing"),
        ("prober: http, timeout: 5", "blackbox.yml:1:38: not a duration"),
        ("prober: http, timeout: 1d", "not a duration"),
        ("prober: http, http: {oauth2: {client_id: a}}", "blackbox.yml:1:44: not supported: OAuth 2.0"),
        ("prober: http, http: {enable_http2: true}", "only HTTP/1.1 is spoken here"),
        ("prober: http, http: {valid_http_versions: [HTTP/2.0]}", "this could never succeed"),
        ("prober: http, http: {compression: br}", "must be '', 'identity', 'gzip' or 'deflate'"),
        ("prober: http, http: {tls_config: {cert_file: a}}", "not supported: client certificates"),
        ("prober: http, http: {tls_config: {min_version: TLS10}}", "must be 'TLS12' or 'TLS13'"),
        ("prober: http, http: {bearer_token: t0k, basic_auth: {username: b}}", "at most one of basic_auth"),
        ("prober: http, http: {bearer_token_file: /nonexistent}", "cannot read the secret"),
        ("prober: http, http: {body_size_limit: 5}", "not a size"),
        ("prober: http, http: {proxy_url: 'ftp://a'}", "blackbox.yml:1:47: not valid"),
        ("prober: http, http: {skip_resolve_phase_with_proxy: false}", "always given the name unresolved"),
        ("prober: http, http: {fail_if_body_matches_regexp: ['(?=a)']}", "blackbox.yml:1:66: not a regular expression"),
        ("prober: http, http: {fail_if_header_matches: [{header: a}]}", "'regexp' is missing"),
        (
            "prober: http, http: {compression: gzip, headers: {Accept-Encoding: br}}",
            "does not ask for compression gzip",
        ),
        ("prober: http, tcp: {tls: true}", "blackbox.yml:1:14: tcp: options of another prober than http"),
        ("prober: tcp, tcp: {query_response: [{expect_bytes: a}]}", "not supported: our tcp probe has expect_hex"),
        ("prober: tcp, tcp: {tls: true, query_response: [{starttls: true}]}", "TLS can start only once"),
        ("prober: dns", "the prober dns takes dns.query_name"),
        ("prober: dns, dns: {}", "'query_name' is missing"),
        ("prober: dns, dns: {query_name: a, query_type: NOPE}", "not a record type"),
        ("prober: dns, dns: {query_name: a, valid_rcodes: [OK]}", "not an rcode"),
        ("prober: dns, dns: {query_name: a, dns_over_tls: true}", "dns_over_tls takes transport_protocol tcp"),
        ("prober: icmp, icmp: {ttl: 256}", "must be at most 255"),
        ("prober: icmp, icmp: {payload_size: 3}", "must be at least 16"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, options: str, problem: str) -> None:
    (told,) = problems(tmp_path, f"modules: {{a: {{{options}}}}}\n")
    assert problem in told


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    told = problems(tmp_path, "modules:\n  a: {prober: http, timeout: 1}\n  b: {prober: tcp, tpc: {}}\nmodule: 1\n")
    assert [line.split(": ")[0] for line in told] == ["blackbox.yml:2:30", "blackbox.yml:3:20", "blackbox.yml:4:1"]


def test_a_secret_is_not_told(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, "modules: {a: {prober: http, http: {bearer_token: [hunter2]}}}\n")
    assert "hunter2" not in told
