"""What is probed, and who else can probe: Debian's nginx, blackbox_exporter and Prometheus, on free loopback ports."""

import json
import socket
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import MACHINE, WORLD, Process
from tests.support.certificates import CertificateAuthority
from tests.support.servers import free_port, program

_NGINX = """
worker_processes 1; worker_rlimit_nofile 20000; daemon off; pid {folder}/nginx.pid;
events {{ worker_connections 10000; }}
http {{
  access_log off; default_type text/plain; keepalive_timeout 0;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  ssl_certificate {leaf}; ssl_certificate_key {key}; ssl_session_cache off; ssl_session_tickets off;
  server {{
    listen 127.0.0.1:{http} backlog=4096; listen 127.0.0.1:{https} ssl backlog=4096;
    location / {{ return 200 "hello\\n"; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One nginx with a P-256 certificate of a CA of its own; every path answers 200 with six bytes."""

    http: int
    https: int
    ca_file: Path

    def target(self, kind: str) -> str:
        """What is asked: an address for tcp, else a URL."""
        if kind == "tcp":
            return f"127.0.0.1:{self.http}"
        return f"{kind}://127.0.0.1:{self.https if kind == 'https' else self.http}/"


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Run nginx on the world's cores."""
    authority = CertificateAuthority(folder / "ca")
    leaf, key = authority.leaf()
    served = Site(http=free_port(), https=free_port(), ca_file=authority.ca_path)
    conf = folder / "nginx.conf"
    conf.write_text(_NGINX.format(folder=folder, leaf=leaf, key=key, http=served.http, https=served.https))
    with Process([program("nginx"), "-e", folder / "nginx.err", "-c", conf], folder, WORLD) as process:
        process.wait_for(lambda: answers(served.http) and answers(served.https))
        yield served


@contextmanager
def blackbox(folder: Path, ca_file: Path) -> Iterator[tuple[Process, int]]:
    """Debian's blackbox_exporter with the modules tcp, http and https, free to use all cores; and its port."""
    port = free_port()
    web = {"preferred_ip_protocol": "ip4", "fail_if_not_ssl": False}
    modules = {
        "tcp": {"prober": "tcp", "timeout": "5s"},
        "http": {"prober": "http", "timeout": "5s", "http": web},
        "https": {"prober": "http", "timeout": "5s", "http": {**web, "tls_config": {"ca_file": str(ca_file)}}},
    }
    conf = folder / "blackbox.yml"
    conf.write_text(json.dumps({"modules": modules}))
    listen = f"127.0.0.1:{port}"
    command = [program("prometheus-blackbox-exporter"), f"--config.file={conf}", f"--web.listen-address={listen}"]
    with Process([*command, "--log.level=error"], folder, MACHINE) as process:
        process.wait_for(lambda: answers(port))
        yield process, port


@contextmanager
def prometheus(folder: Path, job: Mapping[str, object]) -> Iterator[tuple[Process, int]]:
    """Debian's Prometheus that scrapes ``job`` each second, with the whole machine to itself; and its port."""
    port = free_port()
    conf = folder / "prometheus.yml"
    scrape = {"job_name": "bench", "scrape_interval": "1s", "scrape_timeout": "1s", **job}
    conf.write_text(json.dumps({"scrape_configs": [scrape]}))
    command = [
        program("prometheus"),
        f"--config.file={conf}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with Process(command, folder, MACHINE) as process:
        process.wait_for(lambda: get(f"http://127.0.0.1:{port}/-/ready")[0] == 200)
        yield process, port


def blackbox_job(exporter: int, module: str, targets: Sequence[str]) -> dict[str, object]:
    """How the exporter's manual says Prometheus shall scrape it."""
    return {
        "metrics_path": "/probe",
        "params": {"module": [module]},
        "static_configs": [{"targets": list(targets)}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": f"127.0.0.1:{exporter}"},
        ],
    }


def answers(port: int) -> bool:
    """Whether something listens there. Raises OSError when not."""
    socket.create_connection(("127.0.0.1", port), 1).close()
    return True


def get(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body as they came over the wire. Raises OSError, also for a status of 400 or more."""
    request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310  # http to loopback only
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  # as above
        return response.status, response.read()
