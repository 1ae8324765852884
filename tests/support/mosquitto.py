"""The Mosquitto MQTT broker, on loopback."""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.servers import ServerProcess, free_port, program


class Mosquitto(ServerProcess):
    """``address`` speaks MQTT without TLS, ``web`` through a WebSocket, ``secure`` with TLS if there is a leaf.

    Anybody may connect, unless there are ``users`` (name -> password). ``acl`` holds
    the lines of an access list, ``more`` what else the plain listener is told.
    """

    def __init__(
        self,
        folder: Path,
        leaf: tuple[Path, Path] | None = None,
        *,
        users: Mapping[str, str] | None = None,
        acl: str = "",
        more: Sequence[str] = (),
    ) -> None:
        port, web, secure = free_port(), free_port(), free_port()
        self.web = f"127.0.0.1:{web}"
        self.secure = f"127.0.0.1:{secure}"
        lines = ["persistence false", "set_tcp_nodelay true", f"user {pwd.getpwuid(os.getuid()).pw_name}"]
        if users:
            lines += ["allow_anonymous false", f"password_file {_passwords(folder / 'passwords', users)}"]
        else:
            lines.append("allow_anonymous true")
        if acl:
            (folder / "acl").write_text(acl)
            (folder / "acl").chmod(0o600)
            lines.append(f"acl_file {folder / 'acl'}")
        lines += [f"listener {port} 127.0.0.1", *more, f"listener {web} 127.0.0.1", "protocol websockets"]
        if leaf:
            lines += [f"listener {secure} 127.0.0.1", f"certfile {leaf[0]}", f"keyfile {leaf[1]}"]
        configuration = folder / "mosquitto.conf"
        configuration.write_text("\n".join([*lines, ""]))
        super().__init__(folder, ["mosquitto", "-c", configuration], port, [web, secure] if leaf else [web])


def _passwords(path: Path, users: Mapping[str, str]) -> Path:
    path.touch(mode=0o600)
    for name, password in users.items():
        subprocess.run([program("mosquitto_passwd"), "-b", path, name, password], check=True, capture_output=True)
    return path
