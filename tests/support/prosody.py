"""The Prosody XMPP server, on loopback: client connections with STARTTLS."""

from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class Prosody(ServerProcess):
    """``address`` speaks XMPP for ``domain`` and wants STARTTLS."""

    def __init__(self, folder: Path, leaf: tuple[Path, Path], domain: str = "localhost") -> None:
        port = free_port()
        configuration = folder / "prosody.cfg.lua"
        configuration.write_text(
            f"""
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
log = {{ info = "*console" }}
modules_enabled = {{ "saslauth", "tls", "c2s" }}
modules_disabled = {{ "s2s", "http" }}
c2s_ports = {{ {port} }}
c2s_interfaces = {{ "127.0.0.1" }}
s2s_ports = {{ }}
c2s_require_encryption = true
authentication = "internal_hashed"
ssl = {{ certificate = "{leaf[0]}", key = "{leaf[1]}" }}
VirtualHost "{domain}"
"""
        )
        (folder / "data").mkdir()
        super().__init__(folder, ["prosody", "--config", configuration, "-F"], port)
