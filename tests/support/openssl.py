"""OpenSSL's own s_server: a TLS server with any option that OpenSSL has."""

from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class OpensslServer(ServerProcess):
    """Presents ``leaf``; ``options`` are those of s_server(1)."""

    def __init__(self, folder: Path, leaf: tuple[Path, Path], *options: str | Path) -> None:
        port = free_port()
        command: list[str | Path] = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-quiet"]
        super().__init__(folder, [*command, "-cert", leaf[0], "-key", leaf[1], *options], port)
