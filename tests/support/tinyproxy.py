"""Tinyproxy: an HTTP proxy with CONNECT, on loopback."""

from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class Tinyproxy(ServerProcess):
    """Lets everybody on loopback CONNECT to the given ports, with a name and password if there are some."""

    def __init__(self, folder: Path, ports: list[int], login: tuple[str, str] | None = None) -> None:
        port = free_port()
        configuration = folder / "tinyproxy.conf"
        allowed = "".join(f"ConnectPort {number}\n" for number in ports)
        auth = f"BasicAuth {login[0]} {login[1]}\n" if login else ""
        configuration.write_text(f"Port {port}\nListen 127.0.0.1\nTimeout 30\nAllow 127.0.0.1\n{allowed}{auth}")
        super().__init__(folder, ["tinyproxy", "-d", "-c", configuration], port)
