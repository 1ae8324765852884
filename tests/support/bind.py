"""BIND 9 as an authoritative server on loopback: zones, a signed one, DNS over TLS and over HTTP/2."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.servers import ServerProcess, free_port, program


def sign(folder: Path, zone: str, records: str) -> tuple[str, str]:
    """``(zone file, DS record)`` of the zone signed with new ECDSA P-256 keys (BIND's own tools)."""
    source = folder / f"{zone}.zone"
    source.write_text(records)
    for flags in ((), ("-f", "KSK")):
        _run(folder, "dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", *flags, "-n", "ZONE", zone)
    _run(folder, "dnssec-signzone", "-S", "-x", "-o", zone, str(source))
    return (folder / f"{zone}.zone.signed").read_text(), (folder / f"dsset-{zone}.").read_text().split("\n")[0]


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run([program(command[0]), *command[1:]], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Bind(ServerProcess):
    """Serves ``zones`` (name -> zone file text). ``tls`` and ``http2`` are further ports."""

    packets = True

    def __init__(self, folder: Path, zones: Mapping[str, str], leaf: tuple[Path, Path]) -> None:
        port, self.tls_port, self.http2_port = free_port(), free_port(), free_port()
        declared = []
        for number, (name, text) in enumerate(zones.items()):
            (folder / f"served-{number}.zone").write_text(text)
            declared.append(f'zone "{name}" {{ type primary; file "served-{number}.zone"; }};')
        configuration = folder / "named.conf"
        configuration.write_text(
            f"""
tls local {{ cert-file "{leaf[0]}"; key-file "{leaf[1]}"; }};
http plain {{ endpoints {{ "/dns-query"; }}; }};
options {{
  directory "{folder}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on port {self.tls_port} tls local {{ 127.0.0.1; }};
  listen-on port {self.http2_port} tls none http plain {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file "{folder}/named.pid";
  session-keyfile "{folder}/session.key";
  recursion no; dnssec-validation no; minimal-responses yes; version "lab 9.18";
}};
controls {{ }};
{chr(10).join(declared)}
"""
        )
        ports = (self.tls_port, self.http2_port)
        super().__init__(folder, ["named", "-f", "-n", "1", "-c", configuration], port, ports)


class DohFront(ServerProcess):
    """nginx in front of BIND: HTTP/1.1 over TLS on this side, BIND's HTTP/2 (by grpc_pass) on the other."""

    def __init__(self, folder: Path, http2_port: int, leaf: tuple[Path, Path]) -> None:
        port = free_port()
        user = "user root;" if os.getuid() == 0 else ""
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"""
{user}
daemon off; error_log stderr; pid {folder}/nginx.pid;
events {{ }}
http {{
  access_log off; {temporary}
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {leaf[0]}; ssl_certificate_key {leaf[1]};
    location /dns-query {{ grpc_pass grpc://127.0.0.1:{http2_port}; }}
  }}
}}
"""
        )
        super().__init__(folder, ["nginx", "-c", configuration], port)
