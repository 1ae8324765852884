"""Unbound as a resolver on loopback: forwards to an authoritative server and validates."""

from collections.abc import Sequence
from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class Unbound(ServerProcess):
    """Resolves ``zones`` at ``upstream`` (``address:port``); validates where ``anchors`` (DS records) say so."""

    packets = True

    def __init__(self, folder: Path, zones: Sequence[str], upstream: str, anchors: Sequence[str] = ()) -> None:
        port = free_port()
        host, _, upstream_port = upstream.partition(":")
        stubs = "".join(f'stub-zone:\n  name: "{zone}"\n  stub-addr: {host}@{upstream_port}\n' for zone in zones)
        trusted = "".join(f'  trust-anchor: "{anchor}"\n' for anchor in anchors)
        configuration = folder / "unbound.conf"
        configuration.write_text(
            f"""
server:
  interface: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  local-zone: "test." nodefault
{trusted}remote-control:
  control-enable: no
{stubs}"""
        )
        super().__init__(folder, ["unbound", "-d", "-c", configuration], port)
