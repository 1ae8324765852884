"""The Prosody XMPP server, on loopback: for clients and servers, with STARTTLS and with TLS from the first byte."""

from collections.abc import Mapping
from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class Prosody(ServerProcess):
    """``address`` speaks XMPP for ``domain`` and wants STARTTLS (or has none); ``direct`` is TLS at once.

    ``servers`` and ``direct_servers`` are the same for other servers. ``users`` have
    passwords; ``options`` are lines of the configuration that come last.
    """

    def __init__(
        self,
        folder: Path,
        leaf: tuple[Path, Path],
        domain: str = "localhost",
        *,
        users: Mapping[str, str] | None = None,
        starttls: bool = True,
        options: str = "",
    ) -> None:
        port, direct, servers, direct_servers = (free_port() for _ in range(4))
        self.direct = f"127.0.0.1:{direct}"
        self.servers, self.direct_servers = f"127.0.0.1:{servers}", f"127.0.0.1:{direct_servers}"
        configuration = folder / "prosody.cfg.lua"
        configuration.write_text(
            f"""
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
log = {{ info = "*console" }}
modules_enabled = {{ "saslauth", "c2s", "s2s", "dialback", "ping"{', "tls"' if starttls else ""} }}
modules_disabled = {{ "http"{"" if starttls else ', "tls"'} }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ {direct} }}
s2s_ports = {{ {servers} }}
s2s_direct_tls_ports = {{ {direct_servers} }}
interfaces = {{ "127.0.0.1" }}
c2s_require_encryption = {"true" if starttls else "false"}
s2s_require_encryption = true
authentication = "internal_plain"
ssl = {{ certificate = "{leaf[0]}", key = "{leaf[1]}" }}
{options}
VirtualHost "{domain}"
"""
        )
        accounts = folder / "data" / domain.replace(".", "%2e") / "accounts"
        accounts.mkdir(parents=True)
        for user, password in (users or {}).items():
            (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{password}" }};\n')
        super().__init__(folder, ["prosody", "--config", configuration, "-F"], port, (direct, servers, direct_servers))
