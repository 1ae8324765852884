"""The Mosquitto MQTT broker, on loopback."""

import os
import pwd
from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class Mosquitto(ServerProcess):
    """``address`` speaks MQTT without TLS; anybody may connect."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        configuration = folder / "mosquitto.conf"
        configuration.write_text(
            f"persistence false\nset_tcp_nodelay true\nuser {pwd.getpwuid(os.getuid()).pw_name}\n"
            f"listener {port} 127.0.0.1\nallow_anonymous true\n"
        )
        super().__init__(folder, ["mosquitto", "-c", configuration], port)
