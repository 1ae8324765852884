"""The ejabberd XMPP server, on loopback: in the foreground, without a node name and so without epmd."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tests.support.servers import ServerProcess, free_port


class Ejabberd(ServerProcess):
    """``address`` speaks XMPP for ``domain`` and wants STARTTLS; ``direct`` is TLS at once, ``servers`` for servers."""

    patience: ClassVar[float] = 60.0

    def __init__(
        self, folder: Path, leaf: tuple[Path, Path], domain: str = "localhost", users: Mapping[str, str] | None = None
    ) -> None:
        port, direct, servers = free_port(), free_port(), free_port()
        self.direct, self.servers = f"127.0.0.1:{direct}", f"127.0.0.1:{servers}"
        (folder / "both.pem").write_text(leaf[0].read_text() + leaf[1].read_text())
        (folder / "db").mkdir()
        configuration = folder / "ejabberd.yml"
        configuration.write_text(
            f"""
hosts: ["{domain}"]
certfiles: ["{folder}/both.pem"]
auth_method: internal
auth_password_format: scram
auth_scram_hash: sha256
disable_sasl_mechanisms: ["x-oauth2"]
s2s_use_starttls: required
listen:
  - {{port: {port}, ip: "127.0.0.1", module: ejabberd_c2s, starttls_required: true}}
  - {{port: {direct}, ip: "127.0.0.1", module: ejabberd_c2s, tls: true}}
  - {{port: {servers}, ip: "127.0.0.1", module: ejabberd_s2s_in}}
modules: {{mod_ping: {{}}, mod_disco: {{}}, mod_s2s_dialback: {{}}}}
"""
        )
        libraries = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin"))
        register = "".join(
            f'ejabberd_auth:try_register(<<"{user}">>, <<"{domain}">>, <<"{password}">>), '
            for user, password in (users or {}).items()
        )
        command: list[str | Path] = [
            "erl",
            "-noinput",
            "-pa",
            *libraries,
            "-mnesia",
            "dir",
            f'"{folder}/db"',
            "-ejabberd",
            "config",
        ]
        command += [f'"{configuration}"', "log_path", f'"{folder}/ejabberd.log"', "-s", "ejabberd"]
        super().__init__(folder, [*command, "-eval", f"{register}ok."], port, (direct, servers))
