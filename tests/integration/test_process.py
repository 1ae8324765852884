"""The process towards its operator: start, reload, stop, access, and what it never says."""

import base64
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import CertificateAuthority
from tests.support.monitor import ROOT, Monitor, environment
from tests.support.nginx import Nginx, nginx
from tests.support.servers import free_port
from tests.support.stubborn import mute

_PATHS = ("/", "/metrics", "/healthz", "/readyz", "/api/v1/checks", "/static/style.css", "/probe", "/nowhere")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("nginx"), "location / { return 204; }") as running:
        yield running


def watching(*targets: dict[str, Any], **top: Any) -> dict[str, Any]:
    component = {"name": "c", "targets": list(targets)}
    return {"services": [{"name": "s", "interval": "1s", "timeout": "800ms", "components": [component]}], **top}


def tcp(name: str, port: int, **settings: Any) -> dict[str, Any]:
    return {"name": name, "probe": "tcp", "address": f"127.0.0.1:{port}", **settings}


def test_sigterm_with_hundreds_of_hanging_attempts_ends_in_order_within_five_seconds(tmp_path: Path) -> None:
    with mute() as port:
        hanging = [tcp(f"t{n}", port, probe="tls", interval="6s", timeout="5900ms") for n in range(600)]
        with Monitor(tmp_path, watching(*hanging)) as monitor:
            monitor.wait_until(lambda m: m.value("lastseen_attempts_in_flight") >= 500, "in_flight")
            code, seconds = monitor.stop()
    assert code == 0
    assert seconds < 5
    assert "Traceback" not in monitor.log
    assert "never" not in monitor.log, "no warning of the loop about something left behind"


def test_scrapers_that_hang_up_are_nobodys_error(tmp_path: Path, server: Nginx) -> None:
    many = [tcp(f"t{n}", server.http, interval="10s") for n in range(500)]
    with Monitor(tmp_path, watching(*many)) as monitor:
        monitor.wait_until(lambda m: m.sum("lastseen_probe_attempts_total", outcome="ok") >= 300, "attempts")
        for attempt in range(60):
            with socket.create_connection(("127.0.0.1", monitor.port)) as scraper:
                scraper.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by reset
                scraper.sendall(b"GET /metrics HTTP/1.1\r\nHost: monitor\r\n\r\n")
                time.sleep(0.001 * (attempt % 20))
        assert monitor.get("/healthz").status == 200
    assert "Traceback" not in monitor.log


def cpu_seconds(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def wait_until_idle(pid: int) -> None:
    """It has done what a start asks for, reading authorities among it: half a second costs it next to nothing."""
    until, before = time.monotonic() + 30, cpu_seconds(pid)
    while time.monotonic() < until:
        time.sleep(0.5)
        before, last = cpu_seconds(pid), before
        if before - last <= 0.03:
            return
    raise AssertionError("never idle")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_monitor_stops_at_once(tmp_path: Path, number: signal.Signals) -> None:
    with Monitor(tmp_path, {"services": []}) as monitor:
        wait_until_idle(monitor.process.pid)
        began = time.monotonic()
        monitor.signal(number)
        assert monitor.process.wait(10) == 0
        assert time.monotonic() - began < 2
    assert f"http://127.0.0.1:{monitor.port}/metrics" in monitor.log, "it had said where its metrics are"


def test_reload_takes_a_good_file_whole_and_leaves_the_rest_alone(tmp_path: Path, server: Nginx) -> None:
    kept, gone, new = (tcp(name, server.http) for name in ("kept", "gone", "new"))
    with Monitor(tmp_path, watching(kept, gone)) as monitor:
        before = monitor.wait_for_attempts(2)
        monitor.write(watching(kept, new))
        monitor.signal(signal.SIGHUP)
        after = monitor.wait_until(lambda m: m.sum("lastseen_probe_attempts_total", target="new", outcome="ok") > 0)
        counted = {"target": "kept", "outcome": "ok"}
        assert after.value("lastseen_probe_attempts_total", **counted) >= before.value(
            "lastseen_probe_attempts_total", **counted
        )
        assert 'target="gone"' not in after.text
        assert set(monitor.checks()) == {"kept", "new"}
        assert after.value("lastseen_config_last_reload_successful") == 1
        assert after.value("lastseen_config_last_reload_success_timestamp_seconds") > before.value(
            "lastseen_config_last_reload_success_timestamp_seconds"
        )


def test_a_bad_file_changes_nothing_and_says_why(tmp_path: Path, server: Nginx) -> None:
    with Monitor(tmp_path, watching(tcp("kept", server.http))) as monitor:
        monitor.write(watching(tcp("bad", 0, intervall="1s"), tcp("worse", server.http, probe="tcpp")))
        answer = monitor.get("/-/reload", method="POST")
        assert answer.status == 422
        assert "intervall" in answer.text
        assert "'tcpp'" in answer.text
        assert re.search(r"monitor\.yaml:\d+:\d+", answer.text)
        monitor.signal(signal.SIGHUP)
        time.sleep(0.5)
        assert monitor.metrics().value("lastseen_config_last_reload_successful") == 0
        assert set(monitor.checks()) == {"kept"}
        asked = monitor.metrics().value("lastseen_probe_attempts_total", target="kept", outcome="ok")
        monitor.wait_until(
            lambda m: m.value("lastseen_probe_attempts_total", target="kept", outcome="ok") > asked, timeout=5
        )
        monitor.path.unlink()
        assert monitor.get("/-/reload", method="POST").status == 422
        assert set(monitor.checks()) == {"kept"}
        monitor.write(watching(tcp("better", server.http)))
        assert monitor.get("/-/reload", method="POST").status == 200
        assert monitor.metrics().value("lastseen_config_last_reload_successful") == 1
        assert set(monitor.checks()) == {"better"}


def test_every_path_asks_for_a_password_or_a_token(tmp_path: Path) -> None:
    web = {"basic_auth": {"username": "ops", "password": "hunter2"}, "bearer_token": "t0ken"}
    right = ["Basic " + base64.b64encode(b"ops:hunter2").decode(), "Bearer t0ken"]
    wrong = ["Basic " + base64.b64encode(b"ops:hunter3").decode(), "Bearer t0kem", "Bearer", "Basic !", "t0ken"]
    with Monitor(tmp_path, {"services": [], "web": web}) as monitor:
        for path in _PATHS:
            assert monitor.get(path, {}).status == 401, path
            assert all(monitor.get(path, {"Authorization": value}).status == 401 for value in wrong), path
            assert all(monitor.get(path, {"Authorization": value}).status != 401 for value in right), path
        assert monitor.get("/-/reload", {}, method="POST").status == 401
        assert monitor.get("/metrics", {"Authorization": right[1]}).status == 200
        assert "WWW-Authenticate" in monitor.get("/", {}).headers


def test_the_listener_speaks_tls_when_told(tmp_path: Path) -> None:
    ca = CertificateAuthority(tmp_path / "ca")
    certificate, key = ca.leaf()
    monitor = Monitor(tmp_path, {"services": [], "web": {"tls": {"cert_file": str(certificate), "key_file": str(key)}}})
    monitor.tls = ssl.create_default_context(cafile=str(ca.ca_path))
    with monitor:
        assert monitor.get("/healthz").text == "ok\n"
        assert f"https://127.0.0.1:{monitor.port}/" in monitor.log


def run(config: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitor", "run", str(config)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=20, env=environment(**environ), cwd=config.parent
    )


@pytest.mark.parametrize(
    "web",
    [{"listen": "203.0.113.1:80"}, {"listen": "127.0.0.1:@PORT@"}, {"tls": {"cert_file": "/no", "key_file": "/no"}}],
    ids=["an address that is not ours", "a port that is taken", "a certificate that is not there"],
)
def test_a_listener_that_cannot_be_is_one_clear_line_and_exit_code_two(
    tmp_path: Path, server: Nginx, web: dict[str, Any]
) -> None:
    config = tmp_path / "monitor.yaml"
    text = json.dumps({"services": [], "witnesses": [], "store": f"sqlite:///{tmp_path / 'l.db'}", "web": web})
    config.write_text(text.replace("@PORT@", str(server.http)))
    done = run(config)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "cannot" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_cannot_be_is_one_clear_line_and_exit_code_two_though_it_is_opened_late(tmp_path: Path) -> None:
    config = tmp_path / "monitor.yaml"
    web = {"listen": f"127.0.0.1:{free_port()}"}
    config.write_text(
        json.dumps({"services": [], "witnesses": [], "store": "mysql://u:s3cret@127.0.0.1/x", "web": web})
    )
    done = run(config)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1] == "store: mysql is not supported: SQLite or PostgreSQL"
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr


_SECRETS = {
    "PAGE": "s3cret-of-the-page",
    "TOKEN": "s3cret-token-of-the-page",
    "BEARER": "s3cret-of-a-bearer",
    "BASIC": "s3cret-of-basic-auth",
    "HEADER": "s3cret-in-a-header",
    "PROXY": "s3cret-of-the-proxy",
    "QUERY": "s3cret-in-a-query",
    "STORE": "s3cret-of-the-store",
}


def secretive(server: Nginx, tmp_path: Path) -> dict[str, Any]:
    """Every place where a secret may stand, in front of targets that fail."""
    closed, plain = free_port(), f"http://127.0.0.1:{server.http}"
    proxy = f"http://user:${{PROXY}}@127.0.0.1:{closed}"
    (tmp_path / "basic.txt").write_text(_SECRETS["BASIC"] + "\n")
    file = str(tmp_path / "basic.txt")
    expect = {"status": 500}
    return {
        **watching(
            {"name": "bearer", "probe": "http", "url": plain, "auth": {"token": "${BEARER}"}, "expect": expect},
            {
                "name": "basic",
                "probe": "http",
                "url": plain,
                "auth": {"username": "u", "password_file": file},
                "expect": expect,
            },
            {"name": "header", "probe": "http", "url": plain, "headers": {"X-Key": "${HEADER}"}, "expect": expect},
            {"name": "proxy", "probe": "http", "url": plain, "route": {"proxy": proxy}},
            {"probe": "http", "url": f"{plain}/?key=${{QUERY}}", "expect": expect},
            {"name": "closed", "probe": "http", "url": f"http://127.0.0.1:{closed}/?key=${{QUERY}}"},
        ),
        "web": {"basic_auth": {"username": "ops", "password": "${PAGE}"}, "bearer_token": "${TOKEN}"},
        "log": {"level": "debug"},
    }


def test_no_secret_of_the_configuration_is_ever_said(tmp_path: Path, server: Nginx) -> None:
    monitor = Monitor(tmp_path, secretive(server, tmp_path), environ=_SECRETS)
    monitor.headers = {"Authorization": f"Bearer {_SECRETS['TOKEN']}"}
    said: dict[str, str] = {}
    with monitor:
        monitor.wait_for_attempts(2)
        failed = [check for check in monitor.checks().values() if check["last"]["failure"]]
        assert len(failed) == 6
        for path in _PATHS:
            said[path] = monitor.get(path).text
        ids = [f"s/c/{name}/http" for name in ("bearer", "basic", "header", "proxy")]
        with ThreadPoolExecutor(2) as pool:  # a start costs a second
            texts = pool.map(lambda check_id: _output("explain", check_id, str(monitor.path), "--json"), ids)
            said |= dict(zip(ids, texts, strict=True))
        broken = json.loads(monitor.path.read_text())
        broken["services"][0]["components"][0]["targets"][0]["url"] = "https://${BEARER}:x@/"
        broken["services"][0]["components"][0]["targets"][3]["route"]["proxy"] = "gopher://user:${PROXY}@h"
        broken["store"] = "${STORE}"
        monitor.path.write_text(json.dumps(broken))
        said["reload"] = monitor.get("/-/reload", method="POST").text
        said["validate"] = _output("validate", str(monitor.path))
    said["log"] = monitor.log
    assert "monitor.yaml:" in said["reload"]
    for where, text in said.items():
        assert text
        assert [secret for secret in _SECRETS.values() if secret in text] == [], where


def _output(*arguments: str) -> str:
    command = [sys.executable, "-m", "monitor", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=20, env=environment(**_SECRETS), cwd=ROOT
    )
    return done.stdout + done.stderr
