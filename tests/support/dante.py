"""Dante: a SOCKS5 proxy, on loopback."""

import os
import pwd
from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class Dante(ServerProcess):
    """Lets everybody on loopback connect to loopback; ``method`` is ``none`` or ``username``."""

    def __init__(self, folder: Path, method: str = "none", denied_port: int = 9) -> None:
        port = free_port()
        user = pwd.getpwuid(os.getuid()).pw_name
        configuration = folder / "danted.conf"
        configuration.write_text(
            f"""
logoutput: stderr
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
socksmethod: {method}
clientmethod: none
user.privileged: {user}
user.unprivileged: {user}
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks block {{ from: 127.0.0.0/8 to: 127.0.0.0/8 port = {denied_port} }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
"""
        )
        super().__init__(folder, ["danted", "-f", configuration, "-p", folder / "danted.pid"], port)
