"""Debian's nginx on free ports of the loopback, with a configuration of the test's own."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CONF = """
{user}
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; default_type text/plain; root {folder}/www;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  map $http_upgrade $connection_upgrade {{ default upgrade; "" close; }}
  server {{
    listen 127.0.0.1:{http}; listen 127.0.0.1:{other};
    {tls}
    absolute_redirect off;
    {body}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nginx:
    """Ports of one server: two plain ones and, with a leaf, one for TLS. ``folder/www`` is the document root."""

    http: int
    other: int
    https: int


@contextmanager
def nginx(folder: Path, body: str, leaf: tuple[Path, Path] | None = None) -> Iterator[Nginx]:
    """Run nginx with ``body`` inside its server block, in which ``@HTTP@``, ``@OTHER@`` and ``@HTTPS@`` are ports."""
    http, other, https = _free_ports(3)
    for name, port in (("@HTTP@", http), ("@OTHER@", other), ("@HTTPS@", https)):
        body = body.replace(name, str(port))
    (folder / "www").mkdir(exist_ok=True)
    tls = f"listen 127.0.0.1:{https} ssl; ssl_certificate {leaf[0]}; ssl_certificate_key {leaf[1]};" if leaf else ""
    user = "user root;" if os.geteuid() == 0 else ""  # pytest's folders are closed to everybody else
    conf = folder / "nginx.conf"
    conf.write_text(_CONF.format(user=user, folder=folder, http=http, other=other, tls=tls, body=body))
    process = subprocess.Popen(["/usr/sbin/nginx", "-e", folder / "error.log", "-c", conf])
    try:
        _wait_for(http, process, folder)
        yield Nginx(http=http, other=other, https=https)
    finally:
        process.terminate()
        process.wait(10)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"nginx did not start: {(folder / 'error.log').read_text()}")
