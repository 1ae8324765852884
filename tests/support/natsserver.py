"""The NATS server, on loopback."""

from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class NatsServer(ServerProcess):
    """``address`` speaks NATS; it requires TLS, after its greeting, where there is a ``leaf``.

    ``more`` are further lines of its configuration.
    """

    def __init__(self, folder: Path, leaf: tuple[Path, Path] | None = None, more: str = "") -> None:
        port = free_port()
        tls = f'tls {{ cert_file: "{leaf[0]}", key_file: "{leaf[1]}" }}\n' if leaf else ""
        configuration = folder / "nats.conf"
        configuration.write_text(f"listen: 127.0.0.1:{port}\n{tls}{more}\n")
        super().__init__(folder, ["nats-server", "-c", configuration], port)
